import { type CardState, cardStates, lockedBit } from '@sealwright/core/globalplatform'
import type { DomainSession } from './session.ts'

/** Moves the card to another state of its life. TERMINATED is for ever. */
export async function setCardState(session: DomainSession, state: CardState): Promise<void> {
  await session.send('SET STATUS', { cla: 0x80, ins: 0xf0, p1: scopes.card, p2: cardStates[state].code })
}

export interface LockInput {
  readonly aid: Uint8Array
  readonly locked: boolean
  /** A security domain together with all that belongs to it. */
  readonly withContent?: boolean
}

/** Locks an application or security domain, or unlocks it. */
export async function setLocked(
  session: DomainSession,
  { aid, locked, withContent = false }: LockInput,
): Promise<void> {
  const p1 = withContent ? scopes['domain-and-content'] : scopes.application
  await session.send('SET STATUS', { cla: 0x80, ins: 0xf0, p1, p2: locked ? lockedBit : 0, data: aid })
}

/** P1 of SET STATUS (GPC 2.3.1, 11.10.2.1). */
const scopes = { card: 0x80, application: 0x40, 'domain-and-content': 0x60 } as const
