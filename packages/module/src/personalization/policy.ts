import { type Certification, certifications, productDataIds } from '@sealwright/core/catalog'
import { type Policy, parsePolicy, strictPolicy } from '@sealwright/core/personalization'
import { controlIds, type Objects, type Transaction } from '../eeprom/index.ts'

/** What the product allows in personalization; chain only when it says nothing. */
export function readPolicy(objects: Objects): Policy {
  const bytes = objects.read('product-data', productDataIds.policy)
  return bytes === undefined ? strictPolicy : parsePolicy(bytes)
}

/** What the trust in the stored central system rests on, as its code. */
export function readCertification(objects: Objects): number {
  return objects.read('control', controlIds.certification)?.[0] ?? certifications.none.code
}

export function writeCertification(tx: Transaction, objects: Objects, certification: Certification): void {
  objects.put(tx, 'control', controlIds.certification, Uint8Array.of(certifications[certification].code))
}
