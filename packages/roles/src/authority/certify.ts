import { encodeHex } from '@sealwright/core/bytes'
import { refuseTestKey } from '@sealwright/core/crypto'
import { StateError } from '@sealwright/core/errors'
import { openCertificateRequest, requireFingerprint } from '@sealwright/core/personalization'
import { type Certificate, parseCertificate, serializeCertificate, tbsOfProfile } from '@sealwright/core/x509'
import type { PartyPorts } from '../ports/index.ts'
import { authorityCertificate, authorityKey, certificateNumber } from './root.ts'

export interface CertifyInput {
  readonly role: 'operator' | 'supplier'
  /** A `certificate-request`, signed with the key that it names. */
  readonly request: Uint8Array
  /** SHA-256 of the key as its owner told it by another way, 32 bytes: without it no key is certified (C14). */
  readonly fingerprint: Uint8Array
  /** Validity in days from now; ten years unless given. */
  readonly days?: number
}

/** Certifies an operator's or supplier's key. The same request again gives the same certificate while that is valid. */
export async function certify(ports: PartyPorts, input: CertifyInput): Promise<Certificate> {
  const { clock, crypto, store, vault } = ports
  const { role, days = 3650 } = input
  const issuer = await authorityCertificate(ports)
  const request = openCertificateRequest(input.request, role, crypto)
  requireFingerprint(request.point, input.fingerprint, crypto)
  if (!issuer.test) refuseTestKey(crypto, request.point, `the ${role}'s key`)
  const now = clock.now()
  const name = `${role}s/${encodeHex(crypto.sha256(request.point)).toLowerCase()}.der`
  const stored = await store.read(name)
  if (stored !== undefined) {
    const certificate = parseCertificate(stored)
    if (certificate.subject.commonName !== request.name) {
      throw new StateError('this key was certified already, under another name')
    }
    if (now <= certificate.notAfter) return certificate
  }
  const tbs = tbsOfProfile(
    {
      role,
      serialNumber: certificateNumber(ports),
      subject: { commonName: request.name },
      publicPoint: request.point,
      notBefore: now,
      notAfter: now + days * 86_400,
      issuer,
    },
    crypto,
  )
  const encoded = serializeCertificate(tbs, await vault.sign(authorityKey, tbs))
  await store.write(name, encoded)
  return parseCertificate(encoded)
}
