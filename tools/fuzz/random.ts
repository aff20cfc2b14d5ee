/** Chance that follows from a seed, fast: sfc32 over four words that the seed's characters were mixed into. */
export class Random {
  #a = 0x9e3779b9
  #b = 0x243f6a88
  #c = 0xb7e15162
  #counter = 1

  constructor(seed: string) {
    for (const char of seed) {
      this.#a ^= Math.imul(char.codePointAt(0)!, 0x01000193)
      this.#word()
    }
    for (let i = 0; i < 16; i++) this.#word()
  }

  /** 0 up to, not including, `end`. */
  below(end: number): number {
    return Math.floor((this.#word() / 0x1_0000_0000) * end)
  }

  /** True once in `n` times. */
  oneIn(n: number): boolean {
    return this.below(n) === 0
  }

  /** Undefined for an empty list. */
  pick<T>(from: readonly T[]): T | undefined {
    return from[this.below(from.length)]
  }

  /** Small numbers more often than large ones: each further bit half as often. */
  small(limit: number): number {
    let bits = 1
    while (bits < 16 && this.oneIn(2)) bits++
    return this.below(Math.min(limit, 2 ** bits))
  }

  bytes(length: number): Uint8Array {
    return Uint8Array.from({ length }, () => this.below(256))
  }

  #word(): number {
    const t = (this.#a + this.#b + this.#counter++) | 0
    this.#a = this.#b ^ (this.#b >>> 9)
    this.#b = (this.#c + (this.#c << 3)) | 0
    this.#c = ((this.#c << 21) | (this.#c >>> 11)) + t
    return t >>> 0
  }
}
