import { StateError } from '@sealwright/core/errors'
import type { Module } from '@sealwright/module'
import { areaOf, type Medium } from '@sealwright/module/medium'
import { customizedModule } from '@sealwright/module/testing'
import type { Chip, Machine } from './line.ts'
import { isDecodeError } from './module-readers.ts'
import type { Reading } from './parser-target.ts'
import { insecureStampingCrypto as crypto } from './stamping-crypto.ts'

// Defects on purpose, for the test that the fuzzer finds them. Each lies behind bytes that no dictionary has, asked for one by one: chance
// alone does not come there in any time, a search that keeps what reaches a new block does.

/** The bytes behind which the defects lie. */
export const magic = [0x9c, 0xb3, 0x5b, 0xe5] as const

export const plantedReadings: readonly Reading[] = [
  planted('loopsBehindMagic', () => {
    for (;;);
  }),
  planted('throwsBehindMagic', (bytes) => (bytes as unknown as { field: { length: number } }).field.length),
  {
    ...planted('parsesTwoForms', () => 0),
    parse: (bytes) => bytes.filter((byte) => byte !== magic[0]),
    serialize: (bytes: Uint8Array) => bytes,
  },
]

function planted(name: string, defect: (bytes: Uint8Array) => unknown): Reading {
  return {
    name,
    takes: 'bytes',
    refuses: isDecodeError,
    parse(bytes) {
      if (bytes[0] === magic[0]) {
        if (bytes[1] === magic[1]) {
          if (bytes[2] === magic[2]) {
            if (bytes[3] === magic[3]) return defect(bytes)
          }
        }
      }
      return 0
    },
  }
}

export type PlantedAnswer = 'internal error' | 'writes, then refuses' | 'throws' | 'loops'

/** Instruction, and the P1 and P2 behind which the chip does what it must not. */
export const plantedCommand = { ins: 0xca, p1: 0x9d, p2: 0xb3 } as const

/**
 * A chip that answers 6D00 to everything and has one defect. It is no module, so that a run costs little; its memory is one.
 */
export function plantedChip(defect: PlantedAnswer): Chip {
  const { medium, module } = customizedModule({ crypto, eepromSize: 32 * 1024 })
  return {
    name: `planted: ${defect}`,
    snapshot: medium.snapshot(),
    seed: 'planted',
    power: (from) => new PlantedMachine(from, defect, module),
  }
}

class PlantedMachine implements Machine {
  readonly parts: Module['parts']
  readonly #medium: Medium
  readonly #defect: PlantedAnswer

  constructor(medium: Medium, defect: PlantedAnswer, { parts }: Module) {
    this.#medium = medium
    this.#defect = defect
    const programs = { customization: refused, software: refused, application: refused }
    this.parts = Object.create(parts, {
      programs: { value: programs },
      keys: { value: { has: () => false, type: () => undefined } },
    }) as Module['parts']
  }

  reset(): void {}

  transmit(command: Uint8Array): Uint8Array {
    const { ins, p1, p2 } = plantedCommand
    if (command[1] === ins) {
      if (command[2] === p1) {
        if (command[3] === p2) return this.#break()
      }
    }
    return Uint8Array.of(0x6d, 0x00)
  }

  #break(): Uint8Array {
    switch (this.#defect) {
      case 'internal error':
        return Uint8Array.of(0x6f, 0x00)
      case 'throws':
        throw new TypeError('planted')
      case 'loops':
        for (;;);
      case 'writes, then refuses': {
        const { first, pages } = areaOf(this.#medium.geometry, 'eeprom')
        const page = first + pages - 1
        this.#medium.program(page, this.#medium.read(page).with(7, 1))
        return Uint8Array.of(0x69, 0x85)
      }
      default:
        return this.#defect satisfies never
    }
  }
}

function refused(): never {
  throw new StateError('there are no programs here')
}
