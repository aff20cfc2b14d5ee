import { equal } from '@sealwright/core/bytes'
import { DecodeError } from '@sealwright/core/errors'
import {
  applicationStates,
  cardMayBecome,
  cardStates,
  domainStates,
  hasPrivilege,
  lockedBit,
  parseCardState,
  parsePrivileges,
} from '@sealwright/core/globalplatform'
import { Refusal } from '../dispatch/refusal.ts'
import type { Call, Parts } from '../parts.ts'
import { issuerDomain, type RegistryEntry } from '../registry/index.ts'
import { recordCardState, recordContent, refuseScript, requireOwnContent } from '../security-domain/index.ts'

type Needs = Pick<
  Parts,
  'crypto' | 'channels' | 'definitions' | 'events' | 'life' | 'nvm' | 'registry' | 'serial'
>

/** P1 of SET STATUS (GlobalPlatform 2.3.1, 11.10.2.1). */
const scopes = { card: 0x80, application: 0x40, 'domain-and-applications': 0x60 } as const

/**
 * SET STATUS: P2 = the new state; data = AID, for the card none. Applications and security domains are locked (bit 8) and unlocked; a state beyond
 * that an application gives itself. In a module that our commands personalize, the card's state follows from them but for the lock.
 */
export function setStatus(parts: Needs, call: Pick<Call, 'p1' | 'p2' | 'data' | 'channel'>): Uint8Array {
  refuseScript(call)
  const { p1, p2, data } = call
  if (p1 === scopes.card) setCard(parts, p2, data)
  else if (p1 === scopes.application || p1 === scopes['domain-and-applications'])
    setContent(parts, p1, p2, data)
  else throw new Refusal('wrong-parameters')
  return new Uint8Array(0)
}

function setCard({ life, nvm, registry, channels, ...parts }: Needs, code: number, data: Uint8Array): void {
  if (data.length > 0 && !equal(data, registry.issuer().aid)) throw new Refusal('wrong-data')
  const selected = registry.find(registry.selected)
  const privilege = code === cardStates.terminated.code ? 'card-terminate' : 'card-lock'
  if (selected === undefined || !hasPrivilege(parsePrivileges(selected.privileges), privilege)) {
    throw new Refusal('conditions-not-satisfied')
  }
  let state: ReturnType<typeof parseCardState>
  try {
    state = parseCardState(code)
  } catch (error) {
    if (error instanceof DecodeError) throw new Refusal('wrong-parameters')
    throw error
  }
  const from = life.cardState()
  const onlyLock =
    (from === 'secured' && state === 'card-locked') || (from === 'card-locked' && state === 'secured')
  // Terminating a module that others hold resources in is a matter of two people (R9), not of one key.
  if (!cardMayBecome(from, state) || (!life.plain && !onlyLock)) throw new Refusal('conditions-not-satisfied')
  nvm.transaction((tx) => {
    life.setCardState(tx, state)
    recordCardState(parts, tx, code)
  })
  if (state === 'terminated') channels.close()
}

function setContent(parts: Needs, scope: number, code: number, aid: Uint8Array): void {
  const { nvm, registry } = parts
  if (registry.locked) throw new Refusal('conditions-not-satisfied')
  requireOwnContent(parts, aid)
  const entry = registry.byAid(aid)
  if (entry === undefined || entry.form === 'load-file') throw new Refusal('reference-not-found')
  if (entry.number === issuerDomain) throw new Refusal('conditions-not-satisfied')
  const { selected } = registry
  // What is locked is unlocked by who stands above it, never by itself: it does nothing any more.
  if (entry.number !== selected && !registry.isBelow(entry, selected)) {
    throw new Refusal('conditions-not-satisfied')
  }
  const meant = scope === scopes.application ? [entry] : toBeLocked(parts, entry, code)
  const changes = meant.map((one) => ({ ...one, state: newState(one, code) }))
  nvm.transaction((tx) => {
    for (const one of changes) {
      registry.put(tx, one)
      recordContent(parts, tx, one.aid, one.state)
    }
  })
}

/** A domain and all that belongs to it, but for what is locked, or unlocked, already. */
function toBeLocked({ registry }: Needs, domain: RegistryEntry, code: number): RegistryEntry[] {
  if (domain.form !== 'domain') throw new Refusal('wrong-parameters')
  const below = [...registry.list('application'), ...registry.list('domain').slice(1)].filter((one) =>
    registry.isBelow(one, domain.number),
  )
  const meant = [domain, ...below].filter(({ state }) => (state & lockedBit) !== (code & lockedBit))
  if (meant.length === 0) throw new Refusal('conditions-not-satisfied')
  return meant
}

/** Bit 8 locks and unlocks; without a change of it, the next state of the one life cycle or the other. */
function newState({ form, state }: RegistryEntry, code: number): number {
  if ((code & lockedBit) !== (state & lockedBit)) return (state & ~lockedBit) | (code & lockedBit)
  const states = form === 'domain' ? domainStates : applicationStates
  const to = code & ~lockedBit
  const from = state & ~lockedBit
  if (to === states.selectable.code && from === states.installed.code) return state - from + to
  if (form === 'domain' && to === domainStates.personalized.code && from === domainStates.selectable.code) {
    return state - from + to
  }
  throw new Refusal('conditions-not-satisfied')
}
