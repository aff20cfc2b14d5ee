import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { concat } from '../bytes/index.ts'
import { DecodeError, UsageError } from '../errors/index.ts'
import {
  type Attributes,
  cryptogramLengths,
  generations,
  type KeyMessage,
  parseAttributes,
  parseHeader,
  parseKeyMessage,
  parseKeyMessageFile,
  parseKeyPlace,
  parseKeyReceipt,
  parseKeyReceiptFile,
  parseKeyRecord,
  parseKeyRequest,
  parseKeyRequestFile,
  parseLoaderKeyEntry,
  parseLoaderKeyOrder,
  parseLoaderList,
  parseReceiptClaim,
  parseSetData,
  parseSetEntry,
  parseShortKeyRequest,
  parseTransportKeyData,
  permits,
  placeKinds,
  profiles,
  type Suite,
  serializeAttributes,
  serializeHeader,
  serializeKeyMessage,
  serializeKeyMessageFile,
  serializeKeyPlace,
  serializeKeyReceipt,
  serializeKeyReceiptFile,
  serializeKeyRecord,
  serializeKeyRequest,
  serializeKeyRequestFile,
  serializeLoaderKeyEntry,
  serializeLoaderKeyOrder,
  serializeLoaderList,
  serializeReceiptClaim,
  serializeSetData,
  serializeSetEntry,
  serializeShortKeyRequest,
  serializeTransportKeyData,
  suites,
} from './index.ts'

const record = <T>(model: { [K in keyof T]: fc.Arbitrary<T[K]> }) =>
  fc.record<T>(model, { noNullPrototype: true })
const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length })
const byte = fc.integer({ min: 0, max: 0xff })
const reference = fc.integer({ min: 0, max: 0xffff_ffff })
const upper = (length: number) =>
  fc.string({
    unit: fc.constantFrom(...'0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ'),
    minLength: length,
    maxLength: length,
  })
const keysOf = <T extends string>(table: Record<T, unknown>) =>
  fc.constantFrom(...(Object.keys(table) as T[]))
const attributes: fc.Arbitrary<Attributes> = record({
  usage: upper(2),
  algorithm: upper(1),
  mode: upper(1),
  version: fc.integer({ min: 0, max: 99 }),
  exportability: fc.constantFrom('E', 'N', 'S'),
  keyLength: byte,
})
const suite = fc.constantFrom(...Object.keys(suites).map((number) => Number(number) as Suite))
const request = record({ serial: bytes(8), source: reference, destination: reference, random: bytes(16) })
const header = suite.chain((one) =>
  record({
    suite: fc.constant(one),
    serial: bytes(8),
    source: reference,
    destination: reference,
    counter: reference,
    length: fc.constantFrom(...cryptogramLengths(one)),
  }),
)
const message: fc.Arbitrary<KeyMessage> = header.chain((one) =>
  record({ header: fc.constant(one), cryptogram: bytes(one.length), certificate: bytes(16) }),
)
const receipt = { checkValue: bytes(5), acknowledgement: bytes(16) }
const claim = record({ request, counter: reference, ...receipt })
const setEntry = record({
  set: byte,
  generation: keysOf(generations),
  profile: keysOf(profiles),
  suite: fc.integer({ min: 0, max: 0xffff }),
  transportCheck: bytes(5),
  signatureCheck: bytes(5),
})
const serials = fc
  .uniqueArray(fc.bigInt({ min: 0n, max: 0xffff_ffff_ffff_ffffn }), { maxLength: 5 })
  .map((all) =>
    all
      .sort((a, b) => (a < b ? -1 : 1))
      .map((one) => Uint8Array.from({ length: 8 }, (_, i) => Number((one >> BigInt(56 - 8 * i)) & 0xffn))),
  )
const order = {
  source: reference,
  set: byte,
  diversified: fc.boolean(),
  exportsLeft: fc.option(fc.integer({ min: 0, max: 0xffff_fffe }), { nil: undefined }),
  attributes,
  modules: record({ rule: fc.constantFrom('all-but', 'only'), serials }),
} as const
const keyEntry = record({ ...order, checkValue: bytes(5) })
const wrapped = fc
  .constantFrom(16, 32)
  .chain((length) => record({ cryptogram: bytes(length), checkValue: bytes(5) }))
const common = { profile: keysOf(profiles), suite: fc.integer({ min: 0, max: 0xffff }), transport: wrapped }
const signatureKey = fc.oneof(
  record({ wrapped }),
  fc.constantFrom(32, 65).chain((length) => record({ publicKey: bytes(length) })),
)

/** Round trip, one encoding, every proper prefix and every longer string refused. */
function laws<T>(
  name: string,
  values: fc.Arbitrary<T>,
  parse: (bytes: Uint8Array) => T,
  serialize: (value: T) => Uint8Array,
): void {
  test(`laws of ${name}`, () => {
    fc.assert(
      fc.property(values, byte, (value, more) => {
        const encoded = serialize(value)
        assert.deepEqual(parse(encoded), value)
        for (let length = 0; length < encoded.length; length++)
          assert.throws(() => parse(encoded.subarray(0, length)), DecodeError)
        assert.throws(() => parse(concat(encoded, Uint8Array.of(more))), DecodeError)
      }),
      { numRuns: 40 },
    )
    fc.assert(
      fc.property(values, fc.nat(), byte, (value, at, change) => {
        const encoded = serialize(value)
        encoded[at % encoded.length] = change
        let parsed: T
        try {
          parsed = parse(encoded)
        } catch (error) {
          assert.ok(error instanceof DecodeError)
          return
        }
        assert.deepEqual(serialize(parsed), encoded)
      }),
      { numRuns: 150 },
    )
  })
}

