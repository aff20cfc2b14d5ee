import 'reflect-metadata'
import assert from 'node:assert/strict'
import { Buffer } from 'node:buffer'
import { createPublicKey, webcrypto, X509Certificate } from 'node:crypto'
import { test } from 'node:test'
import * as peculiar from '@peculiar/x509'
import { ascii, concat, encodeHex } from '../bytes/index.ts'
import { portableCrypto as crypto } from '../crypto/index.ts'
import { DerReader, der, noEnd, parseEcdsaSignature } from '../der/index.ts'
import { DecodeError, UsageError } from '../errors/index.ts'
import {
  type Certificate,
  certificateToPem,
  extensionOids,
  issueCertificate,
  parseCertificate,
  pemToCertificates,
  type RoleName,
  roles,
  serializeCertificate,
  serializePublicKey,
  serializeTbs,
} from './index.ts'
import { roleRow } from './roles.ts'
import { testOnlyPki } from './testing/index.ts'

const pki = testOnlyPki(crypto)
const { certificates, keys } = pki
const names = Object.keys(roles) as RoleName[]
const operating = certificates['module-operating']

test('a certificate of every role is written again byte for byte from what was parsed', () => {
  for (const name of names) {
    const certificate = certificates[name]
    assert.equal(certificate.role, name)
    assert.deepEqual(serializeTbs(certificate), certificate.tbs)
    assert.deepEqual(
      serializeCertificate(serializeTbs(certificate), certificate.signature),
      certificate.encoded,
    )
  }
})

test('a certificate of every role fits 600 bytes', () => {
  for (const name of names) {
    assert.ok(certificates[name].encoded.length <= 600, `${name}: ${certificates[name].encoded.length} bytes`)
  }
})

test('the parsed fields are those of the profile', () => {
  assert.deepEqual(operating.subject, { commonName: 'module', serialNumber: '0011223344556677' })
  assert.deepEqual(operating.issuer, { commonName: 'Example unit' })
  assert.equal(operating.notBefore, Date.UTC(2026, 0, 1) / 1000)
  assert.equal(operating.notAfter, noEnd)
  assert.deepEqual(operating.publicPoint, keys['module-operating'].publicPoint)
  assert.equal(operating.basicConstraints, undefined)
  assert.deepEqual(operating.keyUsage, ['digitalSignature', 'keyAgreement'])
  assert.deepEqual(operating.binding?.customer, certificates.unit.customer)
  assert.deepEqual(operating.binding?.centralKeyHash, crypto.sha256(keys['central-system'].publicPoint))
  assert.equal(operating.test, false)
  assert.deepEqual(certificates.unit.basicConstraints, { ca: true, pathLength: 0 })
  const marked = testOnlyPki(crypto, 'a', true)
  for (const name of names) assert.equal(marked.certificates[name].test, true, name)
})

test('[X6c] an operating certificate carries the id of a ticket and its running number there', () => {
  const ticket = { id: ascii('ticket 000000001'), number: 7 }
  const profile = { role: 'module-operating' as const, subject: operating.subject, by: 'unit' as const }
  const rest = {
    serialNumber: Uint8Array.of(5),
    publicPoint: operating.publicPoint,
    binding: operating.binding!,
  }
  const made = pki.issue({ ...profile, ...rest, ticket })
  assert.deepEqual(made.ticket, ticket)
  assert.equal(operating.ticket, undefined)
  assert.deepEqual(serializeTbs(made), made.tbs)
  for (const wrong of [
    { ...ticket, number: 0 },
    { ...ticket, number: 2 ** 31 },
    { ...ticket, id: new Uint8Array(15) },
  ]) {
    assert.throws(() => pki.issue({ ...profile, ...rest, ticket: wrong }), UsageError)
  }
  const { binding: _, ...others } = { ...profile, ...rest, by: 'manufacturer-root' as const }
  assert.throws(() => pki.issue({ ...others, role: 'module-identity', ticket }), UsageError)
  const value = (number: number, id = 16) =>
    der.sequence(der.octetString(new Uint8Array(id)), der.smallInteger(number))
  for (const bad of [value(0), value(1, 15), concat(value(1), Uint8Array.of(0)), der.null()]) {
    const tbs = serializeTbs({
      ...made,
      extensions: made.extensions.map((one) =>
        one.oid === extensionOids.ticket ? { ...one, value: bad } : one,
      ),
    })
    assert.throws(() => parseCertificate(serializeCertificate(tbs, made.signature)), DecodeError)
  }
})

