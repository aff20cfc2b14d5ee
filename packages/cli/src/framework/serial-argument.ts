import { decodeHex } from '@sealwright/core/bytes'
import { UsageError } from '@sealwright/core/errors'

/** A module's serial number as people write it: 16 hex digits. */
export function requireSerial(text: string): Uint8Array {
  if (!/^[0-9a-fA-F]{16}$/.test(text)) {
    throw new UsageError(`expected a serial number of 16 hex digits, got ${JSON.stringify(text)}`)
  }
  return decodeHex(text)
}
