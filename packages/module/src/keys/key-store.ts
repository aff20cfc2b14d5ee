import { concat, fixedBytes, u32, wipe } from '@sealwright/core/bytes'
import { isKnownTestKey, kcvCmac, privateScalar, withHandle } from '@sealwright/core/crypto'
import { InternalError } from '@sealwright/core/errors'
import type { AesKey, Crypto, EcPrivateKey, EcPublicKey } from '@sealwright/core/ports'
import { Refusal } from '../dispatch/refusal.ts'
import type { Objects, Transaction } from '../eeprom/index.ts'
import type { Otp } from '../otp/index.ts'

/** Kinds of stored keys; the first byte of a key object. */
export const keyTypes = { aes: 0x88, ecPrivate: 0xb1 } as const

/**
 * The one store of secret keys, by place (catalog/places.ts). Keys are used here and never handed out:
 * there is no method that returns a key's bytes.
 */
export class KeyStore {
  readonly #crypto: Crypto
  readonly #objects: Objects
  readonly #otp: Otp
  readonly #prepared = new Map<number, AesKey | EcPrivateKey>()

  constructor(crypto: Crypto, objects: Objects, otp: Otp) {
    this.#crypto = crypto
    this.#objects = objects
    this.#otp = otp
  }

  has(place: number): boolean {
    return this.#objects.find('key', place) !== undefined
  }

  /**
   * Refuses a known test key outside a test module (X9), with the status word of a wrong value. Here for secret keys that enter; whoever
   * stores another party's public key calls it too.
   */
  refuseTestKey(key: Uint8Array): void {
    if (this.mayNotTake(key)) throw new Refusal('wrong-data')
  }

  /** Whether it is a known test key and this is no test module. */
  mayNotTake(key: Uint8Array): boolean {
    return !this.#otp.test('test') && isKnownTestKey(this.#crypto, key)
  }

  /** A known test key is refused outside a test module. */
  putAes(tx: Transaction, place: number, key: Uint8Array): void {
    this.refuseTestKey(key)
    this.#put(tx, place, keyTypes.aes, key)
  }

