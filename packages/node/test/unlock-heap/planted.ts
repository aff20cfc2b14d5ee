import { ascii } from '@sealwright/core/bytes'
import type { Crypto } from '@sealwright/core/ports'

/** A secret that the card's process does hold, so that finding none of the others means something. */
export function plantedIn(crypto: Crypto): Uint8Array {
  const bytes = new Uint8Array(new ArrayBuffer(128))
  bytes.set(crypto.sha256(ascii('a key that is there')), 50)
  return bytes
}
