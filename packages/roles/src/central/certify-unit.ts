import { openCertificateRequest, requireFingerprint } from '@sealwright/core/personalization'
import { type Certificate, parseCertificate, serializeCertificate, tbsOfProfile } from '@sealwright/core/x509'
import type { PartyPorts } from '../ports/index.ts'
import { sessionKey } from './key.ts'

export interface CircularInput {
  /** The central system's name, as in its own request. */
  readonly name: string
  /** The unit's request, a `certificate-request` document. */
  readonly request: Uint8Array
  /** SHA-256 of the unit's public key as told by another way, 32 bytes. */
  readonly fingerprint: Uint8Array
  /** Marks the certificate as made with test keys: for test modules. */
  readonly test?: boolean
}

/**
 * Circular certification (B8): the central system certifies the unit that will certify it. A module that takes this knows only that both
 * belong together: whoever makes two keys can do the same. Ten years.
 */
export async function insecureCertifyUnit(ports: PartyPorts, input: CircularInput): Promise<Certificate> {
  const { clock, crypto, entropy, vault } = ports
  const request = openCertificateRequest(input.request, 'unit', crypto)
  requireFingerprint(request.point, input.fingerprint, crypto)
  const serialNumber = entropy.bytes(16).slice()
  serialNumber[0] = (serialNumber[0]! & 0x7f) | 0x40
  const now = clock.now()
  const tbs = tbsOfProfile(
    {
      role: 'unit',
      serialNumber,
      subject: { commonName: request.name },
      publicPoint: request.point,
      notBefore: now,
      notAfter: now + 3650 * 86_400,
      issuer: {
        subject: { commonName: input.name },
        publicPoint: await vault.publicPoint(sessionKey),
        test: input.test ?? false,
      },
      customer: request.customer!,
    },
    crypto,
  )
  return parseCertificate(serializeCertificate(tbs, await vault.sign(sessionKey, tbs)))
}
