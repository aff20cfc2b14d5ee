import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, test } from 'node:test'
import { ascii, concat, decodeHex, encodeHex, u16 } from '@sealwright/core/bytes'
import {
  countingCrypto,
  deriveKey,
  diversify,
  diversifyWith,
  hkdf,
  kbkdfCmac,
  kbkdfHmac,
  kcvCmac,
  kcvGlobalPlatform,
  kcvLegacy,
  kdf3,
  p256Order,
  pad80,
  portableCrypto,
  privateScalar,
  scp03Kdf,
  unpad80,
  x963Kdf,
} from '@sealwright/core/crypto'
import { AuthError, UsageError } from '@sealwright/core/errors'
import type { AesKey, Crypto } from '@sealwright/core/ports'
import fc from 'fast-check'
import { nodeCrypto } from './index.ts'

// One contract for every backend of the cryptography port.

const backends: readonly Crypto[] = [portableCrypto, nodeCrypto, countingCrypto(nodeCrypto)]
const zeros = new Uint8Array(16)
const zeros32 = new Uint8Array(32)
const scalarOne = decodeHex(`${'00'.repeat(31)}01`)

for (const crypto of backends) {
  describe(`cryptography port: ${crypto.name}`, () => {
    describe('published vectors', () => {
      test('[R4b] SHA-256', () => {
        for (const v of cases('sha256', 3)) same(crypto.sha256(hex(v.message)), v.digest)
      })

      test('[R4b] HMAC-SHA-256 of RFC 4231', () => {
        for (const v of cases('hmac-sha256', 6)) same(crypto.hmacSha256(hex(v.key), hex(v.message)), v.tag)
      })

      test('[R4b] AES in ECB, CBC and CTR of SP 800-38A', () => {
        for (const v of cases('aes', 10)) {
          const key = crypto.aes(hex(v.key))
          const plaintext = hex(v.plaintext)
          const ciphertext = hex(v.ciphertext)
          if (v.mode === 'ECB') {
            for (let i = 0; i < plaintext.length; i += 16) {
              same(key.encryptBlock(plaintext.slice(i, i + 16)), encodeHex(ciphertext.slice(i, i + 16)))
            }
          } else if (v.mode === 'CBC') {
            same(key.cbcEncrypt(hex(v.iv), plaintext), v.ciphertext)
            same(key.cbcDecrypt(hex(v.iv), ciphertext), v.plaintext)
          } else {
            same(key.ctr(hex(v.iv), plaintext), v.ciphertext)
            same(key.ctr(hex(v.iv), ciphertext), v.plaintext)
          }
        }
      })

      test('[R4b] AES-CMAC of RFC 4493 and SP 800-38B', () => {
        for (const v of cases('cmac', 14)) {
          const tag = hex(v.tag)
          same(crypto.aes(hex(v.key)).cmac(hex(v.message)).slice(0, tag.length), v.tag)
        }
      })

      test('[R4b] AN10922 in three sizes and at the boundary lengths', () => {
        for (const v of cases('an10922', 18)) {
          same(diversify(crypto, hex(v.masterKey), hex(v.input)), v.key)
          if (v.cmac === undefined) continue
          const cmac = crypto.aes(hex(v.masterKey)).cmac(Uint8Array.of(1), hex(v.input))
          same(cmac, v.cmac)
          assert.equal(v.cmac === v.key, hex(v.input).length >= 16)
        }
      })

      test('[R4b] SP 800-108 in counter mode, the whole CAVP groups', () => {
        for (const v of cases('kbkdf', 160)) {
          const length = hex(v.output).length
          const fixedInput = hex(v.fixedInput)
          const output = v.prf?.startsWith('CMAC')
            ? kbkdfCmac(crypto.aes(hex(v.key)), fixedInput, length)
            : kbkdfHmac(crypto, hex(v.key), fixedInput, length)
          same(output, v.output)
        }
      })

      test('[R4b] HKDF of RFC 5869', () => {
        for (const v of cases('hkdf', 3)) {
          const length = hex(v.output).length
          same(hkdf(crypto, hex(v.inputKey), hex(v.salt), hex(v.info), length), v.output)
        }
      })

      test('[R4b] X9.63 key blocks of published SCP11 sessions', () => {
        for (const v of cases('x963-kdf', 3)) {
          same(x963Kdf(crypto, hex(v.z), hex(v.sharedInfo), hex(v.output).length), v.output)
        }
      })

      test('[R4b] SCP03 derivation of published sessions', () => {
        for (const v of cases('scp03-kdf', 12)) {
          const bits = Number(v.bits)
          same(scp03Kdf(crypto.aes(hex(v.key)), Number(v.constant), hex(v.context), bits), v.output)
        }
      })

      test('[R4b] KDF3 of GlobalPlatformPro', () => {
        for (const v of cases('kdf3', 10)) {
          const keyId = Number(v.keyId) as 1 | 2 | 3
          const key = kdf3(crypto.aes(hex(v.masterKey)), keyId, hex(v.diversificationData))
          if (v.key === undefined) same(kcvGlobalPlatform(crypto.aes(key)), v.checkValue)
          else same(key, v.key)
        }
      })

      test('[R4b] three kinds of check value', () => {
        for (const v of cases('check-values', 2)) {
          const key = crypto.aes(hex(v.key))
          if (v.cmac !== undefined) same(kcvCmac(key), v.cmac)
          if (v.legacy !== undefined) same(kcvLegacy(key), v.legacy)
          same(kcvGlobalPlatform(key), v.globalPlatform)
        }
      })

      test('[R4b] ECDSA P-256 of RFC 6979', () => {
        for (const v of cases('ecdsa-p256', 2)) {
          const key = crypto.ecPrivateKey(hex(v.privateKey))
          same(key.publicPoint, v.publicPoint)
          const publicKey = crypto.ecPublicKey(hex(v.publicPoint))
          assert.ok(publicKey.verify(hex(v.signature), hex(v.message)))
          assert.ok(publicKey.verify(key.sign(hex(v.message)), hex(v.message)))
        }
      })

      test('[R4b] ECDH P-256 of RFC 5903', () => {
        for (const v of cases('ecdh-p256', 2)) {
          const key = crypto.ecPrivateKey(hex(v.privateKey))
          same(key.publicPoint, v.publicPoint)
          same(key.agree(crypto.ecPublicKey(hex(v.peerPoint))), v.shared)
          key.sign(zeros)
          same(key.agree(crypto.ecPublicKey(hex(v.peerPoint))), v.shared)
        }
      })

      test('[R4b] Ed25519 of RFC 8032', () => {
        for (const v of cases('ed25519', 3)) {
          same(crypto.ed25519PublicKey(hex(v.privateKey)), v.publicKey)
          same(crypto.ed25519Sign(hex(v.privateKey), hex(v.message)), v.signature)
          assert.equal(crypto.ed25519Verify(hex(v.publicKey), hex(v.message), hex(v.signature)), true)
        }
      })

      test('[R4b] Ed25519 at its edges: small order, not canonical, S out of range', () => {
        for (const v of cases('ed25519-edge-cases', 12)) {
          const valid = crypto.ed25519Verify(hex(v.publicKey), hex(v.message), hex(v.signature))
          assert.equal(String(valid), v.valid, v.origin)
        }
      })

      test('[R4b] key download: every intermediate value of the worked example, both profiles', () => {
        for (const v of cases('key-derivation', 2)) {
          if (v.transportKey !== undefined) {
            const input = concat(hex(v.serial), ascii('ESM-TU01'))
            same(diversify(crypto, hex(v.transportKey), input), v.storedKey)
          }
          same(concat(hex(v.serial), ascii('ESM-KDL1')), v.input)
          same(diversify(crypto, hex(v.storedKey), hex(v.input)), v.t1)
          const t1 = crypto.aes(hex(v.t1))
          same(deriveKey(t1, 'KDL-ENC', hex(v.context), 16), v.ke)
          same(deriveKey(t1, 'KDL-MAC', hex(v.context), 16), v.km)
          same(deriveKey(t1, 'KDL-ACK', hex(v.context), 16), v.ka)
          same(diversify(crypto, hex(v.ks), concat(hex(v.serial), ascii('ESM-SAS1'))), v.ks1)
          same(crypto.aes(hex(v.ks1)).cmac(hex(v.sasInput)), v.sas)
          const encryption = crypto.aes(hex(v.ke))
          same(encryption.cbcEncrypt(zeros, pad80(hex(v.plaintext))), v.ciphertext)
          same(unpad80(encryption.cbcDecrypt(zeros, hex(v.ciphertext))), v.plaintext)
          same(crypto.aes(hex(v.km)).cmac(hex(v.header), hex(v.ciphertext)), v.cas)
          same(kcvCmac(crypto.aes(hex(v.ta))), v.kcv)
          same(crypto.aes(hex(v.ka)).cmac(hex(v.ackInput)), v.ack)
        }
      })

      test('[R4b] deriveKey over two blocks', () => {
        for (const v of cases('derive-key', 3)) {
          same(diversify(crypto, hex(v.storedKey), hex(v.input)), v.t1)
          same(deriveKey(crypto.aes(hex(v.t1)), v.label ?? '', hex(v.context), 32), v.key)
        }
      })

      test('[R4b] private scalar from entropy and salt', () => {
        for (const v of cases('private-scalar', 11)) {
          const salt = v.salt === undefined ? undefined : hex(v.salt)
          same(privateScalar(crypto, hex(v.entropy), salt), v.scalar)
        }
      })
    })

    test('wrong lengths are a UsageError', () => {
      for (const length of [0, 8, 15, 17, 20, 31, 33, 64]) refused(() => crypto.aes(new Uint8Array(length)))
      const key = crypto.aes(zeros)
      for (const length of [0, 15, 17, 32]) {
        const wrong = new Uint8Array(length)
        refused(() => key.encryptBlock(wrong))
        refused(() => key.cbcEncrypt(wrong, zeros))
        refused(() => key.cbcDecrypt(wrong, zeros))
        refused(() => key.ctr(wrong, zeros))
      }
      for (const length of [1, 15, 17, 31]) {
        refused(() => key.cbcEncrypt(zeros, new Uint8Array(length)))
        refused(() => key.cbcDecrypt(zeros, new Uint8Array(length)))
      }
      for (const length of [0, 8, 11, 13, 16]) {
        refused(() => key.gcmSeal(new Uint8Array(length), zeros, zeros))
        refused(() => key.gcmOpen(new Uint8Array(length), new Uint8Array(32), zeros))
      }
      for (const length of [0, 31, 33]) {
        refused(() => crypto.ecPrivateKey(new Uint8Array(length).fill(1)))
        refused(() => crypto.ed25519Sign(new Uint8Array(length), zeros))
        refused(() => crypto.ed25519PublicKey(new Uint8Array(length)))
        refused(() => crypto.ed25519Verify(new Uint8Array(length), zeros, new Uint8Array(64)))
      }
    })

    test('derivations refuse what their source does not allow', () => {
      const key = crypto.aes(zeros)
      for (const length of [0, 32, 33]) {
        refused(() => diversify(crypto, zeros, new Uint8Array(length)))
        refused(() => diversifyWith(key, new Uint8Array(length)))
      }
      for (const length of [-1, 0, 1.5, Number.NaN, 255 * 16 + 1]) {
        refused(() => kbkdfCmac(key, zeros, length))
        refused(() => deriveKey(key, 'L', zeros, length))
      }
      assert.equal(kbkdfCmac(key, zeros, 255 * 16).length, 255 * 16)
      refused(() => kbkdfHmac(crypto, zeros, zeros, 255 * 32 + 1))
      refused(() => hkdf(crypto, zeros, zeros, zeros, 255 * 32 + 1))
      refused(() => x963Kdf(crypto, zeros, zeros, 0))
      for (const bits of [0, 8, 127, 160, 512]) refused(() => scp03Kdf(key, 4, zeros, bits))
      refused(() => kdf3(key, 1, new Uint8Array(9)))
      for (const length of [0, 47, 49]) refused(() => privateScalar(crypto, new Uint8Array(length)))
    })

    test('a disposed key does nothing any more', () => {
      const key = crypto.aes(zeros)
      key.cmac(zeros)
      key.cbcDecrypt(zeros, zeros)
      key[Symbol.dispose]()
      key[Symbol.dispose]()
      refused(() => key.encryptBlock(zeros))
      refused(() => key.cbcEncrypt(zeros, zeros))
      refused(() => key.cbcDecrypt(zeros, zeros))
      refused(() => key.ctr(zeros, zeros))
      refused(() => key.cmac(zeros))
      refused(() => key.gcmSeal(new Uint8Array(12), zeros, zeros))
      refused(() => key.gcmOpen(new Uint8Array(12), new Uint8Array(32), zeros))
      const pair = crypto.ecPrivateKey(scalarOne)
      const peer = crypto.ecPublicKey(pair.publicPoint)
      pair.sign(zeros)
      pair[Symbol.dispose]()
      pair[Symbol.dispose]()
      refused(() => pair.sign(zeros))
      refused(() => pair.agree(peer))
    })

    test('a handle outlives the buffer it was made from', () => {
      const bytes = Buffer.from(scalarOne)
      const key = crypto.aes(bytes)
      const pair = crypto.ecPrivateKey(bytes)
      const point = Buffer.from(pair.publicPoint)
      const peer = crypto.ecPublicKey(point)
      bytes.fill(0xee)
      point.fill(0xee)
      same(key.encryptBlock(zeros), encodeHex(portableCrypto.aes(scalarOne).encryptBlock(zeros)))
      same(pair.agree(peer), encodeHex(peer.point.slice(1, 33)))
      assert.ok(peer.verify(pair.sign(zeros), zeros))
      const doomed = crypto.aes(bytes)
      doomed[Symbol.dispose]()
      assert.deepEqual(bytes, Buffer.alloc(32, 0xee))
    })

    test('no call changes its arguments, and results are plain arrays', () => {
      const key = crypto.aes(filled(32, 1))
      const pair = crypto.ecPrivateKey(filled(32, 2))
      const peer = crypto.ecPublicKey(pair.publicPoint)
      const calls: readonly [(...args: Uint8Array[]) => Uint8Array | undefined, ...number[]][] = [
        [crypto.sha256, 5, 6],
        [crypto.sha256, 5],
        [crypto.hmacSha256, 20, 5, 6],
        [(block) => key.encryptBlock(block!), 16],
        [(iv, data) => key.cbcEncrypt(iv!, data!), 16, 48],
        [(iv, data) => key.cbcEncrypt(iv!, data!), 16, 0],
        [(iv, data) => key.cbcDecrypt(iv!, data!), 16, 48],
        [(iv, data) => key.cbcDecrypt(iv!, data!), 16, 0],
        [(iv, data) => key.ctr(iv!, data!), 16, 21],
        [(...parts) => key.cmac(...parts), 16, 16],
        [(...parts) => key.cmac(...parts), 16, 5],
        [(nonce, data, associated) => key.gcmSeal(nonce!, data!, associated!), 12, 21, 5],
        [
          (nonce, associated) => key.gcmOpen(nonce!, key.gcmSeal(nonce!, zeros, associated!), associated!),
          12,
          5,
        ],
        [(...parts) => pair.sign(...parts), 5, 6],
        [() => pair.agree(peer)],
        [(seed, message) => crypto.ed25519Sign(seed!, message!), 32, 7],
        [(seed) => crypto.ed25519PublicKey(seed!), 32],
      ]
      for (const [call, ...lengths] of calls) {
        // A Buffer is a Uint8Array whose slice() does not copy.
        for (const form of [filled, (length: number, first: number) => Buffer.from(filled(length, first))]) {
          const args = lengths.map((length, i) => form(length, 3 + i))
          const result = call(...args)
          assert.ok(result !== undefined)
          assert.equal(Object.getPrototypeOf(result), Uint8Array.prototype, String(call))
          result.fill(0xee)
          for (const [i, arg] of args.entries()) assert.deepEqual(arg, form(lengths[i]!, 3 + i), String(call))
        }
      }
    })

    test('any order of operations on one handle gives what fresh handles give', () => {
      const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length })
      const blocks = fc.integer({ min: 0, max: 5 }).chain((n) => bytes(16 * n))
      const operation = fc.oneof(
        bytes(16).map((block) => (key: AesKey) => key.encryptBlock(block)),
        fc.tuple(bytes(16), blocks).map(
          ([iv, data]) =>
            (key: AesKey) =>
              key.cbcEncrypt(iv, data),
        ),
        fc.tuple(bytes(16), blocks).map(
          ([iv, data]) =>
            (key: AesKey) =>
              key.cbcDecrypt(iv, data),
        ),
        fc.tuple(bytes(16), fc.uint8Array({ maxLength: 70 })).map(
          ([iv, data]) =>
            (key: AesKey) =>
              key.ctr(iv, data),
        ),
        fc
          .array(fc.uint8Array({ maxLength: 40 }), { maxLength: 3 })
          .map((parts) => (key: AesKey) => key.cmac(...parts)),
        fc.tuple(bytes(12), fc.uint8Array({ maxLength: 40 }), fc.uint8Array({ maxLength: 20 })).map(
          ([nonce, data, associated]) =>
            (key: AesKey) =>
              key.gcmSeal(nonce, data, associated),
        ),
      )
      fc.assert(
        fc.property(
          fc.constantFrom(16, 24, 32).chain(bytes),
          fc.array(operation, { maxLength: 12 }),
          (keyBytes, operations) => {
            const key = crypto.aes(keyBytes)
            for (const run of operations) {
              const result = run(key)
              assert.deepEqual(result, run(portableCrypto.aes(keyBytes)))
              // A caller may wipe what it was given; the handle must not need it.
              result.fill(0xaa)
            }
          },
        ),
        { numRuns: 60 },
      )
    })

    test('parts are concatenated, wherever the cuts are', () => {
      const key = crypto.aes(filled(16, 9))
      const pair = crypto.ecPrivateKey(filled(32, 2))
      const peer = crypto.ecPublicKey(pair.publicPoint)
      const signature = pair.sign(filled(40, 7))
      for (const cut of [0, 1, 15, 16, 17, 39, 40]) {
        const whole = filled(40, 7)
        const parts = [whole.slice(0, cut), new Uint8Array(0), whole.slice(cut)]
        assert.deepEqual(crypto.sha256(...parts), crypto.sha256(whole))
        assert.deepEqual(crypto.hmacSha256(zeros, ...parts), crypto.hmacSha256(zeros, whole))
        assert.deepEqual(key.cmac(...parts), key.cmac(whole))
        assert.equal(peer.verify(signature, ...parts), true)
      }
      assert.deepEqual(crypto.sha256(), crypto.sha256(new Uint8Array(0)))
      assert.deepEqual(key.cmac(), key.cmac(new Uint8Array(0)))
    })

    test('GCM opens what it sealed and nothing else', () => {
      const key = crypto.aes(filled(32, 1))
      const nonce = filled(12, 2)
      const associated = filled(9, 3)
      const sealed = key.gcmSeal(nonce, filled(21, 4), associated)
      assert.equal(sealed.length, 37)
      assert.deepEqual(key.gcmOpen(nonce, sealed, associated), filled(21, 4))
      for (let i = 0; i < sealed.length; i++) {
        assert.equal(key.gcmOpen(nonce, flipped(sealed, i), associated), undefined)
        assert.equal(key.gcmOpen(nonce, sealed.slice(0, i), associated), undefined)
      }
      assert.equal(key.gcmOpen(nonce, concat(sealed, Uint8Array.of(0)), associated), undefined)
      for (let i = 0; i < 9; i++) assert.equal(key.gcmOpen(nonce, sealed, flipped(associated, i)), undefined)
      for (let i = 0; i < 12; i++) assert.equal(key.gcmOpen(flipped(nonce, i), sealed, associated), undefined)
    })

    test('a private key is a scalar in 1..n-1', () => {
      const limit = Uint8Array.from(p256Order)
      const last = withLastByte(limit, 0x50)
      assert.equal(crypto.ecPrivateKey(last).publicPoint.length, 65)
      assert.equal(crypto.ecPrivateKey(scalarOne).publicPoint.length, 65)
      const over = Uint8Array.from(limit)
      over[0] = 0xff
      over[4] = 0x01
      const wrong = [new Uint8Array(32), limit, withLastByte(limit, 0x52), over, filled(32, 0xff, 0)]
      for (const scalar of wrong) refused(() => crypto.ecPrivateKey(scalar))
    })

    test('scalars with leading zeros sign and agree', () => {
      const peer = portableCrypto.ecPrivateKey(filled(32, 5))
      for (const scalar of [scalarOne, decodeHex(`${'00'.repeat(8)}${'5A'.repeat(24)}`)]) {
        const key = crypto.ecPrivateKey(scalar)
        assert.ok(portableCrypto.ecPublicKey(key.publicPoint).verify(key.sign(zeros), zeros))
        const shared = peer.agree(portableCrypto.ecPublicKey(key.publicPoint))
        assert.deepEqual(key.agree(crypto.ecPublicKey(peer.publicPoint)), shared)
      }
    })

    test('a point that is not an uncompressed point of the curve is an AuthError', () => {
      const { publicPoint } = crypto.ecPrivateKey(filled(32, 2))
      const wrong = [
        flipped(publicPoint, 64),
        flipped(publicPoint, 1),
        publicPoint.slice(0, 64),
        concat(publicPoint, Uint8Array.of(0)),
        concat(Uint8Array.of(2 + (publicPoint[64]! & 1)), publicPoint.slice(1, 33)),
        concat(Uint8Array.of(6 + (publicPoint[64]! & 1)), publicPoint.slice(1)),
        new Uint8Array(65),
        withFirstByte(new Uint8Array(65)),
        withFirstByte(filled(65, 0xff, 0)),
        Uint8Array.of(0),
        new Uint8Array(0),
      ]
      for (const point of wrong) assert.throws(() => crypto.ecPublicKey(point), AuthError)
    })

    test('signatures have 64 bytes and a low s, and only they verify', () => {
      const pair = crypto.ecPrivateKey(filled(32, 2))
      const peer = crypto.ecPublicKey(pair.publicPoint)
      const half = BigInt(`0x${encodeHex(p256Order as Uint8Array)}`) / 2n
      for (let i = 0; i < 12; i++) {
        const signature = pair.sign(u16(i))
        assert.equal(signature.length, 64)
        assert.ok(BigInt(`0x${encodeHex(signature.slice(32))}`) <= half)
        assert.ok(peer.verify(signature, u16(i)))
      }
      const signature = pair.sign(zeros)
      assert.equal(peer.verify(signature, zeros, zeros), false)
      for (const i of [0, 31, 32, 63]) assert.equal(peer.verify(flipped(signature, i), zeros), false)
      for (const length of [0, 63, 65, 70]) assert.equal(peer.verify(new Uint8Array(length), zeros), false)
      assert.equal(peer.verify(new Uint8Array(64), zeros), false)
      const other = crypto.ecPublicKey(crypto.ecPrivateKey(filled(32, 3)).publicPoint)
      assert.equal(other.verify(signature, zeros), false)
    })

    test('Ed25519 refuses what was not signed', () => {
      const seed = filled(32, 4)
      const publicKey = crypto.ed25519PublicKey(seed)
      const signature = crypto.ed25519Sign(seed, zeros)
      assert.equal(crypto.ed25519Verify(publicKey, zeros, signature), true)
      assert.equal(crypto.ed25519Verify(publicKey, filled(16, 1), signature), false)
      for (const i of [0, 31, 32, 63]) {
        assert.equal(crypto.ed25519Verify(publicKey, zeros, flipped(signature, i)), false)
      }
      for (const length of [0, 63, 65]) {
        assert.equal(crypto.ed25519Verify(publicKey, zeros, new Uint8Array(length)), false)
      }
      assert.equal(crypto.ed25519Verify(filled(32, 0xff, 0), zeros, signature), false)
    })
  })
}

