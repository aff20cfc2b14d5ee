import assert from 'node:assert/strict'
import { test } from 'node:test'
import { concat } from '@sealwright/core/bytes'
import { DecodeError } from '@sealwright/core/errors'
import fc from 'fast-check'
import { attachmentLength, parseRecord, serializeRecord } from '../journal/index.ts'
import { parseSealState, sealStateLength, serializeSealState } from './seal-state.ts'

const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length })
const sum = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n })
const state = fc.record(
  {
    commit: fc.nat(2 ** 31 - 1).chain((low) => fc.constantFrom(low, low + 2 ** 45)),
    id: bytes(16),
    root: bytes(16),
    sums: fc.tuple(sum, sum, sum),
  },
  { noNullPrototype: true },
)

test('seal of a memory: round trip and canonical', () => {
  fc.assert(
    fc.property(state, (value) => {
      const serialized = serializeSealState(value)
      assert.equal(serialized.length, sealStateLength)
      assert.deepEqual(parseSealState(serialized), value)
      assert.deepEqual(serializeSealState(parseSealState(serialized)), serialized)
    }),
  )
})

test('seal of a memory: every proper prefix, a byte more and a number above 53 bits are DecodeErrors', () => {
  const [value] = fc.sample(state, 1)
  const serialized = serializeSealState(value!)
  for (let length = 0; length < serialized.length; length++) {
    assert.throws(() => parseSealState(serialized.subarray(0, length)), DecodeError)
  }
  assert.throws(() => parseSealState(concat(serialized, Uint8Array.of(0))), DecodeError)
  const large = serialized.slice()
  large[0] = 0x20
  assert.throws(() => parseSealState(large), DecodeError)
})

test('journal record with an attachment: round trip, the entries as they were given, every prefix and changed byte refused', () => {
  const pages = new Map([
    [3, new Uint8Array(256).fill(3)],
    [4, new Uint8Array(256)],
  ])
  const attachment = new Uint8Array(attachmentLength).fill(0xa7)
  let given: Uint8Array | undefined
  const record = serializeRecord(pages, (entries) => {
    given = entries.slice()
    return attachment
  })
  const parsed = parseRecord(record)
  assert.deepEqual(parsed, { pages, attachment, entries: given })
  assert.deepEqual(
    serializeRecord(parsed.pages, () => parsed.attachment),
    record,
  )
  for (let length = 0; length < record.length; length++) {
    assert.throws(() => parseRecord(record.subarray(0, length)), DecodeError)
  }
  for (let i = 0; i < record.length; i++) {
    const changed = record.slice()
    changed[i]! ^= 0x01
    assert.throws(() => parseRecord(changed), DecodeError, `byte ${i}`)
  }
})

test('journal record with an attachment and no page', () => {
  const record = serializeRecord(new Map(), () => new Uint8Array(attachmentLength).fill(1))
  assert.deepEqual(parseRecord(record).pages.size, 0)
})
