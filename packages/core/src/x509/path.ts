import { equal } from '../bytes/index.ts'
import { AuthError } from '../errors/index.ts'
import type { Crypto, EcPublicKey } from '../ports/index.ts'
import {
  type Certificate,
  isModuleSerial,
  keyIdentifier,
  moduleSerialText,
  type Name,
  ticketRole,
} from './certificate.ts'
import { extensionOids, type RoleName, roleRow } from './roles.ts'

/** Why a link of a certificate path does not hold, each with a text for people. */
export const pathReasons = {
  'path-empty': 'there is no certificate to check',
  'anchor-role': 'the trusted key is not of a role that certifies others',
  'issuer-name': 'the issuer named in it is not the subject of the certificate above it',
  'key-identifier': 'its key identifiers are not those of its own key and of the key above it',
  'public-key': 'the public key above it is not a point of the curve',
  signature: 'it is not signed by the key of the certificate above it',
  'not-yet-valid': 'its validity has not begun',
  expired: 'its validity has ended',
  'critical-extension': 'it has a critical extension that is not known here',
  'role-unknown': 'it states no role, several, or one that is not known here',
  'role-unexpected': 'it is of another role than the one asked for',
  'role-issuer': 'the role above it may not issue certificates of its role',
  'basic-constraints': 'its right to certify others is not what its role has',
  'path-length': 'there are more certificates below it than it allows',
  'key-usage': "its key usage is not its role's",
  'missing-field':
    'a field is missing or foreign that its role must carry (serial number, customer or binding)',
  'subject-serial': 'it belongs to another module',
  'customer-differs': 'it was issued for another customer than that of the certificate above it',
  'test-certificate': 'it is marked as made with test keys',
  'test-marker': 'its test marker differs from that of the certificate above it',
} as const

export type PathReason = keyof typeof pathReasons

/**
 * A key that is trusted already, as a bare point: a root's, or a unit's as the central system knows it.
 * What is left out is not compared with the certificates below.
 */
export interface Anchor {
  readonly publicPoint: Uint8Array
  readonly role: RoleName
  readonly subject?: Name
  readonly test?: boolean
  readonly customer?: Uint8Array | undefined
}

export interface PathInput {
  /** The leaf first, then each issuer; the root itself is not part of it. */
  readonly chain: readonly Certificate[]
  readonly anchor: Anchor | Certificate
  /** Role that the leaf must have. */
  readonly role: RoleName
  /** Seconds since 1970. */
  readonly at: number
  /** Serial number of the module that the leaf must belong to, 8 bytes. */
  readonly serial?: Uint8Array
  /** Accepts certificates with the test marker: only for modules whose OTP says that they are test modules. */
  readonly insecureAcceptTest?: boolean
}

/** `link` is the index in the chain of the certificate that fails; the anchor's is the chain's length. */
export type PathResult =
  | { readonly ok: true; readonly leaf: Certificate }
  | { readonly ok: false; readonly link: number; readonly reason: PathReason; readonly text: string }

/** Checks a certificate path from the anchor down to the leaf. Never throws for what the certificates hold. */
export function checkPath(input: PathInput, crypto: Crypto): PathResult {
  const fail = (link: number, reason: PathReason): PathResult => ({
    ok: false,
    link,
    reason,
    text: pathReasons[reason],
  })
  const { chain } = input
  const leaf = chain[0]
  if (!leaf) return fail(0, 'path-empty')
  const { anchor } = input
  if (!anchor.role || roleRow(anchor.role).pathLength === undefined) return fail(chain.length, 'anchor-role')
  if ('tbs' in anchor) {
    const reason = anchorReason(anchor, anchor.role, input, crypto) ?? lengthReason(anchor, chain.length)
    if (reason) return fail(chain.length, reason)
  }
  let issuer: Anchor = { ...anchor, role: anchor.role }
  for (let link = chain.length - 1; link >= 0; link--) {
    const certificate = chain[link]!
    const reason =
      issuedReason(certificate, issuer, crypto) ??
      ownReason(certificate, certificate.role, input, crypto) ??
      lengthReason(certificate, link)
    if (reason) return fail(link, reason)
    issuer = { ...certificate, role: certificate.role! }
  }
  if (leaf.role !== input.role) return fail(0, 'role-unexpected')
  if (input.serial && leaf.subject.serialNumber !== moduleSerialText(input.serial)) {
    return fail(0, 'subject-serial')
  }
  return { ok: true, leaf }
}

/**
 * A root as a bare anchor, checked once for many paths. AuthError whose details name the reason.
 * @param input when, and whether test certificates are accepted, as for a path
 */
