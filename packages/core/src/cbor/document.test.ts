import assert from 'node:assert/strict'
import { Buffer } from 'node:buffer'
import { createHash, createPublicKey, verify } from 'node:crypto'
import { test } from 'node:test'
import { ascii, concat, decodeHex, encodeHex } from '../bytes/index.ts'
import { type DocumentName, documentTypes } from '../catalog/documents.ts'
import { portableCrypto as crypto } from '../crypto/index.ts'
import { DecodeError, UsageError } from '../errors/index.ts'
import { serializePublicKey } from '../x509/index.ts'
import {
  type CborInput,
  encodeCanonical,
  parseDocument,
  prepareDocument,
  readDocument,
  signDocument,
  verifyDocument,
} from './index.ts'

const key = crypto.ecPrivateKey(new Uint8Array(32).fill(7))
const publicKey = crypto.ecPublicKey(key.publicPoint)
const otherKey = crypto.ecPublicKey(crypto.ecPrivateKey(new Uint8Array(32).fill(8)).publicPoint)
const fields = { serial: decodeHex('0011223344556677'), number: 5, note: 'hello' }
const signed = signDocument('reservation', fields, key, crypto)

/** The document put together from other parts, signed by the key. */
function made(parts: {
  header?: CborInput | Uint8Array
  unprotected?: CborInput
  payload?: CborInput | Uint8Array
  signature?: Uint8Array
}): Uint8Array {
  const document = parseDocument(signed)
  const encoded = (value: CborInput | undefined, otherwise: Uint8Array): Uint8Array =>
    value === undefined ? otherwise : value instanceof Uint8Array ? value : encodeCanonical(value)
  const header = encoded(parts.header, document.protectedBytes)
  const payload = encoded(parts.payload, document.payloadBytes)
  const signature =
    parts.signature ?? key.sign(encodeCanonical(['Signature1', header, new Uint8Array(), payload]))
  return concat(
    Uint8Array.of(0xd2),
    encodeCanonical([header, parts.unprotected ?? new Map(), payload, signature]),
  )
}

const header = new Map<number, CborInput>([
  [1, -7],
  [3, 'application/vnd.sealwright.reservation+cbor'],
  [4, crypto.sha256(key.publicPoint).slice(0, 16)],
])

test('a document of every type is parsed and verified as what was signed, and as nothing else', () => {
  for (const type of Object.keys(documentTypes) as DocumentName[]) {
    const document = parseDocument(signDocument(type, fields, key, crypto))
    assert.equal(document.type, type)
    assert.ok(verifyDocument(document, type, publicKey, crypto))
    const another = type === 'block' ? 'release' : 'block'
    assert.equal(verifyDocument(document, another, publicKey, crypto), false)
    assert.equal(verifyDocument(document, type, otherKey, crypto), false)
  }
})

test('the payload holds the fields and the version', () => {
  const r = readDocument(parseDocument(signed))
  assert.deepEqual(r.bytes('serial', 8), fields.serial)
  assert.equal(r.uint('number'), 5)
  assert.equal(r.text('note'), 'hello')
  r.end()
  assert.throws(() => signDocument('reservation', { v: 1 }, key, crypto), UsageError)
})

test('plain node:crypto verifies a document from bytes counted by hand', () => {
  // d2 tag 18 · 84 array of 4 · 58 nn protected · a0 unprotected · 58 nn payload · 58 40 signature
  const bytes = Buffer.from(signed)
  assert.equal(bytes.subarray(0, 3).toString('hex'), 'd28458')
  const headerLength = bytes[3]!
  const headerBytes = bytes.subarray(4, 4 + headerLength)
  let at = 4 + headerLength
  assert.equal(bytes[at], 0xa0)
  assert.equal(bytes[at + 1], 0x58)
  const payloadLength = bytes[at + 2]!
  const payload = bytes.subarray(at + 3, at + 3 + payloadLength)
  at += 3 + payloadLength
  assert.equal(bytes.subarray(at, at + 2).toString('hex'), '5840')
  const signature = bytes.subarray(at + 2)
  assert.equal(signature.length, 64)
  const kid = createHash('sha256').update(key.publicPoint).digest().subarray(0, 16)
  const type = Buffer.from('application/vnd.sealwright.reservation+cbor')
  const expectedHeader = Buffer.concat([
    Buffer.from([0xa3, 0x01, 0x26, 0x03, 0x78, type.length]),
    type,
    Buffer.from([0x04, 0x50]),
    kid,
  ])
  assert.deepEqual(headerBytes, expectedHeader)
  const sigStructure = Buffer.concat([
    Buffer.from([0x84, 0x6a]),
    Buffer.from('Signature1'),
    Buffer.from([0x58, headerLength]),
    headerBytes,
    Buffer.from([0x40, 0x58, payloadLength]),
    payload,
  ])
  const spki = Buffer.from(serializePublicKey(key.publicPoint))
  const nodeKey = createPublicKey({ key: spki, format: 'der', type: 'spki' })
  assert.ok(verify('sha256', sigStructure, { key: nodeKey, dsaEncoding: 'ieee-p1363' }, signature))
  assert.deepEqual(
    Buffer.from(prepareDocument('reservation', fields, key.publicPoint, crypto).toBeSigned),
    sigStructure,
  )
})

