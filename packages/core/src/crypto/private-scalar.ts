import { ascii, concat, u32, wipe } from '../bytes/index.ts'
import type { Crypto } from '../ports/index.ts'
import { p256Order, requireLength } from './argument-checks.ts'
import { kbkdfHmac } from './kbkdf.ts'

/**
 * A P-256 private key from 48 random bytes and a salt: c mod (n−1) + 1 (SP 800-56A r3, 5.6.1.2.1, extra random bits).
 * With a salt, c = HMAC-SHA-256 in counter mode (SP 800-108r1, 4.1; r = 32) under the 48 bytes as key over
 * "ESM-P256" ‖ 00 ‖ salt ‖ 00000180, i.e. the first 48 bytes of K(1) ‖ K(2); without one, c = the 48 bytes.
 * Returns 32 bytes.
 */
export function privateScalar(crypto: Crypto, entropy48: Uint8Array, salt?: Uint8Array): Uint8Array {
  requireLength(entropy48, 48, 'entropy of a private key')
  if (salt === undefined) return scalarFrom(entropy48)
  const fixedInput = concat(ascii('ESM-P256'), Uint8Array.of(0), salt, u32(384))
  const candidate = kbkdfHmac(crypto, entropy48, fixedInput, 48)
  const scalar = scalarFrom(candidate)
  wipe(candidate)
  return scalar
}

/**
 * 48 big-endian bytes mod (n−1) plus 1, by shift and masked subtraction in arrays that can be wiped:
 * a BigInt would leave the secret on the heap.
 */
function scalarFrom(bytes: Uint8Array): Uint8Array {
  const rest = new Uint32Array(limbs)
  for (let i = 0; i < 16; i++) rest[i] = (bytes[30 - 2 * i]! << 8) | bytes[31 - 2 * i]!
  const difference = new Uint32Array(limbs)
  // 2^256 < 2(n−1): the first 32 bytes need one subtraction, and so does every doubling.
  subtractOnce(rest, difference)
  for (const byte of bytes.subarray(32)) {
    for (let bit = 7; bit >= 0; bit--) {
      for (let i = 0, carry = (byte >>> bit) & 1; i < limbs; i++) {
        const doubled = (rest[i]! << 1) | carry
        carry = doubled >>> 16
        rest[i] = doubled & 0xffff
      }
      subtractOnce(rest, difference)
    }
  }
  const scalar = new Uint8Array(32)
  for (let i = 0, carry = 1; i < 16; i++) {
    const sum = rest[i]! + carry
    carry = sum >>> 16
    scalar[31 - 2 * i] = sum & 0xff
    scalar[30 - 2 * i] = (sum >>> 8) & 0xff
  }
  rest.fill(0)
  difference.fill(0)
  return scalar
}

/** Takes n−1 off when it fits, without a branch on the value. `difference` is scratch. */
function subtractOnce(rest: Uint32Array, difference: Uint32Array): void {
  let borrow = 0
  for (let i = 0; i < limbs; i++) {
    const less = rest[i]! - modulus[i]! - borrow
    borrow = less >>> 31
    difference[i] = less & 0xffff
  }
  const keep = -borrow
  for (let i = 0; i < limbs; i++) rest[i] = (rest[i]! & keep) | (difference[i]! & ~keep)
}

/** 16 limbs of 16 bits for n, and one for the carry of a doubling. */
const limbs = 17

/** n−1 in limbs, least first; n is odd, so only the last bit of n goes. */
const modulus = Uint32Array.from({ length: limbs }, (_, i) =>
  i === 16 ? 0 : (p256Order[30 - 2 * i]! << 8) | (p256Order[31 - 2 * i]! - (i === 0 ? 1 : 0)),
)
