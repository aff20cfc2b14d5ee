import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { concat, decodeHex } from '../bytes/index.ts'
import { pad80, unpad80 } from './index.ts'

test('padding method 2: adds 1 to 16 bytes, and unpadding takes them away', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 70 }), (data) => {
      const padded = pad80(data)
      assert.equal(padded.length, 16 * (Math.floor(data.length / 16) + 1))
      assert.deepEqual(padded.slice(0, data.length), data)
      assert.deepEqual(unpad80(padded), data)
    }),
  )
})

test('padding method 2: what unpads pads to the same bytes', () => {
  const block = fc.array(fc.constantFrom(0x00, 0x80, 0x81, 0x01), { minLength: 16, maxLength: 16 })
  let good = 0
  fc.assert(
    fc.property(fc.array(block, { maxLength: 3 }), (blocks) => {
      const padded = Uint8Array.from(blocks.flat())
      const data = unpad80(padded)
      if (data === undefined) return
      good++
      assert.deepEqual(pad80(data), padded)
    }),
    { numRuns: 500 },
  )
  assert.ok(good > 50, `${good} inputs had right padding`)
})

test('padding method 2: wrong padding gives undefined', () => {
  const wrong = [
    '',
    '80',
    '00'.repeat(15),
    '00'.repeat(16),
    'FF'.repeat(16),
    `${'00'.repeat(15)}01`,
    `80${'00'.repeat(14)}01`,
    // The 80 lies one byte before the last block.
    `${'00'.repeat(15)}80${'00'.repeat(16)}`,
    `80${'00'.repeat(31)}`,
    `${'80'.repeat(16)}00`,
  ]
  for (const bytes of wrong) assert.equal(unpad80(decodeHex(bytes)), undefined, bytes)
})

test('padding method 2: the result is a copy', () => {
  for (const padded of [pad80(Uint8Array.of(1, 2)), Buffer.from(pad80(Uint8Array.of(1, 2)))]) {
    const data = unpad80(padded)
    padded.fill(9)
    assert.deepEqual(data, Uint8Array.of(1, 2))
  }
  assert.deepEqual(unpad80(concat(new Uint8Array(16), pad80(new Uint8Array(0)))), new Uint8Array(16))
})
