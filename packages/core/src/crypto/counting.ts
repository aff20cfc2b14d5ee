import type { AesKey, Crypto, EcPrivateKey, EcPublicKey } from '../ports/index.ts'

/** Every primitive of the port; `aes`, `ecPrivateKey` and `ecPublicKey` are the making of a handle. */
export type Primitive =
  | Exclude<keyof Crypto, 'name'>
  | Exclude<keyof AesKey, 'length' | symbol>
  | Exclude<keyof EcPrivateKey, 'publicPoint' | symbol>
  | Exclude<keyof EcPublicKey, 'point' | symbol>

/** Calls of one primitive, and the bytes of data (keys, IVs and nonces not counted) that they took. */
export interface PrimitiveCount {
  readonly calls: number
  readonly bytes: number
}

export interface CountingCrypto extends Crypto {
  /** How often a primitive ran since the start or the last `clear`. */
  count(primitive: Primitive): PrimitiveCount
  /** All primitives that ran. */
  counts(): ReadonlyMap<Primitive, PrimitiveCount>
  clear(): void
}

/** Wraps a backend and counts what runs on it and on its handles, failed calls included. */
export function countingCrypto(inner: Crypto): CountingCrypto {
  const tally = new Map<Primitive, PrimitiveCount>()
  const inners = new WeakMap<EcPublicKey, EcPublicKey>()

  function note(primitive: Primitive, ...parts: readonly Uint8Array[]): void {
    const { calls, bytes } = tally.get(primitive) ?? { calls: 0, bytes: 0 }
    tally.set(primitive, { calls: calls + 1, bytes: parts.reduce((sum, part) => sum + part.length, bytes) })
  }

  function aesKey(key: AesKey): AesKey {
    return {
      length: key.length,
      encryptBlock(block) {
        note('encryptBlock', block)
        return key.encryptBlock(block)
      },
      cbcEncrypt(iv, data) {
        note('cbcEncrypt', data)
        return key.cbcEncrypt(iv, data)
      },
      cbcDecrypt(iv, data) {
        note('cbcDecrypt', data)
        return key.cbcDecrypt(iv, data)
      },
      ctr(counterBlock, data) {
        note('ctr', data)
        return key.ctr(counterBlock, data)
      },
      cmac(...parts) {
        note('cmac', ...parts)
        return key.cmac(...parts)
      },
      gcmSeal(nonce, plaintext, associated) {
        note('gcmSeal', plaintext, associated)
        return key.gcmSeal(nonce, plaintext, associated)
      },
      gcmOpen(nonce, sealed, associated) {
        note('gcmOpen', sealed, associated)
        return key.gcmOpen(nonce, sealed, associated)
      },
      [Symbol.dispose]: () => key[Symbol.dispose](),
    }
  }

  function ecPrivateKey(key: EcPrivateKey): EcPrivateKey {
    return {
      publicPoint: key.publicPoint,
      sign(...parts) {
        note('sign', ...parts)
        return key.sign(...parts)
      },
      agree(peer) {
        note('agree')
        return key.agree(inners.get(peer) ?? peer)
      },
      [Symbol.dispose]: () => key[Symbol.dispose](),
    }
  }

  function ecPublicKey(key: EcPublicKey): EcPublicKey {
    const counting: EcPublicKey = {
      point: key.point,
      verify(signature, ...parts) {
        note('verify', ...parts)
        return key.verify(signature, ...parts)
      },
      [Symbol.dispose]: () => key[Symbol.dispose](),
    }
    inners.set(counting, key)
    return counting
  }

  return {
    name: `${inner.name}, counting`,
    sha256(...parts) {
      note('sha256', ...parts)
      return inner.sha256(...parts)
    },
    hmacSha256(key, ...parts) {
      note('hmacSha256', ...parts)
      return inner.hmacSha256(key, ...parts)
    },
    aes(key) {
      note('aes')
      return aesKey(inner.aes(key))
    },
    ecPrivateKey(scalar) {
      note('ecPrivateKey')
      return ecPrivateKey(inner.ecPrivateKey(scalar))
    },
    ecPublicKey(point) {
      note('ecPublicKey')
      return ecPublicKey(inner.ecPublicKey(point))
    },
    ed25519Verify(publicKey, message, signature) {
      note('ed25519Verify', message)
      return inner.ed25519Verify(publicKey, message, signature)
    },
    ed25519PublicKey(privateKey) {
      note('ed25519PublicKey')
      return inner.ed25519PublicKey(privateKey)
    },
    ed25519Sign(privateKey, message) {
      note('ed25519Sign', message)
      return inner.ed25519Sign(privateKey, message)
    },
    count: (primitive) => tally.get(primitive) ?? { calls: 0, bytes: 0 },
    counts: () => new Map(tally),
    clear: () => tally.clear(),
  }
}
