import assert from 'node:assert/strict'
import type { Response } from '@sealwright/core/apdu'
import { concat, equal, u32 } from '@sealwright/core/bytes'
import { issueOceCertificate, type OceRole } from '@sealwright/core/globalplatform'
import type { EcPrivateKey } from '@sealwright/core/ports'
import { fixtureKey } from '../../src/testing/index.ts'
import { type Card, crypto } from './card.ts'
import { tlv } from './management.ts'
import { type Dialect, Session } from './session.ts'

export type Variant = 'a' | 'b' | 'c'
const variants = { a: { id: 0x11, bits: 1 }, b: { id: 0x13, bits: 0 }, c: { id: 0x15, bits: 3 } } as const

/** Who an off-card entity is: its key, and certificates down to it. */
export interface Party {
  readonly key: EcPrivateKey
  readonly subject: string
  readonly certificate: Uint8Array
  readonly serialNumber: Uint8Array
}

let issued = 0

/** A party certified by another one, or by itself. */
export function party(
  name: string,
  role: OceRole,
  issuer?: Pick<Party, 'key' | 'subject'>,
  key = fixtureKey(crypto, name),
): Party {
  issued++
  const serialNumber = Uint8Array.of(0x40, issued >>> 8, issued & 0xff)
  const names = { subject: name, publicPoint: key.publicPoint }
  const above = issuer && { subject: issuer.subject, publicPoint: issuer.key.publicPoint }
  const profile = { role, serialNumber, ...names, notBefore: 1_700_000_000, notAfter: 1_800_000_000 }
  const certificate = issueOceCertificate({ ...profile, issuer: above ?? 'self' }, issuer?.key ?? key, crypto)
  return { key, subject: name, certificate, serialNumber }
}

/** PERFORM SECURITY OPERATION with certificates in their order; the answer to the last, or to the first refused. */
export function present(
  card: Card,
  certificates: readonly Uint8Array[],
  { id = 0x10, version = 0x03 }: { readonly id?: number; readonly version?: number } = {},
): Response {
  let answer: Response = { data: new Uint8Array(0), sw: 0x9000 }
  for (const [i, data] of certificates.entries()) {
    const p2 = i === certificates.length - 1 ? id : id | 0x80
    answer = card.send({ cla: 0x80, ins: 0x2a, p1: version, p2, data })
    if (answer.sw !== 0x9000) return answer
  }
  return answer
}

export interface AgreementOptions {
  readonly variant: Variant
  readonly version: number
  /** PK.SD.ECKA as the host knows it. */
  readonly cardPoint: Uint8Array
  /** SK.OCE.ECKA, in a and c. */
  readonly own?: EcPrivateKey
  readonly ephemeral?: EcPrivateKey
  readonly keyLength?: 16 | 24 | 32
  readonly usage?: 0x3c | 0x34
  /** HostID, and the card's identification, with bit 04. */
  readonly identities?: { readonly hostId: Uint8Array; readonly sin: Uint8Array; readonly sdin: Uint8Array }
  readonly id?: number
  readonly dialect?: Dialect
  readonly point?: Uint8Array
}

/** MUTUAL or INTERNAL AUTHENTICATE as it goes out. */
export function agreementRequest({
  variant,
  version,
  ephemeral = fixtureKey(crypto, 'ephemeral'),
  keyLength = 16,
  usage = 0x3c,
  identities,
  id = variants[variant].id,
  point = ephemeral.publicPoint,
}: AgreementOptions) {
  const bits = variants[variant].bits | (identities === undefined ? 0 : 0x04)
  const template = tlv(
    0xa6,
    tlv(0x90, Uint8Array.of(0x11, bits)),
    tlv(0x95, Uint8Array.of(usage)),
    tlv(0x80, Uint8Array.of(0x88)),
    tlv(0x81, Uint8Array.of(keyLength)),
    identities === undefined ? new Uint8Array(0) : tlv(0x84, identities.hostId),
  )
  const data = concat(template, tlv(0x5f49, point))
  return { cla: 0x80, ins: variant === 'b' ? 0x88 : 0x82, p1: version, p2: id, data, le: 0x100 }
}

/** Sets SCP11 up, checking the receipt; written for these tests from Amendment F as the reference tells it. */
export function openScp11(card: Card, options: AgreementOptions): Session {
  const { variant, cardPoint, own, keyLength = 16, usage = 0x3c, identities, dialect } = options
  const ephemeral = options.ephemeral ?? fixtureKey(crypto, 'ephemeral')
  const request = agreementRequest({ ...options, ephemeral })
  const answer = card.send(request)
  assert.equal(answer.sw.toString(16), '9000')
  const { data } = answer
  assert.equal(data.length, 68 + 18)
  const point = data.subarray(3, 68)
  const receipt = data.subarray(70)
  if (variant === 'c') assert.deepEqual(point, cardPoint)
  const fixed = crypto.ecPublicKey(cardPoint)
  const first = ephemeral.agree(variant === 'c' ? fixed : crypto.ecPublicKey(point))
  const second = (variant === 'b' ? ephemeral : own!).agree(fixed)
  const lv = (bytes: Uint8Array) => concat(Uint8Array.of(bytes.length), bytes)
  const shared = concat(
    Uint8Array.of(usage, 0x88, keyLength),
    ...(identities === undefined ? [] : [identities.hostId, identities.sin, identities.sdin].map(lv)),
  )
  const blocks = Array.from({ length: Math.ceil((5 * keyLength) / 32) }, (_, i) =>
    crypto.sha256(concat(first, second), u32(i + 1), shared),
  )
  const stream = concat(...blocks)
  const key = (i: number) => crypto.aes(stream.slice(i * keyLength, (i + 1) * keyLength))
  const expected = key(0).cmac(request.data, data.subarray(0, 68))
  assert.ok(equal(expected, receipt), 'receipt')
  return new Session({
    ...{ card, chaining: receipt.slice(), level: usage === 0x3c ? 0x33 : 0x11 },
    keys: { enc: key(1), mac: key(2), rmac: key(3), dek: key(4) },
    ...(dialect === undefined ? {} : { dialect }),
  })
}

/** The public point in a certificate of ours: where its SubjectPublicKeyInfo for P-256 ends. */
export function pointIn(certificate: Uint8Array): Uint8Array {
  const text = Buffer.from(certificate)
  const at = text.indexOf(Buffer.from('06082A8648CE3D030107034200', 'hex'))
  assert.ok(at > 0)
  return new Uint8Array(text.subarray(at + 13, at + 13 + 65))
}

/** Certificates in a bundle, one after another. */
export function bundled(bundle: Uint8Array): Uint8Array[] {
  const list: Uint8Array[] = []
  for (let at = 0; at < bundle.length; ) {
    assert.equal(bundle[at], 0x30)
    const length = 4 + ((bundle[at + 2]! << 8) | bundle[at + 3]!)
    list.push(bundle.slice(at, at + length))
    at += length
  }
  return list
}
