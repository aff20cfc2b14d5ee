import { cbc, cmac, ctr, ecb, gcm } from '@noble/ciphers/aes.js'
import { ed25519 } from '@noble/curves/ed25519.js'
import { p256 } from '@noble/curves/nist.js'
import { hmac } from '@noble/hashes/hmac.js'
import { sha256, sha512 } from '@noble/hashes/sha2.js'
import { concat, equal, wipe } from '../bytes/index.ts'
import { AuthError } from '../errors/index.ts'
import type { AesKey, Crypto, EcPrivateKey, EcPublicKey } from '../ports/index.ts'
import {
  aesKeyLength,
  requireBlocks,
  requireLength,
  requireLive,
  requirePoint,
  requireScalar,
} from './argument-checks.ts'
import { ed25519PointIsSound, littleEndian } from './ed25519-point.ts'

/**
 * The cryptography port on plain ECMAScript: runs everywhere, signatures are deterministic (RFC 6979).
 * Its elliptic-curve arithmetic is not constant-time; where side channels matter, use a native backend.
 */
export const portableCrypto: Crypto = {
  name: 'portable',

  sha256(...parts) {
    const hash = sha256.create()
    for (const part of parts) hash.update(part)
    return hash.digest()
  },

  hmacSha256(key, ...parts) {
    const mac = hmac.create(sha256, key)
    for (const part of parts) mac.update(part)
    return mac.digest()
  },

  aes: (key) => new PortableAesKey(key),
  ecPrivateKey: (scalar) => new PortableEcPrivateKey(scalar),
  ecPublicKey: (point) => new PortableEcPublicKey(point),

  ed25519Verify(publicKey, message, signature) {
    requireLength(publicKey, 32, 'Ed25519 public key')
    if (signature.length !== 64) return false
    const r = signature.subarray(0, 32)
    if (!ed25519PointIsSound(publicKey) || !ed25519PointIsSound(r)) return false
    const s = littleEndian(signature.subarray(32))
    if (s >= ed25519.Point.Fn.ORDER) return false
    const key = ed25519Point(publicKey)
    if (key === undefined) return false
    const k = ed25519.Point.Fn.create(littleEndian(sha512(concat(r, publicKey, message))))
    // The equation without the cofactor, as OpenSSL has it: every backend must decide alike.
    const expected = ed25519.Point.BASE.multiplyUnsafe(s).subtract(key.multiplyUnsafe(k))
    return equal(expected.toBytes(), r)
  },

  ed25519PublicKey(privateKey) {
    requireLength(privateKey, 32, 'Ed25519 private key')
    return ed25519.getPublicKey(privateKey)
  },

  ed25519Sign(privateKey, message) {
    requireLength(privateKey, 32, 'Ed25519 private key')
    return ed25519.sign(message, privateKey)
  },
}

class PortableAesKey implements AesKey {
  readonly length: 16 | 24 | 32
  #key: Uint8Array | undefined

  constructor(key: Uint8Array) {
    this.length = aesKeyLength(key)
    this.#key = new Uint8Array(key)
  }

  encryptBlock(block: Uint8Array): Uint8Array {
    requireLength(block, 16, 'block')
    return ecb(this.#live, { disablePadding: true }).encrypt(block)
  }

  cbcEncrypt(iv: Uint8Array, data: Uint8Array): Uint8Array {
    requireLength(iv, 16, 'IV')
    requireBlocks(data)
    return cbc(this.#live, iv, { disablePadding: true }).encrypt(data)
  }

  cbcDecrypt(iv: Uint8Array, data: Uint8Array): Uint8Array {
    requireLength(iv, 16, 'IV')
    requireBlocks(data)
    return cbc(this.#live, iv, { disablePadding: true }).decrypt(data)
  }

  ctr(counterBlock: Uint8Array, data: Uint8Array): Uint8Array {
    requireLength(counterBlock, 16, 'counter block')
    return ctr(this.#live, counterBlock).encrypt(data)
  }

  cmac(...parts: readonly Uint8Array[]): Uint8Array {
    // noble's one-shot form takes (message, key); the incremental one cannot be mixed up.
    const mac = cmac.create(this.#live)
    for (const part of parts) mac.update(part)
    return mac.digest()
  }

  gcmSeal(nonce: Uint8Array, plaintext: Uint8Array, associated: Uint8Array): Uint8Array {
    requireLength(nonce, 12, 'nonce')
    return gcm(this.#live, nonce, associated).encrypt(plaintext)
  }

  gcmOpen(nonce: Uint8Array, sealed: Uint8Array, associated: Uint8Array): Uint8Array | undefined {
    requireLength(nonce, 12, 'nonce')
    if (sealed.length < 16) return undefined
    const cipher = gcm(this.#live, nonce, associated)
    try {
      return cipher.decrypt(sealed)
    } catch {
      return undefined
    }
  }

  [Symbol.dispose](): void {
    wipe(this.#key)
    this.#key = undefined
  }

  get #live(): Uint8Array {
    return requireLive(this.#key)
  }
}

class PortableEcPrivateKey implements EcPrivateKey {
  readonly publicPoint: Uint8Array
  #scalar: Uint8Array | undefined

  constructor(scalar: Uint8Array) {
    requireScalar(scalar)
    this.#scalar = new Uint8Array(scalar)
    this.publicPoint = p256.getPublicKey(this.#scalar, false)
  }

  sign(...parts: readonly Uint8Array[]): Uint8Array {
    return p256.sign(concat(...parts), this.#live, { lowS: true, prehash: true, format: 'compact' })
  }

  agree(peer: EcPublicKey): Uint8Array {
    return p256.getSharedSecret(this.#live, peer.point, false).slice(1, 33)
  }

  [Symbol.dispose](): void {
    wipe(this.#scalar)
    this.#scalar = undefined
  }

  get #live(): Uint8Array {
    return requireLive(this.#scalar)
  }
}

class PortableEcPublicKey implements EcPublicKey {
  readonly point: Uint8Array

  constructor(point: Uint8Array) {
    requirePoint(point)
    this.point = new Uint8Array(point)
    if (!p256.utils.isValidPublicKey(this.point, false)) throw new AuthError()
  }

  verify(signature: Uint8Array, ...parts: readonly Uint8Array[]): boolean {
    if (signature.length !== 64) return false
    // A high s is accepted: certificates and signatures of other programs carry it.
    return p256.verify(signature, concat(...parts), this.point, {
      lowS: false,
      prehash: true,
      format: 'compact',
    })
  }

  [Symbol.dispose](): void {}
}

function ed25519Point(bytes: Uint8Array) {
  try {
    return ed25519.Point.fromBytes(bytes)
  } catch {
    return undefined
  }
}
