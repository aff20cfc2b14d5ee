import { keyPlaces } from '@sealwright/core/catalog'
import { kcvCmac } from '@sealwright/core/crypto'
import { parseSessionLimit, type SamState, serializeSessionLimit } from '@sealwright/core/customization'
import { Refusal } from '../dispatch/refusal.ts'
import type { Transaction } from '../eeprom/index.ts'
import type { Parts } from '../parts.ts'
import type { Ram } from '../ram/index.ts'

type Needs = Pick<Parts, 'keys' | 'objects'>

/** What is known of the SAM here; 6985 when it has no master key. */
export function samState({ keys, objects }: Needs): SamState {
  const limit = objects.read('sam-state', 0)
  if (limit === undefined || !keys.has(keyPlaces.samMaster)) throw new Refusal('conditions-not-satisfied')
  return { checkValue: kcvCmac(keys.aes(keyPlaces.samMaster)), sessionsLeft: parseSessionLimit(limit) }
}

export function putSessionLimit(
  { objects }: Pick<Parts, 'objects'>,
  tx: Transaction,
  sessions: number | undefined,
): void {
  objects.put(tx, 'sam-state', 0, serializeSessionLimit(sessions))
}

/** Counts a session; 6985 when none is left. */
export function countSession(parts: Needs, tx: Transaction): void {
  const { sessionsLeft } = samState(parts)
  if (sessionsLeft === 0) throw new Refusal('conditions-not-satisfied')
  if (sessionsLeft !== undefined) putSessionLimit(parts, tx, sessionsLeft - 1)
}

/** Name in RAM of the challenge that the next session answers. */
const challengeName = 'session challenge'

/** Keeps the challenge until it is used, the channel ends or another one is asked for. */
export function keepSessionChallenge(ram: Ram, challenge: Uint8Array): void {
  forgetSessionChallenge(ram)
  ram.allocate(challengeName, challenge.length).set(challenge)
}

/** Takes the challenge away: it serves one session. */
export function takeSessionChallenge(ram: Ram): Uint8Array | undefined {
  const challenge = ram.view(challengeName)?.slice()
  forgetSessionChallenge(ram)
  return challenge
}

export function forgetSessionChallenge(ram: Ram): void {
  ram.release(challengeName)
}
