import { fingerprint, prepareCertificateRequest } from '@sealwright/core/personalization'
import type { PartyPorts } from '../ports/index.ts'
import { initKey, signingKey } from './key.ts'

export interface RequestInput {
  /** Common name that the certificate is to have, 1 to 64 characters. */
  readonly name: string
  /** The customer that the unit works for, 16 bytes. */
  readonly customer: Uint8Array
}

export interface Request {
  /** The file for the manufacturer. */
  readonly document: Uint8Array
  /** SHA-256 of the public key, to be told by another way. */
  readonly fingerprint: Uint8Array
}

/** Asks the manufacturer for the certificate of the signing key, which is made when there is none. */
export async function request(ports: PartyPorts, { name, customer }: RequestInput): Promise<Request> {
  const { crypto, vault } = ports
  const point = await initKey(ports)
  const unsigned = prepareCertificateRequest({ role: 'unit', name, point, customer }, crypto)
  const document = unsigned.finish(await vault.sign(signingKey, unsigned.toBeSigned))
  return { document, fingerprint: fingerprint(point, crypto) }
}
