import { equal } from '@sealwright/core/bytes'
import { certificateIds, publicKeyIds } from '@sealwright/core/catalog'
import { type Certificate, checkPath, parseCertificate, type RoleName } from '@sealwright/core/x509'
import { Refusal } from '../dispatch/refusal.ts'
import type { Parts } from '../parts.ts'
import { readChecked } from '../personalization/index.ts'
import type { Settings } from './settings.ts'

type Needs = Pick<Parts, 'crypto' | 'objects' | 'otp'>

/** The unit's certificate in the card; 6985 before STORE UNIT CERTIFICATE. */
export function unitCertificate(parts: Needs): Certificate {
  const encoded = readChecked(parts, 'certificate', certificateIds.signingUnit.id)
  if (encoded === undefined) throw new Refusal('conditions-not-satisfied')
  return parseCertificate(encoded)
}

/** Refuses with 6A80 a unit's certificate that is not the manufacturer's, for this card's key and customer, in force at the time. */
export function requireUnit(
  parts: Needs,
  unit: Certificate,
  { point, customer }: Settings,
  at: number,
): void {
  requireCertified(parts, unit, 'unit', at)
  const fits = equal(unit.publicPoint, point) && unit.customer !== undefined && equal(unit.customer, customer)
  if (!fits) throw new Refusal('wrong-data')
}

/** Refuses with 6A80 what the manufacturer that customization stored has not certified for this role, with exactly this card's test mark. */
export function requireCertified(
  { crypto, objects, otp }: Needs,
  certificate: Certificate,
  role: RoleName,
  at: number,
  serial?: Uint8Array,
): void {
  const publicPoint = objects.read('public-key', publicKeyIds.manufacturer)
  if (publicPoint === undefined) throw new Refusal('conditions-not-satisfied')
  const test = otp.test('test')
  // The anchor's mark is compared with the certificate's, in both directions.
  const anchor = { publicPoint, role: 'manufacturer-root' as const, test }
  const more = serial === undefined ? {} : { serial }
  const path = { chain: [certificate], anchor, role, at, insecureAcceptTest: test, ...more }
  if (!checkPath(path, crypto).ok) throw new Refusal('wrong-data')
}