test('node:crypto reads the same fields and verifies the same signatures', () => {
  for (const name of names) {
    const certificate = certificates[name]
    const oracle = new X509Certificate(certificate.encoded)
    assert.equal(oracle.serialNumber, encodeHex(certificate.serialNumber))
    assert.ok(oracle.subject.startsWith(`CN=${certificate.subject.commonName}`))
    assert.equal(oracle.validFromDate.getTime() / 1000, certificate.notBefore)
    assert.equal(oracle.validToDate.getTime() / 1000, certificate.notAfter)
    assert.equal(oracle.ca, certificate.basicConstraints?.ca ?? false)
    // Node's `keyUsage` lists the extended key usage.
    assert.deepEqual(oracle.keyUsage, [roles[name].oid])
    const [issuer] = roleRow(name).issuedBy
    const above = new X509Certificate(certificates[issuer === 'self' ? name : (issuer as RoleName)].encoded)
    assert.ok(oracle.checkIssued(above), name)
    assert.ok(oracle.verify(above.publicKey), name)
    const spki = Buffer.from(serializePublicKey(certificate.publicPoint))
    const point = createPublicKey({ key: spki, format: 'der', type: 'spki' })
    assert.ok(point.equals(oracle.publicKey))
  }
})

test('@peculiar/x509 reads the same extensions', async () => {
  const oracle = new peculiar.X509Certificate(operating.encoded)
  const usage = oracle.getExtension(peculiar.KeyUsagesExtension)
  assert.equal(usage?.usages, peculiar.KeyUsageFlags.digitalSignature | peculiar.KeyUsageFlags.keyAgreement)
  assert.equal(usage?.critical, true)
  const own = oracle.getExtension(peculiar.SubjectKeyIdentifierExtension)
  assert.equal(own?.keyId.toUpperCase(), encodeHex(operating.subjectKeyIdentifier!))
  const above = oracle.getExtension(peculiar.AuthorityKeyIdentifierExtension)
  assert.equal(above?.keyId?.toUpperCase(), encodeHex(operating.authorityKeyIdentifier!))
  const unit = new peculiar.X509Certificate(certificates.unit.encoded)
  assert.equal(unit.getExtension(peculiar.BasicConstraintsExtension)?.pathLength, 0)
  assert.ok(
    await oracle.verify(
      { publicKey: await unit.publicKey.export(), signatureOnly: true },
      webcrypto as never,
    ),
  )
})

test('a certificate that @peculiar/x509 made is parsed, once its signature has low s', async () => {
  const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' }
  const pair = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])
  let made: peculiar.X509Certificate
  do {
    made = await peculiar.X509CertificateGenerator.create(
      {
        serialNumber: '0102',
        subject: new peculiar.Name([
          { CN: [{ utf8String: 'Someone else' }] },
          { '2.5.4.5': [{ printableString: '77' }] },
        ]),
        issuer: new peculiar.Name([{ CN: [{ utf8String: 'Root elsewhere' }] }]),
        notBefore: new Date('2026-01-02T03:04:05Z'),
        notAfter: new Date('2051-01-02T03:04:05Z'),
        signingKey: pair.privateKey,
        signingAlgorithm: algorithm,
        publicKey: pair.publicKey,
        extensions: [
          new peculiar.BasicConstraintsExtension(true, 3, true),
          new peculiar.KeyUsagesExtension(peculiar.KeyUsageFlags.keyCertSign, true),
          new peculiar.ExtendedKeyUsageExtension([roles.authority.oid]),
          await peculiar.SubjectKeyIdentifierExtension.create(pair.publicKey, false, webcrypto as never),
        ],
      },
      webcrypto as never,
    )
  } while (!hasLowS(made.rawData))
  const certificate = parseCertificate(new Uint8Array(made.rawData))
  assert.deepEqual(certificate.serialNumber, Uint8Array.of(1, 2))
  assert.deepEqual(certificate.subject, { commonName: 'Someone else', serialNumber: '77' })
  assert.equal(certificate.notAfter, Date.UTC(2051, 0, 2, 3, 4, 5) / 1000)
  assert.deepEqual(certificate.basicConstraints, { ca: true, pathLength: 3 })
  assert.equal(certificate.role, 'authority')
  assert.deepEqual(serializeTbs(certificate), certificate.tbs)
})

