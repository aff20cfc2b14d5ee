import { areaOfPage, type Geometry } from './geometry.ts'
import { checkProgram, type Medium } from './medium.ts'
import { type Cut, Power, type Powered } from './power.ts'
import type { RamMedium } from './ram-medium.ts'

/** A medium that loses power at a chosen step and stays dead after it. */
export class FaultMedium implements Medium, Powered {
  readonly #inner: RamMedium
  readonly #power: Power
  /** Programs that are not yet durable; only in mode `lost`. */
  #pending: { page: number; bytes: Uint8Array }[] = []

  constructor(inner: RamMedium, cut: Cut) {
    this.#inner = inner
    this.#power = new Power(cut)
    this.#power.supply(this)
  }

  get geometry(): Geometry {
    return this.#inner.geometry
  }

  /** Steps seen so far, the fatal one included. */
  get steps(): number {
    return this.#power.steps
  }

  get programs(): number {
    return this.#power.programs
  }

  get dead(): boolean {
    return this.#power.dead
  }

  /** Without power nothing is known any more, not even that nothing changed. */
  get revision(): number {
    this.#power.live()
    return this.programs + this.#inner.revision
  }

  read(page: number): Uint8Array {
    return this.lend(page).slice()
  }

  lend(page: number): Uint8Array {
    this.#power.live()
    const pending = this.#pending.findLast((one) => one.page === page)
    return pending?.bytes ?? this.#inner.lend(page)
  }

  program(page: number, bytes: Uint8Array): void {
    this.#power.live()
    checkProgram(this.geometry, page, bytes, () => this.#old(page))
    const last = this.#power.program()
    const { mode } = this.#power
    if (mode === 'lost') {
      this.#pending.push({ page, bytes: bytes.slice() })
    } else if (!last) {
      this.#inner.program(page, bytes)
    } else if (mode === 'torn') {
      this.#tear(page, bytes)
    } else if (mode === 'unreadable') {
      this.#inner.damage(page)
    }
    if (last) this.#power.off()
  }

  sync(): void {
    this.#power.live()
    if (this.#power.sync()) this.#power.off()
    for (const { page, bytes } of this.#pending) this.#inner.program(page, bytes)
    this.#pending = []
  }

  /** Loses power now: what was not synced is kept or not, by chance. Throws PowerLoss. */
  powerOff(): never {
    this.#power.off()
  }

  lose(): void {
    for (const { page, bytes } of this.#pending) {
      const fate = this.#power.fate()
      if (fate === 'kept') this.#inner.program(page, bytes)
      else if (fate === 'torn') this.#tear(page, bytes)
    }
    this.#pending = []
  }

  #old(page: number): Uint8Array | undefined {
    try {
      return this.read(page)
    } catch {
      return undefined
    }
  }

  #tear(page: number, bytes: Uint8Array): void {
    let old: Uint8Array
    try {
      old = this.#inner.read(page)
    } catch {
      return
    }
    const otp = areaOfPage(this.geometry, page).name === 'otp'
    this.#inner.program(page, otp ? this.#power.tearBits(old, bytes) : this.#power.tear(old, bytes))
  }
}