  /** Makes a P-256 pair from 48 random bytes and an optional salt (core/crypto, privateScalar); returns the public point. */
  makePair(tx: Transaction, place: number, entropy: Uint8Array, salt?: Uint8Array): Uint8Array {
    const scalar = privateScalar(this.#crypto, entropy, salt)
    try {
      this.#put(tx, place, keyTypes.ecPrivate, scalar)
      return withHandle(this.#crypto.ecPrivateKey(scalar), (pair) => pair.publicPoint)
    } finally {
      scalar.fill(0)
    }
  }

  /** Stores a P-256 scalar of 1..n-1 (32 bytes); returns the public point. */
  putPrivate(tx: Transaction, place: number, scalar: Uint8Array): Uint8Array {
    this.#put(tx, place, keyTypes.ecPrivate, scalar)
    return withHandle(this.#crypto.ecPrivateKey(scalar), (pair) => pair.publicPoint)
  }

  /** The stored key's type (`keyTypes`), or undefined. */
  type(place: number): number | undefined {
    const entry = this.#objects.find('key', place)
    return entry === undefined ? undefined : this.#objects.nvm.read(entry.address, 1)[0]
  }

  /** Moves a key to another place, replacing what is there. */
  move(tx: Transaction, from: number, to: number): void {
    const bytes = this.#read(from)
    if (bytes === undefined) throw new InternalError('no key to move')
    this.#forget(from)
    this.#forget(to)
    this.#objects.put(tx, 'key', to, bytes)
    this.#objects.remove(tx, 'key', from)
    bytes.fill(0)
  }

  remove(tx: Transaction, place: number): void {
    this.#forget(place)
    this.#objects.remove(tx, 'key', place)
  }

  /** ECDSA over the concatenation of the parts, 64 bytes r‖s. */
  sign(place: number, ...parts: readonly Uint8Array[]): Uint8Array {
    return this.#pair(place).sign(...parts)
  }

  /** ECDH with a stored private key. The caller wipes the result. */
  agree(place: number, peer: EcPublicKey): Uint8Array {
    return this.#pair(place).agree(peer)
  }

  point(place: number): Uint8Array {
    return this.#pair(place).publicPoint
  }

  /** The stored pair as a handle of the crypto port; it stays the store's and is not disposed by the caller. */
  pair(place: number): EcPrivateKey {
    return this.#pair(place)
  }

  /** The stored AES key as a prepared handle; it stays the store's and is not disposed by the caller. */
  aes(place: number): AesKey {
    const prepared = this.#prepare(place)
    if (!('cmac' in prepared)) throw new Refusal('reference-not-found')
    return prepared
  }

  /** A handle of the stored AES key of its own, which the taker disposes of. */
  ownAes(place: number): AesKey {
    const bytes = this.#read(place)
    if (bytes?.[0] !== keyTypes.aes) throw new Refusal('reference-not-found')
    try {
      return this.#crypto.aes(bytes.subarray(1))
    } finally {
      bytes.fill(0)
    }
  }

  /** Lends the bytes of an AES key that is to be encrypted for another module; they are wiped after. */
  lend<T>(place: number, work: (key: Uint8Array) => T): T {
    const bytes = this.#read(place)
    if (bytes?.[0] !== keyTypes.aes) throw new Refusal('reference-not-found')
    try {
      return work(bytes.subarray(1))
    } finally {
      wipe(bytes)
    }
  }

  /** Every key place: reference(4) kind(1) filled(1) check value(5). */
  places(): Uint8Array {
    return concat(
      ...this.#objects.list('key-place').map(({ id }) => {
        const filled = this.has(id)
        const kind = this.#objects.read('key-place', id)!.subarray(0, 1)
        const checkValue = filled ? kcvCmac(this.aes(id)) : new Uint8Array(5)
        return concat(u32(id), kind, Uint8Array.of(filled ? 1 : 0), checkValue)
      }),
    )
  }

  /** Drops every prepared handle: at reset. */
  forgetAll(): void {
    for (const place of [...this.#prepared.keys()]) this.#forget(place)
  }

  #pair(place: number): EcPrivateKey {
    const prepared = this.#prepare(place)
    if (!('sign' in prepared)) throw new Refusal('reference-not-found')
    return prepared
  }

  #put(tx: Transaction, place: number, type: number, key: Uint8Array): void {
    this.#forget(place)
    const bytes = fixedBytes(1 + key.length)
    bytes[0] = type
    bytes.set(key, 1)
    this.#objects.put(tx, 'key', place, bytes)
    wipe(bytes)
  }

  /** Type and key, where wiping them leaves no copy behind. */
  #read(place: number): Uint8Array | undefined {
    const entry = this.#objects.find('key', place)
    if (entry === undefined) return undefined
    const bytes = fixedBytes(entry.length)
    this.#objects.nvm.copy(entry.address, entry.length, bytes, 0)
    return bytes
  }

  #prepare(place: number): AesKey | EcPrivateKey {
    const known = this.#prepared.get(place)
    if (known !== undefined) return known
    const bytes = this.#read(place)
    if (bytes === undefined) throw new Refusal('reference-not-found')
    const key = bytes.subarray(1)
    const prepared = bytes[0] === keyTypes.aes ? this.#crypto.aes(key) : this.#crypto.ecPrivateKey(key)
    bytes.fill(0)
    this.#prepared.set(place, prepared)
    return prepared
  }

  // A handle prepared from a value that a transaction replaces must not outlive it, nor survive its roll-back unread.
  #forget(place: number): void {
    this.#prepared.get(place)?.[Symbol.dispose]()
    this.#prepared.delete(place)
  }
}