function hasLowS(encoded: ArrayBuffer): boolean {
  const r = new DerReader(new Uint8Array(encoded), 'certificate').sequence('value')
  r.any('signed part')
  r.any('algorithm')
  try {
    parseEcdsaSignature(r.bitString('signature'))
    return true
  } catch (error) {
    if (error instanceof DecodeError) return false
    throw error
  }
}

test('every proper prefix and one extra byte are refused', () => {
  const { encoded } = operating
  for (let length = 0; length < encoded.length; length++) {
    assert.throws(() => parseCertificate(encoded.subarray(0, length)), DecodeError, `prefix of ${length}`)
  }
  assert.throws(() => parseCertificate(Uint8Array.from([...encoded, 0])), DecodeError)
})

test('a certificate with any byte changed is refused or is written again as it came', () => {
  for (const name of ['module-operating', 'unit'] as const) {
    const { encoded } = certificates[name]
    for (let at = 0; at < encoded.length; at++) {
      for (const value of [0x00, 0x01, 0x30, 0x7f, 0x80, 0xff, encoded[at]! ^ 1]) {
        const changed = encoded.slice()
        changed[at] = value
        let parsed: Certificate
        try {
          parsed = parseCertificate(changed)
        } catch (error) {
          assert.ok(error instanceof DecodeError, `byte ${at} = ${value}: ${error}`)
          continue
        }
        assert.deepEqual(serializeCertificate(serializeTbs(parsed), parsed.signature), changed, `byte ${at}`)
      }
    }
  }
})

/** The operating certificate with changed parts, signed by the unit. */
function remade(changes: Partial<Certificate>): Uint8Array {
  const tbs = serializeTbs({ ...operating, ...changes })
  return serializeCertificate(tbs, keys.unit.sign(tbs))
}

test('extensions that are malformed, doubled or hold a written default are refused', () => {
  const [usage, purpose, ...rest] = operating.extensions
  const other = (oid: string, value: Uint8Array, critical = false) => ({ oid, value, critical })
  assert.ok(parseCertificate(remade({ extensions: [usage!, ...rest] })))
  assert.ok(
    parseCertificate(remade({ extensions: [...operating.extensions, other('1.2.3', Uint8Array.of(1))] })),
  )
  for (const extensions of [
    [],
    [usage!, usage!],
    [usage!, other(purpose!.oid, der.sequence())],
    [usage!, other('2.5.29.15', der.namedBits([9]))],
    [usage!, other('2.5.29.15', Uint8Array.from([...der.namedBits([1]), 0]))],
    [usage!, other('2.5.29.19', der.sequence(der.boolean(false)))],
    [usage!, other('2.5.29.19', der.sequence(der.smallInteger(1)))],
    [usage!, other('2.5.29.35', der.sequence())],
    [usage!, other('2.5.29.35', der.sequence(der.implicit(0, usage!.value), der.implicit(1, usage!.value)))],
    [usage!, other('2.5.29.14', der.null())],
    operating.extensions.map((one) => (one === rest.at(-1) ? { ...one, value: der.sequence() } : one)),
  ]) {
    assert.throws(() => parseCertificate(remade({ extensions })), DecodeError)
  }
})

