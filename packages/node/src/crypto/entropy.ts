import { randomFillSync } from 'node:crypto'
import type { Entropy } from '@sealwright/core/ports'

/** The operating system's random bytes, through OpenSSL's generator. */
export const nodeEntropy: Entropy = {
  bytes: (length) => randomFillSync(new Uint8Array(length)),
}

/**
 * The same bytes, drawn many at a time: for whoever asks for few and often. What was handed out is wiped from the store; what is in it waits in
 * memory.
 */
export function drawnAhead(source: Entropy, atOnce = 4096): Entropy {
  let store: Uint8Array = new Uint8Array(0)
  let used = 0
  return {
    bytes(length) {
      if (length > atOnce / 8) return source.bytes(length)
      if (used + length > store.length) {
        store = source.bytes(atOnce)
        used = 0
      }
      const bytes = store.slice(used, used + length)
      store.fill(0, used, used + length)
      used += length
      return bytes
    },
  }
}
