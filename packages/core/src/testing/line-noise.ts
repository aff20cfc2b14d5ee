/** How often something happens to a byte on a line, each from 0 to 1. */
export interface NoiseRates {
  readonly lose?: number
  readonly flip?: number
  readonly double?: number
  /** A byte that nobody sent comes before it. */
  readonly insert?: number
  /** It and all behind it come later. */
  readonly delay?: number
  readonly longestDelayMs?: number
}

/** A piece of what the line brings, and how much later than what came before. */
export interface NoisyPiece {
  readonly bytes: Uint8Array
  readonly delayMs: number
}

/** A bad line in one direction, the same for the same seed. Bytes never overtake each other. */
export class LineNoise {
  readonly #rates: Required<NoiseRates>
  readonly #chance: () => number
  /** What has happened so far, all kinds together. */
  disturbances = 0

  constructor(seed: number, rates: NoiseRates) {
    this.#rates = { lose: 0, flip: 0, double: 0, insert: 0, delay: 0, longestDelayMs: 0, ...rates }
    this.#chance = chance(seed)
  }

  pass(sent: Uint8Array): NoisyPiece[] {
    const pieces: NoisyPiece[] = []
    let bytes: number[] = []
    let delayMs = 0
    for (const byte of sent) {
      if (this.#happens('delay')) {
        pieces.push({ bytes: Uint8Array.from(bytes), delayMs })
        bytes = []
        delayMs = this.#chance() * this.#rates.longestDelayMs
      }
      if (this.#happens('insert')) bytes.push(this.#below(256))
      if (this.#happens('lose')) continue
      const came = this.#happens('flip') ? byte ^ (1 << this.#below(8)) : byte
      bytes.push(came)
      if (this.#happens('double')) bytes.push(came)
    }
    pieces.push({ bytes: Uint8Array.from(bytes), delayMs })
    return pieces.filter((piece) => piece.bytes.length > 0 || piece.delayMs > 0)
  }

  #happens(what: keyof NoiseRates): boolean {
    if (this.#chance() >= this.#rates[what]) return false
    this.disturbances++
    return true
  }

  #below(limit: number): number {
    return Math.floor(this.#chance() * limit)
  }
}

/** Numbers from 0 to below 1 of a 32-bit generator (xorshift, after a mixing of the seed); for tests only. */
export function chance(seed: number): () => number {
  let state = (Math.imul(seed, 0x9e37_79b1) ^ 0x5bd1_e995) >>> 0 || 1
  return () => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    state >>>= 0
    return state / 0x1_0000_0000
  }
}
