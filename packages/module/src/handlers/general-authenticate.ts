import { openExchange } from '../key-agreement/index.ts'
import type { Call, Parts } from '../parts.ts'

/** GENERAL AUTHENTICATE (ISO/IEC 7816-4, 11.5.6): a channel by Diffie-Hellman, alone or with signatures before or after it. */
export function generalAuthenticate(parts: Parts, call: Call): Uint8Array {
  return openExchange(parts, call)
}