test('a signer that answers later gives the same document, its s brought low', () => {
  const unsigned = prepareDocument('reservation', fields, key.publicPoint, crypto)
  const signature = key.sign(unsigned.toBeSigned)
  assert.deepEqual(unsigned.finish(signature), signed)
  const order = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n
  const s = order - BigInt(`0x${encodeHex(signature.subarray(32))}`)
  const high = concat(signature.subarray(0, 32), decodeHex(s.toString(16).padStart(64, '0')))
  assert.deepEqual(unsigned.finish(high), signed)
  assert.throws(() => parseDocument(made({ signature: high })), DecodeError)
})

test('every proper prefix and one extra byte are refused', () => {
  for (let length = 0; length < signed.length; length++) {
    assert.throws(() => parseDocument(signed.subarray(0, length)), DecodeError, `prefix of ${length}`)
  }
  assert.throws(() => parseDocument(concat(signed, Uint8Array.of(0))), DecodeError)
})

test('one changed bit anywhere is refused or does not verify', () => {
  for (let bit = 0; bit < signed.length * 8; bit += 3) {
    const changed = signed.slice()
    changed[bit >> 3]! ^= 1 << (bit & 7)
    try {
      const document = parseDocument(changed)
      assert.equal(verifyDocument(document, document.type, publicKey, crypto), false, `bit ${bit}`)
    } catch (error) {
      assert.ok(error instanceof DecodeError, `bit ${bit}: ${error}`)
    }
  }
})

test('other forms of COSE are refused', () => {
  assert.deepEqual(made({}), signed)
  const without = (label: number): Map<number, CborInput> =>
    new Map([...header].filter(([one]) => one !== label))
  const refused: [string, Uint8Array][] = [
    ['without tag', signed.subarray(1)],
    ['tag 98', concat(decodeHex('d862'), signed.subarray(1))],
    ['tag 18 in a longer form', concat(decodeHex('d812'), signed.subarray(1))],
    ['an unprotected header', made({ unprotected: new Map([[4, ascii('key')]]) })],
    ['another algorithm', made({ header: new Map([...header, [1, -8]]) })],
    ['no algorithm', made({ header: without(1) })],
    ['no content type', made({ header: without(3) })],
    ['no key id', made({ header: without(4) })],
    ['a short key id', made({ header: new Map([...header, [4, new Uint8Array(15)]]) })],
    ['an unknown content type', made({ header: new Map([...header, [3, 'application/cbor']]) })],
    ['one header more', made({ header: new Map<number, CborInput>([...header, [2, [99]]]) })],
    ['a header that is no map', made({ header: [1] })],
    ['a payload that is no map', made({ payload: [1] })],
    ['a payload without version', made({ payload: { a: 1 } })],
    ['a payload of a version to come', made({ payload: { v: 2 } })],
    ['a payload that is not deterministic', made({ payload: decodeHex('a2617601616101') })],
    ['a short signature', made({ signature: new Uint8Array(63).fill(1) })],
    ['a signature of zeros', made({ signature: new Uint8Array(64) })],
    [
      'five parts',
      concat(
        Uint8Array.of(0xd2),
        encodeCanonical([new Uint8Array(), new Map(), new Uint8Array(), new Uint8Array(64), 1]),
      ),
    ],
    [
      'a detached payload',
      concat(
        Uint8Array.of(0xd2),
        encodeCanonical([encodeCanonical(header), new Map(), null, new Uint8Array(64).fill(1)]),
      ),
    ],
  ]
  for (const [what, bytes] of refused) assert.throws(() => parseDocument(bytes), DecodeError, what)
})

test('a document under the key id of another key does not verify', () => {
  const bytes = made({ header: new Map([...header, [4, crypto.sha256(otherKey.point).slice(0, 16)]]) })
  assert.equal(verifyDocument(parseDocument(bytes), 'reservation', publicKey, crypto), false)
  assert.equal(verifyDocument(parseDocument(bytes), 'reservation', otherKey, crypto), false)
})
