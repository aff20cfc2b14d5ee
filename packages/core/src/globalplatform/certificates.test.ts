import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { test } from 'node:test'
import fc from 'fast-check'
import { bytes } from '../../test/codec-laws.ts'
import { concat, decodeHex, equal } from '../bytes/index.ts'
import { portableCrypto } from '../crypto/index.ts'
import { der, noEnd } from '../der/index.ts'
import { DecodeError, UsageError } from '../errors/index.ts'
import { serializeTlv } from '../tlv/index.ts'
import { certificateToPem } from '../x509/index.ts'
import {
  checkOceChain,
  type GpCertificateContent,
  issueGpCertificate,
  issueOceCertificate,
  type OceCertificate,
  type OceRole,
  oceRoles,
  orderChain,
  parseCertificateBundle,
  parseOceCertificate,
  roleOfPolicies,
  sameSerialNumber,
  serializeGpCertificate,
  serializeGpCertificateContent,
  verifyOceCertificate,
} from './index.ts'

const key = (fill: number) => portableCrypto.ecPrivateKey(new Uint8Array(32).fill(fill))
const [caKey, kaKey, oceKey, otherKey] = [key(1), key(2), key(3), key(4)]
const begin = Date.UTC(2026, 0, 1) / 1000
const end = Date.UTC(2036, 0, 1) / 1000

function issue(
  role: OceRole,
  serial: number,
  holder: typeof caKey,
  issuer: { subject: string; key: typeof caKey } | 'self',
): Uint8Array {
  return issueOceCertificate(
    {
      role,
      serialNumber: Uint8Array.of(0x9f, serial),
      subject: `test ${role}`,
      publicPoint: holder.publicPoint,
      notBefore: begin,
      notAfter: end,
      issuer: issuer === 'self' ? 'self' : { subject: issuer.subject, publicPoint: issuer.key.publicPoint },
    },
    issuer === 'self' ? holder : issuer.key,
    portableCrypto,
  )
}

const ca = issue('ca-kloc', 1, caKey, 'self')
const ka = issue('ka-kloc', 2, kaKey, { subject: 'test ca-kloc', key: caKey })
const oce = issue('oce', 3, oceKey, { subject: 'test ka-kloc', key: kaKey })
const chain = (...list: Uint8Array[]) => list.map(parseOceCertificate)
const problem = (list: Uint8Array[], now?: number) =>
  checkOceChain(chain(...list), caKey.publicPoint, portableCrypto, now)

test('a chain of X.509 certificates holds from its authority, with the root in front or without', () => {
  assert.equal(problem([ca, ka, oce], begin), undefined)
  assert.equal(problem([ka, oce], end), undefined)
  const [, , leaf] = chain(ca, ka, oce)
  assert.deepEqual(leaf!.serialNumber, decodeHex('9F03'))
  assert.deepEqual(leaf!.publicPoint, oceKey.publicPoint)
  assert.equal(roleOfPolicies(leaf!.policies), 'oce')
  assert.deepEqual(parseCertificateBundle(concat(ca, ka, oce)), chain(ca, ka, oce))
})

test('certificates of one chain are put in order, whatever order they come in', () => {
  const [root, between, leaf] = chain(ca, ka, oce) as [OceCertificate, OceCertificate, OceCertificate]
  const orders = [
    [root, between, leaf],
    [leaf, between, root],
    [between, leaf, root],
  ]
  for (const order of orders) {
    assert.deepEqual(orderChain(order), [root, between, leaf])
    assert.deepEqual(orderChain(order, oceKey.publicPoint), [root, between, leaf])
  }
  assert.deepEqual(orderChain([leaf, between]), [between, leaf])
  assert.deepEqual(orderChain([root]), [root])
  assert.throws(() => orderChain([root, leaf]), UsageError)
  assert.throws(() => orderChain([leaf, between], otherKey.publicPoint), UsageError)
  assert.throws(() => orderChain([leaf, leaf]), UsageError)
  assert.throws(() => orderChain([]), UsageError)
})

