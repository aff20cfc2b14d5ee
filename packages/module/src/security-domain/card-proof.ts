import { concat, encodeHex, Reader, Writer, wipe } from '@sealwright/core/bytes'
import { privateScalar, withHandle } from '@sealwright/core/crypto'
import { issueOceCertificate, keyIdentifiers, parseOceCertificate } from '@sealwright/core/globalplatform'
import type { EcPrivateKey } from '@sealwright/core/ports'
import type { Transaction } from '../eeprom/index.ts'
import type { Parts } from '../parts.ts'
import { issuerDomain, keyReference } from '../registry/index.ts'

type Needs = Pick<Parts, 'crypto' | 'entropy' | 'objects' | 'keys' | 'domainKeys' | 'domainData' | 'serial'>

/**
 * What a plain GlobalPlatform module proves itself with: a CA of its own inside, certified from outside, which certifies the keys that are made in
 * the module (as YubiKey's attestation key does), and the SCP11b pair of the beginning.
 */
export interface CardProof {
  /** Private key of the CA in the module, 32 bytes. */
  readonly authority: Uint8Array
  /** Its certificate, DER. */
  readonly certificate: Uint8Array
  /** Private key of the first SCP11b pair, 32 bytes. */
  readonly pair: Uint8Array
  /** Its certificate, DER, signed by the CA in the module. */
  readonly pairCertificate: Uint8Array
}

/** Version of the SCP11b key that is there from the beginning. */
const pairVersion = 0x01

/** Id of the factory object that holds the proof. */
const proofId = 1

/** Stores the proof for good and lays the first SCP11b pair with its certificates. */
export function layCardProof(
  parts: Pick<Needs, 'objects' | 'keys' | 'domainKeys' | 'domainData'>,
  tx: Transaction,
  proof: CardProof,
): void {
  const { authority, pair, certificate, pairCertificate } = proof
  const bytes = new Writer()
    .bytes(authority)
    .bytes(pair)
    .u16(certificate.length)
    .bytes(certificate)
    .bytes(pairCertificate)
    .finish()
  parts.objects.put(tx, 'factory', proofId, bytes)
  wipe(bytes)
  layFirstPair(parts, tx)
}

/** Lays the first SCP11b pair anew, where the module has one. */
export function layFirstPair(
  { objects, keys, domainKeys, domainData }: Pick<Needs, 'objects' | 'keys' | 'domainKeys' | 'domainData'>,
  tx: Transaction,
): void {
  const proof = readProof(objects)
  if (proof === undefined) return
  const id = keyIdentifiers.scp11b
  keys.putPrivate(tx, domainKeys.place(issuerDomain, pairVersion, id), proof.pair)
  const certificates = concat(proof.certificate, proof.pairCertificate)
  domainData.put(tx, issuerDomain, 'certificates', keyReference(id, pairVersion), certificates)
  wipe(proof.authority, proof.pair)
}

/**
 * Certifies a pair that was made in the module, if the module has a CA: the CA's certificate, then the key's. There is no clock here, so that the
 * validity is the CA's own.
 */
export function certifyMadeKey(
  parts: Needs,
  key: { readonly id: number; readonly version: number; readonly point: Uint8Array },
): Uint8Array | undefined {
  const { crypto, entropy, objects, serial } = parts
  const proof = readProof(objects)
  if (proof === undefined) return undefined
  try {
    const { notBefore = 0, notAfter } = parseOceCertificate(proof.certificate)
    const number = serial() ?? new Uint8Array(8)
    const subject = `${cardAuthorityName(number)} key ${hex(key.id)} ${hex(key.version)}`
    const random = entropy.bytes(8)
    const certificate = withHandle(crypto.ecPrivateKey(proof.authority), (authority) => {
      const issuer = { subject: cardAuthorityName(number), publicPoint: authority.publicPoint }
      const profile = { role: 'sd', serialNumber: certificateNumber(random), subject, issuer } as const
      return issueOceCertificate(
        { ...profile, publicPoint: key.point, notBefore, notAfter },
        authority,
        crypto,
      )
    })
    return concat(proof.certificate, certificate)
  } finally {
    wipe(proof.authority, proof.pair)
  }
}

/** Makes a proof, and the root that certified it, whose key nobody keeps. */
export function makeCardProof(
  { crypto, entropy }: Pick<Needs, 'crypto' | 'entropy'>,
  serial: Uint8Array,
  validity: { readonly notBefore: number; readonly notAfter: number },
): { readonly proof: CardProof; readonly root: Uint8Array } {
  const scalar = () => {
    const random = entropy.bytes(48)
    const made = privateScalar(crypto, random)
    wipe(random)
    return made
  }
  const [rootScalar, authority, pair] = [scalar(), scalar(), scalar()]
  const [rootKey, authorityKey, pairKey] = [rootScalar, authority, pair].map((one) =>
    crypto.ecPrivateKey(one),
  ) as [EcPrivateKey, EcPrivateKey, EcPrivateKey]
  const number = () => certificateNumber(entropy.bytes(8))
  const rootName = { subject: `${cardAuthorityName(serial)} root`, publicPoint: rootKey.publicPoint }
  const authorityName = { subject: cardAuthorityName(serial), publicPoint: authorityKey.publicPoint }
  const pairName = { subject: `${cardAuthorityName(serial)} key 13 01`, publicPoint: pairKey.publicPoint }
  try {
    const root = issueOceCertificate(
      { role: 'ca-klcc', serialNumber: number(), ...rootName, ...validity, issuer: 'self' },
      rootKey,
      crypto,
    )
    const certificate = issueOceCertificate(
      { role: 'ka-klcc', serialNumber: number(), ...authorityName, ...validity, issuer: rootName },
      rootKey,
      crypto,
    )
    const pairCertificate = issueOceCertificate(
      { role: 'sd', serialNumber: number(), ...pairName, ...validity, issuer: authorityName },
      authorityKey,
      crypto,
    )
    return { proof: { authority, certificate, pair, pairCertificate }, root }
  } finally {
    for (const key of [rootKey, authorityKey, pairKey]) key[Symbol.dispose]()
    wipe(rootScalar)
  }
}

/** Name of the CA in a module. */
function cardAuthorityName(serial: Uint8Array): string {
  return `Sealwright card ${encodeHex(serial)}`
}

/** A positive number of 8 bytes. */
function certificateNumber(random: Uint8Array): Uint8Array {
  const number = random.slice()
  number[0] = (number[0]! & 0x7f) | 0x40
  return number
}

function readProof(objects: Needs['objects']): CardProof | undefined {
  const bytes = objects.read('factory', proofId)
  if (bytes === undefined) return undefined
  const r = new Reader(bytes, 'proof of the card')
  const authority = r.take(32, 'authority key')
  const pair = r.take(32, 'pair')
  const certificate = r.take(r.u16('length'), 'certificate')
  const pairCertificate = r.rest()
  r.end()
  wipe(bytes)
  return { authority, pair, certificate, pairCertificate }
}

function hex(byte: number): string {
  return encodeHex(Uint8Array.of(byte))
}
