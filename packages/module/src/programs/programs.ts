import type { Command, Response } from '@sealwright/core/apdu'
import { statusWords } from '@sealwright/core/catalog'
import type { OpenChannel } from '../channel/index.ts'
import type { Parts, ProgramRunner } from '../parts.ts'
import { runCustomization } from './customization-host.ts'
import { ProgramCache } from './program-cache.ts'
import { runSoftware } from './software-host.ts'

const notSupported: Response = { data: new Uint8Array(0), sw: statusWords['instruction-not-supported'].sw }

export class Programs implements ProgramRunner {
  readonly #parts: Omit<Parts, 'programs'>
  readonly #cache: ProgramCache

  constructor(parts: Omit<Parts, 'programs'>) {
    this.#parts = parts
    this.#cache = new ProgramCache(parts.crypto)
  }

  /** The customization software, in customization mode. */
  customization(command: Command, channel: OpenChannel | undefined): Response {
    return runCustomization(this.#parts, this.#cache, command, channel)
  }

  /** A program that a vector names: ROM's wasm (1) or software in EEPROM. */
  software(program: number, number: number, command: Command): Response {
    return runSoftware(this.#parts, this.#cache, program, number, command)
  }

  /** The application of the selected resource. */
  application(_resource: number, _command: Command, _channel: OpenChannel | undefined): Response {
    return notSupported
  }

  /** Drops every instance and its memory. */
  reset(): void {
    this.#cache.clear()
  }
}
