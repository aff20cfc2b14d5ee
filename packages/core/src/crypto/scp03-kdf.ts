import { concat, u16 } from '../bytes/index.ts'
import { UsageError } from '../errors/index.ts'
import type { AesKey } from '../ports/index.ts'
import { expand } from './kbkdf.ts'

/**
 * Data derivation of SCP03 (GlobalPlatform Amendment D, 4.1.5): K(i) = CMAC(key, 00×11 ‖ constant ‖ 00 ‖ L(2) ‖ i ‖ context).
 * `lengthBits` is 64, 128, 192 or 256.
 */
export function scp03Kdf(key: AesKey, constant: number, context: Uint8Array, lengthBits: number): Uint8Array {
  if (lengthBits !== 64 && lengthBits !== 128 && lengthBits !== 192 && lengthBits !== 256) {
    throw new UsageError(`SCP03 derivation: expected 64, 128, 192 or 256 bits, ${lengthBits} asked for`)
  }
  const head = concat(new Uint8Array(11), Uint8Array.of(constant, 0), u16(lengthBits))
  return expand(lengthBits / 8, (i) => key.cmac(head, Uint8Array.of(i), context))
}
