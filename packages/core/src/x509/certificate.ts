import { concat, encodeHex, equal } from '../bytes/index.ts'
import { DerReader, der, parseEcdsaSignature, serializeEcdsaSignature, toLowS } from '../der/index.ts'
import { UsageError } from '../errors/index.ts'
import type { Crypto } from '../ports/index.ts'
import { extensionOids, type KeyUsage, keyUsageBits, type RoleName, roleOfOid, roleRow } from './roles.ts'

const oids = {
  ecdsaWithSha256: '1.2.840.10045.4.3.2',
  ecPublicKey: '1.2.840.10045.2.1',
  p256: '1.2.840.10045.3.1.7',
  commonName: '2.5.4.3',
  serialNumber: '2.5.4.5',
} as const

/** A distinguished name of one commonName and, for a module, its serial number as 16 hex digits. */
export interface Name {
  readonly commonName: string
  readonly serialNumber?: string
}

export interface Extension {
  readonly oid: string
  readonly critical: boolean
  /** What the extension's OCTET STRING holds. */
  readonly value: Uint8Array
}

/** What an operating certificate binds the module's key to. */
export interface Binding {
  /** Nonce of the personalization, 16 bytes. */
  readonly nonce: Uint8Array
  /** 16 bytes, the same as in the unit's certificate. */
  readonly customer: Uint8Array
  /** SHA-256 of the central system's uncompressed point, 32 bytes. */
  readonly centralKeyHash: Uint8Array
}

/** The quota ticket that a unit issued an operating certificate from. */
export interface TicketNumber {
  /** The ticket's id, 16 bytes. */
  readonly id: Uint8Array
  /** 1, 2, 3 … up to the ticket's count. */
  readonly number: number
}

/** An X.509 v3 certificate of a P-256 key, signed by ECDSA with SHA-256. Times are seconds since 1970. */
export interface Certificate {
  /** Magnitude, 1..16 bytes, without a leading zero. */
  readonly serialNumber: Uint8Array
  readonly issuer: Name
  readonly subject: Name
  readonly notBefore: number
  readonly notAfter: number
  /** Uncompressed point, 65 bytes; not checked to be on the curve. */
  readonly publicPoint: Uint8Array
  /** All extensions as they stand in the certificate. */
  readonly extensions: readonly Extension[]
  readonly basicConstraints: { readonly ca: boolean; readonly pathLength: number | undefined } | undefined
  readonly keyUsage: readonly KeyUsage[] | undefined
  readonly extKeyUsage: readonly string[] | undefined
  readonly subjectKeyIdentifier: Uint8Array | undefined
  readonly authorityKeyIdentifier: Uint8Array | undefined
  /** The role, when extended key usage holds exactly one OID and it is one of ours. */
  readonly role: RoleName | undefined
  readonly test: boolean
  readonly customer: Uint8Array | undefined
  readonly binding: Binding | undefined
  readonly ticket: TicketNumber | undefined
  /** Raw r‖s, 64 bytes, low s. */
  readonly signature: Uint8Array
  /** The signed bytes. */
  readonly tbs: Uint8Array
  /** The whole certificate. */
  readonly encoded: Uint8Array
}

/** What the issuer decides; extensions, key identifiers and key usage follow from the role. */
export interface CertificateProfile {
  readonly role: RoleName
  /** Unique with its issuer, positive, at most 16 bytes. */
  readonly serialNumber: Uint8Array
  readonly subject: Name
  readonly publicPoint: Uint8Array
  readonly notBefore: number
  readonly notAfter: number
  /** The issuer's certificate, whose test marker is inherited; `self` for a root. */
  readonly issuer: Pick<Certificate, 'subject' | 'publicPoint' | 'test'> | 'self'
  /** For roots: marks it and all below it as made with test keys. */
  readonly test?: boolean
  /** For a unit: 16 bytes. */
  readonly customer?: Uint8Array
  /** For an operating certificate. */
  readonly binding?: Binding
  /** For an operating certificate that counts against a quota ticket. */
  readonly ticket?: TicketNumber
}

/** The parts that a certificate is written from; `serializeTbs` of a parsed certificate gives its `tbs`. */
export type TbsCertificate = Pick<
  Certificate,
  'serialNumber' | 'issuer' | 'subject' | 'notBefore' | 'notAfter' | 'publicPoint' | 'extensions'
>

/**
 * The bytes that the issuer's key signs for this profile. For signers that answer later (card, HSM):
 * sign them by ECDSA with SHA-256 and pass the result to `serializeCertificate`.
 */
