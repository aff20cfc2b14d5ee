import { Refusal } from '../dispatch/refusal.ts'
import type { Call, Parts } from '../parts.ts'

/** EXTERNAL AUTHENTICATE (SCP03, 7.1.2), directly after INITIALIZE UPDATE; otherwise MUTUAL AUTHENTICATE (SCP11a). */
export function externalAuthenticate({ channels }: Pick<Parts, 'channels'>, call: Call): Uint8Array {
  const pending = channels.takePending()
  if (pending === undefined) throw new Refusal('conditions-not-satisfied')
  const step = pending.step.step(call)
  if (step.refused !== undefined) throw new Refusal(step.refused)
  channels.open({ kind: pending.kind, session: step.next })
  return step.reply
}
