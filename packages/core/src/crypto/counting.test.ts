import assert from 'node:assert/strict'
import { test } from 'node:test'
import { UsageError } from '../errors/index.ts'
import { countingCrypto, type Primitive, portableCrypto } from './index.ts'

const zeros = new Uint8Array(16)

test('counting: every primitive is counted once a call, with the bytes of its data', () => {
  const crypto = countingCrypto(portableCrypto)
  const seed = new Uint8Array(32).fill(1)
  const key = crypto.aes(zeros)
  const pair = crypto.ecPrivateKey(seed)
  const peer = crypto.ecPublicKey(pair.publicPoint)
  const publicKey = crypto.ed25519PublicKey(seed)
  const nonce = new Uint8Array(12)
  const signature = pair.sign(zeros, zeros)
  crypto.clear()
  const calls: readonly [Primitive, number, () => unknown][] = [
    ['sha256', 19, () => crypto.sha256(zeros, new Uint8Array(3))],
    ['hmacSha256', 19, () => crypto.hmacSha256(seed, zeros, new Uint8Array(3))],
    ['aes', 0, () => crypto.aes(zeros)],
    ['ecPrivateKey', 0, () => crypto.ecPrivateKey(seed)],
    ['ecPublicKey', 0, () => crypto.ecPublicKey(pair.publicPoint)],
    ['ed25519PublicKey', 0, () => crypto.ed25519PublicKey(seed)],
    ['ed25519Sign', 16, () => crypto.ed25519Sign(seed, zeros)],
    ['ed25519Verify', 16, () => crypto.ed25519Verify(publicKey, zeros, new Uint8Array(64))],
    ['encryptBlock', 16, () => key.encryptBlock(zeros)],
    ['cbcEncrypt', 32, () => key.cbcEncrypt(zeros, new Uint8Array(32))],
    ['cbcDecrypt', 32, () => key.cbcDecrypt(zeros, new Uint8Array(32))],
    ['ctr', 5, () => key.ctr(zeros, new Uint8Array(5))],
    ['cmac', 21, () => key.cmac(zeros, new Uint8Array(5))],
    ['gcmSeal', 21, () => key.gcmSeal(nonce, zeros, new Uint8Array(5))],
    ['gcmOpen', 37, () => key.gcmOpen(nonce, new Uint8Array(32), new Uint8Array(5))],
    ['sign', 21, () => pair.sign(zeros, new Uint8Array(5))],
    ['agree', 0, () => pair.agree(peer)],
    ['verify', 32, () => peer.verify(signature, zeros, zeros)],
  ]
  for (const [primitive, bytes, call] of calls) {
    crypto.clear()
    call()
    assert.deepEqual([...crypto.counts()], [[primitive, { calls: 1, bytes }]])
    call()
    assert.deepEqual(crypto.count(primitive), { calls: 2, bytes: 2 * bytes })
  }
})

test('counting: what did not run counts nothing, what failed counts', () => {
  const crypto = countingCrypto(portableCrypto)
  assert.deepEqual(crypto.count('cbcDecrypt'), { calls: 0, bytes: 0 })
  const key = crypto.aes(zeros)
  assert.throws(() => key.cbcDecrypt(zeros, new Uint8Array(5)), UsageError)
  assert.deepEqual(crypto.count('cbcDecrypt'), { calls: 1, bytes: 5 })
})

test('counting: handles of one counter do not count in another', () => {
  const [one, two] = [countingCrypto(portableCrypto), countingCrypto(portableCrypto)]
  const peer = two.ecPublicKey(two.ecPrivateKey(new Uint8Array(32).fill(1)).publicPoint)
  two.clear()
  one.ecPrivateKey(new Uint8Array(32).fill(2)).agree(peer)
  assert.equal(one.count('agree').calls, 1)
  assert.equal(two.counts().size, 0)
})
