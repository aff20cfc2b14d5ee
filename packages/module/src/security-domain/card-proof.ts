import { concat, encodeHex, wipe } from '@sealwright/core/bytes'
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

/** Ids of factory objects: private key(32) ‖ certificate of the CA; private key(32) ‖ certificates of the first pair. */
const factoryIds = { authority: 1, firstPair: 2 } as const

/** Stores the CA for good and lays the first SCP11b pair with its certificates. */
export function layCardProof(
  parts: Pick<Needs, 'objects' | 'keys' | 'domainKeys' | 'domainData'>,
  tx: Transaction,
  { authority, pair, certificate, pairCertificate }: CardProof,
): void {
  const bytes = concat(authority, certificate)
  parts.objects.put(tx, 'factory', factoryIds.authority, bytes)
  wipe(bytes)
  layPair(parts, tx, pair, concat(certificate, pairCertificate))
}

/** Keeps the first SCP11b pair, for a test module to go back to. Elsewhere a pair that is deleted must be gone. */
export function keepFirstPair(
  { objects }: Pick<Needs, 'objects'>,
  tx: Transaction,
  { pair, certificate, pairCertificate }: CardProof,
): void {
  const bytes = concat(pair, certificate, pairCertificate)
  objects.put(tx, 'factory', factoryIds.firstPair, bytes)
  wipe(bytes)
}

/** Lays the first SCP11b pair anew, where the module has kept one. */
export function layFirstPair(
  parts: Pick<Needs, 'objects' | 'keys' | 'domainKeys' | 'domainData'>,
  tx: Transaction,
): void {
  const bytes = parts.objects.read('factory', factoryIds.firstPair)
  if (bytes === undefined) return
  layPair(parts, tx, bytes.subarray(0, 32), bytes.subarray(32))
  wipe(bytes)
}

function layPair(
  { keys, domainKeys, domainData }: Pick<Needs, 'keys' | 'domainKeys' | 'domainData'>,
  tx: Transaction,
  pair: Uint8Array,
  certificates: Uint8Array,
): void {
  const id = keyIdentifiers.scp11b
  keys.putPrivate(tx, domainKeys.place(issuerDomain, pairVersion, id), pair)
  domainData.put(tx, issuerDomain, 'certificates', keyReference(id, pairVersion), certificates)
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
  const proof = readAuthority(objects)
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
    wipe(proof.authority)
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

function readAuthority(objects: Needs['objects']): Pick<CardProof, 'authority' | 'certificate'> | undefined {
  const bytes = objects.read('factory', factoryIds.authority)
  if (bytes === undefined) return undefined
  const read = { authority: bytes.slice(0, 32), certificate: bytes.slice(32) }
  wipe(bytes)
  return read
}

function hex(byte: number): string {
  return encodeHex(Uint8Array.of(byte))
}
