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

/** Power is gone: not an error of anybody, so not one of ours. What survived is in the memory below. */
export class PowerLoss extends Error {
  constructor() {
    super('power lost')
    this.name = 'PowerLoss'
  }
}

/** Something that keeps bytes and loses what was not synced. */
export interface Powered {
  lose(): void
}

/** One supply for all that it powers: steps are counted over all of it, and all of it is dead after the cut. */
export class Power {
  readonly mode: CutMode
  /** A reproducible sequence in 0..1. */
  readonly random: () => number
  readonly #cutAt: number | undefined
  readonly #powered: Powered[] = []
  #steps = 0
  #programs = 0
  #dead = false

  constructor({ cutAt, mode, seed }: Cut) {
    this.mode = mode
    this.#cutAt = cutAt
    this.random = randomFrom((seed ?? 1) * 1_000_003 + (cutAt ?? 0))
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

  supply(one: Powered): void {
    this.#powered.push(one)
  }

  /** Without power nothing answers: PowerLoss. */
  live(): void {
    if (this.#dead) throw new PowerLoss()
  }

  /** Counts a program; true: it is the one at which power is lost. */
  program(): boolean {
    this.#programs++
    return this.#step()
  }

  /** Counts a sync, where it is a step. */
  sync(): boolean {
    return this.mode === 'lost' && this.#step()
  }

  /** Loses power now: what was not synced is kept or not, by chance. Throws PowerLoss. */
  off(): never {
    this.#dead = true
    for (const one of this.#powered) one.lose()
    throw new PowerLoss()
  }

  /** What becomes of a program that was not synced. */
  fate(): 'kept' | 'torn' | 'dropped' {
    const chance = this.random()
    return chance < 0.45 ? 'kept' : chance < 0.6 ? 'torn' : 'dropped'
  }

  /** Bytes of which a part is new, the rest old or garbage. */
  tear(old: Uint8Array, bytes: Uint8Array): Uint8Array {
    const torn = old.slice()
    const split = Math.floor(this.random() * (bytes.length + 1))
    const garbage = this.random() < 0.5
    for (let i = 0; i < bytes.length; i++) {
      if (i < split) torn[i] = bytes[i]!
      else if (garbage && this.random() < 0.3) torn[i] = Math.floor(this.random() * 256)
    }
    return torn
  }

  /** One-time bits of which some of the new ones are set. */
  tearBits(old: Uint8Array, bytes: Uint8Array): Uint8Array {
    const torn = old.slice()
    for (let bit = 0; bit < 8 * bytes.length; bit++) {
      const mask = 1 << (bit & 7)
      if ((bytes[bit >> 3]! & mask) !== 0 && this.random() < 0.5) torn[bit >> 3]! |= mask
    }
    return torn
  }

  #step(): boolean {
    this.#steps++
    return this.#steps === this.#cutAt
  }
}

/** mulberry32: faults must replay, so chance comes from a seed. */
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
