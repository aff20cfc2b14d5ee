import type { Certificate } from '@sealwright/core/x509'
import type { PartyPorts } from '../ports/index.ts'
import { type CertifiedParty, makeOwnKey, type OwnKey, takeOwnCertificate } from '../trust/index.ts'

/** Name of the pair that signs requests and packages and proves the supplier to modules. */
export const supplierKey = 'supplier'

const self: CertifiedParty = { role: 'supplier', keyName: supplierKey }

/** Makes the supplier's key, or finds the one that is there, and the request for an authority's certificate. */
export function key(ports: PartyPorts, input: { readonly name: string }): Promise<OwnKey> {
  return makeOwnKey(ports, self, input)
}

/** Keeps the authority's certificate for the supplier's key. */
export function certificate(
  ports: PartyPorts,
  input: { readonly certificate: Uint8Array },
): Promise<Certificate> {
  return takeOwnCertificate(ports, self, input)
}
