import { concat } from '../bytes/index.ts'
import { DecodeError, UsageError } from '../errors/index.ts'
import { parseTlvs, serializeTlv, serializeTlvs, type Tlv, tlv } from '../tlv/index.ts'
import type { OceCertificate } from './certificate.ts'

/** What a certificate in GlobalPlatform's own form says (Amendment F, table 6-12). Dates are days, as YYYYMMDD. */
export interface GpCertificateContent {
  /** 1 to 16 bytes. */
  readonly serialNumber: Uint8Array
  /** 1 to 16 bytes. */
  readonly caIdentifier: Uint8Array
  /** 1 to 16 bytes. */
  readonly subject: Uint8Array
  readonly usage: 'verification' | 'key-agreement'
  readonly effectiveDate?: string
  readonly expirationDate: string
  /** 53 or 73 with what an issuer likes. */
  readonly discretionary?: Tlv
  /** Value of BF20. */
  readonly authorizations?: Uint8Array
  /** Uncompressed P-256. */
  readonly publicPoint: Uint8Array
}

const usages = { verification: Uint8Array.of(0x82), 'key-agreement': Uint8Array.of(0x00, 0x80) } as const

const what = 'certificate 7F21'

/**
 * Parses 7F21 { 93, 42, 5F20, 95, [5F25], 5F24, [53 or 73], [BF20], 7F49 { B0, F0 }, 5F37 }. The signature is over all that stands before it, as
 * plain r‖s.
 */
export function parseGpCertificate(bytes: Uint8Array): OceCertificate {
  const [whole, ...rest] = parseTlvs(bytes, what)
  if (whole?.tag !== 0x7f21 || rest.length > 0) throw new DecodeError(`${what}: expected one object 7F21`)
  const list = parseTlvs(whole.value, what)
  const signature = list.pop()
  if (signature?.tag !== 0x5f37 || signature.value.length !== 64) {
    throw new DecodeError(`${what}: expected a signature of 64 bytes, 5F37, last`)
  }
  const content = parseContent(list)
  return {
    format: 'gp',
    serialNumber: content.serialNumber,
    issuer: content.caIdentifier,
    subject: content.subject,
    notBefore: content.effectiveDate === undefined ? undefined : secondsOf(content.effectiveDate),
    notAfter: secondsOf(content.expirationDate) + 86_399,
    publicPoint: content.publicPoint,
    signsCertificates: content.usage === 'verification',
    pathLength: undefined,
    agreesOnKeys: content.usage === 'key-agreement',
    subjectKeyIdentifier: undefined,
    authorityKeyIdentifier: undefined,
    policies: [],
    unknownCritical: [],
    authorizations: content.authorizations,
    signature: signature.value,
    tbs: serializeTlvs(list),
    encoded: bytes.slice(),
  }
}

/** The bytes to sign. */
export function serializeGpCertificateContent(content: GpCertificateContent): Uint8Array {
  const { serialNumber, caIdentifier, subject, effectiveDate, expirationDate, discretionary } = content
  for (const [name, value] of Object.entries({ serialNumber, caIdentifier, subject })) {
    if (value.length < 1 || value.length > 16) throw new UsageError(`${name}: expected 1 to 16 bytes`)
  }
  if (content.publicPoint.length !== 65) throw new UsageError('expected an uncompressed point of P-256')
  if (discretionary && discretionary.tag !== 0x53 && discretionary.tag !== 0x73) {
    throw new UsageError('discretionary data have tag 53 or 73')
  }
  const key = [tlv(0xb0, content.publicPoint), tlv(0xf0, Uint8Array.of(0))]
  return serializeTlvs([
    tlv(0x93, serialNumber),
    tlv(0x42, caIdentifier),
    tlv(0x5f20, subject),
    tlv(0x95, usages[content.usage]),
    ...(effectiveDate === undefined ? [] : [tlv(0x5f25, dateBytes(effectiveDate))]),
    tlv(0x5f24, dateBytes(expirationDate)),
    ...(discretionary ? [discretionary] : []),
    ...(content.authorizations ? [tlv(0xbf20, content.authorizations)] : []),
    tlv(0x7f49, serializeTlvs(key)),
  ])
}

