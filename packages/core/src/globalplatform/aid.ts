import type { Reader } from '../bytes/index.ts'
import { DecodeError, UsageError } from '../errors/index.ts'
import { serializeField } from './length-value.ts'

/** An application identifier has 5 to 16 bytes (ISO/IEC 7816-4, 12.2.3). */
export function isAid(bytes: Uint8Array): boolean {
  return bytes.length >= 5 && bytes.length <= 16
}

export function requireAid(bytes: Uint8Array): Uint8Array {
  if (!isAid(bytes)) throw new UsageError(`expected an AID of 5 to 16 bytes, ${bytes.length} came`)
  return bytes
}

/** The bytes as an AID; another length is a DecodeError. */
export function asAid(bytes: Uint8Array, what: string): Uint8Array {
  if (!isAid(bytes)) throw new DecodeError(`${what}: expected an AID of 5 to 16 bytes, ${bytes.length} came`)
  return bytes
}

/** length(1) ‖ AID. */
export function readAid(r: Reader, field: string): Uint8Array {
  return asAid(r.take(r.u8(`length of ${field}`), field), field)
}

/** length(1) ‖ AID, or 00 for none. */
export function readOptionalAid(r: Reader, field: string): Uint8Array | undefined {
  if (r.peek() !== 0) return readAid(r, field)
  r.u8(`length of ${field}`)
  return undefined
}

export function serializeAid(aid: Uint8Array | undefined): Uint8Array {
  return aid === undefined ? Uint8Array.of(0) : serializeField(requireAid(aid))
}
