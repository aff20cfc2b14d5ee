import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { concat } from '../bytes/index.ts'
import { parseDocument, signDocument } from '../cbor/index.ts'
import { portableCrypto } from '../crypto/index.ts'
import { AuthError, DecodeError, UsageError } from '../errors/index.ts'
import {
  type CertificateRequest,
  deriveCredential,
  openCertificateRequest,
  type PolicyName,
  parseBareCertificate,
  parseBeginAnswer,
  parseBeginRequest,
  parseCompleteReceipt,
  parseCompleteRequest,
  parseCredentials,
  parseDepersonalizeRequest,
  parseDisabling,
  parseOutsideDigests,
  parseOutsideObjects,
  parsePolicy,
  policyBits,
  prepareCertificateRequest,
  prepareDisabling,
  proveCredential,
  requireFingerprint,
  serializeBareCertificate,
  serializeBeginAnswer,
  serializeBeginRequest,
  serializeCompleteReceipt,
  serializeCompleteRequest,
  serializeCredentials,
  serializeDepersonalizeRequest,
  serializeOutsideDigests,
  serializeOutsideObjects,
  serializePolicy,
  verifyCredentialProof,
} from './index.ts'

const crypto = portableCrypto
const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length })
const number = fc.integer({ min: 0, max: 0xffff_ffff })
const record = <T>(model: { [K in keyof T]: fc.Arbitrary<T[K]> }) =>
  fc.record<T>(model, { noNullPrototype: true })

/** Round trip, canonical, every proper prefix refused, one extra byte refused. */
function laws<T>(
  name: string,
  arbitrary: fc.Arbitrary<T>,
  serialize: (value: T) => Uint8Array,
  parse: (bytes: Uint8Array) => T,
): void {
  test(`${name}: reads back what it wrote, and refuses what is shorter or longer`, () => {
    fc.assert(
      fc.property(arbitrary, (value) => {
        const written = serialize(value)
        assert.deepEqual(parse(written), value)
        assert.deepEqual(serialize(parse(written)), written)
        assert.throws(() => parse(concat(written, Uint8Array.of(0))), DecodeError)
        for (let end = 0; end < written.length; end++) {
          assert.throws(() => parse(written.subarray(0, end)), DecodeError)
        }
      }),
      { numRuns: 20 },
    )
  })
}

laws(
  'data of BEGIN',
  record({ salt: bytes(16), time: number, nonce: bytes(16) }),
  serializeBeginRequest,
  parseBeginRequest,
)
laws(
  'answer of BEGIN',
  record({ point: bytes(65), signature: bytes(64) }),
  serializeBeginAnswer,
  parseBeginAnswer,
)
const der = fc.uint8Array({ maxLength: 40 })
laws(
  'data of COMPLETE',
  record({ operating: der, central: der, unit: der }),
  serializeCompleteRequest,
  parseCompleteRequest,
)
laws(
  'data of DEPERSONALIZE',
  record({ serial: bytes(8), certificateDigest: bytes(32) }),
  serializeDepersonalizeRequest,
  parseDepersonalizeRequest,
)
laws(
  'receipt of COMPLETE',
  record({ number, chain: bytes(32), signature: bytes(64) }),
  serializeCompleteReceipt,
  parseCompleteReceipt,
)
laws(
  'bare certificate',
  fc
    .record({
      a: number,
      b: number,
      nonce: bytes(16),
      customer: bytes(16),
      centralKeyHash: bytes(32),
      signature: bytes(64),
    })
    .map(({ a, b, signature, ...binding }) => ({
      notBefore: Math.min(a, b),
      notAfter: Math.max(a, b),
      binding: { ...binding },
      signature,
    })),
  serializeBareCertificate,
  parseBareCertificate,
)

test('a bare certificate of another version, or that ends before it begins, is refused', () => {
  const binding = {
    nonce: new Uint8Array(16),
    customer: new Uint8Array(16),
    centralKeyHash: new Uint8Array(32),
  }
  const bare = { notBefore: 2, notAfter: 1, binding, signature: new Uint8Array(64) }
  const written = serializeBareCertificate(bare)
  assert.throws(() => parseBareCertificate(written), DecodeError)
  const other = serializeBareCertificate({ ...bare, notAfter: 2 })
  other[0] = 2
  assert.throws(() => parseBareCertificate(other), DecodeError)
})