test('a chain that does not hold says where and why', () => {
  assert.deepEqual(problem([oce]), { problem: 'signature', at: 0 })
  assert.deepEqual(problem([ka, ca, oce]), { problem: 'signature', at: 1 })
  const direct = issue('oce', 5, oceKey, { subject: 'test ca-kloc', key: caKey })
  assert.equal(problem([direct]), undefined)
  const below = issue('oce', 6, otherKey, { subject: 'test oce', key: oceKey })
  assert.deepEqual(problem([direct, below]), { problem: 'not-authority', at: 0 })
  assert.deepEqual(problem([ka]), { problem: 'not-agreement', at: 0 })
  const renamed = issue('oce', 7, oceKey, { subject: 'another name', key: kaKey })
  assert.deepEqual(problem([ka, renamed]), { problem: 'issuer', at: 1 })
  assert.deepEqual(problem([ka, oce], begin - 1), { problem: 'not-yet-valid', at: 0 })
  assert.deepEqual(problem([ka, oce], end + 1), { problem: 'expired', at: 0 })
  assert.throws(() => problem([]), UsageError)
  const offCurve = caKey.publicPoint.slice()
  offCurve[64]! ^= 1
  assert.equal(verifyOceCertificate(chain(ca)[0]!, offCurve, portableCrypto), false)
})

test('an authority that allows so many below it has no more', () => {
  const sub = issue('ka-kloc', 8, otherKey, { subject: 'test ka-kloc', key: kaKey })
  const leaf = issue('oce', 9, oceKey, { subject: 'test ka-kloc', key: otherKey })
  const list = chain(ca, ka, sub, leaf).map((one, i) => ({ ...one, subject: Uint8Array.of(i + 1) }))
  const linked = list.map((one, i) => ({ ...one, issuer: list[Math.max(0, i - 1)]!.subject }))
  const withLengths = (...lengths: readonly (number | undefined)[]) => {
    const limited = linked.map((one, i) => ({ ...one, pathLength: lengths[i] }))
    return checkOceChain(limited, caKey.publicPoint, portableCrypto)
  }
  assert.equal(withLengths(), undefined)
  assert.equal(withLengths(2, 1, 0), undefined)
  assert.deepEqual(withLengths(1), { problem: 'path-length', at: 0 })
  assert.deepEqual(withLengths(2, 0), { problem: 'path-length', at: 1 })
  // Of a leaf it says nothing; an authority that signed itself does not count.
  assert.equal(withLengths(2, 1, 0, 0), undefined)
  const own = [linked[0]!, ...linked].map((one, i) => ({ ...one, pathLength: [2, 2, 1, 0][i] }))
  assert.equal(checkOceChain(own, caKey.publicPoint, portableCrypto), undefined)
})

test("Node's own reader takes the certificates that are issued, and checks their signatures", () => {
  const [root, between, leaf] = [ca, ka, oce].map((one) => new X509Certificate(certificateToPem(one)))
  assert.equal(root!.ca && between!.ca && !leaf!.ca, true)
  assert.equal(between!.verify(root!.publicKey) && leaf!.verify(between!.publicKey), true)
  assert.equal(leaf!.subject, 'CN=test oce')
  assert.equal(leaf!.serialNumber, '9F03')
})

/** A certificate as another tool would write it: its own names and extensions, s in the upper half. */
function foreign(extensions: readonly Uint8Array[], version3 = true): Uint8Array {
  const algorithm = der.sequence(der.oid('1.2.840.10045.4.3.2'))
  const attribute = (oid: string, value: Uint8Array) => der.set(der.sequence(der.oid(oid), value))
  const name = der.sequence(
    attribute('2.5.4.6', der.printableString('DE')),
    attribute('2.5.4.10', der.utf8String('Füller GmbH')),
    attribute('1.2.840.113549.1.9.1', der.element(0x16, Uint8Array.of(0x61, 0x40, 0x62))),
  )
  const spki = der.sequence(
    der.sequence(der.oid('1.2.840.10045.2.1'), der.oid('1.2.840.10045.3.1.7')),
    der.bitString(oceKey.publicPoint),
  )
  const tbs = der.sequence(
    ...(version3 ? [der.explicit(0, der.smallInteger(2))] : []),
    der.integer(new Uint8Array(20).fill(0x7a)),
    algorithm,
    name,
    der.sequence(der.time(begin), der.time(noEnd)),
    der.sequence(),
    spki,
    ...(extensions.length > 0 ? [der.explicit(3, der.sequence(...extensions))] : []),
  )
  const raw = caKey.sign(tbs)
  const order = 0xffffffff_00000000_ffffffff_ffffffff_bce6faad_a7179e84_f3b9cac2_fc632551n
  const high = order - raw.subarray(32).reduce((sum, byte) => sum * 256n + BigInt(byte), 0n)
  const s = decodeHex(high.toString(16).padStart(64, '0'))
  return der.sequence(
    tbs,
    algorithm,
    der.bitString(der.sequence(der.integer(raw.subarray(0, 32)), der.integer(s))),
  )
}

