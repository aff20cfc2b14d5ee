import { equal } from '@sealwright/core/bytes'
import { certificateIds, keyPlaces, publicKeyIds } from '@sealwright/core/catalog'
import { InternalError } from '@sealwright/core/errors'
import { checkPath, parseCertificate } from '@sealwright/core/x509'
import { requireCustomizationSoftware } from '../customization/index.ts'
import { Refusal } from '../dispatch/refusal.ts'
import type { Call, Parts } from '../parts.ts'

/**
 * STORE IDENTITY: the certificate of the identity key, DER. It must be for this key and serial number and signed by the
 * manufacturer's key that customization stored. The chip knows no time: the validity is not compared here.
 */
export function storeIdentity(
  parts: Pick<Parts, 'crypto' | 'events' | 'keys' | 'nvm' | 'objects' | 'otp' | 'ram' | 'serial'>,
  { p1, p2, data }: Pick<Call, 'p1' | 'p2' | 'data'>,
): Uint8Array {
  if (p1 !== 0 || p2 !== 0) throw new Refusal('wrong-parameters')
  requireCustomizationSoftware(parts)
  const { crypto, events, keys, nvm, objects, otp } = parts
  const serial = parts.serial()
  if (serial === undefined) throw new InternalError('customization mode without serial number')
  const manufacturer = objects.read('public-key', publicKeyIds.manufacturer)
  if (manufacturer === undefined || !keys.has(keyPlaces.identity)) {
    throw new Refusal('conditions-not-satisfied')
  }
  const certificate = parseCertificate(data)
  const test = otp.test('test')
  const result = checkPath(
    {
      chain: [certificate],
      anchor: { publicPoint: manufacturer, role: 'manufacturer-root' },
      role: 'module-identity',
      at: certificate.notBefore,
      serial,
      insecureAcceptTest: test,
    },
    crypto,
  )
  const mine = equal(certificate.publicPoint, keys.point(keyPlaces.identity))
  if (!result.ok || !mine || certificate.test !== test) throw new Refusal('wrong-data')
  const { id } = certificateIds.identity
  const stored = objects.read('certificate', id)
  if (stored !== undefined) {
    if (!equal(stored, data)) throw new Refusal('already-there')
    return new Uint8Array(0)
  }
  nvm.transaction((tx) => {
    objects.put(tx, 'certificate', id, data)
    events.record(tx, 'identity-certified', serial, crypto.sha256(data))
  })
  return new Uint8Array(0)
}
