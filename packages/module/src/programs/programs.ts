import type { Command, Response } from '@sealwright/core/apdu'
import { statusWords } from '@sealwright/core/catalog'
import type { OpenChannel } from '../channel/index.ts'
import type { Parts } from '../parts.ts'

const notSupported: Response = { data: new Uint8Array(0), sw: statusWords['instruction-not-supported'].sw }

/** Runs the programs that vectors, modes and selections lead to, each confined to what it was granted. */
export class Programs {
  readonly #parts: Omit<Parts, 'programs'>

  constructor(parts: Omit<Parts, 'programs'>) {
    this.#parts = parts
  }

  /** The customization software, in customization mode. */
  customization(_command: Command, _channel: OpenChannel | undefined): Response {
    void this.#parts
    return notSupported
  }

  /** A program that a vector names: ROM's wasm (1) or software in EEPROM. */
  software(_program: number, _function: number, _command: Command): Response {
    return notSupported
  }

  /** The application of the selected resource. */
  application(_resource: number, _command: Command, _channel: OpenChannel | undefined): Response {
    return notSupported
  }

  /** Drops every instance and its memory. */
  reset(): void {}
}
