import { identityProofs, keyPlaces, productDataIds } from '@sealwright/core/catalog'
import type { Objects } from '../eeprom/index.ts'
import type { KeyStore } from '../keys/index.ts'

/** Flag in the product data: the client chose identical modules, which have no identity key (B22). */
const identicalModules = 0x01

export function isIdentical(objects: Objects): boolean {
  return ((objects.read('product-data', productDataIds.flags)?.[0] ?? 0) & identicalModules) !== 0
}

/** What the module has to prove who it is, as its code. */
export function readIdentityProof({ keys }: { readonly keys: Pick<KeyStore, 'has'> }): number {
  const { none, identity, credential, both } = identityProofs
  const own = keys.has(keyPlaces.credential)
  if (keys.has(keyPlaces.identity)) return own ? both.code : identity.code
  return own ? credential.code : none.code
}
