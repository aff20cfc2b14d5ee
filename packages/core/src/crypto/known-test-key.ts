import { encodeHex } from '../bytes/index.ts'
import { testKeys } from '../catalog/index.ts'
import { UsageError } from '../errors/index.ts'
import type { Crypto } from '../ports/index.ts'

/**
 * Whether everybody knows this key (X9): a published test key or default. Keys that follow a pattern are known by the pattern: in every
 * 8 bytes of them each byte is the one before plus the same step. That is 00…00, FF…FF, 00 01 02…, 40 41 42…, 00 11 22… and
 * 01 23 45… at any length; of random keys one in 2^96 or fewer. All others are rows of the catalog.
 * @param key a symmetric or private key of any length, an Ed25519 public key (32 bytes), or a P-256 point (65 bytes, 04‖X‖Y)
 */
export function isKnownTestKey(crypto: Pick<Crypto, 'sha256'>, key: Uint8Array): boolean {
  const isPoint = key.length === 65 && key[0] === 0x04
  if (!isPoint && followsPattern(key)) return true
  const digest = crypto.sha256(isPoint ? key.subarray(1, 33) : key).subarray(0, 16)
  return digests.has(encodeHex(digest))
}

/**
 * For hosts, before they send or certify a key: a UsageError `test-key` when it is a known test key.
 * @param what names the key in the message
 */
export function refuseTestKey(crypto: Pick<Crypto, 'sha256'>, key: Uint8Array, what: string): void {
  if (isKnownTestKey(crypto, key)) {
    throw new UsageError(`${what} is a known test key, which everybody has`, { code: 'test-key' })
  }
}

function followsPattern(key: Uint8Array): boolean {
  if (key.length < 8) return false
  return key.every((byte, i) => {
    const inBlock = i % 8
    if (inBlock < 2) return true
    const step = key[i - inBlock + 1]! - key[i - inBlock]!
    return ((byte - key[i - 1]! - step) & 0xff) === 0
  })
}

const digests: ReadonlySet<string> = new Set(testKeys.flatMap((row) => row.digests))
