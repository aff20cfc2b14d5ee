import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { decodeHex, encodeHex } from '../bytes/index.ts'
import { DecodeError, UsageError } from '../errors/index.ts'
import { isWarning, parseResponse, serializeResponse } from './index.ts'

test('data and status word come apart and together again', () => {
  const response = parseResponse(decodeHex('AABB 9000'))
  assert.deepEqual(response, { data: decodeHex('AABB'), sw: 0x9000 })
  assert.equal(encodeHex(serializeResponse(response)), 'AABB9000')
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), fc.integer({ min: 0x6100, max: 0x6fff }), (data, sw) => {
      assert.deepEqual(parseResponse(serializeResponse({ data, sw })), { data, sw })
    }),
  )
})

test('what has no status word at its end is refused', () => {
  for (const hex of ['', '90', '0000', 'AA6000', '8000', 'A000']) {
    assert.throws(() => parseResponse(decodeHex(hex)), DecodeError, hex)
  }
  assert.throws(() => parseResponse(new Uint8Array(0x1_0003)), DecodeError)
  assert.throws(() => serializeResponse({ data: new Uint8Array(0), sw: 0x1234 }), UsageError)
})

test('62XX and 63XX are warnings', () => {
  assert.deepEqual([0x6200, 0x63c1, 0x6400, 0x9000, 0x6a88].map(isWarning), [true, true, false, false, false])
})
