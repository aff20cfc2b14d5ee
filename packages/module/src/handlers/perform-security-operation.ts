import { DecodeError } from '@sealwright/core/errors'
import {
  checkOceChain,
  isCaKeyIdentifier,
  type OceCertificate,
  parseOceCertificate,
  roleOfPolicies,
  sameSerialNumber,
  verifyOceCertificate,
} from '@sealwright/core/globalplatform'
import { Refusal } from '../dispatch/refusal.ts'
import type { Call, Parts } from '../parts.ts'
import { type DomainKey, keyReference } from '../registry/index.ts'
import { countDomainTry, requireUnblocked } from '../security-domain/index.ts'

/**
 * PERFORM SECURITY OPERATION (Amendment F, 7.4): one certificate of the off-card entity, from the one that a stored CA key has signed down to the
 * leaf. P1 = version and P2 = id of the CA key, b8 when more follow; 00 and 00: the module finds the CA. There is no clock here: validity is not
 * checked (an allow-list ends what has expired).
 */
export function performSecurityOperation(parts: Parts, call: Pick<Call, 'p1' | 'p2' | 'data'>): Uint8Array {
  const { nvm, offCard } = parts
  const authorities = candidates(parts, call)
  const [named] = authorities
  if (named === undefined) throw new Refusal('reference-not-found')
  if (call.p2 !== 0 && authorities.length === 1) {
    requireUnblocked(parts, named.place)
    nvm.transaction((tx) => countDomainTry(parts, tx, named.place))
  }
  const certificate = parseOceCertificate(call.data)
  // Restrictions that are not enforced would be promises.
  if (certificate.authorizations !== undefined) throw new Refusal('function-not-supported')
  const link = linked(parts, authorities, certificate)
  if (link === undefined) {
    offCard.forget()
    throw new Refusal('certificate-not-verified')
  }
  requireAllowed(parts, link.authority, certificate)
  const last = (call.p2 & 0x80) === 0
  const point = pointOf(parts, link.authority)
  const holds = last
    ? checkOceChain(link.chain, point, parts.crypto) === undefined
    : certificate.signsCertificates && link.chain.length < longestChain
  if (!holds || !isInPlace(certificate, last)) {
    offCard.forget()
    throw new Refusal('certificate-not-verified')
  }
  if (last) offCard.complete({ point: certificate.publicPoint, authority: link.authority.place })
  else offCard.goOn({ chain: link.chain, authority: link.authority })
  return new Uint8Array(0)
}

function candidates({ domainKeys, registry }: Parts, { p1, p2 }: Pick<Call, 'p1' | 'p2'>): DomainKey[] {
  const id = p2 & 0x7f
  const all = domainKeys.list(registry.selected).filter((key) => isCaKeyIdentifier(key.id))
  return p1 === 0 && id === 0 ? all : all.filter((key) => key.version === p1 && key.id === id)
}

/** The chain that the certificate goes on, or begins, and the CA it hangs on. */
function linked(
  parts: Parts,
  authorities: readonly DomainKey[],
  certificate: OceCertificate,
): { readonly chain: readonly OceCertificate[]; readonly authority: DomainKey } | undefined {
  const { crypto, offCard } = parts
  const above = offCard.open?.chain.at(-1)
  const begun = authorities.find(({ place }) => place === offCard.open?.authority.place)
  if (
    above !== undefined &&
    begun !== undefined &&
    verifyOceCertificate(certificate, above.publicPoint, crypto)
  ) {
    return { chain: [...offCard.open!.chain, certificate], authority: begun }
  }
  const authority = authorities.find((key) => verifyOceCertificate(certificate, pointOf(parts, key), crypto))
  return authority && { chain: [certificate], authority }
}

/** A certificate that says what its holder is must say what it is taken for: one of a card, or of an authority for cards, serves no host. */
function isInPlace({ policies }: OceCertificate, last: boolean): boolean {
  const role = roleOfPolicies(policies)
  if (role === undefined) return true
  return last ? role === 'oce' : role === 'ca-kloc' || role === 'ka-kloc'
}

/** With a list, every certificate of the chain must stand in it (as YubiKey has it). */
function requireAllowed(
  { domainData, registry, offCard }: Parts,
  { id, version }: DomainKey,
  { serialNumber }: OceCertificate,
): void {
  const allowed = domainData.allowed(registry.selected, keyReference(id, version))
  if (allowed === undefined || allowed.some((one) => sameSerialNumber(one, serialNumber))) return
  offCard.forget()
  throw new Refusal('certificate-not-allowed')
}

function pointOf({ domainKeys }: Parts, { place }: DomainKey): Uint8Array {
  const key = domainKeys.publicKey(place)
  if (key === undefined) throw new DecodeError('a CA key that was listed is gone', { code: 'memory-damaged' })
  return key.bytes
}

/** Certificates of one chain. */
const longestChain = 6
