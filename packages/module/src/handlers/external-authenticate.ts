import { Refusal } from '../dispatch/refusal.ts'
import { isOwnKey, openKeyAgreement } from '../key-agreement/index.ts'
import type { Call, Parts } from '../parts.ts'
import { domainScp03Opened, openDomainKeyAgreement } from '../security-domain/index.ts'

/** EXTERNAL AUTHENTICATE (SCP03, 7.1.2), directly after INITIALIZE UPDATE; otherwise MUTUAL AUTHENTICATE (SCP11a, c). */
export function externalAuthenticate(parts: Parts, call: Call): Uint8Array {
  const pending = parts.channels.takePending('EXTERNAL AUTHENTICATE')
  if (pending === undefined) {
    return isOwnKey(call.p2) ? openKeyAgreement(parts, call, 'a') : openDomainKeyAgreement(parts, call)
  }
  const step = pending.step.step(call)
  if (step.refused !== undefined) throw new Refusal(step.refused)
  domainScp03Opened(parts, pending.purpose)
  parts.channels.open({ ...pending.purpose, session: step.next })
  return step.reply
}
