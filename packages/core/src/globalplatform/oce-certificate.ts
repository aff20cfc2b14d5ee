import { encodeHex, equal } from '../bytes/index.ts'
import { AuthError, DecodeError, UsageError } from '../errors/index.ts'
import type { Crypto } from '../ports/index.ts'
import { parseTlvs, serializeTlv } from '../tlv/index.ts'
import type { OceCertificate } from './certificate.ts'
import { parseGpCertificate } from './gp-certificate.ts'
import { parseX509OceCertificate } from './x509-certificate.ts'

/** Parses one certificate; the first byte tells its format. X.509 wrapped in 7F21, as some cards give it, is taken out of it. */
export function parseOceCertificate(bytes: Uint8Array): OceCertificate {
  if (bytes[0] === 0x30) return parseX509OceCertificate(bytes)
  if (bytes[0] === 0x7f) {
    const [object, ...others] = parseTlvs(bytes, 'certificate')
    const wrapped = object?.tag === 0x7f21 && others.length === 0 && object.value[0] === 0x30
    return wrapped ? parseX509OceCertificate(object.value) : parseGpCertificate(bytes)
  }
  throw new DecodeError('certificate: expected X.509, 30, or 7F21')
}

/** Certificates one behind the other, as BF21 holds them: the root's side first, the leaf last. At least one. */
export function parseCertificateBundle(bytes: Uint8Array): OceCertificate[] {
  const list = parseTlvs(bytes, 'certificates')
  if (list.length === 0) throw new DecodeError('certificates: expected at least one')
  return list.map((object) => parseOceCertificate(serializeTlv(object)))
}

/** Whether the signature is of this key. A point that is not on the curve has none. */
export function verifyOceCertificate(
  certificate: OceCertificate,
  issuerPoint: Uint8Array,
  crypto: Crypto,
): boolean {
  try {
    const key = crypto.ecPublicKey(issuerPoint)
    try {
      return key.verify(certificate.signature, certificate.tbs)
    } finally {
      key[Symbol.dispose]()
    }
  } catch (error) {
    if (error instanceof AuthError) return false
    throw error
  }
}

/** Why a chain of SCP11 does not hold. */
export const oceChainProblems = {
  signature: 'its signature is not of the key above it',
  issuer: 'it names another issuer than the certificate above it',
  'not-authority': 'it stands above another, but its key may not sign certificates',
  'path-length': 'more authorities follow it than it allows',
  'not-agreement': 'it is the last, but its key may not agree on keys',
  'unknown-critical': 'it has a critical extension that is not known here',
  'not-yet-valid': 'its validity has not begun',
  expired: 'its validity has ended',
} as const satisfies Record<string, string>

export type OceChainProblem = keyof typeof oceChainProblems

export interface OceChainFailure {
  readonly problem: OceChainProblem
  /** Which of the chain, from 0. */
  readonly at: number
}

/** Key of an authority, or whether it signed a certificate, for authorities whose keys are of another kind. */
export type ChainAuthority = Uint8Array | ((certificate: OceCertificate) => boolean)

/**
 * Checks a chain, leaf last, against the key of the authority above its first certificate. Undefined: it holds. A chain may begin
 * with the authority's own certificate, which its own key signed.
 * @param now seconds since 1970; left out where there is no clock, as in a card
 */
export function checkOceChain(
  chain: readonly OceCertificate[],
  authority: ChainAuthority,
  crypto: Crypto,
  now?: number,
): OceChainFailure | undefined {
  if (chain.length === 0) throw new UsageError('expected a chain of at least one certificate')
  let above: OceCertificate | undefined
  for (const [at, certificate] of chain.entries()) {
    const signed = above
      ? verifyOceCertificate(certificate, above.publicPoint, crypto)
      : typeof authority === 'function'
        ? authority(certificate)
        : verifyOceCertificate(certificate, authority, crypto)
    const problem = signed ? linkProblem(certificate, above, chain.slice(at + 1), now) : 'signature'
    if (problem) return { problem, at }
    above = certificate
  }
  return undefined
}

function linkProblem(
  certificate: OceCertificate,
  above: OceCertificate | undefined,
  below: readonly OceCertificate[],
  now: number | undefined,
): OceChainProblem | undefined {
  if (above && !equal(above.subject, certificate.issuer)) return 'issuer'
  if (certificate.unknownCritical.length > 0) return 'unknown-critical'
  const last = below.length === 0
  if (!last && !certificate.signsCertificates) return 'not-authority'
  // The leaf does not count, nor does a certificate that its own holder signed (RFC 5280, 4.2.1.9).
  const authorities = below.slice(0, -1).filter(({ subject, issuer }) => !equal(subject, issuer))
  if (!last && authorities.length > (certificate.pathLength ?? authorities.length)) return 'path-length'
  if (last && !certificate.agreesOnKeys) return 'not-agreement'
  if (now === undefined) return undefined
  if (certificate.notBefore !== undefined && now < certificate.notBefore) return 'not-yet-valid'
  return now > certificate.notAfter ? 'expired' : undefined
}

/**
 * Certificates of one chain in whatever order files have them, as a chain: leaf last.
 * @param leafPoint key of the leaf; left out, it is the certificate that issued none of the others
 * @throws UsageError when they are no one chain
 */
export function orderChain(
  certificates: readonly OceCertificate[],
  leafPoint?: Uint8Array,
): OceCertificate[] {
  const issued = (by: OceCertificate, one: OceCertificate) => by !== one && equal(by.subject, one.issuer)
  const leaves = certificates.filter((one) =>
    leafPoint
      ? equal(one.publicPoint, leafPoint)
      : !certificates.some((other) => issued(one, other) && !equal(other.subject, other.issuer)),
  )
  const [leaf] = leaves
  if (leaf === undefined || leaves.length > 1) {
    throw new UsageError(
      leafPoint ? 'no one certificate of the chain is that of the key' : 'the certificates are no one chain',
    )
  }
  const chain = [leaf]
  while (chain.length < certificates.length) {
    const above = certificates.find((one) => !chain.includes(one) && issued(one, chain[0]!))
    if (!above) throw new UsageError('the certificates are no one chain')
    chain.unshift(above)
  }
  return chain
}

/** Serial numbers as an allow-list has them are the same when their bytes are, zeros in front aside. */
export function sameSerialNumber(a: Uint8Array, b: Uint8Array): boolean {
  return encodeHex(a).replace(/^(00)+/, '') === encodeHex(b).replace(/^(00)+/, '')
}
