import { equal } from '@sealwright/core/bytes'
import { refuseTestKey, withHandle } from '@sealwright/core/crypto'
import { AuthError, PeerError, StateError, UsageError } from '@sealwright/core/errors'
import { requireFingerprint } from '@sealwright/core/personalization'
import { type Certificate, parseCertificate, pathReasons } from '@sealwright/core/x509'
import type { PartyPorts } from '../ports/index.ts'

/** Roots that a party pins: whose modules it believes, and whose parties. */
export type PinnedRole = 'manufacturer-root' | 'authority'

export interface PinInput {
  /** The root, DER. */
  readonly certificate: Uint8Array
  /** SHA-256 of its public key as told by another way; compared when it is given. */
  readonly fingerprint?: Uint8Array
  /** Takes a test root, under which everything is made with test keys (X9). */
  readonly insecureTestRoot?: boolean
}

/**
 * Pins a root that came over a way the party trusts, once: another one of the same role is refused. AuthError when it is not signed by
 * itself.
 */
export async function pinRoot(
  { crypto, store }: PartyPorts,
  { certificate: bytes, fingerprint, insecureTestRoot = false }: PinInput,
): Promise<Certificate> {
  const certificate = parseCertificate(bytes)
  const { role, publicPoint } = certificate
  if (role !== 'manufacturer-root' && role !== 'authority') {
    throw new UsageError(
      `expected the root of a manufacturer or an authority, got a certificate of ${role ?? 'no role'}`,
    )
  }
  const holds = withHandle(crypto.ecPublicKey(publicPoint), (key) =>
    key.verify(certificate.signature, certificate.tbs),
  )
  if (!holds) throw new AuthError()
  requireFingerprint(publicPoint, fingerprint, crypto)
  if (!insecureTestRoot) {
    refuseTestRoot(certificate, nameOf(role))
    refuseTestKey(crypto, publicPoint, `the key of the ${nameOf(role)}`)
  }
  const stored = await store.read(fileOf(role))
  if (stored !== undefined && !equal(stored, certificate.encoded)) {
    throw new StateError(`another ${nameOf(role)} is pinned already`)
  }
  await store.write(fileOf(role), certificate.encoded)
  return certificate
}

function refuseTestRoot({ test }: Certificate, name: string): void {
  if (!test) return
  throw new PeerError(`the ${name} does not hold: ${pathReasons['test-certificate']}`, {
    code: 'certificate-refused',
    details: { certificate: name, reason: 'test-certificate' },
  })
}

/** The root that was pinned; StateError `trust-missing` before that. */
export async function pinnedRoot({ store, party }: PartyPorts, role: PinnedRole): Promise<Certificate> {
  const stored = await store.read(fileOf(role))
  if (stored !== undefined) return parseCertificate(stored)
  throw new StateError(`the ${party} has pinned no ${nameOf(role)}`, { code: 'trust-missing' })
}

function fileOf(role: PinnedRole): string {
  return `trust/${role}.der`
}

function nameOf(role: PinnedRole): string {
  return role === 'authority' ? "authority's certificate" : "manufacturer's root"
}
