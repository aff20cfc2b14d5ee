import { wipe } from '@sealwright/core/bytes'
import type { Entropy } from '@sealwright/core/ports'
import type { KeySealer } from '../keys/sealed-key-file.ts'
import { returnValue } from './failures.ts'
import type { OpenToken } from './token.ts'
import {
  attribute,
  findKey,
  keyType,
  mechanism,
  naming,
  objectClass,
  requireStaying,
  staying,
} from './token-object.ts'

/** Seals by AES-256-GCM under a key that is made in the token when it is first needed, and never leaves it. */
export function tokenSealer(token: OpenToken, label: string, entropy: Entropy): KeySealer {
  const { calls, session } = token
  const parameters = (nonce: Uint8Array, associated: Uint8Array) => ({
    mechanism: mechanism.aesGcm,
    parameter: {
      type: gcmParameters,
      iv: Buffer.from(nonce),
      aad: Buffer.from(associated),
      ivBits: 96,
      tagBits: 128,
    },
  })
  return {
    nonce: () => entropy.bytes(12),
    seal: (nonce, plaintext, associated) =>
      token.inTurn('sealing a key file', async () => {
        const handle = findKey(token, label)?.handle ?? makeKey(token, label, entropy)
        const input = Buffer.from(plaintext)
        try {
          calls.C_EncryptInit(session, parameters(nonce, associated), handle)
          return new Uint8Array(calls.C_Encrypt(session, input, Buffer.alloc(input.length + 16)))
        } finally {
          wipe(input)
        }
      }),
    open: (nonce, sealed, associated) =>
      token.inTurn('opening a key file', async () => {
        const handle = findKey(token, label)?.handle
        if (handle === undefined) return undefined
        const output = Buffer.alloc(sealed.length)
        try {
          calls.C_DecryptInit(session, parameters(nonce, associated), handle)
          return new Uint8Array(calls.C_Decrypt(session, Buffer.from(sealed), output))
        } catch (error) {
          if (tagRefusals.has(returnValue(error) ?? 0)) return undefined
          throw error
        } finally {
          wipe(output)
        }
      }),
  }
}

function makeKey(token: OpenToken, label: string, entropy: Entropy): Buffer {
  const { calls, session } = token
  token.requireMechanisms({ CKM_AES_KEY_GEN: mechanism.aesKeys, CKM_AES_GCM: mechanism.aesGcm })
  const handle = calls.C_GenerateKey(session, { mechanism: mechanism.aesKeys }, [
    ...staying(),
    { type: attribute.class, value: objectClass.secret },
    { type: attribute.keyType, value: keyType.aes },
    { type: attribute.valueLength, value: 32 },
    { type: attribute.encrypt, value: true },
    { type: attribute.decrypt, value: true },
    ...naming(label, entropy.bytes(16)),
  ])
  try {
    requireStaying(token, handle, label)
    // Two processes that begin together: a second key would make both worthless.
    findKey(token, label)
    return handle
  } catch (error) {
    calls.C_DestroyObject(session, handle)
    throw error
  }
}

/** CK_PARAMS_AES_GCM of the binding. */
const gcmParameters = 3
/** CKR_GENERAL_ERROR (SoftHSM 2.6), CKR_ENCRYPTED_DATA_INVALID, CKR_AEAD_DECRYPT_FAILED (PKCS#11 3.0). */
const tagRefusals: ReadonlySet<number> = new Set([0x05, 0x40, 0x42])
