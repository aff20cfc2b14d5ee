import { scryptSync } from 'node:crypto'
import { fixedBytes, type Reader, Writer, wipe } from '@sealwright/core/bytes'
import { withHandle } from '@sealwright/core/crypto'
import { type ErrorCode, StateError, UsageError } from '@sealwright/core/errors'
import type { Crypto, Entropy } from '@sealwright/core/ports'

/**
 * A key of 32 bytes under a passphrase: scrypt (RFC 7914) gives an AES-256 key, AES-GCM seals the key.
 * log2 N(1) ‖ r(1) ‖ p(1) ‖ salt(16) ‖ nonce(12) ‖ sealed chip key(48)
 */
export interface WrappedKey {
  readonly cost: ScryptCost
  /** 16 bytes. */
  readonly salt: Uint8Array
  /** 12 bytes. */
  readonly nonce: Uint8Array
  /** 48 bytes. */
  readonly sealed: Uint8Array
}

export interface ScryptCost {
  readonly logN: number
  readonly r: number
  readonly p: number
}

/** 32 MiB and about a quarter of a second: one of the settings that OWASP's cheat sheet on the storage of passwords calls equal. */
export const usualCost: ScryptCost = { logN: 15, r: 8, p: 3 }

export const wrappedKeyLength = 3 + 16 + 12 + 48

export function parseWrappedKey(r: Reader): WrappedKey {
  const cost = { logN: r.u8('log2 N'), r: r.u8('r'), p: r.u8('p') }
  if (!isBearable(cost)) throw r.fail('scrypt parameters outside what this program computes')
  return { cost, salt: r.take(16, 'salt'), nonce: r.take(12, 'nonce'), sealed: r.take(48, 'sealed key') }
}

export function serializeWrappedKey({ cost, salt, nonce, sealed }: WrappedKey): Uint8Array {
  return new Writer().u8(cost.logN).u8(cost.r).u8(cost.p).bytes(salt).bytes(nonce).bytes(sealed).finish()
}

/** @param associated what the key belongs to: the head of its file */
export function wrapKey(
  world: { readonly crypto: Crypto; readonly entropy: Entropy },
  key: Uint8Array,
  passphrase: Uint8Array,
  associated: Uint8Array,
  cost: ScryptCost = usualCost,
): WrappedKey {
  if (passphrase.length === 0) throw new UsageError('a passphrase cannot be empty')
  const salt = world.entropy.bytes(16)
  const nonce = world.entropy.bytes(12)
  const sealed = underPassphrase(world.crypto, passphrase, salt, cost, (aes) =>
    aes.gcmSeal(nonce, key, associated),
  )
  return { cost, salt, nonce, sealed }
}

/**
 * The chip key, 32 bytes; the caller wipes it.
 * StateError `chip-passphrase-wrong`, or what `wrong` names, when the passphrase is another one.
 */
export function unwrapKey(
  crypto: Crypto,
  { cost, salt, nonce, sealed }: WrappedKey,
  passphrase: Uint8Array,
  associated: Uint8Array,
  wrong: { readonly code: ErrorCode; readonly what: string } = chipKey,
): Uint8Array {
  const key = underPassphrase(crypto, passphrase, salt, cost, (aes) => aes.gcmOpen(nonce, sealed, associated))
  if (key === undefined)
    throw new StateError(`the passphrase does not open ${wrong.what}`, { code: wrong.code })
  const kept = fixedBytes(key.length)
  kept.set(key)
  wipe(key)
  return kept
}

function underPassphrase<T>(
  crypto: Crypto,
  passphrase: Uint8Array,
  salt: Uint8Array,
  { logN, r, p }: ScryptCost,
  work: (aes: ReturnType<Crypto['aes']>) => T,
): T {
  const N = 2 ** logN
  const wrapping = scryptSync(passphrase, salt, 32, { N, r, p, maxmem: 256 * N * r + 2 ** 20 })
  try {
    return withHandle(crypto.aes(wrapping), work)
  } finally {
    wipe(wrapping)
  }
}

/** Whoever writes a key file must not make its reader compute for hours, or fill the memory. */
function isBearable({ logN, r, p }: ScryptCost): boolean {
  return logN >= 10 && logN <= 20 && r >= 1 && r <= 16 && p >= 1 && p <= 4 && 2 ** logN * r * 128 <= 2 ** 28
}

const chipKey = { code: 'chip-passphrase-wrong', what: 'the chip key' } as const
