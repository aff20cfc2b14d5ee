import { equal } from '@sealwright/core/bytes'
import { productDataIds, publicKeyIds } from '@sealwright/core/catalog'
import type { Identification } from '@sealwright/core/channel/general-authenticate'
import { checkPath, parseCertificate } from '@sealwright/core/x509'
import type { ChannelPeer } from '../channel/index.ts'
import { Refusal } from '../dispatch/refusal.ts'
import type { Parts } from '../parts.ts'
import { mayFollow, readTime, timeOf } from '../personalization/index.ts'

/** Channels that are for personalization alone are not set up in operation. */
export function requireAwaiting({ life }: Pick<Parts, 'life'>): void {
  if (life.state() === 'operating') throw new Refusal('conditions-not-satisfied')
}

/**
 * The unit that an identification names: its channel key, certified by a unit that the module's manufacturer has certified, of the customer
 * of the first personalization. The time in it is the unit's word, as BEGIN's is; it moves nothing. Undefined: refused. Malformed bytes are a
 * DecodeError.
 */
export function unitPeer(
  { crypto, objects, otp }: Pick<Parts, 'crypto' | 'objects' | 'otp'>,
  { time, certificates }: Identification,
): ChannelPeer | undefined {
  const manufacturerPoint = objects.read('public-key', publicKeyIds.manufacturer)
  const [own, unit, ...more] = certificates.map((bytes) => parseCertificate(bytes))
  if (manufacturerPoint === undefined || own === undefined || unit === undefined || more.length > 0) {
    return undefined
  }
  const test = otp.test('test')
  const path = checkPath(
    {
      chain: [own, unit],
      anchor: { publicPoint: manufacturerPoint, role: 'manufacturer-root', test },
      role: 'unit-channel',
      at: time,
      insecureAcceptTest: test,
    },
    crypto,
  )
  if (!path.ok || !mayFollow(readTime(objects, timeOf.unit), time)) return undefined
  const customer = objects.read('product-data', productDataIds.customer)
  if (customer !== undefined && !(unit.customer !== undefined && equal(unit.customer, customer))) {
    return undefined
  }
  return { point: own.publicPoint, unitPoint: unit.publicPoint }
}