test('other algorithms, versions, keys and names are refused', () => {
  const hex = encodeHex(operating.encoded)
  const swaps: [string, string, string][] = [
    ['ECDSA with SHA-384', '2A8648CE3D040302', '2A8648CE3D040303'],
    ['another curve', '2A8648CE3D030107', '2A8648CE3D030106'],
    ['version 2', 'A003020102', 'A003020101'],
    ['a compressed point', '034200 04'.replace(' ', ''), '03420002'],
    ['an organization for the common name', '0603550403', '060355040A'],
    ['a PrintableString as common name', '5504030C', '55040313'],
  ]
  for (const [what, before, after] of swaps) {
    assert.ok(hex.includes(before), what)
    const bytes = Uint8Array.from(Buffer.from(hex.replace(before, after), 'hex'))
    assert.throws(() => parseCertificate(bytes), DecodeError, what)
  }
  const zero = hex.replace(encodeHex(der.integer(operating.serialNumber)), '0210' + '00'.repeat(16))
  assert.throws(() => parseCertificate(Uint8Array.from(Buffer.from(zero, 'hex'))), DecodeError)
})

test('a signature with high s is refused by the parser and brought low by the writer', () => {
  const order = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n
  const s = BigInt(`0x${encodeHex(operating.signature.subarray(32))}`)
  const high = Uint8Array.from([
    ...operating.signature.subarray(0, 32),
    ...Buffer.from((order - s).toString(16).padStart(64, '0'), 'hex'),
  ])
  assert.deepEqual(serializeCertificate(operating.tbs, high), operating.encoded)
  const bytes = der.sequence(
    operating.tbs,
    der.sequence(der.oid('1.2.840.10045.4.3.2')),
    der.bitString(der.sequence(der.integer(high.subarray(0, 32)), der.integer(high.subarray(32)))),
  )
  assert.throws(() => parseCertificate(bytes), DecodeError)
})

test('a profile that its role does not allow is a UsageError', () => {
  const base = {
    role: 'unit',
    serialNumber: Uint8Array.of(1),
    subject: { commonName: 'u' },
    publicPoint: keys.unit.publicPoint,
    notBefore: 1,
    notAfter: 2,
    issuer: certificates['manufacturer-root'],
    customer: new Uint8Array(16),
  } as const
  const sign = (tbs: Uint8Array) => keys['manufacturer-root'].sign(tbs)
  assert.ok(issueCertificate(base, sign, crypto))
  const { customer: _, ...noCustomer } = base
  for (const profile of [
    noCustomer,
    { ...base, customer: new Uint8Array(15) },
    { ...base, binding: operating.binding! },
    { ...base, role: 'module-identity' as const },
    { ...noCustomer, role: 'module-identity' as const },
    { ...noCustomer, role: 'module-identity' as const, subject: { commonName: 'm', serialNumber: '77' } },
    { ...noCustomer, role: 'module-operating' as const, subject: operating.subject },
    { ...base, serialNumber: new Uint8Array(16) },
    { ...base, serialNumber: new Uint8Array(17).fill(1) },
    { ...base, serialNumber: new Uint8Array() },
    { ...base, notAfter: 0 },
    { ...base, subject: { commonName: '' } },
    { ...base, subject: { commonName: 'x'.repeat(65) } },
    { ...base, subject: { commonName: 'x', serialNumber: '' } },
    { ...base, publicPoint: new Uint8Array(64) },
  ]) {
    assert.throws(() => issueCertificate(profile, sign, crypto), UsageError)
  }
})

test('PEM holds one or several certificates, with text around them', () => {
  const [a, b] = [operating.encoded, certificates.unit.encoded]
  assert.deepEqual(pemToCertificates(certificateToPem(a)), [a])
  assert.equal(certificateToPem(a), new X509Certificate(a).toString())
  const bundle = `# leaf\r\n${certificateToPem(a).replaceAll('\n', '\r\n')}\n# unit\n${certificateToPem(b)}`
  assert.deepEqual(pemToCertificates(bundle), [a, b])
  const pem = certificateToPem(a)
  for (const text of [
    '',
    'no certificate',
    pem.slice(0, -10),
    pem.slice(5),
    pem.replace('M', '*'),
    pem.slice(0, 200) + pem,
  ]) {
    assert.throws(() => pemToCertificates(text), DecodeError)
  }
})