test('each backend verifies and agrees with keys of every other', () => {
  for (const a of backends) {
    for (const b of backends) {
      const mine = a.ecPrivateKey(filled(32, 2))
      const theirs = b.ecPrivateKey(filled(32, 3))
      const toThem = mine.agree(b.ecPublicKey(theirs.publicPoint))
      assert.deepEqual(toThem, theirs.agree(a.ecPublicKey(mine.publicPoint)))
      assert.ok(b.ecPublicKey(mine.publicPoint).verify(mine.sign(zeros), zeros))
      const publicKey = a.ed25519PublicKey(zeros32)
      assert.ok(b.ed25519Verify(publicKey, zeros, a.ed25519Sign(zeros32, zeros)))
    }
  }
})

type Case = Readonly<Partial<Record<string, string>>>

/** The cases of a file, all of their values as strings; there must be as many as the test believes. */
function cases(topic: string, count: number): Case[] {
  const file = new URL(`../../../../vectors/${topic}.json`, import.meta.url)
  const { source, cases } = JSON.parse(readFileSync(file, 'utf8'))
  assert.ok(source.length > 0)
  assert.equal(cases.length, count, `number of cases in ${topic}.json`)
  return cases.map((row: object) =>
    Object.fromEntries(Object.entries(row).map(([name, value]) => [name, String(value)])),
  )
}

function hex(text: string | undefined): Uint8Array {
  assert.ok(text !== undefined)
  return decodeHex(text)
}

function same(actual: Uint8Array | undefined, expected: string | undefined): void {
  assert.ok(actual !== undefined && expected !== undefined)
  assert.equal(encodeHex(actual), expected.toUpperCase())
}

function refused(call: () => unknown): void {
  assert.throws(call, UsageError)
}

/** `length` bytes counting up from `first` by `step`. */
function filled(length: number, first: number, step = 1): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => first + i * step)
}

function flipped(bytes: Uint8Array, index: number): Uint8Array {
  const copy = bytes.slice()
  copy[index]! ^= 1
  return copy
}

function withLastByte(bytes: Uint8Array, value: number): Uint8Array {
  return concat(bytes.slice(0, -1), Uint8Array.of(value))
}

function withFirstByte(bytes: Uint8Array): Uint8Array {
  return concat(Uint8Array.of(4), bytes.slice(1))
}
