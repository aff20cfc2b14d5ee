import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { concat, Reader } from '@sealwright/core/bytes'
import { DecodeError } from '@sealwright/core/errors'
import { mostPlaces } from '@sealwright/core/resources'
import { type Definition, emptyBitmap, parseDefinition, serializeDefinition } from './definition.ts'
import { firstFit, overlaps } from './gaps.ts'
import { type OperatorRecord, parseOperatorRecord, serializeOperatorRecord } from './operator-record.ts'

const definition: Definition = {
  id: 3,
  state: 'active',
  rights: 0x23,
  agreement: 1,
  budget: 20_000_000,
  aid: Uint8Array.of(0xf0, 1, 2, 3, 4),
  supplier: new Uint8Array(65).fill(4),
  operator: new Uint8Array(16).fill(5),
  start: 1000,
  end: 2000,
  places: [0x0020_0101, 0x0020_0102],
  reservation: new Uint8Array(32).fill(6),
}
const loaded = {
  version: 2,
  manifest: new Uint8Array(32).fill(7),
  program: { start: 1000, length: 300 },
  data: { start: 1300, length: 40 },
}
const pending = {
  ...loaded,
  package: new Uint8Array(16).fill(8),
  root: new Uint8Array(32).fill(9),
  loadsData: true,
  blockSize: 256,
  bitmap: emptyBitmap().fill(0xff, 0, 1),
}

function parse(bytes: Uint8Array): Definition {
  const r = new Reader(bytes, 'definition')
  const value = parseDefinition(r)
  r.end()
  return value
}

suite('entries of DEF', () => {
  for (const one of [
    definition,
    { ...definition, loaded },
    { ...definition, pending },
    { ...definition, loaded, pending },
    {
      ...{ ...definition, state: 'blocked' as const, aid: new Uint8Array(16).fill(1), loaded, pending },
      places: Array.from({ length: mostPlaces }, (_, i) => i),
    },
  ]) {
    test(`a definition keeps the laws of codecs: ${Object.keys(one).length} fields, ${one.places.length} places`, () => {
      const bytes = serializeDefinition(one)
      assert.ok(bytes.length < 512, `${bytes.length} bytes`)
      assert.deepEqual(parse(bytes), one)
      assert.deepEqual(serializeDefinition(parse(bytes)), bytes)
      for (let length = 0; length < bytes.length; length++) {
        assert.throws(() => parse(bytes.subarray(0, length)), DecodeError)
      }
      assert.throws(() => parse(concat(bytes, Uint8Array.of(0))), DecodeError)
    })
  }

  for (const [what, at, value] of [
    ['resource 0', 0, 0],
    ['the state deleted', 1, 4],
    ['an unknown state', 1, 9],
    ['an unknown right', 2, 0x80],
    ['unknown parameters', 3, 2],
    ['an AID too short', 8, 4],
    ['an AID longer than its field', 8, 17],
    ['nine places', 114, 9],
    ['a flag of 2', 179, 2],
  ] as const) {
    test(`${what} is refused`, () => {
      const bytes = serializeDefinition({ ...definition, places: [] })
      bytes[at] = value
      assert.throws(() => parse(bytes), DecodeError)
    })
  }

  test('an operator entry keeps the laws of codecs', () => {
    const record: OperatorRecord = {
      keyId: new Uint8Array(16).fill(1),
      number: 7,
      time: 1_800_000_000,
      document: new Uint8Array(32).fill(2),
      receipt: new Uint8Array(110).fill(3),
    }
    const bytes = serializeOperatorRecord(record)
    const r = new Reader(bytes, 'operator')
    assert.deepEqual(parseOperatorRecord(r), record)
    r.end()
    for (let length = 0; length < bytes.length; length++) {
      assert.throws(() => parseOperatorRecord(new Reader(bytes.subarray(0, length), 'operator')), DecodeError)
    }
  })
})

suite('places', () => {
  const zone = { start: 100, end: 200 }

  test('the first gap that is large enough is taken, to the byte', () => {
    const taken = [
      { start: 150, length: 10 },
      { start: 100, length: 20 },
      { start: 170, length: 0 },
    ]
    assert.equal(firstFit(zone, taken, 30), 120)
    assert.equal(firstFit(zone, taken, 31), 160)
    assert.equal(firstFit(zone, taken, 40), 160)
    assert.equal(firstFit(zone, taken, 41), undefined)
    assert.equal(firstFit(zone, [], 100), 100)
    assert.equal(firstFit(zone, [], 101), undefined)
  })

  test('areas overlap when they share a byte', () => {
    const area = { start: 10, length: 5 }
    for (const [start, length, shared] of [
      [5, 5, false],
      [5, 6, true],
      [15, 1, false],
      [14, 1, true],
      [11, 1, true],
      [0, 100, true],
    ] as const) {
      assert.equal(overlaps(area, { start, length }), shared)
      assert.equal(overlaps({ start, length }, area), shared)
    }
  })
})