export function anchorOf(
  root: Certificate,
  input: Pick<PathInput, 'at' | 'insecureAcceptTest'>,
  crypto: Crypto,
): Anchor {
  const { role, publicPoint, subject, test, customer } = root
  const reason =
    role === undefined || roleRow(role).pathLength === undefined
      ? 'anchor-role'
      : anchorReason(root, role, input, crypto)
  if (reason !== undefined) throw new AuthError({ details: { certificate: pathReasons[reason] } })
  return { role: role!, publicPoint, subject, test, customer }
}

function anchorReason(
  anchor: Certificate,
  role: RoleName,
  input: Pick<PathInput, 'at' | 'insecureAcceptTest'>,
  crypto: Crypto,
): PathReason | undefined {
  const selfSigned = roleRow(role).issuedBy.includes('self')
  return (
    ownReason(anchor, role, input, crypto) ??
    (selfSigned ? signatureReason(anchor, anchor.publicPoint, crypto) : undefined)
  )
}

/** What must hold between a certificate and the one above it. */
function issuedReason(certificate: Certificate, issuer: Anchor, crypto: Crypto): PathReason | undefined {
  if (issuer.subject && !sameName(certificate.issuer, issuer.subject)) return 'issuer-name'
  const authorityKey = certificate.authorityKeyIdentifier
  if (!authorityKey || !equal(authorityKey, keyIdentifier(issuer.publicPoint, crypto)))
    return 'key-identifier'
  const signature = signatureReason(certificate, issuer.publicPoint, crypto)
  if (signature) return signature
  if (certificate.role && !roleRow(certificate.role).issuedBy.includes(issuer.role)) return 'role-issuer'
  if (issuer.test !== undefined && certificate.test !== issuer.test) return 'test-marker'
  const customer = certificate.binding?.customer
  if (customer && issuer.customer && !equal(customer, issuer.customer)) return 'customer-differs'
  return undefined
}

/** What must hold for a certificate by itself. */
function ownReason(
  certificate: Certificate,
  role: RoleName | undefined,
  input: Pick<PathInput, 'at' | 'insecureAcceptTest'>,
  crypto: Crypto,
): PathReason | undefined {
  if (certificate.extensions.some(({ oid, critical }) => critical && !knownOids.has(oid))) {
    return 'critical-extension'
  }
  if (input.at < certificate.notBefore) return 'not-yet-valid'
  if (input.at > certificate.notAfter) return 'expired'
  if (!role) return 'role-unknown'
  const ownKey = certificate.subjectKeyIdentifier
  if (!ownKey || !equal(ownKey, keyIdentifier(certificate.publicPoint, crypto))) return 'key-identifier'
  if (certificate.test && !input.insecureAcceptTest) return 'test-certificate'
  const row = roleRow(role)
  const { ca = false, pathLength } = certificate.basicConstraints ?? {}
  const allowed = row.pathLength ?? -1
  if (ca !== allowed >= 0 || (ca && (pathLength ?? Number.POSITIVE_INFINITY) > allowed)) {
    return 'basic-constraints'
  }
  const usage = certificate.keyUsage ?? []
  if (usage.length !== row.keyUsage.length || !row.keyUsage.every((one) => usage.includes(one))) {
    return 'key-usage'
  }
  const carried = {
    'module serial': isModuleSerial(certificate.subject.serialNumber),
    customer: certificate.customer !== undefined,
    binding: certificate.binding !== undefined,
  }
  for (const field of ['module serial', 'customer', 'binding'] as const) {
    const needed = row.carries.includes(field)
    if (needed !== carried[field] && (needed || field !== 'module serial')) return 'missing-field'
  }
  if (certificate.ticket !== undefined && role !== ticketRole) return 'missing-field'
  return undefined
}

function signatureReason(
  certificate: Certificate,
  publicPoint: Uint8Array,
  crypto: Crypto,
): PathReason | undefined {
  let key: EcPublicKey
  try {
    key = crypto.ecPublicKey(publicPoint)
  } catch (error) {
    if (error instanceof AuthError) return 'public-key'
    throw error
  }
  try {
    return key.verify(certificate.signature, certificate.tbs) ? undefined : 'signature'
  } finally {
    key[Symbol.dispose]()
  }
}

/** RFC 5280 section 4.2.1.9: the leaf is not counted, whatever it is. */
function lengthReason(certificate: Certificate, link: number): PathReason | undefined {
  const pathLength = certificate.basicConstraints?.pathLength
  return pathLength !== undefined && link - 1 > pathLength ? 'path-length' : undefined
}

function sameName(a: Name, b: Name): boolean {
  return a.commonName === b.commonName && a.serialNumber === b.serialNumber
}

const knownOids: ReadonlySet<string> = new Set(Object.values(extensionOids))
