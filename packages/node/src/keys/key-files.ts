import { concat, decodeHex, equal, requireFormatVersion, wipe } from '@sealwright/core/bytes'
import { withHandle } from '@sealwright/core/crypto'
import { DecodeError } from '@sealwright/core/errors'
import type { Crypto } from '@sealwright/core/ports'
import type { StoredKey } from '@sealwright/roles/ports'

/** Endings of key files, by kind. */
export const keyFileEndings = { p256: '.p256.der', ed25519: '.ed25519.der', secret: '.secret' } as const

/**
 * A key as its file: pairs in PKCS#8 (RFC 5958; 5915 for P-256, with the public point; 8410 for Ed25519), so that other programs read
 * them; secrets as 01 ‖ bytes. The caller wipes the result.
 */
export function serializeKeyFile(crypto: Crypto, { kind, secret }: StoredKey): Uint8Array {
  if (kind === 'secret') return concat(secretVersion, secret)
  if (kind === 'ed25519') return concat(ed25519Head, secret)
  return withHandle(crypto.ecPrivateKey(secret), ({ publicPoint }) =>
    concat(p256Head, secret, p256Middle, publicPoint),
  )
}

/** The key in a file of this kind. The caller wipes the secret. */
export function parseKeyFile(kind: StoredKey['kind'], bytes: Uint8Array): StoredKey {
  if (kind === 'secret') {
    if (bytes.length === 0) throw new DecodeError('secret key file: it is empty')
    requireFormatVersion('secret key file', bytes[0]!)
    return { kind, secret: bytes.slice(1) }
  }
  const head = kind === 'p256' ? p256Head : ed25519Head
  const rest = bytes.subarray(head.length + 32)
  const whole =
    kind === 'p256'
      ? rest.length === p256Middle.length + 65 && equal(rest.subarray(0, p256Middle.length), p256Middle)
      : rest.length === 0 && bytes.length === head.length + 32
  if (!whole || !equal(bytes.subarray(0, head.length), head)) {
    throw new DecodeError(`key file: expected PKCS#8 of ${kind}`)
  }
  const secret = bytes.slice(head.length, head.length + 32)
  if (secret.every((byte) => byte === 0)) {
    wipe(secret)
    throw new DecodeError('key file: the private key is zero')
  }
  return { kind, secret }
}

const secretVersion = Uint8Array.of(0x01)
const p256Head = decodeHex('308187020100301306072A8648CE3D020106082A8648CE3D030107046D306B0201010420')
const p256Middle = decodeHex('A144034200')
const ed25519Head = decodeHex('302E020100300506032B657004220420')
