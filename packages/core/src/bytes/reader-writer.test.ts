import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { DecodeError, UsageError } from '../errors/index.ts'
import { Reader, Writer } from './index.ts'

interface Field {
  readonly write: (w: Writer) => Writer
  readonly read: (r: Reader) => unknown
  readonly value: unknown
  readonly length: number
}

function numberField(width: 'u8' | 'u16' | 'u24' | 'u32', length: number): fc.Arbitrary<Field> {
  return fc.integer({ min: 0, max: 2 ** (8 * length) - 1 }).map((value) => ({
    write: (w) => w[width](value),
    read: (r) => r[width]('number'),
    value,
    length,
  }))
}

const bytesField = fc.uint8Array({ maxLength: 20 }).map((value) => ({
  write: (w: Writer) => w.bytes(value),
  read: (r: Reader) => r.take(value.length, 'bytes'),
  value,
  length: value.length,
}))

const childField = fc.uint8Array({ maxLength: 20 }).map((value) => ({
  write: (w: Writer) => w.bytes(value),
  read: (r: Reader) => r.child(value.length, 'child').rest(),
  value,
  length: value.length,
}))

const fields = fc.array(
  fc.oneof(
    numberField('u8', 1),
    numberField('u16', 2),
    numberField('u24', 3),
    numberField('u32', 4),
    bytesField,
    childField,
  ),
  { maxLength: 8 },
)

function written(list: readonly Field[]): Uint8Array {
  const w = new Writer()
  for (const field of list) assert.equal(field.write(w), w)
  return w.finish()
}

function readAll(list: readonly Field[], bytes: Uint8Array): unknown[] {
  const r = new Reader(bytes, 'fields')
  const values = list.map((field) => field.read(r))
  r.end()
  return values
}

test('what is written is read back, and offset and remaining keep count', () => {
  fc.assert(
    fc.property(fields, (list) => {
      const bytes = written(list)
      assert.equal(
        bytes.length,
        list.reduce((sum, field) => sum + field.length, 0),
      )
      const r = new Reader(bytes, 'fields')
      for (const field of list) {
        const before = r.offset
        assert.deepEqual(field.read(r), field.value)
        assert.equal(r.offset, before + field.length)
        assert.equal(r.remaining, bytes.length - r.offset)
      }
      r.end()
    }),
  )
})

test('every proper prefix and one byte more are a DecodeError', () => {
  fc.assert(
    fc.property(fields, fc.integer({ min: 0, max: 255 }), (list, extra) => {
      const bytes = written(list)
      for (let length = 0; length < bytes.length; length++) {
        assert.throws(() => readAll(list, bytes.slice(0, length)), DecodeError)
      }
      assert.throws(() => readAll(list, Uint8Array.of(...bytes, extra)), DecodeError)
    }),
  )
})

test('a length that is negative or no number reads nothing and moves nothing', () => {
  for (const length of [-1, -4, Number.NaN, 4, Infinity]) {
    const r = new Reader(Uint8Array.of(1, 2, 3, 4), 'bytes')
    r.u8('first')
    assert.throws(() => r.take(length, 'field'), DecodeError)
    assert.throws(() => r.child(length, 'field'), DecodeError)
    assert.equal(r.offset, 1)
    assert.equal(r.u24('rest'), 0x020304)
  }
})

test('what was taken outlives the buffer it came from, also a Buffer', () => {
  for (const bytes of [Uint8Array.of(1, 2, 3, 4), Buffer.from([1, 2, 3, 4])]) {
    const r = new Reader(bytes, 'bytes')
    const taken = r.take(2, 'taken')
    const rest = r.child(2, 'child').rest()
    bytes.fill(0)
    assert.deepEqual(taken, Uint8Array.of(1, 2))
    assert.deepEqual(rest, Uint8Array.of(3, 4))
  }
})

test('a child cannot read past its own end', () => {
  const r = new Reader(Uint8Array.of(1, 2, 3), 'outer')
  const child = r.child(2, 'inner')
  assert.equal(child.u16('number'), 0x0102)
  assert.throws(() => child.u8('more'), /outer inner: more needs 1 bytes, 0 left at offset 2/)
  assert.equal(r.u8('last'), 3)
})

test('peek does not move; at the end it is undefined', () => {
  const r = new Reader(Uint8Array.of(7), 'byte')
  assert.equal(r.peek(), 7)
  assert.equal(r.u8('byte'), 7)
  assert.equal(r.peek(), undefined)
})

test('a number that does not fit its field is a UsageError', () => {
  const w = new Writer()
  for (const value of [-1, 0.5, Number.NaN, 2 ** 32]) {
    assert.throws(() => w.u8(value), UsageError)
    assert.throws(() => w.u32(value), UsageError)
  }
  assert.throws(() => w.u8(0x100), UsageError)
  assert.throws(() => w.u16(0x1_0000), UsageError)
  assert.throws(() => w.u24(0x100_0000), UsageError)
  assert.equal(w.finish().length, 0)
})