export function tbsOfProfile(profile: CertificateProfile, crypto: Crypto): Uint8Array {
  const row = roleRow(profile.role)
  const issuer = profile.issuer === 'self' ? profile : profile.issuer
  const test = (profile.issuer === 'self' ? profile.test : profile.issuer.test) ?? false
  const { customer, binding, ticket } = profile
  if (row.carries.includes('customer') !== (customer !== undefined)) {
    throw new UsageError(`${profile.role}: a customer id belongs to a unit's certificate and to no other`)
  }
  if (row.carries.includes('binding') !== (binding !== undefined)) {
    throw new UsageError(`${profile.role}: a binding belongs to an operating certificate and to no other`)
  }
  if (ticket !== undefined && profile.role !== ticketRole) {
    throw new UsageError(`${profile.role}: a ticket belongs to an operating certificate and to no other`)
  }
  if (row.carries.includes('module serial') && !isModuleSerial(profile.subject.serialNumber)) {
    throw new UsageError(`${profile.role}: expected the serial number as 16 upper-case hex digits`)
  }
  const extensions: Extension[] = []
  const add = (name: keyof typeof extensionOids, critical: boolean, value: Uint8Array): void => {
    extensions.push({ oid: extensionOids[name], critical, value })
  }
  if (row.pathLength !== undefined) {
    add('basicConstraints', true, der.sequence(der.boolean(true), der.smallInteger(row.pathLength)))
  }
  add('keyUsage', true, der.namedBits(row.keyUsage.map((usage) => keyUsageBits[usage])))
  add('extKeyUsage', false, der.sequence(der.oid(row.oid)))
  add('subjectKeyIdentifier', false, der.octetString(keyIdentifier(profile.publicPoint, crypto)))
  const authorityKey = keyIdentifier(issuer.publicPoint, crypto)
  add('authorityKeyIdentifier', false, der.sequence(der.implicit(0, authorityKey)))
  if (test) add('test', false, der.null())
  if (customer) add('customer', false, der.octetString(sized(customer, 16, 'customer id')))
  if (binding) {
    const value = der.sequence(
      der.octetString(sized(binding.nonce, 16, 'binding nonce')),
      der.octetString(sized(binding.customer, 16, 'customer id')),
      der.octetString(sized(binding.centralKeyHash, 32, 'central key hash')),
    )
    add('binding', false, value)
  }
  if (ticket) {
    if (ticket.number < 1) throw new UsageError('the numbers of a ticket begin at 1')
    const id = der.octetString(sized(ticket.id, 16, 'ticket id'))
    add('ticket', false, der.sequence(id, der.smallInteger(ticket.number)))
  }
  return serializeTbs({ ...profile, issuer: issuer.subject, extensions })
}

/** Issues a certificate with a signer that answers at once. @returns the DER bytes */
export function issueCertificate(
  profile: CertificateProfile,
  sign: (tbs: Uint8Array) => Uint8Array,
  crypto: Crypto,
): Uint8Array {
  const tbs = tbsOfProfile(profile, crypto)
  return serializeCertificate(tbs, sign(tbs))
}

/** Joins signed bytes and signature (raw r‖s; its s is brought into the lower half). */
export function serializeCertificate(tbs: Uint8Array, signature: Uint8Array): Uint8Array {
  return der.sequence(tbs, algorithm, der.bitString(serializeEcdsaSignature(toLowS(signature))))
}

export function serializeTbs(certificate: TbsCertificate): Uint8Array {
  const serial = certificate.serialNumber
  if (serial.length === 0 || serial.length > 16 || serial.every((byte) => byte === 0)) {
    throw new UsageError('expected a positive certificate serial number of at most 16 bytes')
  }
  if (certificate.notAfter < certificate.notBefore) throw new UsageError('the validity ends before it begins')
  return der.sequence(
    der.explicit(0, der.smallInteger(2)),
    der.integer(serial),
    algorithm,
    serializeName(certificate.issuer),
    der.sequence(der.time(certificate.notBefore), der.time(certificate.notAfter)),
    serializeName(certificate.subject),
    concat(spkiPrefix, sized(certificate.publicPoint, 65, 'public point')),
    der.explicit(3, der.sequence(...certificate.extensions.map(serializeExtension))),
  )
}

/**
 * Parses a certificate of the profile: P-256, ECDSA with SHA-256, v3, names of commonName and serialNumber
 * only. Everything else, and every byte that a DER writer would have written otherwise, is a DecodeError.
 * Unknown extensions are kept; `checkPath` refuses those that are critical.
 */
export function parseCertificate(encoded: Uint8Array): Certificate {
  const outer = new DerReader(encoded, 'certificate')
  const r = outer.sequence('value')
  outer.end()
  const tbs = r.any('signed part', 0x30).encoded
  if (!equal(r.any('signature algorithm').encoded, algorithm)) throw r.fail('expected ECDSA with SHA-256')
  const signature = parseEcdsaSignature(r.bitString('signature'))
  r.end()
  return { ...parseTbs(tbs), signature, tbs, encoded: encoded.slice() }
}

