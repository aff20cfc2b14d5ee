import assert from 'node:assert/strict'
import { Buffer } from 'node:buffer'
import { test } from 'node:test'
import fc from 'fast-check'
import { DecodeError } from '../errors/index.ts'
import { decodeBase64, encodeBase64 } from './index.ts'

test('base64 agrees with Node in both directions', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => {
      const text = Buffer.from(bytes).toString('base64')
      assert.equal(encodeBase64(bytes), text)
      assert.deepEqual(decodeBase64(text), bytes)
    }),
  )
})

test('base64 that is not canonical is refused', () => {
  for (const text of [
    'A',
    'AA',
    'AAA',
    'AB==',
    'AAB=',
    'A===',
    '====',
    'AA A',
    'AA-_',
    'AAAA=',
    'AA==AA==',
    'é===',
  ]) {
    assert.throws(() => decodeBase64(text), DecodeError, text)
  }
})
