import { areaOfPage, type Geometry } from './geometry.ts'
import { checkProgram, type Medium } from './medium.ts'
import type { RamMedium } from './ram-medium.ts'

/**
 * What a power cut does to the n-th step:
 * - whole: the program is not made, everything before it is
 * - torn: part of the page is new, the rest old or garbage (OTP: some of the new bits are set)
 * - unreadable: the page fails its check until it is programmed again
 * - lost: each program since the last sync is kept, dropped or torn, in any combination; syncs are steps too
 */
export const cutModes = ['whole', 'torn', 'unreadable', 'lost'] as const
export type CutMode = (typeof cutModes)[number]

export interface Cut {
  /** The step, from 1, at which power is lost; absent: never. */
  readonly cutAt?: number
  readonly mode: CutMode
  /** Chooses where a page tears and which unsynced programs survive. */
  readonly seed?: number
}

/** Power is gone: not an error of anybody, so not one of ours. What survived is in the inner medium. */
export class PowerLoss extends Error {
  constructor() {
    super('power lost')
    this.name = 'PowerLoss'
  }
}

/** A medium that loses power at a chosen step and stays dead after it. */
export class FaultMedium implements Medium {
  readonly #inner: RamMedium
  readonly #cut: Cut
  readonly #random: () => number
  /** Programs that are not yet durable; only in mode `lost`. */
  #pending: { page: number; bytes: Uint8Array }[] = []
  #steps = 0
  #programs = 0
  #dead = false

  constructor(inner: RamMedium, cut: Cut) {
    this.#inner = inner
    this.#cut = cut
    this.#random = randomFrom((cut.seed ?? 1) * 1_000_003 + (cut.cutAt ?? 0))
  }

  get geometry(): Geometry {
    return this.#inner.geometry
  }

  /** Steps seen so far, the fatal one included. */
  get steps(): number {
    return this.#steps
  }

  get programs(): number {
    return this.#programs
  }

  get dead(): boolean {
    return this.#dead
  }

  /** Without power nothing is known any more, not even that nothing changed. */
  get revision(): number {
    this.#live()
    return this.#programs + this.#inner.revision
  }

  read(page: number): Uint8Array {
    return this.lend(page).slice()
  }

  lend(page: number): Uint8Array {
    this.#live()
    const pending = this.#pending.findLast((one) => one.page === page)
    return pending?.bytes ?? this.#inner.lend(page)
  }

  program(page: number, bytes: Uint8Array): void {
    this.#live()
    checkProgram(this.geometry, page, bytes, () => this.#old(page))
    this.#programs++
    const last = this.#step()
    if (this.#cut.mode === 'lost') {
      this.#pending.push({ page, bytes: bytes.slice() })
    } else if (!last) {
      this.#inner.program(page, bytes)
    } else if (this.#cut.mode === 'torn') {
      this.#tear(page, bytes)
    } else if (this.#cut.mode === 'unreadable') {
      this.#inner.damage(page)
    }
    if (last) this.powerOff()
  }

  sync(): void {
    this.#live()
    if (this.#cut.mode !== 'lost') return
    if (this.#step()) this.powerOff()
    for (const { page, bytes } of this.#pending) this.#inner.program(page, bytes)
    this.#pending = []
  }

  /** Loses power now: what was not synced is kept or not, by chance. Throws PowerLoss. */
  powerOff(): never {
    this.#dead = true
    for (const { page, bytes } of this.#pending) {
      const chance = this.#random()
      if (chance < 0.45) this.#inner.program(page, bytes)
      else if (chance < 0.6) this.#tear(page, bytes)
    }
    this.#pending = []
    throw new PowerLoss()
  }

  #old(page: number): Uint8Array | undefined {
    try {
      return this.read(page)
    } catch {
      return undefined
    }
  }

  #live(): void {
    if (this.#dead) throw new PowerLoss()
  }

  #step(): boolean {
    this.#steps++
    return this.#steps === this.#cut.cutAt
  }

  #tear(page: number, bytes: Uint8Array): void {
    let old: Uint8Array
    try {
      old = this.#inner.read(page)
    } catch {
      return
    }
    const torn = old.slice()
    if (areaOfPage(this.geometry, page).name === 'otp') {
      for (let bit = 0; bit < 8 * bytes.length; bit++) {
        const mask = 1 << (bit & 7)
        if ((bytes[bit >> 3]! & mask) !== 0 && this.#random() < 0.5) torn[bit >> 3]! |= mask
      }
    } else {
      const split = Math.floor(this.#random() * (bytes.length + 1))
      const garbage = this.#random() < 0.5
      for (let i = 0; i < bytes.length; i++) {
        if (i < split) torn[i] = bytes[i]!
        else if (garbage && this.#random() < 0.3) torn[i] = Math.floor(this.#random() * 256)
      }
    }
    this.#inner.program(page, torn)
  }
}

/** A reproducible sequence in 0..1 (mulberry32): faults must replay, so chance comes from a seed. */
function randomFrom(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = state
    t = Math.imul(t ^ (t >>> 15), t | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296
  }
}
