import { equal } from '@sealwright/core/bytes'
import { withHandle } from '@sealwright/core/crypto'
import { AuthError, StateError, UsageError } from '@sealwright/core/errors'
import { requireFingerprint } from '@sealwright/core/personalization'
import { type Certificate, parseCertificate } from '@sealwright/core/x509'
import type { PartyPorts } from '../ports/index.ts'

/** Roots that a party pins: whose modules it believes, and whose parties. */
export type PinnedRole = 'manufacturer-root' | 'authority'

/**
 * Pins a root that came over a way the party trusts, once: another one of the same role is refused. AuthError when it is not signed by
 * itself.
 * @param fingerprint SHA-256 of its public key as told by another way; compared when it is given
 */
export async function pinRoot(
  { crypto, store }: PartyPorts,
  {
    certificate: bytes,
    fingerprint,
  }: { readonly certificate: Uint8Array; readonly fingerprint?: Uint8Array },
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
  const stored = await store.read(fileOf(role))
  if (stored !== undefined && !equal(stored, certificate.encoded)) {
    throw new StateError(`another ${nameOf(role)} is pinned already`)
  }
  await store.write(fileOf(role), certificate.encoded)
  return certificate
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
