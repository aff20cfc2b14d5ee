import type { Command, Response } from '@sealwright/core/apdu'
import { equal } from '@sealwright/core/bytes'
import type { InterfaceName } from '@sealwright/core/catalog'
import { applicationStates, lockedBit } from '@sealwright/core/globalplatform'
import type { OpenChannel } from '../channel/index.ts'
import { Refusal } from '../dispatch/refusal.ts'
import { ParsedObject } from '../eeprom/index.ts'
import type { Parts } from '../parts.ts'
import { type CompiledProgram, defaultBudget } from '../program/index.ts'
import { DataArea } from './data-area.ts'
import { KeptInstances } from './kept-instances.ts'
import type { ProgramCache } from './program-cache.ts'

type HostParts = Pick<Parts, 'entropy' | 'nvm' | 'objects' | 'registry'>

/** What every application that INSTALL made may use; more is what resources are for. */
export const installedInterfaces = ['io', 'data', 'random'] as const satisfies readonly InterfaceName[]

/**
 * Runs applications of the GlobalPlatform registry: each its load file's program, its data in an object of its own. `fromSupplier` says
 * that the command came in a channel with its security domain. Changed bytes of a load file change what runs.
 */
export class InstalledHost {
  readonly #parts: HostParts
  readonly #cache: ProgramCache
  readonly #kept: KeptInstances<CompiledProgram>
  /** Programs of load files, by their number in the registry. */
  readonly #programs = new Map<number, ParsedObject<CompiledProgram>>()

  constructor(parts: HostParts, cache: ProgramCache) {
    this.#parts = parts
    this.#cache = cache
    this.#kept = new KeptInstances(parts.nvm)
  }

  /** @param channel the one that the command came in, if any */
  call(number: number, command: Command, channel: OpenChannel | undefined): Response {
    const { registry, entropy } = this.#parts
    const entry = registry.find(number)
    const file = registry
      .list('load-file')
      .find(({ aid }) => entry !== undefined && equal(aid, entry.loadFile))
    const source = file === undefined ? undefined : this.#program(file.number)
    if (entry?.form !== 'application' || source === undefined || !runs(entry.state)) {
      throw new Refusal('conditions-not-satisfied')
    }
    return this.#kept.call(number, {
      command,
      source,
      make: (frame) => ({
        program: source,
        grants: new Set<InterfaceName>(installedInterfaces),
        host: {
          io: frame,
          data: new DataArea(this.#parts, frame, number, 'application-data'),
          random: entropy,
        },
      }),
      writer: `application ${number}`,
      function: 0,
      budget: defaultBudget,
      fromSupplier: channel?.kind === 'security-domain',
    })
  }

  memories(): readonly { readonly name: string; readonly memory: Uint8Array }[] {
    return this.#kept.memories().map(({ key, memory }) => ({ name: `application ${key}`, memory }))
  }

  reset(): void {
    this.#kept.clear()
    for (const program of this.#programs.values()) program.end()
    this.#programs.clear()
  }

  #program(file: number): CompiledProgram | undefined {
    let program = this.#programs.get(file)
    if (program === undefined) {
      program = new ParsedObject(this.#parts.objects, 'load-file', file, (bytes) =>
        this.#cache.compiled(bytes),
      )
      this.#programs.set(file, program)
    }
    return program.value()
  }
}

/** From SELECTABLE on, and not locked. */
function runs(state: number): boolean {
  const selectable = applicationStates.selectable.code
  return (state & lockedBit) === 0 && (state & selectable) === selectable
}
