import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { concat, decodeHex, encodeHex } from '@sealwright/core/bytes'
import { DecodeError, UsageError } from '@sealwright/core/errors'
import fc from 'fast-check'
import {
  parseVpcdFrame,
  parseVpcdMessage,
  serializeVpcdFrame,
  serializeVpcdMessage,
  VpcdFrames,
  type VpcdMessage,
} from './index.ts'

const controls = {
  '000100': 'power off',
  '000101': 'power on',
  '000102': 'reset',
  '000104': 'get ATR',
} as const
const command = fc.uint8Array({ minLength: 2, maxLength: 600 })
const message: fc.Arbitrary<VpcdMessage> = fc.oneof(
  fc.constantFrom(...Object.values(controls)).map((kind) => ({ kind })),
  command.map((bytes) => ({ kind: 'command' as const, command: bytes })),
)

suite('vpcd messages', () => {
  test('controls have the bytes that vpcd sends', () => {
    for (const [hex, kind] of Object.entries(controls)) {
      assert.equal(encodeHex(serializeVpcdMessage({ kind })), hex)
      assert.deepEqual(parseVpcdMessage(decodeHex(hex)), { kind })
    }
  })

  test('what is serialized parses to the same; every prefix and one byte more are refused', () => {
    fc.assert(
      fc.property(message, (value) => {
        const frame = serializeVpcdMessage(value)
        assert.deepEqual(parseVpcdMessage(frame), value)
        for (let end = 0; end < frame.length; end++) {
          assert.throws(() => parseVpcdMessage(frame.subarray(0, end)), DecodeError)
        }
        assert.throws(() => parseVpcdMessage(concat(frame, Uint8Array.of(0))), DecodeError)
      }),
    )
  })

  test('whatever parses is the only form of its message; anything else is a DecodeError', () => {
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 8 }),
      fc.uint8Array({ maxLength: 40 }).map((payload) => concat(Uint8Array.of(0, payload.length), payload)),
    )
    fc.assert(
      fc.property(bytes, (frame) => {
        try {
          assert.deepEqual(serializeVpcdMessage(parseVpcdMessage(frame)), frame)
        } catch (error) {
          assert.ok(error instanceof DecodeError)
        }
      }),
    )
  })

  test('empty payloads and unknown controls are refused', () => {
    for (const hex of ['0000', '000103', '000105', '0001FF']) {
      assert.throws(() => parseVpcdMessage(decodeHex(hex)), DecodeError, hex)
    }
  })

  test('an answer is never empty and never longer than its length can tell', () => {
    assert.throws(() => serializeVpcdFrame(new Uint8Array(0)), UsageError)
    assert.throws(() => serializeVpcdFrame(new Uint8Array(0x1_0000)), UsageError)
    const longest = new Uint8Array(0xffff).fill(7)
    assert.deepEqual(parseVpcdFrame(serializeVpcdFrame(longest)), longest)
    assert.throws(() => serializeVpcdMessage({ kind: 'command', command: Uint8Array.of(1) }), UsageError)
  })
})

test('frames come out whole and in order wherever the stream is cut', () => {
  const payloads = fc.array(fc.uint8Array({ minLength: 1, maxLength: 300 }), { minLength: 1, maxLength: 6 })
  fc.assert(
    fc.property(payloads, fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1 }), (all, sizes) => {
      const stream = concat(...all.map((payload) => serializeVpcdFrame(payload)))
      const frames = new VpcdFrames()
      const seen: Uint8Array[] = []
      for (let at = 0, i = 0; at < stream.length; i++) {
        const size = sizes[i % sizes.length]!
        frames.push(stream.subarray(at, at + size))
        at += size
        for (let frame = frames.next(); frame !== undefined; frame = frames.next())
          seen.push(parseVpcdFrame(frame))
      }
      assert.deepEqual(seen, all)
      assert.equal(frames.waiting, 0)
    }),
  )
})
