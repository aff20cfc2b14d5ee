import type { Reader } from '@sealwright/core/bytes'

/** Writes a number of 0 to 2^53 − 1 as 8 bytes, big-endian. */
export function writeU64(out: Uint8Array, at: number, value: number): void {
  const [high, low] = [Math.floor(value / 2 ** 32), value >>> 0]
  for (let i = 0; i < 4; i++) {
    out[at + i] = high >>> (24 - 8 * i)
    out[at + 4 + i] = low >>> (24 - 8 * i)
  }
}

/** The same in 7 bytes. */
export function readU56(r: Reader, field: string): number {
  const high = r.u24(field)
  if (high > 0x1f_ffff) throw r.fail(`${field} above 2^53 − 1`)
  return high * 2 ** 32 + r.u32(field)
}

/** Reads what `writeU64` writes; a number above 2^53 − 1 is a DecodeError. */
export function readU64(r: Reader, field: string): number {
  const high = r.u32(field)
  const value = high * 2 ** 32 + r.u32(field)
  if (high > 0x1f_ffff) throw r.fail(`${field} above 2^53 − 1`)
  return value
}