test('every policy is one byte, and a bit that is not known is refused', () => {
  const names = Object.keys(policyBits) as PolicyName[]
  for (let bits = 0; bits <= 0xff; bits++) {
    if (bits >= 1 << names.length) {
      assert.throws(() => parsePolicy(Uint8Array.of(bits)), DecodeError)
      continue
    }
    const policy = parsePolicy(Uint8Array.of(bits))
    assert.deepEqual(
      [...policy],
      names.filter((name) => (bits & policyBits[name].bit) !== 0),
    )
    assert.deepEqual(serializePolicy(policy), Uint8Array.of(bits))
  }
  assert.throws(() => parsePolicy(new Uint8Array(0)), DecodeError)
  assert.throws(() => parsePolicy(new Uint8Array(2)), DecodeError)
  assert.throws(() => serializePolicy(['other' as PolicyName]), UsageError)
})

const key = crypto.ecPrivateKey(new Uint8Array(32).fill(5))
const other = crypto.ecPrivateKey(new Uint8Array(32).fill(6))
const customer = new Uint8Array(16).fill(1)
const asked: CertificateRequest = { role: 'unit', name: 'unit', point: key.publicPoint, customer }

function signed(request: CertificateRequest, signer = key): Uint8Array {
  const unsigned = prepareCertificateRequest(request, crypto)
  return unsigned.finish(signer.sign(unsigned.toBeSigned))
}

test('[C14b] a request for a certificate opens only when the key that it names has signed it', () => {
  assert.deepEqual(openCertificateRequest(signed(asked), 'unit', crypto), asked)
  assert.throws(() => openCertificateRequest(signed(asked, other), 'unit', crypto), AuthError)
  const written = signed(asked)
  for (let at = 0; at < written.length; at++) {
    const bent = written.slice()
    bent[at]! ^= 1
    assert.throws(
      () => openCertificateRequest(bent, 'unit', crypto),
      (error) => error instanceof AuthError || error instanceof DecodeError,
      `byte ${at}`,
    )
  }
})

test('a request of another role, with a foreign field, or of another kind of document is refused', () => {
  const { customer: _, ...rest } = asked
  const central = signed({ ...rest, role: 'central-system' })
  assert.throws(() => openCertificateRequest(central, 'unit', crypto), DecodeError)
  assert.throws(() => openCertificateRequest(signed(asked), 'central-system', crypto), DecodeError)
  const more = signDocument('certificate-request', { ...asked, more: 1 }, key, crypto)
  assert.throws(() => openCertificateRequest(more, 'unit', crypto), DecodeError)
  const kind = signDocument('receipt', { ...asked }, key, crypto)
  assert.throws(() => openCertificateRequest(kind, 'unit', crypto), DecodeError)
  const nameless = signDocument('certificate-request', { ...asked, name: '' }, key, crypto)
  assert.throws(() => openCertificateRequest(nameless, 'unit', crypto), DecodeError)
  assert.throws(() => prepareCertificateRequest({ ...asked, name: '' }, crypto), UsageError)
  assert.throws(() => prepareCertificateRequest(rest, crypto), UsageError)
  assert.throws(() => prepareCertificateRequest({ ...asked, point: new Uint8Array(64) }, crypto), UsageError)
})

test('[C14b] a fingerprint that was told decides; none told, none compared', () => {
  const told = crypto.sha256(key.publicPoint)
  requireFingerprint(key.publicPoint, told, crypto)
  requireFingerprint(key.publicPoint, undefined, crypto)
  assert.throws(() => requireFingerprint(other.publicPoint, told, crypto), { code: 'fingerprint-differs' })
})

const disablingKey = crypto.ecPrivateKey(new Uint8Array(32).fill(9))
const decision = {
  number: 1,
  previous: new Uint8Array(32),
  action: 'disable',
  kind: 'serial',
  id: new Uint8Array(8),
  at: 5,
  reason: 'stolen',
} as const

test('a decision to disable reads back, and what is not one is refused', () => {
  const unsigned = prepareDisabling(decision, disablingKey.publicPoint, crypto)
  const document = unsigned.finish(disablingKey.sign(unsigned.toBeSigned))
  assert.deepEqual(parseDisabling(parseDocument(document)), decision)
  const signed = (fields: object) =>
    parseDocument(signDocument('disabling', { ...decision, ...fields }, disablingKey, crypto))
  for (const bent of [
    { number: 0 },
    { previous: new Uint8Array(31) },
    { action: 'forget' },
    { kind: 'toString' },
    { kind: 'unit' },
    { id: new Uint8Array(32) },
    { at: -1 },
    { reason: 'x'.repeat(201) },
    { more: 1 },
  ]) {
    assert.throws(() => parseDisabling(signed(bent)), DecodeError, JSON.stringify(bent))
  }
  assert.throws(
    () => prepareDisabling({ ...decision, kind: 'unit' }, disablingKey.publicPoint, crypto),
    UsageError,
  )
})

