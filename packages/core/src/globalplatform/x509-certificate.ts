import { concat, equal } from '../bytes/index.ts'
import { DerReader, der } from '../der/index.ts'
import { DecodeError } from '../errors/index.ts'
import { keyUsageBits } from '../x509/index.ts'
import type { OceCertificate } from './certificate.ts'

interface Extension {
  readonly critical: boolean
  readonly value: Uint8Array
}

const extensionOids = {
  subjectKeyIdentifier: '2.5.29.14',
  keyUsage: '2.5.29.15',
  basicConstraints: '2.5.29.19',
  certificatePolicies: '2.5.29.32',
  authorityKeyIdentifier: '2.5.29.35',
} as const

/**
 * Parses an X.509 certificate (RFC 5280) of whatever tool: any names, any extensions, any number of them. Only the key is fixed, P-256,
 * and the encoding is DER. A signature by something else than ECDSA with SHA-256 is left out: YubiKeys show a certificate that an RSA key signed. Unknown critical extensions are listed, for `checkOceChain` to refuse.
 */
export function parseX509OceCertificate(bytes: Uint8Array): OceCertificate {
  const outer = new DerReader(bytes, 'certificate')
  const r = outer.sequence('value')
  outer.end()
  const tbs = r.any('signed part', 0x30).encoded
  const algorithm = r.any('signature algorithm', 0x30).encoded
  const bits = r.bitString('signature')
  r.end()
  const signature = isEcdsa(algorithm) ? parseSignature(bits) : new Uint8Array(0)

  const part = new DerReader(tbs, 'certificate').sequence('signed part')
  const version = parseVersion(part)
  const serialNumber = part.integer('serial number')
  if (serialNumber.length > 20) throw part.fail('expected a serial number of at most 20 bytes')
  if (!equal(part.any('signature algorithm', 0x30).encoded, algorithm)) {
    throw part.fail('the signature algorithm differs inside and outside')
  }
  const issuer = part.any('issuer', 0x30).encoded
  const validity = part.sequence('validity')
  const notBefore = validity.time('not before')
  const notAfter = validity.time('not after')
  validity.end()
  const subject = part.any('subject', 0x30).encoded
  const publicPoint = parsePublicKey(part.any('public key', 0x30).encoded)
  const extensions = part.peek() === 0xa3 ? parseExtensions(part.explicit(3, 'extensions')) : new Map()
  part.end()
  if (version === 0 && extensions.size > 0) throw part.fail('extensions need version 3')

  const known = <T>(name: keyof typeof extensionOids, parse: (r: DerReader) => T): T | undefined => {
    const extension: Extension | undefined = extensions.get(extensionOids[name])
    if (!extension) return undefined
    const reader = new DerReader(extension.value, `certificate ${name}`)
    const value = parse(reader)
    reader.end()
    return value
  }
  const keyUsage = known('keyUsage', (reader) => reader.namedBits('value'))
  const { authority, pathLength } = known('basicConstraints', parseBasicConstraints) ?? noAuthority
  const may = (bit: number) => keyUsage === undefined || keyUsage.includes(bit)
  const names: readonly string[] = Object.values(extensionOids)
  return {
    format: 'x509',
    serialNumber,
    issuer,
    subject,
    notBefore,
    notAfter,
    publicPoint,
    signsCertificates: authority && may(keyUsageBits.keyCertSign),
    pathLength,
    agreesOnKeys: may(keyUsageBits.keyAgreement),
    subjectKeyIdentifier: known('subjectKeyIdentifier', (reader) => reader.octetString('value')),
    authorityKeyIdentifier: known('authorityKeyIdentifier', parseAuthorityKeyIdentifier),
    policies: known('certificatePolicies', parsePolicies) ?? [],
    unknownCritical: [...extensions]
      .filter(([oid, { critical }]) => critical && !names.includes(oid))
      .map(([oid]) => oid),
    authorizations: undefined,
    signature,
    tbs,
    encoded: bytes.slice(),
  }
}

function parseVersion(r: DerReader): number {
  if (r.peek() !== 0xa0) return 0
  const wrapped = r.explicit(0, 'version')
  const version = wrapped.smallInteger('version')
  wrapped.end()
  if (version !== 2) throw r.fail('expected version 3')
  return version
}

function isEcdsa(algorithm: Uint8Array): boolean {
  const r = new DerReader(algorithm, 'signature algorithm').sequence('value')
  return r.oid('algorithm') === '1.2.840.10045.4.3.2' && r.peek() === undefined
}

/** Ecdsa-Sig-Value as raw r‖s; unlike our own formats, s may lie in either half. */
function parseSignature(bytes: Uint8Array): Uint8Array {
  const outer = new DerReader(bytes, 'ECDSA signature')
  const r = outer.sequence('value')
  outer.end()
  const parts = [r.integer('r'), r.integer('s')]
  r.end()
  if (parts.some((part) => part.length > 32)) throw r.fail('r or s is longer than 32 bytes')
  return concat(...parts.flatMap((part) => [new Uint8Array(32 - part.length), part]))
}

function parsePublicKey(encoded: Uint8Array): Uint8Array {
  const outer = new DerReader(encoded, 'public key')
  const r = outer.sequence('value')
  outer.end()
  const algorithm = r.sequence('algorithm')
  const [type, curve] = [algorithm.oid('type'), algorithm.oid('curve')]
  algorithm.end()
  const point = r.bitString('point')
  r.end()
  if (
    type !== '1.2.840.10045.2.1' ||
    curve !== '1.2.840.10045.3.1.7' ||
    point.length !== 65 ||
    point[0] !== 4
  ) {
    throw new DecodeError('public key: expected an uncompressed point of P-256')
  }
  return point
}

function parseExtensions(wrapped: DerReader): Map<string, Extension> {
  const r = wrapped.sequence('list')
  wrapped.end()
  const extensions = new Map<string, Extension>()
  while (r.peek() !== undefined) {
    const item = r.sequence('extension')
    const oid = item.oid('id')
    const critical = item.peek() === 0x01 ? item.boolean('critical') : false
    const value = item.octetString('value')
    item.end()
    if (extensions.has(oid)) throw item.fail(`extension ${oid} stands twice`)
    extensions.set(oid, { critical, value })
  }
  return extensions
}

interface Constraints {
  readonly authority: boolean
  readonly pathLength: number | undefined
}

const noAuthority: Constraints = { authority: false, pathLength: undefined }

function parseBasicConstraints(r: DerReader): Constraints {
  const value = r.sequence('value')
  const authority = value.peek() === 0x01 ? value.boolean('ca') : false
  const pathLength = value.peek() === 0x02 ? value.smallInteger('path length') : undefined
  value.end()
  return { authority, pathLength }
}

function parseAuthorityKeyIdentifier(r: DerReader): Uint8Array | undefined {
  const value = r.sequence('value')
  const identifier = value.peek() === 0x80 ? value.content(0x80, 'key identifier') : undefined
  // Issuer and serial number may follow; the key's identifier is enough.
  while (value.peek() !== undefined) value.any('issuer')
  return identifier
}

function parsePolicies(r: DerReader): string[] {
  const value = r.sequence('value')
  const policies: string[] = []
  while (value.peek() !== undefined) {
    const policy = value.sequence('policy')
    policies.push(policy.oid('identifier'))
    if (policy.peek() !== undefined) policy.any('qualifiers', 0x30)
    policy.end()
  }
  return policies
}

/** Certificate policies that hold these identifiers. */
export function serializePolicies(policies: readonly string[]): Uint8Array {
  return der.sequence(...policies.map((policy) => der.sequence(der.oid(policy))))
}
