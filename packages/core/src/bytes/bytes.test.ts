import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { DecodeError, UsageError } from '../errors/index.ts'
import { allZero, ascii, concat, decodeHex, encodeHex, equal, fromAscii, u16, u32, wipe } from './index.ts'

const bytes = fc.uint8Array({ maxLength: 40 })

test('hex: what is encoded decodes to the same, in either case and with blanks between bytes', () => {
  fc.assert(
    fc.property(bytes, fc.constantFrom('', ' ', '\n', '\t  '), (value, blank) => {
      const text = encodeHex(value)
      assert.match(text, /^[0-9A-F]*$/)
      assert.equal(text.length, 2 * value.length)
      const pairs = text.match(/../g) ?? []
      assert.deepEqual(decodeHex(blank + pairs.join(blank) + blank), value)
      assert.deepEqual(decodeHex(text.toLowerCase()), value)
    }),
  )
})

test('hex: anything else is a DecodeError', () => {
  for (const text of ['0', 'ABC', '0G', '0x00', 'A B', 'AB C', '00-11', '00:11', '٠٠', ' 1']) {
    assert.throws(() => decodeHex(text), DecodeError, text)
  }
  fc.assert(
    fc.property(fc.string(), (text) => {
      try {
        assert.equal(encodeHex(decodeHex(text)), text.replace(/\s/g, '').toUpperCase())
      } catch (error) {
        assert.ok(error instanceof DecodeError)
      }
    }),
  )
})

test('concat puts parts behind one another and copies', () => {
  fc.assert(
    fc.property(fc.array(bytes), (parts) => {
      const whole = concat(...parts)
      assert.deepEqual(
        [...whole],
        parts.flatMap((part) => [...part]),
      )
    }),
  )
  const part = Uint8Array.of(1, 2)
  const whole = concat(part)
  part.fill(9)
  assert.deepEqual(whole, Uint8Array.of(1, 2))
})

test('equal is true for equal contents only', () => {
  fc.assert(
    fc.property(bytes, bytes, (a, b) => {
      assert.ok(equal(a, Uint8Array.from(a)))
      assert.equal(equal(a, b), encodeHex(a) === encodeHex(b))
    }),
  )
  const value = new Uint8Array(33)
  for (let bit = 0; bit < 8 * value.length; bit++) {
    const other = Uint8Array.from(value)
    other[bit >> 3]! ^= 1 << (bit & 7)
    assert.equal(equal(value, other), false)
  }
  assert.equal(equal(new Uint8Array(2), new Uint8Array(3)), false)
})

test('wipe leaves zeros and steps over what is not there', () => {
  const [a, b] = [Uint8Array.of(1, 2), Uint8Array.of(3)]
  wipe(a, undefined, b)
  assert.deepEqual(concat(a, b), new Uint8Array(3))
})

test('ascii: round trip; other characters and bytes are refused', () => {
  const text = fc.string({ unit: 'binary-ascii', maxLength: 40 })
  fc.assert(fc.property(text, (value) => assert.equal(fromAscii(ascii(value)), value)))
  const below80 = fc.uint8Array({ max: 0x7f, maxLength: 40 })
  fc.assert(fc.property(below80, (value) => assert.deepEqual(ascii(fromAscii(value)), value)))
  for (const value of ['é', '\u0080', 'a€', '\u{1F600}']) assert.throws(() => ascii(value), UsageError)
  for (const value of [0x80, 0xff]) assert.throws(() => fromAscii(Uint8Array.of(0x41, value)), DecodeError)
  assert.equal(fromAscii(new Uint8Array(300_000).fill(0x41)).length, 300_000)
})

test('u16 and u32 are big-endian and hold only what fits', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 0xffff_ffff }), (value) => {
      assert.equal(encodeHex(u32(value)), value.toString(16).toUpperCase().padStart(8, '0'))
      const half = value % 0x1_0000
      assert.equal(encodeHex(u16(half)), half.toString(16).toUpperCase().padStart(4, '0'))
    }),
  )
  for (const value of [-1, 0x1_0000, 1.5, Number.NaN, Infinity]) assert.throws(() => u16(value), UsageError)
  for (const value of [-1, 2 ** 32, 0.5, Number.NaN]) assert.throws(() => u32(value), UsageError)
})

test('zeros: one bit anywhere is seen, at every alignment', () => {
  for (let start = 0; start < 5; start++) {
    for (let length = 0; length < 19; length++) {
      const whole = new Uint8Array(32).fill(0xff)
      const part = whole.subarray(start, start + length).fill(0)
      assert.equal(allZero(part), true)
      for (let i = 0; i < length; i++) {
        part[i] = 1 << (i % 8)
        assert.equal(allZero(part), false)
        part[i] = 0
      }
    }
  }
})
