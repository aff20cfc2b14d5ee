import { fingerprint, prepareCertificateRequest } from '@sealwright/core/personalization'
import type { PartyPorts } from '../ports/index.ts'

/** Name of the pair with which the central system proves itself to modules. */
export const sessionKey = 'session'

export interface CentralKey {
  /** The file for the units, a `certificate-request`. */
  readonly document: Uint8Array
  /** SHA-256 of the public key, to be told by another way. */
  readonly fingerprint: Uint8Array
}

/** Makes the central system's key, or finds the one that is there, and the request for its certificate. */
export async function key(ports: PartyPorts, { name }: { readonly name: string }): Promise<CentralKey> {
  const { crypto, vault } = ports
  const point = (await vault.has(sessionKey))
    ? await vault.publicPoint(sessionKey)
    : await vault.createPair(sessionKey)
  const unsigned = prepareCertificateRequest({ role: 'central-system', name, point }, crypto)
  const document = unsigned.finish(await vault.sign(sessionKey, unsigned.toBeSigned))
  return { document, fingerprint: fingerprint(point, crypto) }
}
