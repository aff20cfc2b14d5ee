import { isOwnKey, openKeyAgreement } from '../key-agreement/index.ts'
import type { Call, Parts } from '../parts.ts'
import { openDomainKeyAgreement } from '../security-domain/index.ts'

/** INTERNAL AUTHENTICATE (SCP11b): the module proves who it is, with its identity key or a key of the security domain. */
export function internalAuthenticate(parts: Parts, call: Call): Uint8Array {
  return isOwnKey(call.p2) ? openKeyAgreement(parts, call, 'b') : openDomainKeyAgreement(parts, call)
}
