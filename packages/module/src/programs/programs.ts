import type { Command, Response } from '@sealwright/core/apdu'
import type { OpenChannel } from '../channel/index.ts'
import { registryNumber } from '../dispatch/selection.ts'
import { ApplicationKeys } from '../key-download/index.ts'
import type { Parts, ProgramRunner } from '../parts.ts'
import { ApplicationHost } from './application-host.ts'
import { runCustomization } from './customization-host.ts'
import { InstalledHost } from './installed-host.ts'
import { ProgramCache } from './program-cache.ts'
import { SoftwareHost } from './software-host.ts'

export class Programs implements ProgramRunner {
  readonly #parts: Omit<Parts, 'programs'>
  readonly #cache: ProgramCache
  readonly #applications: ApplicationHost
  readonly #software: SoftwareHost
  readonly #installed: InstalledHost

  constructor(parts: Omit<Parts, 'programs'>) {
    this.#parts = parts
    this.#cache = new ProgramCache(parts.crypto, parts.compile)
    const keys = new ApplicationKeys(parts)
    this.#applications = new ApplicationHost(parts, this.#cache, keys)
    this.#software = new SoftwareHost(parts, this.#cache, keys)
    this.#installed = new InstalledHost(parts, this.#cache)
  }

  /** The customization software, in customization mode. */
  customization(command: Command, channel: OpenChannel | undefined): Response {
    return runCustomization(this.#parts, this.#cache, command, channel)
  }

  /** A program that a vector names: ROM's wasm (1) or software in EEPROM. */
  software(program: number, number: number, command: Command): Response {
    return this.#software.call(program, number, command)
  }

  /** The selected application: of a resource, or an installed one. */
  application(selection: number, command: Command, channel: OpenChannel | undefined): Response {
    const installed = registryNumber(selection)
    return installed === undefined
      ? this.#applications.call(selection, command, channel)
      : this.#installed.call(installed, command, channel)
  }

  memories(): readonly { readonly name: string; readonly memory: Uint8Array }[] {
    return [this.#applications, this.#software, this.#installed].flatMap((host) => host.memories())
  }

  leave(): void {
    this.#applications.drop()
  }

  /** Drops every instance and its memory. */
  reset(): void {
    this.#applications.drop()
    this.#software.reset()
    this.#installed.reset()
    this.#cache.clear()
  }
}
