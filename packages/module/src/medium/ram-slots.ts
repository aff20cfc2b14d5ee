import { allZero } from '@sealwright/core/bytes'
import { UsageError } from '@sealwright/core/errors'
import { checkSlot, type Slots } from './slots.ts'

/** Slots that live as long as the process; those never written take no memory. */
export class RamSlots implements Slots {
  readonly count: number
  readonly length: number
  readonly #slots = new Map<number, Uint8Array>()
  readonly #blank: Uint8Array
  #revision = 0

  constructor(count: number, length: number) {
    this.count = count
    this.length = length
    this.#blank = new Uint8Array(length)
  }

  /** A copy of all that other slots hold. */
  static from(slots: Slots): RamSlots {
    const copy = new RamSlots(slots.count, slots.length)
    if (slots instanceof RamSlots) copy.#take(slots)
    else copy.restore(slots)
    return copy
  }

  get revision(): number {
    return this.#revision
  }

  lend(slot: number): Uint8Array {
    checkSlot(this, slot)
    return this.#slots.get(slot) ?? this.#blank
  }

  program(slot: number, bytes: Uint8Array): void {
    checkSlot(this, slot, bytes)
    this.#revision++
    const old = this.#slots.get(slot)
    if (old === undefined) this.#slots.set(slot, bytes.slice())
    else old.set(bytes)
  }

  sync(): void {}

  clone(): RamSlots {
    return RamSlots.from(this)
  }

  /** Puts back everything that other slots of the same shape hold. */
  restore(from: Slots): void {
    if (from.count !== this.count || from.length !== this.length) {
      throw new UsageError('the slots are of another number or length')
    }
    this.#revision++
    this.#slots.clear()
    for (let slot = 0; slot < from.count; slot++) {
      const bytes = from.lend(slot)
      if (!allZero(bytes)) this.#slots.set(slot, bytes.slice())
    }
  }

  #take(from: RamSlots): void {
    for (const [slot, bytes] of from.#slots) this.#slots.set(slot, bytes.slice())
  }

  /** Numbers of the slots that were written. */
  written(): number[] {
    return [...this.#slots.keys()].sort((a, b) => a - b)
  }
}