const extension = (oid: string, critical: boolean, value: Uint8Array) =>
  der.sequence(der.oid(oid), ...(critical ? [der.boolean(true)] : []), der.octetString(value))

test('certificates of other tools are read: any names, unknown extensions, high s, version 1', () => {
  const made = foreign([
    extension('2.5.29.15', false, der.namedBits([0, 4])),
    extension('2.5.29.17', false, der.sequence(der.element(0x82, Uint8Array.of(0x61)))),
    extension('1.2.3.4.5', false, Uint8Array.of(1, 2, 3)),
    extension('2.5.29.32', false, der.sequence(der.sequence(der.oid('1.2.3'), der.sequence()))),
    extension('2.5.29.35', false, der.sequence(der.element(0xa1), der.implicit(2, Uint8Array.of(5)))),
  ])
  const parsed = parseOceCertificate(made)
  assert.deepEqual(parsed.serialNumber, new Uint8Array(20).fill(0x7a))
  assert.deepEqual(parsed.policies, ['1.2.3'])
  assert.equal(parsed.authorityKeyIdentifier, undefined)
  assert.equal(parsed.agreesOnKeys, true)
  assert.equal(checkOceChain([parsed], caKey.publicPoint, portableCrypto, begin), undefined)
  assert.equal(
    new X509Certificate(certificateToPem(made)).verify(new X509Certificate(certificateToPem(ca)).publicKey),
    true,
  )
  const plain = parseOceCertificate(foreign([], false))
  assert.equal(plain.signsCertificates, false)
  assert.equal(checkOceChain([plain], caKey.publicPoint, portableCrypto, begin), undefined)
})

test('basic constraints say how many authorities may follow', () => {
  const constraints = (...parts: Uint8Array[]) => extension('2.5.29.19', true, der.sequence(...parts))
  const lengthOf = (...parts: Uint8Array[]) =>
    parseOceCertificate(foreign([constraints(...parts)])).pathLength
  assert.equal(lengthOf(der.boolean(true), der.smallInteger(0)), 0)
  assert.equal(lengthOf(der.boolean(true), der.smallInteger(3)), 3)
  assert.equal(lengthOf(der.boolean(true)), undefined)
  assert.equal(parseOceCertificate(ka).pathLength, undefined)
})

test('a critical extension that is not known here breaks the chain; a broken one is refused', () => {
  const parsed = parseOceCertificate(foreign([extension('1.2.3.4.5', true, Uint8Array.of(1))]))
  assert.deepEqual(parsed.unknownCritical, ['1.2.3.4.5'])
  assert.equal(checkOceChain([parsed], caKey.publicPoint, portableCrypto)?.problem, 'unknown-critical')
  const twice = extension('1.2.3.4.5', false, Uint8Array.of(1))
  assert.throws(() => parseOceCertificate(foreign([twice, twice])), DecodeError)
  assert.throws(
    () => parseOceCertificate(foreign([extension('2.5.29.15', true, Uint8Array.of(3, 1))])),
    DecodeError,
  )
  assert.throws(() => parseOceCertificate(foreign([twice], false)), DecodeError)
})

test('every cut of a certificate is a DecodeError, and no changed byte of it passes the signature', () => {
  for (const made of [oce, gp(oceKey, kaKey)]) {
    for (let length = 0; length < made.length; length++) {
      assert.throws(() => parseOceCertificate(made.subarray(0, length)), DecodeError)
    }
    assert.throws(() => parseOceCertificate(concat(made, Uint8Array.of(0))), DecodeError)
    for (let at = 0; at < made.length; at += 3) {
      const changed = made.slice()
      changed[at]! ^= 0x01
      try {
        assert.equal(
          verifyOceCertificate(parseOceCertificate(changed), kaKey.publicPoint, portableCrypto),
          false,
          `byte ${at}`,
        )
      } catch (error) {
        assert.ok(error instanceof DecodeError, String(error))
      }
    }
  }
})

function gpContent(holder: typeof caKey): GpCertificateContent {
  return {
    serialNumber: decodeHex('0102030405'),
    caIdentifier: decodeHex('4341'),
    subject: decodeHex('4F4345'),
    usage: 'key-agreement',
    effectiveDate: '20260101',
    expirationDate: '20351231',
    authorizations: decodeHex('0102'),
    discretionary: { tag: 0x53, value: decodeHex('AABB') },
    publicPoint: holder.publicPoint,
  }
}

