import type { Command, Response } from '@sealwright/core/apdu'
import { equal, wipe } from '@sealwright/core/bytes'
import { keyPlaces } from '@sealwright/core/catalog'
import type { KeyUse } from '@sealwright/core/key-download'
import type { AesKey } from '@sealwright/core/ports'
import { applicationInput, interfacesOf } from '@sealwright/core/resources'
import type { OpenChannel } from '../channel/index.ts'
import { Refusal } from '../dispatch/refusal.ts'
import type { Watch } from '../eeprom/index.ts'
import type { ApplicationKeys } from '../key-download/index.ts'
import type { Parts } from '../parts.ts'
import {
  type CompiledProgram,
  instantiate,
  type ProgramHost,
  type ProgramInstance,
  ProgramRefused,
} from '../program/index.ts'
import { type Definition, type LoadedProgram, serializeDefinition } from '../resources/index.ts'
import { Frame, Stopped } from './frame.ts'
import type { ProgramCache } from './program-cache.ts'

type HostParts = Pick<Parts, 'definitions' | 'entropy' | 'keys' | 'nvm'>

interface Running {
  /** As it was when the instance was made, or an equal one. */
  definition: Definition
  readonly program: CompiledProgram
  readonly instance: ProgramInstance
}

/**
 * Runs the application of the selected resource, confined to its data area and to what DEF grants. Its memory lasts as long as the
 * selection; each call is one transaction, and one that is refused, traps or spends its budget leaves nothing and ends the instance.
 */
export class ApplicationHost {
  readonly #parts: HostParts
  readonly #cache: ProgramCache
  readonly #keys: ApplicationKeys
  readonly #frame: Frame
  /** The program's bytes. */
  readonly #watch: Watch
  #running: Running | undefined

  constructor(parts: HostParts, cache: ProgramCache, keys: ApplicationKeys) {
    this.#parts = parts
    this.#cache = cache
    this.#keys = keys
    this.#frame = new Frame(parts.nvm)
    this.#watch = parts.nvm.watch()
  }

  /** @param channel the one that the command came in, if any */
  call(resource: number, command: Command, channel: OpenChannel | undefined): Response {
    const { nvm, definitions } = this.#parts
    const definition = definitions.find(resource)
    const loaded = definition?.loaded
    if (definition?.state !== 'active' || loaded === undefined) throw new Refusal('conditions-not-satisfied')
    const { instance } = this.#current(definition, loaded) ?? this.#start(definition, loaded)
    nvm.writer = `resource ${resource}`
    const fromSupplier = channel?.kind === 'supplier' && channel.resource === resource
    let ended = false
    try {
      const answer = this.#frame.run(
        instance,
        { function: 0, budget: definition.budget, fromSupplier },
        command,
      )
      ended = true
      return answer
    } catch (error) {
      if (error instanceof Stopped) return error.answer
      throw error
    } finally {
      // What the program remembers would not fit what its area holds.
      if (!ended) this.drop()
    }
  }

  memories(): readonly { readonly name: string; readonly memory: Uint8Array }[] {
    const running = this.#running
    return running === undefined
      ? []
      : running.instance
          .memories()
          .map(({ memory }) => ({ name: `resource ${running.definition.id}`, memory }))
  }

  /** Ends the instance and overwrites its memory. */
  drop(): void {
    for (const { memory } of this.#running?.instance.memories() ?? []) wipe(memory)
    this.#running = undefined
  }

  /** The instance that runs, if DEF and the program are what it was made of. */
  #current(definition: Definition, loaded: LoadedProgram): Running | undefined {
    const running = this.#running
    if (running === undefined) return undefined
    if (running.definition === definition && this.#watch.holds()) return running
    const same = equal(serializeDefinition(running.definition), serializeDefinition(definition))
    if (same && this.#compiled(loaded) === running.program) {
      running.definition = definition
      return running
    }
    this.drop()
    return undefined
  }

  /** The program as it lies in EEPROM now; from here on it is watched. */
  #compiled({ program: { start, length } }: LoadedProgram): CompiledProgram {
    const { nvm } = this.#parts
    const program = this.#cache.compiled(nvm.read(start, length))
    this.#watch.set(start, length)
    return program
  }

  #start(definition: Definition, loaded: LoadedProgram): Running {
    try {
      const program = this.#compiled(loaded)
      const grants = new Set(interfacesOf(definition.rights))
      const instance = instantiate({ program, host: this.#host(definition, loaded), grants })
      const running = { definition, program, instance }
      this.#running = running
      return running
    } catch (error) {
      if (error instanceof ProgramRefused) throw new Refusal('conditions-not-satisfied')
      throw error
    }
  }

  #host(definition: Definition, { data }: LoadedProgram): ProgramHost {
    const { definitions, entropy, keys } = this.#parts
    const { id, places } = definition
    const frame = this.#frame
    const key = (place: number, use: KeyUse): AesKey => {
      if (!places.includes(place)) throw new Refusal('reference-not-found')
      return this.#keys.key(place, use)
    }
    return {
      io: frame,
      data: {
        size: data.length,
        read: (offset, length, memory, at) => frame.tx.copy(data.start + offset, length, memory, at),
        write: (offset, bytes) => frame.tx.write(data.start + offset, bytes),
      },
      random: entropy,
      mac: { cmac: (place, bytes, use) => key(place, use).cmac(bytes) },
      cipher: {
        encrypt: (place, iv, bytes) => key(place, 'encrypt').cbcEncrypt(iv, bytes),
        decrypt: (place, iv, bytes) => key(place, 'decrypt').cbcDecrypt(iv, bytes),
      },
      sign: { sign: (bytes) => keys.sign(keyPlaces.operating, ...applicationInput(id, bytes)) },
      clock: { now: () => definitions.operator(definition.operator)?.time },
    }
  }
}
