import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { ascii, concat, u32 } from '../bytes/index.ts'
import { portableCrypto } from '../crypto/index.ts'
import { UsageError } from '../errors/index.ts'
import { fixedClock, scriptedEntropy } from './index.ts'

test('scripted entropy is SHA-256(seed ‖ counter), however it is cut', () => {
  const stream = concat(...[0, 1, 2, 3, 4, 5].map((i) => portableCrypto.sha256(ascii('seed'), u32(i))))
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 70 }), { maxLength: 6 }), (lengths) => {
      const entropy = scriptedEntropy('seed')
      const taken = concat(...lengths.map((length) => entropy.bytes(length)))
      const length = Math.min(taken.length, stream.length)
      assert.deepEqual(taken.slice(0, length), stream.slice(0, length))
      assert.equal(
        taken.length,
        lengths.reduce((sum, one) => sum + one, 0),
      )
    }),
  )
  assert.notDeepEqual(scriptedEntropy('seed').bytes(16), scriptedEntropy('other').bytes(16))
})

test('scripted entropy: wiping what was taken changes nothing that follows', () => {
  const [a, b] = [scriptedEntropy('seed'), scriptedEntropy('seed')]
  a.bytes(20).fill(0)
  b.bytes(20)
  assert.deepEqual(a.bytes(20), b.bytes(20))
})

test('a fixed clock stands until it is advanced, and never goes back', () => {
  const clock = fixedClock(1_700_000_000)
  assert.equal(clock.now(), 1_700_000_000)
  clock.advance(60)
  clock.advance(0)
  assert.equal(clock.now(), 1_700_000_060)
  assert.throws(() => clock.advance(-1), UsageError)
  assert.throws(() => clock.advance(Number.NaN), UsageError)
  assert.equal(clock.now(), 1_700_000_060)
})
