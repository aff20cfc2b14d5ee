import {
  createECDH,
  createPrivateKey,
  createPublicKey,
  diffieHellman,
  ECDH,
  type KeyObject,
  sign,
  verify,
} from 'node:crypto'
import { concat, decodeHex, wipe } from '@sealwright/core/bytes'
import { p256Order, requireLive, requirePoint, requireScalar } from '@sealwright/core/crypto'
import { serializeEcdsaSignature } from '@sealwright/core/der'
import { AuthError } from '@sealwright/core/errors'
import type { EcPrivateKey, EcPublicKey } from '@sealwright/core/ports'
import { plain } from './plain.ts'

/**
 * A P-256 private key. The key object, dear to make, is made by the first signature. `dispose` lets go of both
 * forms; OpenSSL erases them when the collector finds them.
 */
export class NodeEcPrivateKey implements EcPrivateKey {
  readonly publicPoint: Uint8Array
  #ecdh: ECDH | undefined
  #key: KeyObject | undefined

  constructor(scalar: Uint8Array) {
    requireScalar(scalar)
    this.#ecdh = createECDH('prime256v1')
    this.#ecdh.setPrivateKey(scalar)
    this.publicPoint = plain(this.#ecdh.getPublicKey())
  }

  sign(...parts: readonly Uint8Array[]): Uint8Array {
    const ecdh = requireLive(this.#ecdh)
    this.#key ??= privateKeyObject(ecdh, this.publicPoint)
    // Node takes twice as long where it is asked for r and s itself, or is given options with the key.
    const signature = rawOf(sign('sha256', concat(...parts), this.#key))
    makeLowS(signature)
    return signature
  }

  agree(peer: EcPublicKey): Uint8Array {
    const ecdh = requireLive(this.#ecdh)
    // Key objects agree in half the time, but to make one for a single agreement costs more than it saves.
    if (this.#key === undefined) return plain(ecdh.computeSecret(peer.point))
    const publicKey = peer instanceof NodeEcPublicKey ? peer.keyObject : publicKeyObject(peer.point)
    return plain(diffieHellman({ privateKey: this.#key, publicKey }))
  }

  [Symbol.dispose](): void {
    this.#ecdh = undefined
    this.#key = undefined
  }
}

export class NodeEcPublicKey implements EcPublicKey {
  readonly point: Uint8Array
  readonly #known: KnownPoint

  constructor(point: Uint8Array) {
    requirePoint(point)
    this.point = new Uint8Array(point)
    this.#known = knownPoint(this.point)
  }

  get keyObject(): KeyObject {
    this.#known.key ??= publicKeyObject(this.point)
    return this.#known.key
  }

  verify(signature: Uint8Array, ...parts: readonly Uint8Array[]): boolean {
    if (signature.length !== 64) return false
    return verify('sha256', concat(...parts), this.keyObject, serializeEcdsaSignature(signature))
  }

  [Symbol.dispose](): void {}
}

/** A point of the curve, and its key object once it was needed. */
interface KnownPoint {
  key?: KeyObject
}

/**
 * The points seen last. To check and import one costs as much as to verify with it, and a chain of certificates names the same few
 * again and again. There is nothing secret in it.
 */
const known = new Map<string, KnownPoint>()
const mostKnown = 128

function knownPoint(point: Uint8Array): KnownPoint {
  const name = Buffer.from(point.buffer, point.byteOffset, point.length).toString('latin1')
  let entry = known.get(name)
  if (entry === undefined) {
    try {
      ECDH.convertKey(point, 'prime256v1', undefined, undefined, 'uncompressed')
    } catch {
      throw new AuthError()
    }
    entry = {}
    const [oldest] = known.keys()
    if (known.size >= mostKnown && oldest !== undefined) known.delete(oldest)
  } else {
    known.delete(name)
  }
  // The last in the map is the one used last.
  known.set(name, entry)
  return entry
}

function privateKeyObject(ecdh: ECDH, point: Uint8Array): KeyObject {
  const scalar = ecdh.getPrivateKey()
  const der = Buffer.alloc(pkcs8Head.length + 32 + pkcs8Point.length + point.length)
  der.set(pkcs8Head)
  // OpenSSL leaves out leading zeros.
  der.set(scalar, pkcs8Head.length + 32 - scalar.length)
  der.set(pkcs8Point, pkcs8Head.length + 32)
  der.set(point, pkcs8Head.length + 32 + pkcs8Point.length)
  const key = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' })
  wipe(scalar, der)
  return key
}

function publicKeyObject(point: Uint8Array): KeyObject {
  return createPublicKey({ key: Buffer.concat([spkiHead, point]), format: 'der', type: 'spki' })
}

/** r and s, 32 bytes each, of an Ecdsa-Sig-Value that OpenSSL made: two INTEGERs in one SEQUENCE, lengths below 128. */
function rawOf(made: Uint8Array): Uint8Array {
  const raw = new Uint8Array(64)
  for (let i = 0, at = 2; i < 2; i++) {
    const length = made[at + 1]!
    const end = at + 2 + length
    const bytes = made.subarray(Math.max(at + 2, end - 32), end)
    raw.set(bytes, 32 * (i + 1) - bytes.length)
    at = end
  }
  return raw
}

/** Replaces s by n − s when it lies in the upper half: one signature, one encoding. */
function makeLowS(signature: Uint8Array): void {
  const other = new Uint8Array(32)
  for (let i = 31, borrow = 0; i >= 0; i--) {
    const difference = p256Order[i]! - signature[32 + i]! - borrow
    borrow = difference >>> 31
    other[i] = difference & 0xff
  }
  if (Buffer.compare(signature.subarray(32), other) > 0) signature.set(other, 32)
}

// DER around the raw key: PrivateKeyInfo (RFC 5208) with ECPrivateKey (RFC 5915), and SubjectPublicKeyInfo
// (RFC 5480). A private key as JWK would have to pass through strings that cannot be wiped.
const pkcs8Head = decodeHex('308187020100301306072A8648CE3D020106082A8648CE3D030107046D306B0201010420')
const pkcs8Point = decodeHex('A144034200')
const spkiHead = decodeHex('3059301306072A8648CE3D020106082A8648CE3D030107034200')
