import { ascii, concat, fixedBytes, u16, u32, wipe } from '../bytes/index.ts'
import { UsageError } from '../errors/index.ts'
import type { AesKey, Crypto } from '../ports/index.ts'

/**
 * KDF in counter mode with AES-CMAC (SP 800-108r1, 4.1), r = 8, counter first:
 * K(i) = CMAC(key, i ‖ fixedInput), i = 1, 2, …; the first `lengthBytes` bytes of K(1) ‖ K(2) ‖ …
 * At most 255 × 16 bytes.
 */
export function kbkdfCmac(key: AesKey, fixedInput: Uint8Array, lengthBytes: number): Uint8Array {
  requireOutput(lengthBytes, 255 * 16)
  return expand(lengthBytes, (i) => key.cmac(Uint8Array.of(i), fixedInput))
}

/**
 * Keys from a key: CMAC(key, i ‖ label ‖ 00 ‖ context ‖ L), L = length in bits, 2 bytes.
 * SP 800-108r1, 4.1 with r = 8; the label is ASCII.
 */
export function deriveKey(key: AesKey, label: string, context: Uint8Array, lengthBytes: number): Uint8Array {
  requireOutput(lengthBytes, 255 * 16)
  return kbkdfCmac(key, concat(ascii(label), Uint8Array.of(0), context, u16(8 * lengthBytes)), lengthBytes)
}

/**
 * KDF in counter mode with HMAC-SHA-256 (SP 800-108r1, 4.1), r = 32, counter first:
 * K(i) = HMAC(key, i ‖ fixedInput).
 */
export function kbkdfHmac(
  crypto: Crypto,
  key: Uint8Array,
  fixedInput: Uint8Array,
  lengthBytes: number,
): Uint8Array {
  requireOutput(lengthBytes, 255 * 32)
  return expand(lengthBytes, (i) => crypto.hmacSha256(key, u32(i), fixedInput))
}

/** The first `length` bytes of block(1) ‖ block(2) ‖ …; the blocks are wiped. */
export function expand(length: number, block: (counter: number) => Uint8Array): Uint8Array {
  const out = fixedBytes(length)
  for (let offset = 0, i = 1; offset < length; i++) {
    const part = block(i)
    out.set(part.subarray(0, length - offset), offset)
    offset += part.length
    wipe(part)
  }
  return out
}

export function requireOutput(lengthBytes: number, most: number): void {
  if (!Number.isInteger(lengthBytes) || lengthBytes < 1 || lengthBytes > most) {
    throw new UsageError(`key derivation: expected an output of 1..${most} bytes, ${lengthBytes} asked for`)
  }
}
