import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { decodeHex, encodeHex } from '../bytes/index.ts'
import { DecodeError, UsageError } from '../errors/index.ts'
import {
  DerReader,
  der,
  isLowS,
  noEnd,
  parseEcdsaSignature,
  serializeEcdsaSignature,
  toLowS,
} from './index.ts'

function read<T>(bytes: Uint8Array, take: (r: DerReader) => T): T {
  const r = new DerReader(bytes, 'test')
  const value = take(r)
  r.end()
  return value
}

/** Round trip, every proper prefix refused, one extra byte refused. */
function laws<T>(bytes: Uint8Array, value: T, take: (r: DerReader) => T): void {
  assert.deepEqual(read(bytes, take), value)
  for (let length = 0; length < bytes.length; length++) {
    assert.throws(() => read(bytes.subarray(0, length), take), DecodeError, `prefix of ${length}`)
  }
  assert.throws(() => read(Uint8Array.from([...bytes, 0]), take), DecodeError)
}

const arcs = fc
  .tuple(
    fc.integer({ min: 0, max: 2 }),
    fc.integer({ min: 0, max: 39 }),
    fc.array(fc.bigInt(0n, 2n ** 128n - 1n)),
  )
  .map(([first, second, rest]) => [first, second, ...rest].join('.'))

test('every type of DER reads back what was written, and no prefix of it', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 0x7fffffff }), (value) => {
      laws(der.smallInteger(value), value, (r) => r.smallInteger('x'))
    }),
  )
  fc.assert(fc.property(arcs, (oid) => laws(der.oid(oid), oid, (r) => r.oid('x'))))
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
      laws(der.octetString(bytes), bytes, (r) => r.octetString('x'))
      laws(der.bitString(bytes), bytes, (r) => r.bitString('x'))
    }),
    { numRuns: 20 },
  )
  fc.assert(
    fc.property(fc.uniqueArray(fc.integer({ min: 0, max: 20 })), (bits) => {
      laws(
        der.namedBits(bits),
        [...bits].sort((a, b) => a - b),
        (r) => r.namedBits('x'),
      )
    }),
  )
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), (text) => {
      laws(der.utf8String(text), text, (r) => r.utf8String('x'))
    }),
  )
  fc.assert(
    fc.property(fc.integer({ min: Date.UTC(1950, 0) / 1000, max: noEnd }), (seconds) => {
      laws(der.time(seconds), seconds, (r) => r.time('x'))
    }),
  )
  laws(der.boolean(true), true, (r) => r.boolean('x'))
  laws(der.boolean(false), false, (r) => r.boolean('x'))
  laws(der.null(), undefined, (r) => r.null('x'))
  laws(der.printableString("A z'()+,-./:=?0"), "A z'()+,-./:=?0", (r) => r.printableString('x'))
})

test('an integer of any length keeps its magnitude', () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 1, maxLength: 40 }), (bytes) => {
      const trimmed = bytes.subarray(Math.min(bytes.findIndex((byte) => byte !== 0) >>> 0, bytes.length - 1))
      laws(der.integer(bytes), trimmed.slice(), (r) => r.integer('x'))
    }),
  )
})

test('elements nest, and lengths grow with them', () => {
  for (const length of [0, 127, 128, 255, 256, 65535, 65536]) {
    const inner = der.octetString(new Uint8Array(length).fill(7))
    const bytes = der.sequence(der.explicit(3, inner), der.set(der.null()), der.implicit(0, Uint8Array.of(9)))
    const r = new DerReader(bytes, 'test')
    const sequence = r.sequence('s')
    r.end()
    const explicit = sequence.explicit(3, 'e')
    assert.equal(explicit.octetString('o').length, length)
    explicit.end()
    sequence.set('set').null('n')
    assert.deepEqual(sequence.content(0x80, 'i'), Uint8Array.of(9))
    sequence.end()
  }
})

// Known encodings: X.690 sections 8.1.3, 8.3, 8.6, 8.19 and RFC 5280 section 4.1.2.5.
test('known encodings', () => {
  const known: [Uint8Array, string][] = [
    [der.oid('2.999.3'), '0603883703'],
    [der.oid('1.2.840.10045.4.3.2'), '06082A8648CE3D040302'],
    [der.smallInteger(0), '020100'],
    [der.smallInteger(128), '02020080'],
    [der.integer(Uint8Array.of(0, 0, 0x7f)), '02017F'],
    [der.namedBits([5, 6]), '03020106'],
    [der.namedBits([]), '030100'],
    [der.namedBits([8]), '0303070080'],
    [der.boolean(true), '0101FF'],
    [der.time(Date.UTC(2049, 11, 31, 23, 59, 59) / 1000), '170D3439313233313233353935395A'],
    [der.time(Date.UTC(2050, 0, 1) / 1000), '180F32303530303130313030303030305A'],
    [der.time(noEnd), '180F39393939313233313233353935395A'],
    [der.time(Date.UTC(1950, 0, 1) / 1000), '170D3530303130313030303030305A'],
  ]
  for (const [bytes, hex] of known) assert.equal(encodeHex(bytes), hex)
})