function parseTbs(tbs: Uint8Array): Omit<Certificate, 'signature' | 'tbs' | 'encoded'> {
  const r = new DerReader(tbs, 'certificate').sequence('signed part')
  const version = r.explicit(0, 'version')
  if (version.smallInteger('version') !== 2) throw r.fail('expected version 3')
  version.end()
  const serialNumber = r.integer('serial number')
  if (serialNumber.length > 16 || serialNumber[0] === 0) {
    throw r.fail('expected a positive serial number of at most 16 bytes')
  }
  if (!equal(r.any('algorithm').encoded, algorithm)) throw r.fail('expected ECDSA with SHA-256')
  const issuer = parseName(r.sequence('issuer'))
  const validity = r.sequence('validity')
  const notBefore = validity.time('not before')
  const notAfter = validity.time('not after')
  validity.end()
  if (notAfter < notBefore) throw r.fail('the validity ends before it begins')
  const subject = parseName(r.sequence('subject'))
  const spki = r.any('public key').encoded
  const publicPoint = spki.slice(spkiPrefix.length)
  if (!equal(spki.subarray(0, spkiPrefix.length), spkiPrefix) || publicPoint[0] !== 0x04) {
    throw r.fail('expected an uncompressed P-256 public key')
  }
  const wrapped = r.explicit(3, 'extensions')
  r.end()
  const extensions = parseExtensions(wrapped.sequence('list'))
  wrapped.end()
  return {
    serialNumber,
    issuer,
    subject,
    notBefore,
    notAfter,
    publicPoint,
    extensions,
    ...parseKnownExtensions(extensions),
  }
}

function parseExtensions(r: DerReader): Extension[] {
  const extensions: Extension[] = []
  while (r.peek() !== undefined) {
    const item = r.sequence('extension')
    const oid = item.oid('id')
    const critical = item.peek() === 0x01 ? item.boolean('critical') : undefined
    // X.690 section 11.5: a default value is left out.
    if (critical === false) throw item.fail('critical FALSE must be left out')
    const value = item.octetString('value')
    item.end()
    if (extensions.some((other) => other.oid === oid)) throw item.fail(`extension ${oid} stands twice`)
    extensions.push({ oid, critical: critical ?? false, value })
  }
  if (extensions.length === 0) throw r.fail('expected at least one extension')
  return extensions
}

function parseKnownExtensions(extensions: readonly Extension[]) {
  const known = <T>(name: keyof typeof extensionOids, parse: (r: DerReader) => T): T | undefined => {
    const extension = extensions.find(({ oid }) => oid === extensionOids[name])
    if (!extension) return undefined
    const r = new DerReader(extension.value, `certificate ${name}`)
    const value = parse(r)
    r.end()
    return value
  }
  const extKeyUsage = known('extKeyUsage', parseExtKeyUsage)
  return {
    basicConstraints: known('basicConstraints', parseBasicConstraints),
    keyUsage: known('keyUsage', parseKeyUsage),
    extKeyUsage,
    subjectKeyIdentifier: known('subjectKeyIdentifier', (r) => r.octetString('value')),
    authorityKeyIdentifier: known('authorityKeyIdentifier', parseAuthorityKeyIdentifier),
    role: extKeyUsage?.length === 1 ? roleOfOid(extKeyUsage[0]!) : undefined,
    test: known('test', parseMarker) ?? false,
    customer: known('customer', (r) => octets(r, 16, 'customer id')),
    binding: known('binding', parseBinding),
    ticket: known('ticket', parseTicket),
  }
}

function parseMarker(r: DerReader): true {
  r.null('marker')
  return true
}

function parseBasicConstraints(r: DerReader): { ca: boolean; pathLength: number | undefined } {
  const value = r.sequence('value')
  const ca = value.peek() === 0x01 ? value.boolean('ca') : undefined
  if (ca === false) throw value.fail('ca FALSE must be left out')
  const pathLength = value.peek() === 0x02 ? value.smallInteger('path length') : undefined
  value.end()
  if (!ca && pathLength !== undefined) throw value.fail('a path length without ca')
  return { ca: ca ?? false, pathLength }
}

function parseKeyUsage(r: DerReader): KeyUsage[] {
  return r.namedBits('value').map((bit) => {
    const usage = (Object.keys(keyUsageBits) as KeyUsage[]).find((name) => keyUsageBits[name] === bit)
    if (!usage) throw r.fail(`key usage has no bit ${bit}`)
    return usage
  })
}

