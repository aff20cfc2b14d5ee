import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { concat, decodeHex, encodeHex } from '../bytes/index.ts'
import { DecodeError, UsageError } from '../errors/index.ts'
import { findTlv, parseTlvs, serializeTlv, serializeTlvs, tlv } from './index.ts'

const first = fc.integer({ min: 0x01, max: 0xff })
const tag = fc.oneof(
  first.filter((byte) => (byte & 0x1f) !== 0x1f),
  fc
    .tuple(
      first.map((byte) => byte | 0x1f),
      fc.integer({ min: 0x1f, max: 0x7f }),
    )
    .map(([one, two]) => (one << 8) | two),
  fc
    .tuple(
      first.map((byte) => byte | 0x1f),
      fc.integer({ min: 0x81, max: 0xff }),
      fc.integer({ min: 0, max: 0x7f }),
    )
    .map(([one, two, three]) => (one << 16) | (two << 8) | three),
)
const value = fc.oneof(
  { weight: 8, arbitrary: fc.uint8Array({ maxLength: 40 }) },
  {
    weight: 1,
    arbitrary: fc.constantFrom(0x7f, 0x80, 0xff, 0x100, 300).map((n) => new Uint8Array(n).fill(7)),
  },
)
const object = fc.record({ tag, value }, { noNullPrototype: true })

test('data objects: what is serialized parses to the same', () => {
  fc.assert(
    fc.property(fc.array(object, { maxLength: 5 }), (list) => {
      const bytes = serializeTlvs(list)
      assert.deepEqual(parseTlvs(bytes), list)
      assert.deepEqual(bytes, concat(...list.map(serializeTlv)))
    }),
  )
})

test('data objects: what parses serializes to the same bytes; all else is a DecodeError', () => {
  const likely = fc.array(
    fc.constantFrom(0x00, 0x01, 0x1f, 0x5f, 0x7f, 0x80, 0x81, 0x82, 0x83, 0x84, 0xdf, 0xff),
  )
  let parsed = 0
  fc.assert(
    fc.property(
      fc.oneof(
        likely.map((list) => Uint8Array.from(list)),
        fc.uint8Array({ maxLength: 12 }),
      ),
      (bytes) => {
        try {
          assert.deepEqual(serializeTlvs(parseTlvs(bytes)), bytes)
          parsed++
        } catch (error) {
          assert.ok(error instanceof DecodeError, String(error))
        }
      },
    ),
    { numRuns: 2000 },
  )
  assert.ok(parsed > 50, `${parsed} inputs parsed`)
})

test('one data object: every proper prefix and one byte more are a DecodeError', () => {
  fc.assert(
    fc.property(object, fc.integer({ min: 0, max: 255 }), (one, extra) => {
      const bytes = serializeTlv(one)
      // A list is not self-delimiting: its empty prefix is the empty list.
      for (let length = 1; length < bytes.length; length++) {
        assert.throws(() => parseTlvs(bytes.slice(0, length)), DecodeError)
      }
      assert.throws(() => parseTlvs(Uint8Array.of(...bytes, extra)), DecodeError)
    }),
    { numRuns: 60 },
  )
})

test('data objects: tags and lengths have one encoding', () => {
  const refused = [
    '00 00', // tag 00
    'FF 00', // tag FF
    'FF FF 80 01 00',
    '1F 1E 00', // would fit one byte
    '5F 00 00',
    '5F 80 01 00', // leading zeros
    '5F 81 80 01 00', // four bytes
    '80 80', // indefinite length
    '80 81 7F', // length not minimal
    '80 82 00 80',
    '80 83 00 01 00',
    '80 84 00 00 00 01 00', // length of four bytes
    '80 FF',
  ]
  for (const bytes of refused) assert.throws(() => parseTlvs(decodeHex(bytes)), DecodeError, bytes)
  const accepted = [
    '80 00',
    'A6 00',
    '5F 49 01 04',
    '7F 21 00',
    'BF 21 00',
    'DF 81 01 01 AA',
    '1F 1F 00',
    'FF 21 00',
  ]
  for (const bytes of accepted) assert.equal(parseTlvs(decodeHex(bytes)).length, 1, bytes)
})

test('data objects: lengths change their form at 80, 100 and 10000', () => {
  const heads = [
    [0x7f, '807F'],
    [0x80, '808180'],
    [0xff, '8081FF'],
    [0x100, '80820100'],
    [0xffff, '8082FFFF'],
    [0x1_0000, '8083010000'],
  ] as const
  for (const [length, head] of heads) {
    const bytes = serializeTlv(tlv(0x80, new Uint8Array(length)))
    assert.equal(encodeHex(bytes.slice(0, bytes.length - length)), head)
    assert.equal(parseTlvs(bytes)[0]?.value.length, length)
  }
})

test('data objects: a tag that could not be read back is a UsageError', () => {
  for (const wrong of [
    0, -1, 0.5, 0xff, 0x1f, 0x5f, 0x8001, 0x5f1e, 0x5f80, 0x5f_8001, 0xff00, 0x0100_0000,
  ]) {
    assert.throws(
      () => serializeTlv({ tag: wrong, value: new Uint8Array(0) }),
      UsageError,
      wrong.toString(16),
    )
  }
})

test('data objects: values are copied, parts joined, the first of a tag is found', () => {
  const bytes = decodeHex('80 01 AA 81 00 80 01 BB')
  const list = parseTlvs(bytes)
  bytes.fill(0)
  assert.deepEqual(findTlv(list, 0x80), Uint8Array.of(0xaa))
  assert.deepEqual(findTlv(list, 0x81), new Uint8Array(0))
  assert.equal(findTlv(list, 0x82), undefined)
  assert.deepEqual(tlv(0x80, Uint8Array.of(1), Uint8Array.of(2)).value, Uint8Array.of(1, 2))
})
