import { keyPlaces } from '@sealwright/core/catalog'
import { identityRequestInput, serializeIdentityKey } from '@sealwright/core/customization'
import { InternalError } from '@sealwright/core/errors'
import { requireCustomizationSoftware } from '../customization/index.ts'
import { Refusal } from '../dispatch/refusal.ts'
import type { Call, Parts } from '../parts.ts'
import { readPolicy } from '../personalization/index.ts'

/** MAKE IDENTITY: makes the identity key pair once; asked again it answers with the same point. */
export function makeIdentity(
  parts: Pick<Parts, 'crypto' | 'entropy' | 'events' | 'keys' | 'nvm' | 'objects' | 'otp' | 'ram' | 'serial'>,
  { p1, p2, data }: Pick<Call, 'p1' | 'p2' | 'data'>,
): Uint8Array {
  if (p1 !== 0 || p2 !== 0) throw new Refusal('wrong-parameters')
  if (data.length > 0) throw new Refusal('wrong-length')
  requireCustomizationSoftware(parts)
  const { crypto, entropy, events, keys, nvm, otp } = parts
  const serial = parts.serial()
  if (serial === undefined) throw new InternalError('customization mode without serial number')
  if (!keys.has(keyPlaces.identity)) {
    const random = entropy.bytes(48)
    nvm.transaction((tx) => {
      const point = keys.makePair(tx, keyPlaces.identity, random)
      events.record(tx, 'identity-made', serial, crypto.sha256(point))
    })
    random.fill(0)
  }
  if (readPolicy(parts.objects).has('pair-at-manufacture') && !keys.has(keyPlaces.manufactured)) {
    const random = entropy.bytes(48)
    nvm.transaction((tx) => keys.makePair(tx, keyPlaces.manufactured, random))
    random.fill(0)
  }
  const point = keys.point(keyPlaces.identity)
  const test = otp.test('test')
  const signature = keys.sign(keyPlaces.identity, identityRequestInput(serial, point, test))
  return serializeIdentityKey({ point, test, signature })
}
