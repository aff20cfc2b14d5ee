import { ascii, u32 } from '../bytes/index.ts'
import { portableCrypto } from '../crypto/index.ts'
import type { Entropy } from '../ports/index.ts'

/**
 * Entropy that anyone can repeat, for tests: the stream SHA-256(seed ‖ 00000000) ‖ SHA-256(seed ‖ 00000001) ‖ …
 * from which each call takes the next bytes. The seed is ASCII.
 */
export function scriptedEntropy(seed: string): Entropy {
  const start = ascii(seed)
  let block = new Uint8Array(0)
  let used = 0
  let counter = 0
  return {
    bytes(length) {
      const out = new Uint8Array(length)
      for (let offset = 0; offset < length; ) {
        if (used === block.length) {
          block = portableCrypto.sha256(start, u32(counter++)).slice()
          used = 0
        }
        const take = Math.min(length - offset, block.length - used)
        out.set(block.subarray(used, used + take), offset)
        offset += take
        used += take
      }
      return out
    },
  }
}
