import type { VaultKind } from './vault-kinds.ts'

export type PairKind = 'p256' | 'ed25519'

/**
 * What a secret is for: `lend` for its bytes, `mac` for MACs alone, so that it may lie where no byte of it comes out. A vault of files keeps both
 * alike.
 */
export type SecretUse = 'lend' | 'mac'

/**
 * A party's named keys (a file, a card, a token). Names follow `requireStoreName`. Private keys never leave it.
 * A name that is missing is a StateError `key-missing`, one that is taken a StateError `key-exists`.
 */
export interface KeyVault {
  /** Where the keys lie, and so what is enforced (`vaultKinds`). */
  readonly place: VaultKind
  /** Makes a key pair; P-256 unless told. Returns the public key: point(65), or 32 bytes for Ed25519. */
  createPair(name: string, kind?: PairKind): Promise<Uint8Array>
  publicPoint(name: string): Promise<Uint8Array>
  /** 64 bytes over the concatenation of the parts: ECDSA P-256 with SHA-256 (r‖s), or Ed25519. */
  sign(name: string, ...parts: readonly Uint8Array[]): Promise<Uint8Array>
  /** ECDH on P-256: x-coordinate, 32 bytes. The caller wipes it. */
  agree(name: string, peerPoint: Uint8Array): Promise<Uint8Array>
  /** Makes a random secret of `length` bytes; for `mac` an AES key. Its bytes are lent unless `use` says that they need not be. */
  createSecret(name: string, length: number, use?: SecretUse): Promise<void>
  /** Keeps a copy of the bytes; the caller wipes its own. */
  importSecret(name: string, bytes: Uint8Array): Promise<void>
  /**
   * Lends the secret to `use`; the buffer is wiped when `use` has returned, or its promise has settled. One that never leaves its place is a
   * StateError `key-stays-inside`.
   */
  useSecret<T>(name: string, use: (secret: Uint8Array) => T | Promise<T>): Promise<T>
  /** AES-CMAC (RFC 4493) under a secret of 16, 24 or 32 bytes, over the concatenation of the parts: 16 bytes. The caller wipes it. */
  mac(name: string, ...parts: readonly Uint8Array[]): Promise<Uint8Array>
  has(name: string): Promise<boolean>
  /** Names that begin with the prefix (all, when it is empty), sorted. */
  list(prefix?: string): Promise<KeyEntry[]>
  /** Nothing happens when there is no such key. */
  remove(name: string): Promise<void>
}

/** What may be known of a key. */
export interface KeyEntry {
  readonly name: string
  readonly kind: PairKind | 'secret'
  /**
   * A pair: the first 8 bytes of SHA-256 of its public key. A secret of AES length: its CMAC check value, 5 bytes.
   * Any other secret: none.
   */
  readonly checkValue?: Uint8Array
}

/** Name of the pair with which every party signs its log entries; made with the party. */
export const logSigningKey = 'log-signing'
