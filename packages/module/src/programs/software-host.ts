import type { Command, Response } from '@sealwright/core/apdu'
import type { InterfaceName } from '@sealwright/core/catalog'
import {
  dataAreaOf,
  parseSoftware,
  programNumbers,
  romInterfaces,
  type Software,
} from '@sealwright/core/customization'
import type { KeyUse } from '@sealwright/core/key-download'
import type { AesKey } from '@sealwright/core/ports'
import { Refusal } from '../dispatch/refusal.ts'
import { ParsedObject } from '../eeprom/index.ts'
import type { ApplicationKeys } from '../key-download/index.ts'
import type { Parts } from '../parts.ts'
import { defaultBudget, type ProgramHost, type ProgramInstance } from '../program/index.ts'
import { requireInstance } from './call-in-transaction.ts'
import { DataArea } from './data-area.ts'
import { Frame, Stopped } from './frame.ts'
import type { ProgramCache } from './program-cache.ts'

type HostParts = Pick<Parts, 'entropy' | 'life' | 'nvm' | 'objects' | 'rom'>

/** An instance as new, and what it was made of. */
interface Kept {
  /** The software of EEPROM in it, as it was parsed. */
  readonly software: Software | undefined
  readonly frame: Frame
  readonly instance: ProgramInstance
  readonly writer: string
  readonly budget: number
}

/**
 * Runs the programs that vectors name: ROM's wasm, completed by the additional software if there is any, or software in EEPROM. Only in
 * user mode. Each command meets an instance as new: memory and globals of the last call are overwritten before its answer leaves.
 * Changed bytes in EEPROM, a call that did not end well, and a program that can change more of its instance make another one.
 */
export class SoftwareHost {
  readonly #parts: HostParts
  readonly #cache: ProgramCache
  readonly #keys: ApplicationKeys
  readonly #stored = new Map<number, ParsedObject<Software>>()
  readonly #kept = new Map<number, Kept>()

  constructor(parts: HostParts, cache: ProgramCache, keys: ApplicationKeys) {
    this.#parts = parts
    this.#cache = cache
    this.#keys = keys
  }

  call(program: number, number: number, command: Command): Response {
    const { life, nvm } = this.#parts
    if (command.cla !== 0x80) throw new Refusal('class-not-supported')
    if (life.mode() !== 'user') throw new Refusal('conditions-not-satisfied')
    const software = this.#softwareOf(program === programNumbers.rom ? programNumbers.added : program)
    const kept = this.#current(program, software) ?? this.#start(program, software)
    const { frame, instance, budget } = kept
    nvm.writer = kept.writer
    let ended = false
    try {
      const answer = frame.run(instance, { function: number, budget, fromSupplier: false }, command)
      ended = true
      return answer
    } catch (error) {
      if (error instanceof Stopped) return error.answer
      throw error
    } finally {
      if (!instance.renew() || !ended) this.#kept.delete(program)
    }
  }

  memories(): readonly { readonly name: string; readonly memory: Uint8Array }[] {
    return [...this.#kept].flatMap(([program, { instance }]) =>
      instance.memories().map(({ memory }) => ({ name: `program ${program}`, memory })),
    )
  }

  /** Drops the instances: what is in them was overwritten after the last call. */
  reset(): void {
    this.#kept.clear()
  }

  #softwareOf(id: number): Software | undefined {
    let stored = this.#stored.get(id)
    if (stored === undefined) {
      stored = new ParsedObject(this.#parts.objects, 'software', id, parseSoftware)
      this.#stored.set(id, stored)
    }
    return stored.value()
  }

  #current(program: number, software: Software | undefined): Kept | undefined {
    const kept = this.#kept.get(program)
    return kept !== undefined && kept.software === software ? kept : undefined
  }

  #start(program: number, software: Software | undefined): Kept {
    const masked = this.#parts.rom.programs.find(({ id }) => id === program)
    const rom = program === programNumbers.rom
    const code = rom ? masked?.code : software?.program
    if (code === undefined) throw new Refusal('instruction-not-supported')
    const added = rom && software !== undefined ? this.#cache.compiled(software.program) : undefined
    const frame = new Frame(this.#parts.nvm)
    const host = { io: frame, ...this.#host(frame, program, software?.keyPlaces ?? []) }
    const grants = new Set<InterfaceName>([...(software?.interfaces ?? []), ...(rom ? romInterfaces : [])])
    const instance = requireInstance({ program: this.#cache.compiled(code), host, grants, added })
    const budget = software?.budget ?? defaultBudget
    const kept = { software, frame, instance, writer: `program ${program}`, budget }
    if (this.#kept.size >= most) this.#kept.clear()
    this.#kept.set(program, kept)
    return kept
  }

  #host(frame: Frame, program: number, keyPlaces: readonly number[]): Omit<ProgramHost, 'io'> {
    const { entropy } = this.#parts
    const key = (place: number, use: KeyUse): AesKey => {
      if (!keyPlaces.includes(place)) throw new Refusal('reference-not-found')
      return this.#keys.key(place, use)
    }
    return {
      data: new DataArea(this.#parts, frame, dataAreaOf(program)),
      random: entropy,
      mac: { cmac: (place, data, use) => key(place, use).cmac(data) },
      cipher: {
        encrypt: (place, iv, data) => key(place, 'encrypt').cbcEncrypt(iv, data),
        decrypt: (place, iv, data) => key(place, 'decrypt').cbcDecrypt(iv, data),
      },
    }
  }
}

/** Instances that are kept at most. */
const most = 8
