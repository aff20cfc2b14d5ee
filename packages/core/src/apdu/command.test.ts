import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { decodeHex, encodeHex } from '../bytes/index.ts'
import { DecodeError, SealwrightError, UsageError } from '../errors/index.ts'
import { type Command, command, parseCommand, serializeCommand } from './index.ts'

const byte = fc.integer({ min: 0, max: 0xff })
const anyCommand = fc
  .record(
    {
      cla: byte,
      ins: byte,
      p1: byte,
      p2: byte,
      data: fc.uint8Array({ maxLength: 300 }),
      le: fc.integer({ min: 1, max: 0x1_0000 }),
      extended: fc.boolean(),
    },
    { requiredKeys: ['cla', 'ins', 'p1', 'p2', 'data', 'extended'] },
  )
  .map((fields) =>
    command({ ...fields, extended: fields.extended || fields.data.length > 255 || (fields.le ?? 0) > 256 }),
  )

test('each of the seven cases is read as ISO/IEC 7816-4 says', () => {
  const cases: [string, Partial<Command>][] = [
    ['00A40400', { extended: false }],
    ['00B0000010', { le: 0x10, extended: false }],
    ['00B0000000', { le: 0x100, extended: false }],
    ['00D6000002AABB', { data: decodeHex('AABB'), extended: false }],
    ['00D6000002AABB00', { data: decodeHex('AABB'), le: 0x100, extended: false }],
    ['00B00000000000', { le: 0x1_0000, extended: true }],
    ['00B00000000102', { le: 0x102, extended: true }],
    ['00D60000000002AABB', { data: decodeHex('AABB'), extended: true }],
    ['00D60000000002AABB0000', { data: decodeHex('AABB'), le: 0x1_0000, extended: true }],
  ]
  for (const [hex, expected] of cases) {
    const parsed = parseCommand(decodeHex(hex))
    const { cla, ins, p1, p2, ...rest } = parsed
    assert.deepEqual([cla, ins, p1, p2], [...decodeHex(hex).subarray(0, 4)], hex)
    assert.deepEqual(rest, { data: new Uint8Array(0), ...expected }, hex)
    assert.equal(encodeHex(serializeCommand(parsed)), hex)
  }
})

test('what a command serializes to parses to the same command', () => {
  fc.assert(
    fc.property(anyCommand, (original) => {
      assert.deepEqual(parseCommand(serializeCommand(original)), original)
    }),
  )
})

test('bytes that parse serialize to the same bytes; the rest is a DecodeError', () => {
  const headed = fc.tuple(fc.uint8Array({ minLength: 4, maxLength: 4 }), fc.uint8Array({ maxLength: 12 }))
  let parsedCount = 0
  fc.assert(
    fc.property(headed, ([header, body]) => {
      const bytes = Uint8Array.of(...header, ...body)
      let parsed: Command
      try {
        parsed = parseCommand(bytes)
      } catch (error) {
        assert.ok(error instanceof DecodeError)
        return
      }
      parsedCount++
      assert.deepEqual(serializeCommand(parsed), bytes)
    }),
    { numRuns: 2000 },
  )
  assert.ok(parsedCount > 50)
})

// A command is not self-delimiting: a prefix may be another case. With data and Le of full length none is.
test('lengths that do not add up are refused', () => {
  const refused = [
    '',
    '00A404',
    '00A4040002AA',
    '00A4040001AABBCC',
    '00A404000000',
    '00A404000000000000',
    '00A4040000000000',
    '00A40400000002AA',
    '00A40400000001AABB',
    '00A40400000001AABBCCDD',
  ]
  for (const hex of refused) assert.throws(() => parseCommand(decodeHex(hex)), DecodeError, hex)
})

test('a length that the form cannot hold is a mistake of the caller', () => {
  const base = command({ cla: 0, ins: 0xd6 })
  const wrong: Command[] = [
    { ...base, data: new Uint8Array(256) },
    { ...base, le: 257 },
    { ...base, le: 0 },
    { ...base, le: 1.5 },
    { ...base, cla: 256 },
    { ...base, data: new Uint8Array(0x1_0000), extended: true },
    { ...base, le: 0x1_0001, extended: true },
  ]
  for (const each of wrong) assert.throws(() => serializeCommand(each), UsageError)
})

test('no input makes the parser throw anything but an error of ours', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
      try {
        parseCommand(bytes)
      } catch (error) {
        assert.ok(error instanceof SealwrightError)
      }
    }),
  )
})
