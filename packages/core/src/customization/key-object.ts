import { Reader, Writer } from '../bytes/index.ts'
import { UsageError } from '../errors/index.ts'

/** First byte of a key object: the kind of key (key types of GlobalPlatform 2.3.1, table 11-16). */
export const keyObjectTypes = { aes: 0x88, ecPrivate: 0xb1 } as const

/** An AES key as customization writes it into a key place: 88 ‖ key of 16, 24 or 32 bytes. Secret. */
export function serializeAesKeyObject(key: Uint8Array): Uint8Array {
  if (![16, 24, 32].includes(key.length))
    throw new UsageError(`AES key: expected 16, 24 or 32 bytes, got ${key.length}`)
  return new Writer().u8(keyObjectTypes.aes).bytes(key).finish()
}

/** Returns the key; the caller wipes it. */
export function parseAesKeyObject(bytes: Uint8Array): Uint8Array {
  const r = new Reader(bytes, 'key object')
  if (r.u8('type') !== keyObjectTypes.aes) throw r.fail('expected an AES key')
  if (![16, 24, 32].includes(r.remaining)) throw r.fail(`an AES key has no ${r.remaining} bytes`)
  return r.secret(r.remaining, 'key')
}
