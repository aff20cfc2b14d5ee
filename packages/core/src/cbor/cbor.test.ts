import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import fc from 'fast-check'
import { decodeHex, encodeHex } from '../bytes/index.ts'
import { DecodeError, UsageError } from '../errors/index.ts'
import {
  type CborInput,
  type CborValue,
  decodeCanonical,
  encodeCanonical,
  MapReader,
  maxDepth,
} from './index.ts'

const vectors = JSON.parse(
  readFileSync(new URL('../../../../vectors/cbor.json', import.meta.url), 'utf8'),
) as {
  cases: ({ value: CborInput; hex: string } | { bytes: string; hex: string })[]
  refused: { what: string; hex: string }[]
}

/** What a value is after decoding: maps as Map. */
function decoded(value: CborInput): CborValue {
  if (value === null || typeof value !== 'object' || value instanceof Uint8Array) return value
  if (Array.isArray(value)) return value.map(decoded)
  return new Map(Object.entries(value).map(([key, item]) => [key, decoded(item)]))
}

const keysOfMaps = fc.oneof(
  fc.string({ unit: 'grapheme' }).filter((text) => !text.startsWith('\ufeff')),
  fc.integer(),
  fc.maxSafeInteger().map((n) => n + 0),
)
const values: fc.Arbitrary<CborValue> = fc.letrec<{ value: CborValue }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.maxSafeInteger().map((n) => n + 0),
    fc.string({ unit: 'grapheme' }).filter((text) => !text.startsWith('\ufeff')),
    fc.uint8Array(),
    fc.constantFrom(true, false, null),
    fc.array(tie('value'), { maxLength: 5 }),
    fc.array(fc.tuple(keysOfMaps, tie('value')), { maxLength: 5 }).map((entries) => new Map(entries)),
  ),
})).value

test('the examples of RFC 8949 in both directions', () => {
  for (const item of vectors.cases) {
    const value = 'bytes' in item ? decodeHex(item.bytes) : item.value
    assert.equal(encodeHex(encodeCanonical(value)).toLowerCase(), item.hex)
    assert.deepEqual(decodeCanonical(decodeHex(item.hex)), decoded(value))
  }
})

test('everything outside the deterministic form is refused', () => {
  for (const { what, hex } of vectors.refused) {
    assert.throws(() => decodeCanonical(decodeHex(hex)), DecodeError, `${what}: ${hex}`)
  }
})

test('a value comes back from its encoding, and no prefix or longer string is one', () => {
  fc.assert(
    fc.property(values, (value) => {
      const bytes = encodeCanonical(value)
      assert.deepEqual(encodeCanonical(decodeCanonical(bytes)), bytes)
      assert.deepEqual(asEntries(decodeCanonical(bytes)), asEntries(value))
      for (let length = 0; length < bytes.length; length++) {
        assert.throws(() => decodeCanonical(bytes.subarray(0, length)), DecodeError)
      }
      assert.throws(() => decodeCanonical(Uint8Array.from([...bytes, 0])), DecodeError)
    }),
  )
})

/** Maps as lists of pairs, sorted, since the order of insertion is not part of the value. */
function asEntries(value: CborValue): unknown {
  if (value instanceof Map) {
    const pairs = [...value].map(([key, item]) => [encodeHex(encodeCanonical(key)), asEntries(item)] as const)
    return { map: pairs.sort(([a], [b]) => (a < b ? -1 : 1)) }
  }
  return Array.isArray(value) ? value.map(asEntries) : value
}

test('whatever bytes come, they are refused or encode again to the same', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 24 }), (bytes) => {
      let value: CborValue
      try {
        value = decodeCanonical(bytes)
      } catch (error) {
        assert.ok(error instanceof DecodeError, String(error))
        return
      }
      assert.deepEqual(encodeCanonical(value), bytes)
    }),
    { numRuns: 3000 },
  )
})

test('keys stand in bytewise order of their encodings, whatever order they came in', () => {
  const value = new Map<string | number, CborInput>([
    ['aa', 1],
    [100, 2],
    ['b', 3],
    [-1, 4],
    [10, 5],
  ])
  assert.equal(encodeHex(encodeCanonical(value)), 'A50A0518640220046162036261' + '6101')
  assert.deepEqual(encodeCanonical({ b: 1, a: 2, c: undefined }), encodeCanonical({ a: 2, b: 1 }))
})

