import { u32 } from '../bytes/index.ts'
import type { Crypto } from '../ports/index.ts'
import { expand, requireOutput } from './kbkdf.ts'

/**
 * KDF of ANSI X9.63 with SHA-256 (SEC 1, 3.6.1): SHA-256(z ‖ i(4) ‖ sharedInfo), i = 1, 2, …
 * `length` is bytes.
 */
export function x963Kdf(crypto: Crypto, z: Uint8Array, sharedInfo: Uint8Array, length: number): Uint8Array {
  requireOutput(length, 0xffff)
  return expand(length, (i) => crypto.sha256(z, u32(i), sharedInfo))
}
