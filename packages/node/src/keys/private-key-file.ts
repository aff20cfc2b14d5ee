import { createPrivateKey, type KeyObject } from 'node:crypto'
import { wipe } from '@sealwright/core/bytes'
import { DerReader } from '@sealwright/core/der'
import { DecodeError } from '@sealwright/core/errors'

/**
 * The scalar (32 bytes) of the P-256 private key in a file of another program: PEM or DER, PKCS#8 or SEC 1. One that is encrypted, or of another
 * curve, is a DecodeError. The caller wipes the result.
 */
export function readPrivateKeyFile(bytes: Uint8Array): Uint8Array {
  const key = keyObject(bytes)
  if (key.asymmetricKeyType !== 'ec' || key.asymmetricKeyDetails?.namedCurve !== 'prime256v1') {
    throw new DecodeError('private key: expected a key of P-256')
  }
  const der = key.export({ format: 'der', type: 'sec1' })
  try {
    const r = new DerReader(der, 'private key').sequence('ECPrivateKey')
    r.smallInteger('version')
    return r.octetString('scalar')
  } finally {
    wipe(der)
  }
}

function keyObject(bytes: Uint8Array): KeyObject {
  const key = Buffer.from(bytes)
  const forms =
    bytes[0] === 0x30
      ? (['pkcs8', 'sec1'] as const).map((type) => ({ key, format: 'der' as const, type }))
      : [{ key, format: 'pem' as const }]
  try {
    for (const form of forms) {
      try {
        return createPrivateKey(form)
      } catch (error) {
        if (
          error instanceof TypeError ||
          (error as NodeJS.ErrnoException).code === 'ERR_MISSING_PASSPHRASE'
        ) {
          throw new DecodeError('private key: it is encrypted; take the encryption away first')
        }
      }
    }
    throw new DecodeError('private key: expected PKCS#8 or SEC 1, as PEM or DER')
  } finally {
    wipe(key)
  }
}