function parseExtKeyUsage(r: DerReader): string[] {
  const value = r.sequence('value')
  const list: string[] = []
  while (value.peek() !== undefined) list.push(value.oid('purpose'))
  if (list.length === 0) throw value.fail('expected at least one purpose')
  return list
}

function parseAuthorityKeyIdentifier(r: DerReader): Uint8Array {
  const value = r.sequence('value')
  const identifier = value.content(0x80, 'key identifier')
  value.end()
  return identifier
}

function parseBinding(r: DerReader): Binding {
  const value = r.sequence('value')
  const binding = {
    nonce: octets(value, 16, 'nonce'),
    customer: octets(value, 16, 'customer id'),
    centralKeyHash: octets(value, 32, 'central key hash'),
  }
  value.end()
  return binding
}

function parseTicket(r: DerReader): TicketNumber {
  const value = r.sequence('value')
  const ticket = { id: octets(value, 16, 'ticket id'), number: value.smallInteger('running number') }
  value.end()
  if (ticket.number === 0) throw value.fail('the numbers of a ticket begin at 1')
  return ticket
}

function octets(r: DerReader, length: number, field: string): Uint8Array {
  const value = r.octetString(field)
  if (value.length !== length) throw r.fail(`${field} expected ${length} bytes, got ${value.length}`)
  return value
}

function serializeExtension({ oid, critical, value }: Extension): Uint8Array {
  return der.sequence(der.oid(oid), ...(critical ? [der.boolean(true)] : []), der.octetString(value))
}

function serializeName(name: Name): Uint8Array {
  const attribute = (oid: string, value: Uint8Array) => der.set(der.sequence(der.oid(oid), value))
  if (name.commonName === '' || name.commonName.length > 64) {
    throw new UsageError('expected a common name of 1 to 64 characters')
  }
  if (name.serialNumber === '' || (name.serialNumber?.length ?? 0) > 64) {
    throw new UsageError('expected a serial number of 1 to 64 characters')
  }
  return der.sequence(
    attribute(oids.commonName, der.utf8String(name.commonName)),
    ...(name.serialNumber === undefined
      ? []
      : [attribute(oids.serialNumber, der.printableString(name.serialNumber))]),
  )
}

function parseName(r: DerReader): Name {
  const attribute = <T>(oid: string, read: (pair: DerReader) => T): T => {
    const set = r.set('attribute set')
    const pair = set.sequence('attribute')
    set.end()
    const found = pair.oid('type')
    if (found !== oid) throw pair.fail(`expected the attribute ${oid}, got ${found}`)
    const value = read(pair)
    pair.end()
    return value
  }
  const commonName = attribute(oids.commonName, (pair) => pair.utf8String('common name'))
  if (commonName === '' || commonName.length > 64)
    throw r.fail('expected a common name of 1 to 64 characters')
  if (r.peek() === undefined) return { commonName }
  const serialNumber = attribute(oids.serialNumber, (pair) => pair.printableString('serial number'))
  r.end()
  if (serialNumber === '' || serialNumber.length > 64) {
    throw r.fail('expected a serial number of 1 to 64 characters')
  }
  return { commonName, serialNumber }
}

/** The one role whose certificates may carry a ticket. */
export const ticketRole = 'module-operating' satisfies RoleName

/** The first 20 bytes of SHA-256 of the point (RFC 7093 section 2, method 1). */
export function keyIdentifier(publicPoint: Uint8Array, crypto: Crypto): Uint8Array {
  return crypto.sha256(publicPoint).slice(0, 20)
}

/** A module's serial number as it stands in its certificates: 16 upper-case hex digits. */
export function moduleSerialText(serial: Uint8Array): string {
  return encodeHex(sized(serial, 8, 'module serial number'))
}

export function isModuleSerial(text: string | undefined): boolean {
  return text !== undefined && /^[0-9A-F]{16}$/.test(text)
}

/** SubjectPublicKeyInfo of an uncompressed P-256 point (65 bytes), for files that others read. */
export function serializePublicKey(publicPoint: Uint8Array): Uint8Array {
  return concat(spkiPrefix, sized(publicPoint, 65, 'public point'))
}

function sized(bytes: Uint8Array, length: number, what: string): Uint8Array {
  if (bytes.length !== length) throw new UsageError(`${what}: expected ${length} bytes, got ${bytes.length}`)
  return bytes
}

const algorithm = der.sequence(der.oid(oids.ecdsaWithSha256))

// Everything of SubjectPublicKeyInfo before the point is the same for every P-256 key.
const spkiPrefix = der
  .sequence(der.sequence(der.oid(oids.ecPublicKey), der.oid(oids.p256)), der.bitString(new Uint8Array(65)))
  .slice(0, -65)
