import { equal } from '@sealwright/core/bytes'
import { StateError } from '@sealwright/core/errors'
import { fingerprint, prepareCertificateRequest } from '@sealwright/core/personalization'
import { notTrusted, pathLeaf } from '@sealwright/core/resources'
import { type Certificate, parseCertificate } from '@sealwright/core/x509'
import type { PartyPorts } from '../ports/index.ts'
import { pinnedRoot } from './pins.ts'

/** A party whose key an authority certifies, and the name of that key in its vault. */
export interface CertifiedParty {
  readonly role: 'operator' | 'supplier'
  readonly keyName: string
}

export interface OwnKey {
  /** 65 bytes. */
  readonly point: Uint8Array
  /** The file for the authority, a `certificate-request`. */
  readonly document: Uint8Array
  /** SHA-256 of the public key, to be told by another way. */
  readonly fingerprint: Uint8Array
}

/** Makes the party's key, or finds the one that is there, and the request for its certificate. */
export async function makeOwnKey(
  { crypto, vault }: PartyPorts,
  { role, keyName }: CertifiedParty,
  { name }: { readonly name: string },
): Promise<OwnKey> {
  const point = (await vault.has(keyName))
    ? await vault.publicPoint(keyName)
    : await vault.createPair(keyName)
  const unsigned = prepareCertificateRequest({ role, name, point }, crypto)
  const document = unsigned.finish(await vault.sign(keyName, unsigned.toBeSigned))
  return { point, document, fingerprint: fingerprint(point, crypto) }
}

/** Keeps the certificate that the pinned authority issued for the party's own key; any other is refused. */
export async function takeOwnCertificate(
  ports: PartyPorts,
  { role, keyName }: CertifiedParty,
  { certificate: bytes }: { readonly certificate: Uint8Array },
): Promise<Certificate> {
  const { clock, crypto, store, vault } = ports
  const authority = await pinnedRoot(ports, 'authority')
  const certificate = pathLeaf([parseCertificate(bytes)], authority, role, clock.now(), crypto)
  if (!equal(certificate.publicPoint, await vault.publicPoint(keyName))) {
    throw notTrusted('the certificate is for another key than the own one')
  }
  await store.write(ownFile, certificate.encoded)
  return certificate
}

/** The party's certificate, or undefined before it was taken. */
export async function findOwnCertificate({ store }: PartyPorts): Promise<Certificate | undefined> {
  const stored = await store.read(ownFile)
  return stored === undefined ? undefined : parseCertificate(stored)
}

export async function ownCertificate(ports: PartyPorts): Promise<Certificate> {
  const certificate = await findOwnCertificate(ports)
  if (certificate !== undefined) return certificate
  throw new StateError(`the ${ports.party} has no certificate of an authority yet`, { code: 'trust-missing' })
}

const ownFile = 'certificate.der'
