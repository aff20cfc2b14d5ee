import type { Entropy } from '@sealwright/core/ports'

/**
 * Random bytes that are public once they are used, nonces and identifiers, taken from the world in larger pieces: to ask for 12 costs
 * as much as to encrypt a page.
 */
export class FreshBytes {
  readonly #entropy: Entropy
  #bytes: Uint8Array = new Uint8Array(0)
  #used = 0
  /** A memory that is opened to be read asks for few. */
  #next = 96

  constructor(entropy: Entropy) {
    this.#entropy = entropy
  }

  /** So many bytes, each of them for the first and only time; a view. */
  take(length: number): Uint8Array {
    if (this.#used + length > this.#bytes.length) {
      this.#bytes = this.#entropy.bytes(Math.max(length, this.#next))
      this.#used = 0
      this.#next = Math.min(1024, 2 * this.#next)
    }
    const from = this.#used
    this.#used += length
    return this.#bytes.subarray(from, this.#used)
  }
}
