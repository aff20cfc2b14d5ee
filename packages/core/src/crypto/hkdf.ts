import { wipe } from '../bytes/index.ts'
import type { Crypto } from '../ports/index.ts'
import { expand, requireOutput } from './kbkdf.ts'

/** HKDF with SHA-256 (RFC 5869): extract, then expand to `length` bytes, at most 255 × 32. */
export function hkdf(
  crypto: Crypto,
  inputKey: Uint8Array,
  salt: Uint8Array,
  info: Uint8Array,
  length: number,
): Uint8Array {
  requireOutput(length, 255 * 32)
  const pseudorandomKey = crypto.hmacSha256(salt, inputKey)
  let previous = new Uint8Array(0)
  const out = expand(length, (i) => {
    const block = crypto.hmacSha256(pseudorandomKey, previous, info, Uint8Array.of(i))
    wipe(previous)
    previous = block.slice()
    return block
  })
  wipe(pseudorandomKey, previous)
  return out
}
