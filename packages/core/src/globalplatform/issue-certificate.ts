import { der } from '../der/index.ts'
import { UsageError } from '../errors/index.ts'
import type { Crypto, EcPrivateKey } from '../ports/index.ts'
import { keyIdentifier, keyUsageBits, serializeCertificate, serializeTbs } from '../x509/index.ts'
import { type OceRole, oceRoles, policyOf } from './certificate-roles.ts'
import {
  type GpCertificateContent,
  serializeGpCertificate,
  serializeGpCertificateContent,
} from './gp-certificate.ts'
import { serializePolicies } from './x509-certificate.ts'

/** What an X.509 certificate of SCP11 shall say. Key usage and constraints follow from the role. */
export interface OceCertificateProfile {
  readonly role: OceRole
  /** Positive, at most 16 bytes. */
  readonly serialNumber: Uint8Array
  readonly subject: string
  readonly publicPoint: Uint8Array
  /** Seconds since 1970. */
  readonly notBefore: number
  readonly notAfter: number
  /** `self` for an authority at the top. */
  readonly issuer: { readonly subject: string; readonly publicPoint: Uint8Array } | 'self'
}

/** Issues an X.509 certificate, as YubiKeys and hosts of SCP11 take them. @returns its DER */
export function issueOceCertificate(
  profile: OceCertificateProfile,
  key: EcPrivateKey,
  crypto: Crypto,
): Uint8Array {
  const { role, publicPoint } = profile
  const { authority } = oceRoles[role]
  if (profile.issuer === 'self' && !authority) throw new UsageError(`${role}: only an authority signs itself`)
  const issuer = profile.issuer === 'self' ? profile : profile.issuer
  const usage = authority ? keyUsageBits.keyCertSign : keyUsageBits.keyAgreement
  const extensions = [
    ...(authority ? [{ oid: '2.5.29.19', critical: true, value: der.sequence(der.boolean(true)) }] : []),
    { oid: '2.5.29.15', critical: true, value: der.namedBits([usage]) },
    { oid: '2.5.29.32', critical: false, value: serializePolicies([policyOf(role)]) },
    { oid: '2.5.29.14', critical: false, value: der.octetString(keyIdentifier(publicPoint, crypto)) },
    {
      oid: '2.5.29.35',
      critical: false,
      value: der.sequence(der.implicit(0, keyIdentifier(issuer.publicPoint, crypto))),
    },
  ]
  const tbs = serializeTbs({
    serialNumber: profile.serialNumber,
    issuer: { commonName: issuer.subject },
    subject: { commonName: profile.subject },
    notBefore: profile.notBefore,
    notAfter: profile.notAfter,
    publicPoint,
    extensions,
  })
  return serializeCertificate(tbs, key.sign(tbs))
}

/** Issues a certificate in GlobalPlatform's own form. */
export function issueGpCertificate(content: GpCertificateContent, key: EcPrivateKey): Uint8Array {
  const tbs = serializeGpCertificateContent(content)
  return serializeGpCertificate(tbs, key.sign(tbs))
}
