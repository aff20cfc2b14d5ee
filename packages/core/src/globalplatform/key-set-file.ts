import { ascii, concat, fixedBytes } from '../bytes/index.ts'
import { DecodeError, UsageError } from '../errors/index.ts'
import type { Scp03KeyBytes } from './diversification.ts'

/**
 * A set of SCP03 keys from the bytes that a file of hex digits spells: one AES key, which then is all three, or ENC ‖ MAC ‖ DEK of one length.
 * The results are copies.
 */
export function parseKeySet(bytes: Uint8Array): Scp03KeyBytes {
  const length = keyLengths.find((one) => bytes.length === one || bytes.length === 3 * one)
  if (length === undefined) {
    throw new DecodeError(
      `key set: expected one AES key of 16, 24 or 32 bytes or three of them, ${bytes.length} bytes came`,
    )
  }
  const at = (i: number) => {
    const start = bytes.length === length ? 0 : i * length
    return bytes.slice(start, start + length)
  }
  return { enc: at(0), mac: at(1), dek: at(2) }
}

/** ENC, MAC and DEK as hex, a line each. */
export function serializeKeySetFile({ enc, mac, dek }: Scp03KeyBytes): Uint8Array {
  if (!keyLengths.some((length) => [enc, mac, dek].every((key) => key.length === length))) {
    throw new UsageError('a key set has three AES keys of one length')
  }
  return concat(...[enc, mac, dek].flatMap((key) => [hexDigits(key), ascii('\n')]))
}

/** As bytes, for text cannot be wiped. */
function hexDigits(bytes: Uint8Array): Uint8Array {
  const out = fixedBytes(2 * bytes.length)
  for (const [i, byte] of bytes.entries()) {
    out[2 * i] = hex.charCodeAt(byte >>> 4)
    out[2 * i + 1] = hex.charCodeAt(byte & 0x0f)
  }
  return out
}

const hex = '0123456789ABCDEF'

const keyLengths = [16, 24, 32]
