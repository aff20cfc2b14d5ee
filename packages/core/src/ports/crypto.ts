/**
 * The cryptography port: synchronous, with key handles that are disposed of.
 * A handle copies the key it is given; the caller wipes its own buffer. No call changes its arguments, and
 * results belong to the caller.
 * Lengths are bytes. Wrong lengths are a UsageError; a failed verification is `false`, never a throw.
 */
export interface Crypto {
  readonly name: string

  /** SHA-256 over the concatenation of the parts: 32 bytes. */
  sha256(...parts: readonly Uint8Array[]): Uint8Array

  /** HMAC-SHA-256: 32 bytes. */
  hmacSha256(key: Uint8Array, ...parts: readonly Uint8Array[]): Uint8Array

  /** An AES key handle from 16, 24 or 32 bytes. */
  aes(key: Uint8Array): AesKey

  /** P-256 private key handle from a scalar of 32 bytes in 1..n-1. */
  ecPrivateKey(scalar: Uint8Array): EcPrivateKey

  /**
   * P-256 public key handle from the uncompressed point 04‖X‖Y (65 bytes).
   * Throws AuthError when the point is not on the curve.
   */
  ecPublicKey(point: Uint8Array): EcPublicKey

  /**
   * Verifies an Ed25519 signature (RFC 8032, pure): key 32, signature 64 bytes. Strict: the equation without
   * cofactor, canonical encodings, S below the order, neither key nor R of small order.
   */
  ed25519Verify(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean
  /** The public key, 32 bytes, of a private key (seed) of 32 bytes. */
  ed25519PublicKey(privateKey: Uint8Array): Uint8Array
  /** Signs with a private key (seed) of 32 bytes; 64 bytes. */
  ed25519Sign(privateKey: Uint8Array, message: Uint8Array): Uint8Array
}

export interface AesKey extends Disposable {
  readonly length: 16 | 24 | 32
  /** One block of 16 bytes, ECB. */
  encryptBlock(block: Uint8Array): Uint8Array
  /** CBC without padding; data a multiple of 16 bytes. */
  cbcEncrypt(iv: Uint8Array, data: Uint8Array): Uint8Array
  cbcDecrypt(iv: Uint8Array, data: Uint8Array): Uint8Array
  /** CTR with a 16-byte initial counter block, counting in all 128 bits; encrypts and decrypts. */
  ctr(counterBlock: Uint8Array, data: Uint8Array): Uint8Array
  /** AES-CMAC (RFC 4493) over the concatenation of the parts: 16 bytes. */
  cmac(...parts: readonly Uint8Array[]): Uint8Array
  /** AES-GCM, 12-byte nonce; returns ciphertext ‖ tag(16). */
  gcmSeal(nonce: Uint8Array, plaintext: Uint8Array, associated: Uint8Array): Uint8Array
  /** The plaintext, or undefined when the tag does not hold. */
  gcmOpen(nonce: Uint8Array, sealed: Uint8Array, associated: Uint8Array): Uint8Array | undefined
}

export interface EcPrivateKey extends Disposable {
  /** Uncompressed point, 65 bytes. */
  readonly publicPoint: Uint8Array
  /** ECDSA with SHA-256 over the concatenation of the parts; raw r‖s, 64 bytes, low s. */
  sign(...parts: readonly Uint8Array[]): Uint8Array
  /** ECDH: x-coordinate of the shared point, 32 bytes. */
  agree(peer: EcPublicKey): Uint8Array
}

export interface EcPublicKey extends Disposable {
  readonly point: Uint8Array
  /** Verifies raw r‖s (64 bytes) over the concatenation of the parts. Any other length is `false`. */
  verify(signature: Uint8Array, ...parts: readonly Uint8Array[]): boolean
}
