import { concat, wipe } from '../../bytes/index.ts'
import { scp03Kdf } from '../../crypto/index.ts'
import { UsageError } from '../../errors/index.ts'
import type { AesKey, Crypto } from '../../ports/index.ts'
import type { SessionKeys } from '../secure-messaging/index.ts'

/** Static keys as handles. `enc` and `mac` stay the caller's; the session owns `dek` and disposes of it. */
export interface Scp03Keys {
  readonly enc: AesKey
  readonly mac: AesKey
  readonly dek?: AesKey
}

/** Session keys of the length of the static keys (Amendment D, 6.2.1). Context: host challenge ‖ card challenge. */
export function deriveSessionKeys(crypto: Crypto, keys: Scp03Keys, context: Uint8Array): SessionKeys {
  const bytes = deriveSessionKeyBytes(keys, context)
  const session = sessionKeysOf(crypto, bytes)
  wipeSessionKeyBytes(bytes)
  return { ...session, ...(keys.dek === undefined ? {} : { dek: keys.dek }) }
}

/** Session keys as bytes: for whoever gives them to another. Secret. */
export interface SessionKeyBytes {
  readonly enc: Uint8Array
  readonly mac: Uint8Array
  readonly rmac: Uint8Array
}

/** The same as bytes; the caller wipes them. */
export function deriveSessionKeyBytes(keys: Scp03Keys, context: Uint8Array): SessionKeyBytes {
  const derive = (key: AesKey, constant: number) => scp03Kdf(key, constant, context, 8 * key.length)
  return {
    enc: derive(keys.enc, constants.enc),
    mac: derive(keys.mac, constants.mac),
    rmac: derive(keys.mac, constants.rmac),
  }
}

/** Handles; the bytes may be wiped after. */
export function sessionKeysOf(crypto: Crypto, { enc, mac, rmac }: SessionKeyBytes): SessionKeys {
  return { enc: crypto.aes(enc), mac: crypto.aes(mac), rmac: crypto.aes(rmac) }
}

export function wipeSessionKeyBytes({ enc, mac, rmac }: SessionKeyBytes): void {
  wipe(enc, mac, rmac)
}

/** Card or host cryptogram, 8 or 16 bytes, under the session's MAC key (Amendment D, 6.2.2). */
export function cryptogram(mac: AesKey, side: 'card' | 'host', context: Uint8Array): Uint8Array {
  return scp03Kdf(mac, constants[side], context, 4 * context.length)
}

/**
 * Pseudo-random card challenge (Amendment D, 6.2.2.1) of 8 or 16 bytes.
 * @param enc the static encryption key
 * @param sequenceCounter counted up before this use, 1..FFFFFF
 * @param aid of the selected application or security domain, 5..16 bytes
 */
export function pseudoRandomChallenge(
  enc: AesKey,
  sequenceCounter: number,
  aid: Uint8Array,
  length: 8 | 16,
): Uint8Array {
  if (!Number.isInteger(sequenceCounter) || sequenceCounter < 0 || sequenceCounter > 0xff_ffff) {
    throw new UsageError(`expected a sequence counter of 3 bytes, got ${sequenceCounter}`)
  }
  const counter = Uint8Array.of(
    sequenceCounter >>> 16,
    (sequenceCounter >>> 8) & 0xff,
    sequenceCounter & 0xff,
  )
  return scp03Kdf(enc, constants.challenge, concat(counter, aid), 8 * length)
}

/** MAC chaining value before EXTERNAL AUTHENTICATE. */
export const initialChaining: Readonly<Uint8Array> = new Uint8Array(16)

/** Data derivation constants (Amendment D, table 4-1). */
const constants = { card: 0x00, host: 0x01, challenge: 0x02, enc: 0x04, mac: 0x06, rmac: 0x07 } as const
