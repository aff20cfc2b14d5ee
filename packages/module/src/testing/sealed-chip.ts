import { ascii, equal } from '@sealwright/core/bytes'
import { portableCrypto } from '@sealwright/core/crypto'
import type { Crypto } from '@sealwright/core/ports'
import { scriptedEntropy } from '@sealwright/core/testing'
import { Journal } from '../journal/index.ts'
import { type Geometry, pageSize, RamSlots, romPages, type Slots, totalPages } from '../medium/index.ts'
import {
  type ChipKey,
  counterCellLength,
  counterCells,
  type Examination,
  examine,
  type Finding,
  RollbackCounter,
  SealBroken,
  SealedMedium,
  sealedSlotLength,
  slotCount,
} from '../seal/index.ts'

/** All that a chip keeps without power. */
export interface ChipImage {
  readonly slots: RamSlots
  readonly cells: RamSlots
}

export interface SealedChipOptions {
  readonly geometry?: Geometry
  readonly crypto?: Crypto
  /** Chips of other names have other identifiers. */
  readonly name?: string
  readonly key?: Uint8Array
}

/** A sealed chip without software, as an attacker has it on the table: its slots are at hand, its key is not. */
export class SealedChip {
  readonly geometry: Geometry
  readonly slots: RamSlots
  readonly cells: RamSlots
  readonly chip: ChipKey
  #starts = 0

  constructor({
    geometry = smallGeometry,
    crypto = portableCrypto,
    name = 'one',
    key = testKey,
  }: SealedChipOptions = {}) {
    this.geometry = geometry
    this.chip = { crypto, key, chipId: ascii(name.padEnd(16, '.')) }
    this.slots = new RamSlots(slotCount(geometry), sealedSlotLength)
    this.cells = new RamSlots(counterCells, counterCellLength)
    const rom = new Uint8Array(geometry.romPages * pageSize).fill(0x5a)
    SealedMedium.create(this.#parts(), { pages: romPages(geometry, rom) }).close()
  }

  /** Powers up: opens the memory, from other slots if those are given. Recovery is the journal's. */
  open(through: Partial<{ slots: Slots; cells: Slots }> = {}): SealedMedium {
    return SealedMedium.open(this.#parts(through))
  }

  /** Powers up, makes one transaction of pages filled with a value, and powers down. */
  commit(pages: Readonly<Record<number, number>>): void {
    const medium = this.open()
    const journal = new Journal(medium)
    journal.recover()
    journal.commit(contentOf(pages))
    medium.close()
  }

  /** Powers up, recovers and gives the first byte of each page that is none of the journal's. */
  contents(): number[] {
    const medium = this.open()
    try {
      new Journal(medium).recover()
      const { otpPages, eepromPages, journalPages } = this.geometry
      const behind = otpPages + eepromPages
      return Array.from({ length: totalPages(this.geometry) }, (_, page) => page)
        .filter((page) => page < behind || page >= behind + journalPages)
        .map((page) => medium.lend(page)[0]!)
    } finally {
      medium.close()
    }
  }

  image(): ChipImage {
    return { slots: this.slots.clone(), cells: this.cells.clone() }
  }

  putBack({ slots, cells }: Partial<ChipImage>): void {
    if (slots !== undefined) this.slots.restore(slots)
    if (cells !== undefined) this.cells.restore(cells)
  }

  examine(): Examination {
    const { geometry, slots, cells, chip } = this
    return examine({ geometry, slots, cells, chip })
  }

  /**
   * Why the chip does not start; undefined: it starts. A refusal must have written nothing, and an examination must find the same first.
   */
  refusal(): Finding | undefined {
    const before = this.image()
    const [worst] = this.examine().findings
    let finding: Finding | undefined
    try {
      this.open().close()
    } catch (error) {
      if (!(error instanceof SealBroken)) throw error
      finding = error.finding
    }
    if (!sameSlots(before.slots, this.slots) || !sameSlots(before.cells, this.cells))
      throw new Error('opening or examining wrote')
    const told = worst?.kind === 'torn' ? undefined : worst
    if (told?.reason !== finding?.reason)
      throw new Error(`the examination says ${told?.reason}, the start ${finding?.reason}`)
    return finding
  }

  #parts({ slots = this.slots, cells = this.cells }: Partial<{ slots: Slots; cells: Slots }> = {}) {
    const { geometry, chip } = this
    const entropy = scriptedEntropy(`start ${this.#starts++}`)
    return { geometry, slots, counter: new RollbackCounter(chip, cells), chip, entropy }
  }
}

/** Few pages, so that every byte of all can be changed: OTP 0, EEPROM 1 to 6, journal 7 to 10, ROM 11 and 12, the seal record 13. */
export const smallGeometry: Geometry = { pageSize, otpPages: 1, eepromPages: 6, journalPages: 4, romPages: 2 }

/** Pages filled with a value each. */
export function contentOf(pages: Readonly<Record<number, number>>): Map<number, Uint8Array> {
  return new Map(
    Object.entries(pages).map(([page, value]) => [Number(page), new Uint8Array(pageSize).fill(value)]),
  )
}

function sameSlots(a: Slots, b: Slots): boolean {
  for (let slot = 0; slot < a.count; slot++) if (!equal(a.lend(slot), b.lend(slot))) return false
  return true
}

const testKey = new Uint8Array(32).fill(0x4b)
