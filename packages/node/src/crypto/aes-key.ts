import {
  type CipherGCMTypes,
  type Cipheriv,
  createCipheriv,
  createDecipheriv,
  createSecretKey,
  type Decipheriv,
  type KeyObject,
} from 'node:crypto'
import { fixedBytes, wipe } from '@sealwright/core/bytes'
import { aesKeyLength, requireBlocks, requireLength, requireLive } from '@sealwright/core/crypto'
import type { AesKey } from '@sealwright/core/ports'
import { plain } from './plain.ts'

/**
 * An AES key with at most one CBC context for each direction, made at first use and kept: a new context
 * for each message costs more than the cipher itself. A context never ends; the chaining value it holds
 * is cancelled by an exclusive-or with the first block. `dispose` ends the contexts, which makes OpenSSL
 * erase the key schedules at once; the key object's copy is erased when the collector finds it.
 */
export class NodeAesKey implements AesKey {
  readonly length: 16 | 24 | 32
  #key: KeyObject | undefined
  #encrypt: Cipheriv | undefined
  #decrypt: Decipheriv | undefined
  readonly #lastEncrypted = new Uint8Array(16)
  readonly #lastDecrypted = new Uint8Array(16)
  readonly #subkeys: Uint8Array[] = []

  constructor(key: Uint8Array) {
    this.length = aesKeyLength(key)
    this.#key = createSecretKey(key)
  }

  encryptBlock(block: Uint8Array): Uint8Array {
    requireLength(block, 16, 'block')
    return this.#chain(zeros, new Uint8Array(block))
  }

  cbcEncrypt(iv: Uint8Array, data: Uint8Array): Uint8Array {
    requireLength(iv, 16, 'IV')
    requireBlocks(data)
    return this.#chain(iv, new Uint8Array(data))
  }

  cbcDecrypt(iv: Uint8Array, data: Uint8Array): Uint8Array {
    requireLength(iv, 16, 'IV')
    requireBlocks(data)
    const key = requireLive(this.#key)
    if (data.length === 0) return new Uint8Array(0)
    this.#decrypt ??= createDecipheriv(`aes-${this.#bits}-cbc`, key, zeros).setAutoPadding(false)
    const out = plain(this.#decrypt.update(data))
    const last = this.#lastDecrypted
    for (let i = 0; i < 16; i++) out[i]! ^= last[i]! ^ iv[i]!
    last.set(data.subarray(data.length - 16))
    return out
  }

  ctr(counterBlock: Uint8Array, data: Uint8Array): Uint8Array {
    requireLength(counterBlock, 16, 'counter block')
    const cipher = createCipheriv(`aes-${this.#bits}-ctr`, requireLive(this.#key), counterBlock)
    const out = plain(cipher.update(data))
    cipher.final()
    return out
  }

  cmac(...parts: readonly Uint8Array[]): Uint8Array {
    let length = 0
    for (const part of parts) length += part.length
    const whole = length > 0 && length % 16 === 0
    const end = whole ? length : length + 16 - (length % 16)
    // One block of zeros more: a MAC that is a key must not stay in the context as its chaining value.
    const blocks = new Uint8Array(end + 16)
    let offset = 0
    for (const part of parts) {
      blocks.set(part, offset)
      offset += part.length
    }
    if (!whole) blocks[length] = 0x80
    const subkey = this.#subkey(whole ? 0 : 1)
    for (let i = 0, start = end - 16; i < 16; i++) blocks[start + i]! ^= subkey[i]!
    const chain = this.#chain(zeros, blocks)
    const mac = fixedBytes(16)
    mac.set(chain.subarray(end - 16, end))
    wipe(chain)
    return mac
  }

  gcmSeal(nonce: Uint8Array, plaintext: Uint8Array, associated: Uint8Array): Uint8Array {
    requireLength(nonce, 12, 'nonce')
    const cipher = createCipheriv(this.#gcm, requireLive(this.#key), nonce, tagLength)
    cipher.setAAD(associated)
    const sealed = new Uint8Array(plaintext.length + 16)
    sealed.set(cipher.update(plaintext))
    cipher.final()
    sealed.set(cipher.getAuthTag(), plaintext.length)
    return sealed
  }

  gcmOpen(nonce: Uint8Array, sealed: Uint8Array, associated: Uint8Array): Uint8Array | undefined {
    requireLength(nonce, 12, 'nonce')
    const key = requireLive(this.#key)
    if (sealed.length < 16) return undefined
    const decipher = createDecipheriv(this.#gcm, key, nonce, tagLength)
    decipher.setAAD(associated)
    decipher.setAuthTag(sealed.subarray(-16))
    // Node hands out plaintext before the tag is checked: it must not leave before `final`.
    const plaintext = plain(decipher.update(sealed.subarray(0, -16)))
    try {
      decipher.final()
    } catch {
      wipe(plaintext)
      return undefined
    }
    return plaintext
  }

  [Symbol.dispose](): void {
    this.#encrypt?.final()
    this.#decrypt?.final()
    this.#encrypt = undefined
    this.#decrypt = undefined
    this.#key = undefined
    wipe(this.#lastEncrypted, this.#lastDecrypted, ...this.#subkeys)
  }

  get #bits(): number {
    return 8 * this.length
  }

  get #gcm(): CipherGCMTypes {
    return this.length === 16 ? 'aes-128-gcm' : this.length === 24 ? 'aes-192-gcm' : 'aes-256-gcm'
  }

  /** CBC over `blocks`, which are consumed: they are changed, then wiped. */
  #chain(iv: Uint8Array, blocks: Uint8Array): Uint8Array {
    const key = requireLive(this.#key)
    if (blocks.length === 0) return blocks
    this.#encrypt ??= createCipheriv(`aes-${this.#bits}-cbc`, key, zeros).setAutoPadding(false)
    const last = this.#lastEncrypted
    for (let i = 0; i < 16; i++) blocks[i]! ^= last[i]! ^ iv[i]!
    const out = plain(this.#encrypt.update(blocks))
    last.set(out.subarray(out.length - 16))
    wipe(blocks)
    return out
  }

  /** K1 (0) or K2 (1) of CMAC (RFC 4493, 2.3). */
  #subkey(index: 0 | 1): Uint8Array {
    if (this.#subkeys.length === 0) {
      const zero = this.encryptBlock(zeros)
      const k1 = double(zero)
      this.#subkeys.push(k1, double(k1))
      wipe(zero)
    }
    return this.#subkeys[index]!
  }
}

function double(block: Uint8Array): Uint8Array {
  const out = new Uint8Array(16)
  for (let i = 0; i < 15; i++) out[i] = (block[i]! << 1) | (block[i + 1]! >>> 7)
  out[15] = (block[15]! << 1) ^ ((block[0]! >>> 7) * 0x87)
  return out
}

const zeros = new Uint8Array(16)
const tagLength = { authTagLength: 16 }
