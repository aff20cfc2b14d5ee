import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { encodeHex } from '../bytes/index.ts'
import { p256Order, portableCrypto, privateScalar } from './index.ts'

const entropy = fc.uint8Array({ minLength: 48, maxLength: 48 })
const n = integer(p256Order as Uint8Array)

function integer(bytes: Uint8Array): bigint {
  return BigInt(`0x${encodeHex(bytes)}`)
}

test('private scalar without salt is c mod (n-1) plus 1', () => {
  fc.assert(
    fc.property(entropy, (bytes) => {
      assert.equal(integer(privateScalar(portableCrypto, bytes)), (integer(bytes) % (n - 1n)) + 1n)
    }),
  )
})

test('private scalar near the multiples of n-1', () => {
  const multiple = fc.bigInt(0n, (2n ** 384n - 1n) / (n - 1n)).map((k) => k * (n - 1n))
  fc.assert(
    fc.property(multiple, fc.bigInt(-2n, 2n), (base, distance) => {
      const c = base + distance
      if (c < 0n || c >= 2n ** 384n) return
      const bytes = Uint8Array.from(c.toString(16).padStart(96, '0').match(/../g)!, (pair) =>
        Number.parseInt(pair, 16),
      )
      assert.equal(integer(privateScalar(portableCrypto, bytes)), (c % (n - 1n)) + 1n)
    }),
  )
})

const salt = fc.uint8Array()

/** The public point of the pair that entropy and salt make. */
function pair(entropy: Uint8Array, salt?: Uint8Array): string {
  return encodeHex(portableCrypto.ecPrivateKey(privateScalar(portableCrypto, entropy, salt)).publicPoint)
}

test('[B6a] the same entropy and salt give the same pair', () => {
  fc.assert(
    fc.property(entropy, salt, (bytes, salt) => {
      assert.equal(pair(bytes.slice(), salt.slice()), pair(bytes, salt))
    }),
    { numRuns: 10 },
  )
})

test('[B6b] another salt gives another pair, and so does none', () => {
  fc.assert(
    fc.property(entropy, salt, salt, (bytes, one, other) => {
      fc.pre(encodeHex(one) !== encodeHex(other))
      assert.notEqual(pair(bytes, one), pair(bytes, other))
      assert.notEqual(pair(bytes, one), pair(bytes))
    }),
    { numRuns: 10 },
  )
})

test('[B6c] other entropy gives another pair', () => {
  fc.assert(
    fc.property(entropy, entropy, salt, (one, other, salt) => {
      fc.pre(encodeHex(one) !== encodeHex(other))
      assert.notEqual(pair(one, salt), pair(other, salt))
    }),
    { numRuns: 10 },
  )
})
