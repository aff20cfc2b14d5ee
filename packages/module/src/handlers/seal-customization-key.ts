import { wipe } from '@sealwright/core/bytes'
import { keyPlaces } from '@sealwright/core/catalog'
import { privateScalar } from '@sealwright/core/crypto'
import {
  checkIdentityRequest,
  customizationKeyLength,
  parseIdentityRequest,
  sealCustomizationKey,
  sealCustomizationKeyToChip,
  serializeCustomizationKeyEnvelope,
  serializeSealedCustomizationKey,
} from '@sealwright/core/customization'
import { InternalError } from '@sealwright/core/errors'
import { Refusal } from '../dispatch/refusal.ts'
import type { Call, Parts } from '../parts.ts'
import { samState } from '../sam/index.ts'

/**
 * SEAL CUSTOMIZATION KEY: a fresh key for the chip that made the identity request, sealed under the master key and to the chip's identity key.
 * The key leaves the SAM in no other form. Asked again it makes another one.
 */
export function sealCustomizationKeyHandler(
  parts: Pick<Parts, 'crypto' | 'entropy' | 'events' | 'keys' | 'nvm' | 'objects' | 'otp' | 'serial'>,
  { p1, p2, data }: Pick<Call, 'p1' | 'p2' | 'data'>,
): Uint8Array {
  if (p1 !== 0 || p2 !== 0) throw new Refusal('wrong-parameters')
  const { crypto, entropy, events, keys, nvm, otp } = parts
  const request = parseIdentityRequest(data)
  const sam = parts.serial()
  if (sam === undefined) throw new InternalError('user mode without serial number')
  samState(parts)
  checkIdentityRequest(crypto, request)
  if (request.test !== otp.test('test')) throw new Refusal('conditions-not-satisfied')
  const { serial, point } = request
  const key = entropy.bytes(customizationKeyLength)
  const random = entropy.bytes(48)
  try {
    const master = keys.aes(keyPlaces.samMaster)
    const sealed = sealCustomizationKey({ crypto, master, sam, serial }, { key, nonce: entropy.bytes(12) })
    const ephemeralScalar = privateScalar(crypto, random)
    const envelope = sealCustomizationKeyToChip({ crypto, serial, point }, { key, sealed, ephemeralScalar })
    const digest = crypto.sha256(serial, serializeSealedCustomizationKey(sealed))
    nvm.transaction((tx) => events.record(tx, 'customization-key-sealed', sam, digest))
    return serializeCustomizationKeyEnvelope(envelope)
  } finally {
    wipe(key, random)
  }
}
