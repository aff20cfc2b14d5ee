import { equal } from '../bytes/index.ts'
import { UsageError } from '../errors/index.ts'
import type { Crypto } from '../ports/index.ts'

/** Hash of a leaf: SHA-256(00 ‖ data) (RFC 6962 section 2.1). */
export function leafHash(data: Uint8Array, crypto: Crypto): Uint8Array {
  return crypto.sha256(Uint8Array.of(0), data)
}

/** Hash of a node: SHA-256(01 ‖ left ‖ right). */
export function nodeHash(left: Uint8Array, right: Uint8Array, crypto: Crypto): Uint8Array {
  return crypto.sha256(Uint8Array.of(1), left, right)
}

/**
 * A Merkle tree of RFC 6962 that only grows. It keeps the hashes of all complete subtrees, so that roots and
 * proofs of any earlier size take a number of steps that is logarithmic in the size.
 */
export class MerkleTree {
  readonly #crypto: Crypto
  /** #levels[h][i] is the root of the leaves i·2^h up to (i+1)·2^h. */
  readonly #levels: Uint8Array[][] = [[]]

  constructor(crypto: Crypto, leafHashes: Iterable<Uint8Array> = []) {
    this.#crypto = crypto
    for (const hash of leafHashes) this.append(hash)
  }

  get size(): number {
    return this.#levels[0]!.length
  }

  /** Adds the hash of a leaf (32 bytes). @returns its index */
  append(hash: Uint8Array): number {
    if (hash.length !== 32) throw new UsageError(`expected a hash of 32 bytes, got ${hash.length}`)
    let level = this.#levels[0]!
    level.push(hash.slice())
    for (let height = 1; level.length % 2 === 0; height++) {
      const parent = nodeHash(level.at(-2)!, level.at(-1)!, this.#crypto)
      this.#levels[height] ??= []
      level = this.#levels[height]!
      level.push(parent)
    }
    return this.size - 1
  }

  /** Root of the first `size` leaves; SHA-256 of nothing when there are none. */
  root(size = this.size): Uint8Array {
    this.#expectSize(size)
    return size === 0 ? this.#crypto.sha256() : this.#root(0, size)
  }

  /** The hashes beside the path from a leaf to the root, lowest first (RFC 6962 section 2.1.1). */
  inclusionProof(index: number, size = this.size): Uint8Array[] {
    this.#expectSize(size)
    if (!Number.isInteger(index) || index < 0 || index >= size) {
      throw new UsageError(`a tree of ${size} leaves has no leaf ${index}`)
    }
    const proof: Uint8Array[] = []
    let [start, end] = [0, size]
    while (end - start > 1) {
      const middle = start + split(end - start)
      if (index < middle) {
        proof.unshift(this.#root(middle, end))
        end = middle
      } else {
        proof.unshift(this.#root(start, middle))
        start = middle
      }
    }
    return proof
  }

  /** Shows that the tree of `oldSize` leaves is a beginning of the one of `size` (RFC 6962 section 2.1.2). */
  consistencyProof(oldSize: number, size = this.size): Uint8Array[] {
    this.#expectSize(size)
    if (!Number.isInteger(oldSize) || oldSize < 0 || oldSize > size) {
      throw new UsageError(`a tree of ${size} leaves has no beginning of ${oldSize}`)
    }
    const proof: Uint8Array[] = []
    if (oldSize === 0 || oldSize === size) return proof
    let [start, end] = [0, size]
    while (end !== oldSize) {
      const middle = start + split(end - start)
      if (oldSize <= middle) {
        proof.unshift(this.#root(middle, end))
        end = middle
      } else {
        proof.unshift(this.#root(start, middle))
        start = middle
      }
    }
    // A whole left part is known to who holds the old root.
    if (start > 0) proof.unshift(this.#root(start, end))
    return proof
  }

  #root(start: number, end: number): Uint8Array {
    const count = end - start
    const height = Math.log2(count)
    const whole = Number.isInteger(height) ? this.#levels[height]?.[start / count] : undefined
    if (whole) return whole.slice()
    const middle = start + split(count)
    return nodeHash(this.#root(start, middle), this.#root(middle, end), this.#crypto)
  }

  #expectSize(size: number): void {
    if (!Number.isInteger(size) || size < 0 || size > this.size) {
      throw new UsageError(`expected a size of 0..${this.size}, got ${size}`)
    }
  }
}

/** Whether a leaf stands at `index` in the tree with this root (RFC 9162 section 2.1.3.2). */
export function verifyInclusion(
  claim: {
    readonly leafHash: Uint8Array
    readonly index: number
    readonly size: number
    readonly root: Uint8Array
    readonly proof: readonly Uint8Array[]
  },
  crypto: Crypto,
): boolean {
  const { index, size } = claim
  if (!Number.isSafeInteger(index) || !Number.isSafeInteger(size) || index < 0 || index >= size) return false
  let [place, last, hash] = [index, size - 1, claim.leafHash]
  for (const sibling of claim.proof) {
    if (last === 0) return false
    if (place % 2 === 1 || place === last) {
      hash = nodeHash(sibling, hash, crypto)
      while (place % 2 === 0 && place !== 0) [place, last] = [place / 2, half(last)]
    } else {
      hash = nodeHash(hash, sibling, crypto)
    }
    ;[place, last] = [half(place), half(last)]
  }
  return last === 0 && equal(hash, claim.root)
}

/** Whether the tree with the old root is a beginning of the one with the new root (RFC 9162 section 2.1.4.2). */
export function verifyConsistency(
  claim: {
    readonly oldSize: number
    readonly oldRoot: Uint8Array
    readonly size: number
    readonly root: Uint8Array
    readonly proof: readonly Uint8Array[]
  },
  crypto: Crypto,
): boolean {
  const { oldSize, oldRoot, size, root, proof } = claim
  if (!Number.isSafeInteger(oldSize) || !Number.isSafeInteger(size) || oldSize < 0 || oldSize > size)
    return false
  if (oldSize === size) return proof.length === 0 && equal(oldRoot, root)
  if (oldSize === 0) return proof.length === 0 && equal(oldRoot, crypto.sha256())
  const path = Number.isInteger(Math.log2(oldSize)) ? [oldRoot, ...proof] : [...proof]
  const first = path.shift()
  if (!first) return false
  let [place, last] = [oldSize - 1, size - 1]
  while (place % 2 === 1) [place, last] = [half(place), half(last)]
  let [oldHash, hash] = [first, first]
  for (const sibling of path) {
    if (last === 0) return false
    if (place % 2 === 1 || place === last) {
      oldHash = nodeHash(sibling, oldHash, crypto)
      hash = nodeHash(sibling, hash, crypto)
      while (place % 2 === 0 && place !== 0) [place, last] = [place / 2, half(last)]
    } else {
      hash = nodeHash(hash, sibling, crypto)
    }
    ;[place, last] = [half(place), half(last)]
  }
  return last === 0 && equal(oldHash, oldRoot) && equal(hash, root)
}

function half(value: number): number {
  return Math.floor(value / 2)
}

/** The largest power of two below `count`. */
function split(count: number): number {
  let power = 1
  while (power * 2 < count) power *= 2
  return power
}