laws('attributes', attributes, parseAttributes, serializeAttributes)
laws('the header', header, parseHeader, serializeHeader)
laws('key messages', message, parseKeyMessage, serializeKeyMessage)
laws('key requests', request, parseKeyRequest, serializeKeyRequest)
laws(
  'short key requests',
  request.map((one) => ({ ...one, destination: one.source })),
  parseShortKeyRequest,
  serializeShortKeyRequest,
)
laws('receipts', record(receipt), parseKeyReceipt, serializeKeyReceipt)
laws(
  'key records',
  record({ attributes, counter: reference, ...receipt }),
  parseKeyRecord,
  serializeKeyRecord,
)
laws('receipt claims', claim, parseReceiptClaim, serializeReceiptClaim)
laws(
  'key places',
  record({ kind: keysOf(placeKinds), usage: fc.oneof(upper(2), fc.constant('**')), source: reference }),
  parseKeyPlace,
  serializeKeyPlace,
)
laws('set entries', setEntry, parseSetEntry, serializeSetEntry)
laws('key entries', keyEntry, parseLoaderKeyEntry, serializeLoaderKeyEntry)
laws('key orders', record(order), parseLoaderKeyOrder, serializeLoaderKeyOrder)
laws(
  'the list of a loader',
  record({ sets: fc.array(setEntry, { maxLength: 3 }), keys: fc.array(keyEntry, { maxLength: 3 }) }),
  parseLoaderList,
  serializeLoaderList,
)
laws(
  'the data of PUT TRANSPORT KEY',
  record({ ...common, signature: signatureKey }),
  parseTransportKeyData,
  serializeTransportKeyData,
)
laws(
  'the data of MAKE SET',
  record({ set: byte, ...common, signature: wrapped }),
  parseSetData,
  serializeSetData,
)
laws('key request files', request, parseKeyRequestFile, serializeKeyRequestFile)
laws('key receipt files', claim, parseKeyReceiptFile, serializeKeyReceiptFile)
laws(
  'key message files',
  fc.tuple(message, bytes(16)).map(([one, random]) => {
    const { serial, source, destination } = one.header
    return { message: one, request: { serial, source, destination, random } }
  }),
  parseKeyMessageFile,
  serializeKeyMessageFile,
)

test('a key message file whose request is another one is refused', () => {
  fc.assert(
    fc.property(message, request, (one, other) => {
      assert.throws(
        () => parseKeyMessageFile(serializeKeyMessageFile({ message: one, request: other })),
        DecodeError,
      )
    }),
    { numRuns: 20 },
  )
})

test('a suite makes C of its own lengths only', () => {
  const lengths = Object.fromEntries(
    Object.keys(suites).map((number) => [
      Number(number).toString(16),
      cryptogramLengths(Number(number) as Suite),
    ]),
  )
  assert.deepEqual(lengths, {
    a101: [64],
    a102: [112],
    a103: [112],
    a201: [64, 80, 80],
    a202: [112, 128, 128],
    a203: [112, 128, 128],
  })
})

test('attributes that have no characters of X9.143 are not written', () => {
  const right: Attributes = {
    usage: 'M6',
    algorithm: 'A',
    mode: 'C',
    version: 1,
    exportability: 'N',
    keyLength: 16,
  }
  assert.equal(serializeAttributes(right).length, 8)
  const wrong: Partial<Attributes>[] = [
    { usage: 'm6' },
    { usage: 'M' },
    { algorithm: '' },
    { mode: 'CC' },
    { version: 100 },
    { version: -1 },
    { keyLength: 256 },
    { keyLength: -1 },
  ]
  for (const change of wrong)
    assert.throws(() => serializeAttributes({ ...right, ...change }), UsageError, JSON.stringify(change))
})

test('a key may be used as its usage and mode say, and in no other way', () => {
  const rows: [usage: string, mode: string, uses: string][] = [
    ['M6', 'C', 'generate verify'],
    ['M6', 'G', 'generate'],
    ['M6', 'V', 'verify'],
    ['M6', 'N', 'generate verify'],
    ['M6', 'B', ''],
    ['D0', 'B', 'encrypt decrypt'],
    ['D0', 'E', 'encrypt'],
    ['D0', 'D', 'decrypt'],
    ['D0', 'N', 'encrypt decrypt'],
    ['D0', 'C', ''],
    ['K0', 'N', ''],
    ['K0', 'B', ''],
    ['**', 'N', ''],
  ]
  for (const [usage, mode, uses] of rows) {
    const allowed = (['generate', 'verify', 'encrypt', 'decrypt'] as const).filter((use) =>
      permits({ usage, mode }, use),
    )
    assert.equal(allowed.join(' '), uses, `${usage} ${mode}`)
  }
})