test('what DER does not allow is refused', () => {
  const refused: [string, (r: DerReader) => unknown][] = [
    ['3080 0000', (r) => r.sequence('x')], // indefinite length
    ['30 8100', (r) => r.sequence('x')], // long form of a short length
    ['04 820001 00', (r) => r.octetString('x')],
    ['04 8400000001 00', (r) => r.octetString('x')], // more than three bytes of length
    ['1F8101 00', (r) => r.any('x')], // tag of several bytes
    ['24 03 040100', (r) => r.octetString('x')], // constructed string
    ['0200', (r) => r.integer('x')],
    ['02020001', (r) => r.integer('x')],
    ['020180', (r) => r.integer('x')], // negative
    ['02050080000000', (r) => r.smallInteger('x')],
    ['0205010000000000', (r) => r.smallInteger('x')],
    ['010101', (r) => r.boolean('x')],
    ['0100', (r) => r.boolean('x')],
    ['01020000', (r) => r.boolean('x')],
    ['050100', (r) => r.null('x')],
    ['0300', (r) => r.bitString('x')],
    ['030201FE', (r) => r.bitString('x')],
    ['0300', (r) => r.namedBits('x')],
    ['030101', (r) => r.namedBits('x')],
    ['03020806', (r) => r.namedBits('x')],
    ['03020006', (r) => r.namedBits('x')], // trailing zero bit
    ['03020107', (r) => r.namedBits('x')], // an unused bit set
    ['0303000600', (r) => r.namedBits('x')],
    ['0600', (r) => r.oid('x')],
    ['060280', (r) => r.oid('x')],
    ['0603808837', (r) => r.oid('x')],
    ['060188', (r) => r.oid('x')],
    ['0C01FF', (r) => r.utf8String('x')],
    ['0C03EDA080', (r) => r.utf8String('x')], // a surrogate
    ['13012A', (r) => r.printableString('x')],
    ['170B343931323331323335395A', (r) => r.time('x')], // no seconds
    ['17113439313233313233353935392B30303030', (r) => r.time('x')], // an offset
    ['180F32303439303130313030303030305A', (r) => r.time('x')], // before 2050 as GeneralizedTime
    ['170D3439313333313233353935395A', (r) => r.time('x')], // month 13
    ['170D3439303233303233353935395A', (r) => r.time('x')], // 30 February
    ['170D3439303233303233353936305A', (r) => r.time('x')], // second 60
    ['130D3439313233313233353935395A', (r) => r.time('x')], // another type
    ['300003', (r) => r.sequence('x')], // left over
  ]
  for (const [hex, take] of refused) assert.throws(() => read(decodeHex(hex), take), DecodeError, hex)
})

test('whatever bytes come, the reader answers with a value or a DecodeError', () => {
  const takes: ((r: DerReader) => unknown)[] = [
    (r) => r.integer('x'),
    (r) => r.oid('x'),
    (r) => r.time('x'),
    (r) => r.namedBits('x'),
    (r) => r.utf8String('x'),
    (r) => r.printableString('x'),
    (r) => r.any('x'),
  ]
  const tags = fc.constantFrom(0x02, 0x03, 0x06, 0x0c, 0x13, 0x17, 0x18, 0x30)
  fc.assert(
    fc.property(tags, fc.uint8Array({ maxLength: 20 }), (tag, content) => {
      for (const bytes of [der.element(tag, content), Uint8Array.of(tag, ...content)]) {
        for (const take of takes) {
          try {
            read(bytes, take)
          } catch (error) {
            assert.ok(error instanceof DecodeError, String(error))
          }
        }
      }
    }),
  )
})

test('what cannot be written is a UsageError', () => {
  for (const write of [
    () => der.oid('1'),
    () => der.oid('3.1'),
    () => der.oid('1.40'),
    () => der.oid('1.02'),
    () => der.smallInteger(-1),
    () => der.smallInteger(2 ** 31),
    () => der.printableString('ü'),
    () => der.utf8String('\ud800'),
    () => der.time(noEnd + 1),
    () => der.time(0.5),
    () => serializeEcdsaSignature(new Uint8Array(63)),
  ]) {
    assert.throws(write, UsageError)
  }
})

const order = 'FFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551'
const half = '7FFFFFFF800000007FFFFFFFFFFFFFFFDE737D56D38BCF4279DCE5617E3192A8'
const aboveHalf = '7FFFFFFF800000007FFFFFFFFFFFFFFFDE737D56D38BCF4279DCE5617E3192A9'
const one = '00'.repeat(31) + '01'

test('ECDSA signatures have one form each: in range, s in the lower half', () => {
  assert.ok(isLowS(decodeHex(one + half)))
  for (const raw of [
    one + aboveHalf,
    one + order,
    order + one,
    '00'.repeat(32) + one,
    one + '00'.repeat(32),
    one,
  ]) {
    assert.equal(isLowS(decodeHex(raw)), false, raw)
  }
  assert.equal(encodeHex(toLowS(decodeHex(one + aboveHalf))), one + half)
  assert.equal(encodeHex(toLowS(decodeHex(one + half))), one + half)
  const small = serializeEcdsaSignature(decodeHex(one + one))
  assert.equal(encodeHex(small), '3006020101020101')
  assert.equal(encodeHex(parseEcdsaSignature(small)), one + one)
  for (const hex of [
    '3006020101020100',
    '3007020101020101 00',
    '300602010102010100',
    `30260201010221 00${order}`,
    `30250201010220${aboveHalf}`,
    `30270201010222 0100${half}`,
  ]) {
    assert.throws(() => parseEcdsaSignature(decodeHex(hex)), DecodeError, hex)
  }
})
