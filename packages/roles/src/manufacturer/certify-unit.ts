import { encodeHex, equal } from '@sealwright/core/bytes'
import { refuseTestKey } from '@sealwright/core/crypto'
import { StateError } from '@sealwright/core/errors'
import { openCertificateRequest, requireFingerprint } from '@sealwright/core/personalization'
import { type Certificate, parseCertificate, serializeCertificate, tbsOfProfile } from '@sealwright/core/x509'
import type { PartyPorts } from '../ports/index.ts'
import { certificateNumber, initRoot, rootKey } from './root.ts'

export interface CertifyUnitInput {
  /** The unit's request, a `certificate-request` document. */
  readonly request: Uint8Array
  /** SHA-256 of the unit's public key as the customer told it by another way, 32 bytes: nothing else vouches for the key (C14). */
  readonly fingerprint: Uint8Array
  /** Validity in days from now; ten years unless given. */
  readonly days?: number
}

/**
 * Signs a customer's signing key (B9): it may then personalize modules for that customer. The same request again gives the same
 * certificate while that is valid; the same key for another customer or under another name is refused.
 */
export async function certifyUnit(ports: PartyPorts, input: CertifyUnitInput): Promise<Certificate> {
  const { clock, crypto, store, vault } = ports
  const request = openCertificateRequest(input.request, 'unit', crypto)
  requireFingerprint(request.point, input.fingerprint, crypto)
  const issuer = await initRoot(ports)
  if (!issuer.test) refuseTestKey(crypto, request.point, "the unit's key")
  const now = clock.now()
  const name = `units/${encodeHex(crypto.sha256(request.point)).toLowerCase()}.der`
  const stored = await store.read(name)
  if (stored !== undefined) {
    const certificate = parseCertificate(stored)
    const same =
      certificate.subject.commonName === request.name && equal(certificate.customer!, request.customer!)
    if (!same)
      throw new StateError('this key was certified already, under another name or for another customer')
    if (now <= certificate.notAfter) return certificate
  }
  const tbs = tbsOfProfile(
    {
      role: 'unit',
      serialNumber: certificateNumber(ports),
      subject: { commonName: request.name },
      publicPoint: request.point,
      notBefore: now,
      notAfter: now + (input.days ?? 3650) * 86_400,
      issuer,
      customer: request.customer!,
    },
    crypto,
  )
  const encoded = serializeCertificate(tbs, await vault.sign(rootKey, tbs))
  await store.write(name, encoded)
  return parseCertificate(encoded)
}
