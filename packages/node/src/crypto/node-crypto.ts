import {
  createHash,
  createHmac,
  createPrivateKey,
  createPublicKey,
  createSecretKey,
  hash,
  type KeyObject,
  sign,
  verify,
} from 'node:crypto'
import { decodeHex, wipe } from '@sealwright/core/bytes'
import { ed25519PointIsSound, requireLength } from '@sealwright/core/crypto'
import type { Crypto } from '@sealwright/core/ports'
import { NodeAesKey } from './aes-key.ts'
import { NodeEcPrivateKey, NodeEcPublicKey } from './ec-keys.ts'
import { plain } from './plain.ts'

/** The cryptography port on Node's OpenSSL. ECDSA signatures are randomized. */
export const nodeCrypto: Crypto = {
  name: 'node',

  sha256(...parts) {
    if (parts.length === 1) return plain(hash('sha256', parts[0]!, 'buffer'))
    const digest = createHash('sha256')
    for (const part of parts) digest.update(part)
    return plain(digest.digest())
  },

  hmacSha256(key, ...parts) {
    const mac = createHmac('sha256', createSecretKey(key))
    for (const part of parts) mac.update(part)
    return plain(mac.digest())
  },

  aes: (key) => new NodeAesKey(key),
  ecPrivateKey: (scalar) => new NodeEcPrivateKey(scalar),
  ecPublicKey: (point) => new NodeEcPublicKey(point),

  ed25519Verify(publicKey, message, signature) {
    requireLength(publicKey, 32, 'Ed25519 public key')
    if (signature.length !== 64) return false
    // Node 24 refuses these itself, Node 22 does not.
    if (!ed25519PointIsSound(publicKey) || !ed25519PointIsSound(signature.subarray(0, 32))) return false
    const key = createPublicKey({ key: Buffer.concat([spkiHead, publicKey]), format: 'der', type: 'spki' })
    return verify(null, message, key, signature)
  },

  ed25519PublicKey(privateKey) {
    const spki = createPublicKey(ed25519Key(privateKey)).export({ format: 'der', type: 'spki' })
    return plain(spki.subarray(spkiHead.length))
  },

  ed25519Sign: (privateKey, message) => plain(sign(null, message, ed25519Key(privateKey))),
}

function ed25519Key(privateKey: Uint8Array): KeyObject {
  requireLength(privateKey, 32, 'Ed25519 private key')
  const der = Buffer.alloc(pkcs8Head.length + 32)
  der.set(pkcs8Head)
  der.set(privateKey, pkcs8Head.length)
  const key = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' })
  wipe(der)
  return key
}

// DER around the raw key (RFC 8410).
const pkcs8Head = decodeHex('302E020100300506032B657004220420')
const spkiHead = decodeHex('302A300506032B6570032100')