function gp(
  holder: typeof caKey,
  issuer: typeof caKey,
  change: Partial<GpCertificateContent> = {},
): Uint8Array {
  return issueGpCertificate({ ...gpContent(holder), ...change }, issuer)
}

test("GlobalPlatform's own certificates hold in a chain, by the day", () => {
  const authority = gp(kaKey, caKey, {
    usage: 'verification',
    subject: decodeHex('4B41'),
    caIdentifier: decodeHex('4341'),
  })
  const leaf = gp(oceKey, kaKey, { caIdentifier: decodeHex('4B41') })
  const list = parseCertificateBundle(concat(authority, leaf))
  const check = (now?: number) => checkOceChain(list, caKey.publicPoint, portableCrypto, now)
  assert.equal(check(), undefined)
  assert.equal(check(Date.UTC(2035, 11, 31, 23, 59, 59) / 1000), undefined)
  assert.equal(check(Date.UTC(2036, 0, 1) / 1000)?.problem, 'expired')
  assert.equal(check(Date.UTC(2025, 11, 31, 23, 59, 59) / 1000)?.problem, 'not-yet-valid')
  assert.deepEqual(list[1]!.authorizations, decodeHex('0102'))
  assert.equal(
    checkOceChain([list[1]!, list[0]!], kaKey.publicPoint, portableCrypto)?.problem,
    'not-authority',
  )
})

test("GlobalPlatform's own certificates: what is serialized parses to the same", () => {
  const some = fc.uint8Array({ minLength: 1, maxLength: 16 })
  fc.assert(
    fc.property(
      some,
      some,
      some,
      bytes(64),
      fc.constantFrom('verification' as const, 'key-agreement' as const),
      (serialNumber, caIdentifier, subject, signature, usage) => {
        const content = { ...gpContent(oceKey), serialNumber, caIdentifier, subject, usage }
        const tbs = serializeGpCertificateContent(content)
        const encoded = serializeGpCertificate(tbs, signature)
        const parsed = parseOceCertificate(encoded)
        assert.deepEqual(
          [parsed.serialNumber, parsed.issuer, parsed.subject, parsed.signature],
          [serialNumber, caIdentifier, subject, signature],
        )
        assert.ok(equal(parsed.tbs, tbs) && parsed.signsCertificates === (usage === 'verification'))
        assert.deepEqual(serializeGpCertificate(parsed.tbs, parsed.signature), encoded)
      },
    ),
    { numRuns: 40 },
  )
  assert.throws(() => gp(oceKey, kaKey, { expirationDate: '20260230' }), UsageError)
  assert.throws(() => gp(oceKey, kaKey, { serialNumber: new Uint8Array(17) }), UsageError)
})

test("GlobalPlatform's own certificates: a DER signature and a date that is none are refused", () => {
  const tbs = serializeGpCertificateContent(gpContent(oceKey))
  assert.throws(() => serializeGpCertificate(tbs, new Uint8Array(70)), UsageError)
  const sound = gp(oceKey, kaKey)
  const date = sound.findIndex((_, i) => sound[i] === 0x20 && sound[i + 1] === 0x35)
  const wrong = sound.slice()
  wrong.set(decodeHex('141C0C1F'), date)
  assert.throws(() => parseOceCertificate(wrong), /date/)
})

test('X.509 that a card wraps in 7F21 is taken out', () => {
  const wrap = (made: Uint8Array) => serializeTlv({ tag: 0x7f21, value: made })
  assert.deepEqual(parseCertificateBundle(concat(wrap(ka), wrap(oce))), chain(ka, oce))
  assert.throws(() => parseOceCertificate(concat(wrap(oce), Uint8Array.of(0))), DecodeError)
  assert.throws(() => parseOceCertificate(wrap(concat(oce, oce))), DecodeError)
})

test('serial numbers compare as numbers', () => {
  assert.equal(sameSerialNumber(decodeHex('009F03'), decodeHex('9F03')), true)
  assert.equal(sameSerialNumber(decodeHex('9F0300'), decodeHex('9F03')), false)
})

test('each role has its place: authorities sign, the others agree on keys', () => {
  for (const role of Object.keys(oceRoles) as OceRole[]) {
    const made = parseOceCertificate(issue(role, 9, otherKey, { subject: 'test ca-kloc', key: caKey }))
    assert.deepEqual(
      [made.signsCertificates, made.agreesOnKeys],
      [oceRoles[role].authority, !oceRoles[role].authority],
    )
    assert.equal(roleOfPolicies(made.policies), role)
  }
  assert.throws(() => issue('oce', 9, otherKey, 'self'), UsageError)
})
