import type { Command, Response } from '@sealwright/core/apdu'
import { commands, type InterfaceName } from '@sealwright/core/catalog'
import {
  dataAreaOf,
  parseSoftware,
  programNumbers,
  romInterfaces,
  type Software,
} from '@sealwright/core/customization'
import type { KeyUse } from '@sealwright/core/key-download'
import type { AesKey } from '@sealwright/core/ports'
import { nativeProgram, vectorsInForce } from '../dispatch/index.ts'
import { Refusal } from '../dispatch/refusal.ts'
import { ParsedObject } from '../eeprom/index.ts'
import type { ApplicationKeys } from '../key-download/index.ts'
import type { Parts } from '../parts.ts'
import { defaultBudget, type Instantiation, type ProgramHost } from '../program/index.ts'
import { DataArea } from './data-area.ts'
import type { Frame } from './frame.ts'
import { KeptInstances } from './kept-instances.ts'
import type { ProgramCache } from './program-cache.ts'

type HostParts = Pick<Parts, 'entropy' | 'life' | 'nvm' | 'objects' | 'rom'>

/**
 * Runs the programs that vectors name: ROM's wasm, completed by the additional software if there is any, or software in EEPROM. Only in
 * user mode. Changed bytes in EEPROM change what runs.
 */
export class SoftwareHost {
  readonly #parts: HostParts
  readonly #cache: ProgramCache
  readonly #keys: ApplicationKeys
  readonly #stored = new Map<number, ParsedObject<Software>>()
  readonly #kept: KeptInstances<Software | undefined>

  constructor(parts: HostParts, cache: ProgramCache, keys: ApplicationKeys) {
    this.#parts = parts
    this.#cache = cache
    this.#keys = keys
    this.#kept = new KeptInstances(parts.nvm)
  }

  call(program: number, number: number, command: Command): Response {
    const { life } = this.#parts
    if (command.cla !== 0x80) throw new Refusal('class-not-supported')
    if (life.mode() !== 'user') throw new Refusal('conditions-not-satisfied')
    const software = this.#softwareOf(program === programNumbers.rom ? programNumbers.added : program)
    return this.#kept.call(program, {
      command,
      source: software,
      make: (frame) => this.#make(frame, program, software),
      writer: `program ${program}`,
      function: number,
      budget: software?.budget ?? defaultBudget,
      fromSupplier: false,
    })
  }

  memories(): readonly { readonly name: string; readonly memory: Uint8Array }[] {
    return this.#kept.memories().map(({ key, memory }) => ({ name: `program ${key}`, memory }))
  }

  reset(): void {
    this.#kept.clear()
  }

  /** Programs of a product that is personalized use no key before that (B20); a loader or a SAM never is. */
  #awaitsPersonalization(): boolean {
    const { life, rom, objects } = this.#parts
    if (life.state() === 'operating') return false
    return vectorsInForce('user', rom, objects).some(
      ({ program, function: entry }) => program === nativeProgram && entry === commands.BEGIN.entry,
    )
  }

  #softwareOf(id: number): Software | undefined {
    let stored = this.#stored.get(id)
    if (stored === undefined) {
      stored = new ParsedObject(this.#parts.objects, 'software', id, parseSoftware)
      this.#stored.set(id, stored)
    }
    return stored.value()
  }

  #make(frame: Frame, program: number, software: Software | undefined): Instantiation {
    const rom = program === programNumbers.rom
    const code = rom ? this.#parts.rom.programs.find(({ id }) => id === program)?.code : software?.program
    if (code === undefined) throw new Refusal('instruction-not-supported')
    return {
      program: this.#cache.compiled(code),
      added: rom && software !== undefined ? this.#cache.compiled(software.program) : undefined,
      host: { io: frame, ...this.#host(frame, program, software?.keyPlaces ?? []) },
      grants: new Set<InterfaceName>([...(software?.interfaces ?? []), ...(rom ? romInterfaces : [])]),
    }
  }

  #host(frame: Frame, program: number, keyPlaces: readonly number[]): Omit<ProgramHost, 'io'> {
    const { entropy } = this.#parts
    const key = (place: number, use: KeyUse): AesKey => {
      if (!keyPlaces.includes(place)) throw new Refusal('reference-not-found')
      if (this.#awaitsPersonalization()) throw new Refusal('conditions-not-satisfied')
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
