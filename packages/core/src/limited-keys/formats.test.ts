import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { bytes, laws, shaped } from '../../test/codec-laws.ts'
import { DecodeError, UsageError } from '../errors/index.ts'
import {
  type KeyLimits,
  type LimitedKeyData,
  parseCheckRequest,
  parseLimitedKeyData,
  parseLimitedKeys,
  parseProtectAnswer,
  parseProtectRequest,
  parseToldTime,
  serializeCheckRequest,
  serializeLimitedKeyData,
  serializeLimitedKeys,
  serializeProtectAnswer,
  serializeProtectRequest,
  serializeToldTime,
} from './index.ts'

const number = fc.integer({ min: 0, max: 0xffff_fffe })
const count = fc.integer({ min: 1, max: 0xffff_fffe })
const limits: fc.Arbitrary<KeyLimits> = fc.oneof(
  shaped({ uses: count }),
  shaped({ notAfter: number, usesUnheard: count }),
  shaped({ notAfter: number, uses: count }),
  shaped({ notAfter: number, uses: count, usesUnheard: count }),
)
const message = fc.uint8Array({ minLength: 1, maxLength: 40 })

for (const length of [16, 32]) {
  laws<LimitedKeyData>(
    `data of PUT LIMITED KEY, ${length} bytes`,
    shaped({ time: number, place: number, limits, cryptogram: bytes(length), checkValue: bytes(5) }),
    serializeLimitedKeyData,
    parseLimitedKeyData,
  )
}
laws('data of TELL TIME', number, serializeToldTime, parseToldTime)
laws(
  'data of MESSAGE CODE, protect',
  shaped({ place: number, message }),
  serializeProtectRequest,
  parseProtectRequest,
  true,
)
laws(
  'data of MESSAGE CODE, check',
  shaped({ place: number, number, time: number, mac: bytes(16), message }),
  serializeCheckRequest,
  parseCheckRequest,
  true,
)
laws('answer of MESSAGE CODE', shaped({ number, mac: bytes(16) }), serializeProtectAnswer, parseProtectAnswer)
laws(
  'limited keys as the module shows them',
  fc.array(
    shaped({ place: number, checkValue: bytes(5), notAfter: number, usesLeft: number, unheardLeft: number }),
    { maxLength: 4 },
  ),
  serializeLimitedKeys,
  parseLimitedKeys,
  true,
)

test('a key without an end, or that serves not once, is refused on both sides', () => {
  const data = { time: 1, place: 2, cryptogram: new Uint8Array(16), checkValue: new Uint8Array(5) }
  for (const wrong of [
    {},
    { notAfter: 5 },
    { usesUnheard: 5 },
    { uses: 0 },
    { notAfter: 5, usesUnheard: 0 },
    { uses: 1, usesUnheard: 0 },
  ]) {
    assert.throws(() => serializeLimitedKeyData({ ...data, limits: wrong }), UsageError)
  }
  const right = serializeLimitedKeyData({ ...data, limits: { uses: 1 } })
  const bent = (at: number, to: readonly number[]) => {
    const out = right.slice()
    out.set(to, at)
    return out
  }
  // Limits lie behind time and place: last second, uses, uses without newer time.
  for (const wrong of [
    bent(12, [0xff, 0xff, 0xff, 0xff]),
    bent(12, [0, 0, 0, 0]),
    bent(16, [0, 0, 0, 0]),
    bent(20, [24]),
  ]) {
    assert.throws(() => parseLimitedKeyData(wrong), DecodeError)
  }
  assert.throws(() => parseProtectRequest(new Uint8Array(4 + 1025)), DecodeError)
})
