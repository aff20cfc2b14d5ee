import type { Command, Response } from '@sealwright/core/apdu'
import { concat, equal, wipe } from '@sealwright/core/bytes'
import { keyPlaces, statusWords } from '@sealwright/core/catalog'
import { InternalError } from '@sealwright/core/errors'
import type { KeyUse } from '@sealwright/core/key-download'
import { applicationInput, interfacesOf } from '@sealwright/core/resources'
import type { OpenChannel } from '../channel/index.ts'
import { Refusal } from '../dispatch/refusal.ts'
import type { Transaction } from '../eeprom/index.ts'
import { applicationKey } from '../key-download/index.ts'
import type { Parts } from '../parts.ts'
import { instantiate, type ProgramHost, type ProgramInstance, ProgramRefused } from '../program/index.ts'
import type { Definition, LoadedProgram } from '../resources/index.ts'
import type { ProgramCache } from './program-cache.ts'

type HostParts = Pick<Parts, 'definitions' | 'entropy' | 'keys' | 'nvm' | 'objects'>

/** One call: the command, the transaction its writes belong to, and the answer so far. */
interface Frame {
  readonly command: Command
  readonly fromSupplier: boolean
  readonly tx: Transaction
  data: Uint8Array
  sw: number
}

interface Running {
  readonly resource: number
  /** SHA-256 of the manifest of the program that was instantiated. */
  readonly manifest: Uint8Array
  readonly instance: ProgramInstance
}

/**
 * Runs the application of the selected resource, confined to its data area and to what DEF grants. Its memory lasts as long as the
 * selection; each call is one transaction, and one that is refused, traps or spends its budget leaves nothing and ends the instance.
 */
export class ApplicationHost {
  readonly #parts: HostParts
  readonly #cache: ProgramCache
  #running: Running | undefined
  #frame: Frame | undefined

  constructor(parts: HostParts, cache: ProgramCache) {
    this.#parts = parts
    this.#cache = cache
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
      const answer = nvm.transaction((tx) => {
        const frame: Frame = {
          command,
          fromSupplier,
          tx,
          data: new Uint8Array(0),
          sw: statusWords.success.sw,
        }
        this.#frame = frame
        const result = instance.call(0, definition.budget)
        if (!result.ok) throw new Stopped(result.sw)
        return frame
      })
      ended = true
      return { data: answer.data, sw: answer.sw }
    } catch (error) {
      if (error instanceof Stopped) return { data: new Uint8Array(0), sw: error.sw }
      throw error
    } finally {
      this.#frame = undefined
      // What the program remembers would not fit what its area holds.
      if (!ended) this.drop()
    }
  }

  memories(): readonly { readonly name: string; readonly memory: Uint8Array }[] {
    const running = this.#running
    return running === undefined
      ? []
      : running.instance.memories().map(({ memory }) => ({ name: `resource ${running.resource}`, memory }))
  }

  /** Ends the instance and overwrites its memory. */
  drop(): void {
    for (const { memory } of this.#running?.instance.memories() ?? []) wipe(memory)
    this.#running = undefined
  }

  /** The instance that runs, if it is of this program. */
  #current({ id }: Definition, { manifest }: LoadedProgram): Running | undefined {
    const running = this.#running
    if (running?.resource === id && equal(running.manifest, manifest)) return running
    this.drop()
    return undefined
  }

  #start(definition: Definition, loaded: LoadedProgram): Running {
    const { start, length } = loaded.program
    try {
      const program = this.#cache.compiled(this.#parts.nvm.read(start, length))
      const grants = new Set(interfacesOf(definition.rights))
      const host = this.#host(definition, loaded)
      const instance = instantiate({ program, host, grants })
      const running = { resource: definition.id, manifest: loaded.manifest, instance }
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
    const frame = (): Frame => {
      if (this.#frame === undefined) throw new InternalError('a program ran outside a call')
      return this.#frame
    }
    const key = (place: number, use: KeyUse) => {
      if (!places.includes(place)) throw new Refusal('reference-not-found')
      return applicationKey(this.#parts, place, use)
    }
    return {
      io: {
        get command() {
          return frame().command
        },
        get fromSupplier() {
          return frame().fromSupplier
        },
        output(bytes) {
          const call = frame()
          if (call.data.length + bytes.length > longestAnswer) throw new Refusal('wrong-length')
          call.data = concat(call.data, bytes)
        },
        status(sw) {
          frame().sw = sw
        },
      },
      data: {
        size: data.length,
        read: (offset, length) => frame().tx.read(data.start + offset, length),
        write: (offset, bytes) => frame().tx.write(data.start + offset, bytes),
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

/** Undoes the transaction of a call that did not end well. */
class Stopped extends Error {
  readonly sw: number

  constructor(sw: number) {
    super('an application was stopped')
    this.sw = sw
  }
}

/** Bytes of data that an application's answer holds at most. */
const longestAnswer = 4096