/** Joins signed bytes and raw r‖s. */
export function serializeGpCertificate(tbs: Uint8Array, signature: Uint8Array): Uint8Array {
  if (signature.length !== 64)
    throw new UsageError(`expected a signature of 64 bytes, ${signature.length} came`)
  return serializeTlv({ tag: 0x7f21, value: concat(tbs, serializeTlv(tlv(0x5f37, signature))) })
}

function parseContent(list: Tlv[]): GpCertificateContent {
  const queue = [...list]
  const optional = (...tags: number[]) => (tags.includes(queue[0]?.tag ?? 0) ? queue.shift() : undefined)
  const required = (tag: number) => {
    const object = optional(tag)
    if (!object) throw new DecodeError(`${what}: expected ${tag.toString(16).toUpperCase()}`)
    return object.value
  }
  const named = (tag: number) => {
    const value = required(tag)
    if (value.length < 1 || value.length > 16)
      throw new DecodeError(`${what}: expected 1 to 16 bytes in ${tag.toString(16)}`)
    return value
  }
  const serialNumber = named(0x93)
  const caIdentifier = named(0x42)
  const subject = named(0x5f20)
  const usage = parseUsage(required(0x95))
  const effective = optional(0x5f25)
  const effectiveDate = effective && dateText(effective.value)
  const expirationDate = dateText(required(0x5f24))
  const discretionary = optional(0x53, 0x73)
  const authorizations = optional(0xbf20)?.value
  const publicPoint = parseKey(required(0x7f49))
  if (queue.length > 0) throw new DecodeError(`${what}: expected the public key last before the signature`)
  return {
    serialNumber,
    caIdentifier,
    subject,
    usage,
    ...(effectiveDate !== undefined && { effectiveDate }),
    expirationDate,
    ...(discretionary && { discretionary }),
    ...(authorizations && { authorizations }),
    publicPoint,
  }
}

function parseUsage(value: Uint8Array): GpCertificateContent['usage'] {
  if (value.length === 1 && value[0] === 0x82) return 'verification'
  if (value.length === 2 && value[0] === 0x00 && value[1] === 0x80) return 'key-agreement'
  throw new DecodeError(`${what}: expected usage 82 or 0080`)
}

function parseKey(value: Uint8Array): Uint8Array {
  const [point, curve, ...others] = parseTlvs(value, `${what}, public key`)
  if (point?.tag !== 0xb0 || curve?.tag !== 0xf0 || others.length > 0) {
    throw new DecodeError(`${what}: expected B0 and F0 in 7F49`)
  }
  if (curve.value.length !== 1 || curve.value[0] !== 0 || point.value.length !== 65 || point.value[0] !== 4) {
    throw new DecodeError(`${what}: expected an uncompressed point of P-256`)
  }
  return point.value
}

/** YYYYMMDD from four bytes of BCD. */
function dateText(value: Uint8Array): string {
  const text = Array.from(value, (byte) => byte.toString(16).padStart(2, '0')).join('')
  if (text.length !== 8 || !isDate(text)) throw new DecodeError(`${what}: expected a date as YYYYMMDD in BCD`)
  return text
}

function dateBytes(text: string): Uint8Array {
  if (!/^\d{8}$/.test(text) || !isDate(text)) throw new UsageError('expected a date as YYYYMMDD')
  return Uint8Array.from(text.match(/../g)!, (pair) => Number.parseInt(pair, 16))
}

function isDate(text: string): boolean {
  if (!/^\d{8}$/.test(text)) return false
  const seconds = secondsOf(text)
  return (
    Number.isFinite(seconds) &&
    new Date(seconds * 1000).toISOString().slice(0, 10).replaceAll('-', '') === text
  )
}

function secondsOf(text: string): number {
  const [year, month, day] = [text.slice(0, 4), text.slice(4, 6), text.slice(6)].map(Number)
  return Date.UTC(year!, month! - 1, day!) / 1000
}
