import { randomFillSync } from 'node:crypto'
import type { Entropy } from '@sealwright/core/ports'

/** The operating system's random bytes, through OpenSSL's generator. */
export const nodeEntropy: Entropy = {
  bytes: (length) => randomFillSync(new Uint8Array(length)),
}