test('credentials: read back, one order only, cut or lengthened by less than one refused', () => {
  const made = [1, 2, 7].map((n) => ({
    serial: new Uint8Array(8).fill(n),
    credential: new Uint8Array(16).fill(n),
  }))
  const file = serializeCredentials(made)
  assert.deepEqual(parseCredentials(file), made)
  assert.deepEqual(serializeCredentials(parseCredentials(file)), file)
  for (let end = 0; end < file.length; end++) {
    const whole = end > 5 && (end - 5) % 24 === 0
    if (!whole) assert.throws(() => parseCredentials(file.subarray(0, end)), DecodeError, `${end}`)
  }
  assert.throws(() => parseCredentials(concat(file, Uint8Array.of(9))), DecodeError)
  const twice = concat(file, file.subarray(file.length - 24))
  assert.throws(() => parseCredentials(twice), DecodeError)
  assert.throws(() => serializeCredentials([made[1]!, made[0]!]), UsageError)
})

test('a credential is of one serial number, one key, one BEGIN and one point', () => {
  const key = new Uint8Array(32).fill(3)
  const serial = new Uint8Array(8).fill(1)
  const request = { salt: new Uint8Array(16), time: 5, nonce: new Uint8Array(16).fill(2) }
  const point = disablingKey.publicPoint
  const module = { serial, request, point }
  const proof = proveCredential(crypto.aes(deriveCredential(crypto, key, serial)), serial, request, point)
  assert.ok(verifyCredentialProof(crypto, key, module, proof))
  const wrong = [
    { ...module, serial: serial.with(7, 2) },
    { ...module, request: { ...request, time: 6 } },
    { ...module, request: { ...request, salt: request.salt.with(0, 1) } },
    { ...module, request: { ...request, nonce: request.nonce.with(15, 1) } },
    { ...module, point: point.with(64, point[64]! ^ 1) },
  ]
  for (const one of wrong) assert.equal(verifyCredentialProof(crypto, key, one, proof), false)
  assert.equal(verifyCredentialProof(crypto, key.with(31, 4), module, proof), false)
  assert.equal(verifyCredentialProof(crypto, key, module, proof.with(0, proof[0]! ^ 1)), false)
  assert.equal(verifyCredentialProof(crypto, key, module, proof.subarray(1)), false)
})

const outsideNames = fc.constantFrom(
  ...([
    { kind: 'certificate', id: 2 },
    { kind: 'certificate', id: 3 },
    { kind: 'public-key', id: 2 },
  ] as const),
)

test('objects kept outside, and their hashes: read back, one form only, cut or lengthened is another list or refused', () => {
  const objects = fc.array(
    fc.tuple(outsideNames, der).map(([name, made]) => ({ ...name, bytes: made })),
    { maxLength: 3 },
  )
  fc.assert(
    fc.property(objects, (made) => {
      const file = serializeOutsideObjects(made)
      assert.deepEqual(parseOutsideObjects(file), made)
      for (let end = 0; end < file.length; end++) {
        const cut = file.subarray(0, end)
        try {
          assert.deepEqual(serializeOutsideObjects(parseOutsideObjects(cut)), cut)
        } catch (error) {
          assert.ok(error instanceof DecodeError)
        }
      }
      const digests = made.map(({ kind, id, bytes }) => ({ kind, id, digest: crypto.sha256(bytes) }))
      const told = serializeOutsideDigests(digests)
      assert.deepEqual(parseOutsideDigests(told), digests)
      for (let end = 1; end < told.length; end++) {
        if (end % 34 !== 0) assert.throws(() => parseOutsideDigests(told.subarray(0, end)), DecodeError)
      }
    }),
    { numRuns: 30 },
  )
  for (const [kind, id] of [
    [1, 1],
    [2, 1],
    [3, 2],
    [0, 2],
  ]) {
    const wrong = Uint8Array.of(0x53, 0x57, 0x4f, 0x4f, 1, kind!, id!, 0, 0)
    assert.throws(() => parseOutsideObjects(wrong), DecodeError)
  }
})
