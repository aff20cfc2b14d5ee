import { parseRoster } from '@sealwright/core/people'
import { serializeSigningCardState } from '@sealwright/core/signing-card'
import { parseTicket } from '@sealwright/core/tickets'
import type { Parts } from '../parts.ts'
import { entriesKept, logHead } from './card-log.ts'
import { knownTime, usedOf } from './documents.ts'
import { objectIds } from './object-ids.ts'
import { findSettings } from './settings.ts'

/** What GET DATA DF30 answers; undefined before MAKE UNIT KEY. */
export function signingCardState(parts: Pick<Parts, 'crypto' | 'keys' | 'objects'>): Uint8Array | undefined {
  const { objects } = parts
  const settings = findSettings(parts)
  const head = logHead(parts)
  if (settings === undefined || head === undefined) return undefined
  const { point, centralPoint, customer, capacity } = settings
  const roster = objects.read('signing-card', objectIds.roster)
  const ticket = objects.read('signing-card', objectIds.ticket)
  return serializeSigningCardState({
    point,
    centralPoint,
    customer,
    log: { ...head, kept: entriesKept(parts), capacity },
    time: knownTime(parts) ?? 0,
    roster: roster === undefined ? 0 : parseRoster(roster).roster.number,
    ...(ticket === undefined ? {} : { ticket: { ...ticketOf(ticket), used: usedOf(parts) } }),
  })
}

function ticketOf(bytes: Uint8Array) {
  const { id, number, count, until } = parseTicket(bytes).ticket
  return { id, number, count, until }
}
