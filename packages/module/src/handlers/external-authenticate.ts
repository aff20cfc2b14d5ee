import { Refusal } from '../dispatch/refusal.ts'
import { openKeyAgreement } from '../key-agreement/index.ts'
import type { Call, Parts } from '../parts.ts'

/** EXTERNAL AUTHENTICATE (SCP03, 7.1.2), directly after INITIALIZE UPDATE; otherwise MUTUAL AUTHENTICATE (SCP11a). */
export function externalAuthenticate(parts: Parts, call: Call): Uint8Array {
  const pending = parts.channels.takePending()
  if (pending === undefined) return openKeyAgreement(parts, call, 'a')
  const step = pending.step.step(call)
  if (step.refused !== undefined) throw new Refusal(step.refused)
  parts.channels.open({ kind: pending.kind, session: step.next })
  return step.reply
}
