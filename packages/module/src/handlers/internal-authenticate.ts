import { openKeyAgreement } from '../key-agreement/index.ts'
import type { Call, Parts } from '../parts.ts'

/** INTERNAL AUTHENTICATE (SCP11b): the module proves who it is. */
export function internalAuthenticate(parts: Parts, call: Call): Uint8Array {
  return openKeyAgreement(parts, call, 'b')
}
