import { bigEndian, type Dictionary } from './dictionary.ts'
import type { Random } from './random.ts'

const interesting = [0x00, 0x01, 0x02, 0x10, 0x20, 0x7f, 0x80, 0x81, 0x82, 0x84, 0xfe, 0xff]
const sweepOrder = [...new Set([...interesting, ...Array.from({ length: 256 }, (_, i) => i)])]
const numbers = [
  0,
  1,
  15,
  16,
  17,
  32,
  64,
  65,
  127,
  128,
  255,
  256,
  257,
  0x7fff,
  0x8000,
  0xffff,
  0x1_0000,
  2 ** 31,
  2 ** 32 - 1,
]

/**
 * One byte of the input changed, or one more behind its end: another place or another value each turn, first the values that mean
 * something, each at every place, then all others. Short inputs are gone through so; of long ones the beginning of that list is tried.
 */
export function sweepByte(bytes: Uint8Array, turn: number): Uint8Array {
  const at = turn % (bytes.length + 1)
  return replaced(bytes, at, 1, Uint8Array.of(sweepValue(Math.floor(turn / (bytes.length + 1)))))
}

/** The n-th value to try for a byte. */
export function sweepValue(n: number): number {
  return sweepOrder[n % 256]!
}

/** One to a few changes that know nothing of structure. `other`: bytes to take pieces from. */
export function mutateBytes(
  bytes: Uint8Array,
  random: Random,
  dictionary: Dictionary,
  other: Uint8Array,
): Uint8Array {
  let changed = bytes
  for (let n = random.oneIn(2) ? 1 : 1 + random.small(8); n > 0; n--)
    changed = mutateOnce(changed, random, dictionary, other)
  return changed
}

function mutateOnce(
  bytes: Uint8Array,
  random: Random,
  dictionary: Dictionary,
  other: Uint8Array,
): Uint8Array {
  const at = random.below(bytes.length + 1)
  const inside = bytes.length === 0 ? undefined : random.below(bytes.length)
  switch (random.below(12)) {
    case 0:
      return inside === undefined ? bytes : bytes.with(inside, bytes[inside]! ^ (1 << random.below(8)))
    case 1:
      return inside === undefined ? bytes : bytes.with(inside, random.below(256))
    case 2:
      return inside === undefined ? bytes : bytes.with(inside, random.pick(interesting)!)
    case 3:
      return inside === undefined
        ? bytes
        : bytes.with(inside, (bytes[inside]! + random.below(33) - 16) & 0xff)
    case 4:
      return overwritten(bytes, at, bigEndian(random.pick(numbers)!, random.pick([1, 2, 4])!))
    case 5:
      return replaced(bytes, at, 1 + random.small(bytes.length), new Uint8Array(0))
    case 6:
      return replaced(
        bytes,
        at,
        0,
        random.oneIn(2) ? random.bytes(1 + random.small(64)) : new Uint8Array(1 + random.small(64)),
      )
    case 7: {
      const from = random.below(bytes.length + 1)
      return replaced(bytes, at, 0, bytes.subarray(from, from + 1 + random.small(64)))
    }
    case 8:
      return overwritten(bytes, at, random.pick(dictionary.tokens) ?? new Uint8Array(1))
    case 9:
      return replaced(bytes, at, random.small(8), random.pick(dictionary.tokens) ?? new Uint8Array(1))
    case 10:
      return bytes.subarray(0, at)
    default: {
      const from = random.below(other.length + 1)
      return replaced(bytes, at, random.small(32), other.subarray(from, from + 1 + random.small(128)))
    }
  }
}

function overwritten(bytes: Uint8Array, at: number, piece: Uint8Array): Uint8Array {
  return replaced(bytes, at, piece.length, piece)
}

/** `length` bytes from `at` on, as many as there are, replaced. */
export function replaced(bytes: Uint8Array, at: number, length: number, piece: Uint8Array): Uint8Array {
  const rest = bytes.subarray(Math.min(bytes.length, at + length))
  const out = new Uint8Array(at + piece.length + rest.length)
  out.set(bytes.subarray(0, at))
  out.set(piece, at)
  out.set(rest, at + piece.length)
  return out
}