test('arrays and maps nest to the limit and no further', () => {
  const nested = (depth: number): Uint8Array => Uint8Array.from([...Array(depth).fill(0x81), 0x00])
  assert.ok(decodeCanonical(nested(maxDepth)))
  assert.throws(() => decodeCanonical(nested(maxDepth + 1)), DecodeError)
  assert.throws(() => decodeCanonical(nested(100_000)), DecodeError)
  const maps = (depth: number): Uint8Array =>
    Uint8Array.from([...Array(depth).fill([0xa1, 0x00]).flat(), 0x00])
  assert.ok(decodeCanonical(maps(maxDepth)))
  assert.throws(() => decodeCanonical(maps(maxDepth + 1)), DecodeError)
  let value: CborInput = 0
  for (let depth = 0; depth < maxDepth; depth++) value = depth % 2 === 0 ? [value] : { a: value }
  assert.ok(encodeCanonical(value))
  assert.throws(() => encodeCanonical([value]), UsageError)
  // Arrays beside one another do not add up.
  assert.ok(decodeCanonical(encodeCanonical(Array(40).fill([[]]))))
})

test('what has no deterministic form here is a UsageError', () => {
  for (const value of [
    0.5,
    2 ** 53,
    Number.NaN,
    Number.POSITIVE_INFINITY,
    1n,
    undefined,
    () => 1,
    '\ud800',
  ]) {
    assert.throws(() => encodeCanonical(value as CborInput), UsageError)
    assert.throws(() => encodeCanonical([value] as CborInput), UsageError)
  }
  assert.throws(() => encodeCanonical(new Map([[null, 1]]) as never), UsageError)
  assert.throws(() => encodeCanonical(new Map([[0.5, 1]])), UsageError)
})

test('a text that begins with a byte order mark is refused both ways', () => {
  for (const text of ['\ufeff', '\ufeffa', `\ufeff${'x'.repeat(100)}`]) {
    assert.throws(() => encodeCanonical(text), UsageError)
    const bytes = new TextEncoder().encode(text)
    const head = bytes.length < 24 ? [0x60 + bytes.length] : [0x78, bytes.length]
    assert.throws(() => decodeCanonical(Uint8Array.from([...head, ...bytes])), DecodeError)
  }
  assert.equal(decodeCanonical(encodeCanonical('a\ufeff')), 'a\ufeff')
})

test('a decoded byte string does not share memory with the input', () => {
  const input = decodeHex('4401020304')
  const value = decodeCanonical(input)
  input.fill(0)
  assert.deepEqual(value, decodeHex('01020304'))
})

test('a map reader gives each field with its type and refuses what is left', () => {
  const bytes = encodeCanonical({
    b: decodeHex('0102'),
    n: 7,
    t: 'x',
    f: false,
    list: [1, 2],
    inner: { a: 1 },
    when: 2 ** 40,
  })
  const r = MapReader.of(bytes, 'example')
  assert.deepEqual(r.bytes('b', 2), decodeHex('0102'))
  assert.equal(r.uint('n', 7), 7)
  assert.equal(r.text('t'), 'x')
  assert.equal(r.boolean('f'), false)
  assert.deepEqual(
    r.array('list', (item) => item),
    [1, 2],
  )
  const inner = r.map('inner')
  assert.throws(() => inner.end(), DecodeError)
  assert.equal(inner.uint('a'), 1)
  inner.end()
  assert.throws(() => r.end(), /when is not known/)
  assert.equal(r.time('when'), 2 ** 40)
  assert.equal(
    r.optional('nothing', (it) => it.text('nothing')),
    undefined,
  )
  r.end()
  const wrong: ((r: MapReader) => unknown)[] = [
    (it) => it.bytes('b', 3),
    (it) => it.bytes('t'),
    (it) => it.uint('n', 6),
    (it) => it.uint('t'),
    (it) => it.uint('when'),
    (it) => it.text('n'),
    (it) => it.boolean('n'),
    (it) => it.array('n', (item) => item),
    (it) => it.map('list'),
    (it) => it.value('absent'),
  ]
  for (const read of wrong) assert.throws(() => read(MapReader.of(bytes, 'example')), DecodeError)
  assert.throws(() => MapReader.of(encodeCanonical([1]), 'example'), DecodeError)
})
