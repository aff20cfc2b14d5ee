import type { Certificate } from '@sealwright/core/x509'
import type { PartyPorts } from '../ports/index.ts'
import { type CertifiedParty, makeOwnKey, type OwnKey, takeOwnCertificate } from '../trust/index.ts'

/** Name of the pair that signs the operator's documents. */
export const operatorKey = 'operator'

const self: CertifiedParty = { role: 'operator', keyName: operatorKey }

/** Makes the operator's key, or finds the one that is there, and the request for the authority's certificate. */
export function key(ports: PartyPorts, input: { readonly name: string }): Promise<OwnKey> {
  return makeOwnKey(ports, self, input)
}

/** Keeps the authority's certificate for the operator's key. */
export function certificate(
  ports: PartyPorts,
  input: { readonly certificate: Uint8Array },
): Promise<Certificate> {
  return takeOwnCertificate(ports, self, input)
}
