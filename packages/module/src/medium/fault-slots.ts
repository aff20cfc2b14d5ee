import type { Power, Powered } from './power.ts'
import type { RamSlots } from './ram-slots.ts'
import { checkSlot, type Slots } from './slots.ts'

/**
 * Slots that lose power together with whatever else hangs on the same supply, each with syncs of its own. What is sealed tears as bytes,
 * one-time bits too; mode `unreadable` leaves a slot of garbage.
 */
export class FaultSlots implements Slots, Powered {
  readonly count: number
  readonly length: number
  readonly #inner: RamSlots
  readonly #power: Power
  /** Programs that are not yet durable, the newest of a slot counts; only in mode `lost`. */
  #pending: { slot: number; bytes: Uint8Array }[] = []
  #programs = 0

  constructor(inner: RamSlots, power: Power) {
    this.count = inner.count
    this.length = inner.length
    this.#inner = inner
    this.#power = power
    power.supply(this)
  }

  get revision(): number {
    this.#power.live()
    return this.#programs + this.#inner.revision
  }

  lend(slot: number): Uint8Array {
    this.#power.live()
    const pending = this.#pending.findLast((one) => one.slot === slot)
    return pending?.bytes ?? this.#inner.lend(slot)
  }

  program(slot: number, bytes: Uint8Array): void {
    this.#power.live()
    checkSlot(this, slot, bytes)
    this.#programs++
    const last = this.#power.program()
    const { mode } = this.#power
    if (mode === 'lost') {
      this.#pending.push({ slot, bytes: bytes.slice() })
    } else if (!last) {
      this.#inner.program(slot, bytes)
    } else if (mode === 'torn') {
      this.#tear(slot, bytes)
    } else if (mode === 'unreadable') {
      const garbage = Uint8Array.from({ length: this.length }, () => Math.floor(this.#power.random() * 256))
      this.#inner.program(slot, garbage)
    }
    if (last) this.#power.off()
  }

  sync(): void {
    this.#power.live()
    if (this.#power.sync()) this.#power.off()
    for (const { slot, bytes } of this.#pending) this.#inner.program(slot, bytes)
    this.#pending = []
  }

  lose(): void {
    for (const { slot, bytes } of this.#pending) {
      const fate = this.#power.fate()
      if (fate === 'kept') this.#inner.program(slot, bytes)
      else if (fate === 'torn') this.#tear(slot, bytes)
    }
    this.#pending = []
  }

  #tear(slot: number, bytes: Uint8Array): void {
    this.#inner.program(slot, this.#power.tear(this.#inner.lend(slot), bytes))
  }
}
