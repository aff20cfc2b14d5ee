import { equal, Reader, u32 } from '@sealwright/core/bytes'
import { isSignedBy, parseDocument } from '@sealwright/core/cbor'
import { checkRoster, parseRoster, type Roster } from '@sealwright/core/people'
import { parseLogAcknowledgement } from '@sealwright/core/signing-card'
import { checkTicket, parseTicket, type Ticket } from '@sealwright/core/tickets'
import { Refusal } from '../dispatch/refusal.ts'
import type { Transaction } from '../eeprom/index.ts'
import type { Parts } from '../parts.ts'
import { mayFollow, readTime, timeOf, writeTime } from '../personalization/index.ts'
import { addEntry, chainAt, dropEntries, requireRoom } from './card-log.ts'
import { objectIds } from './object-ids.ts'
import type { Settings } from './settings.ts'

type Needs = Pick<Parts, 'crypto' | 'events' | 'nvm' | 'objects' | 'serial'>

/** What a document that holds changes, besides its own place, the time and the log. */
interface Effect {
  readonly id: (typeof objectIds)['roster' | 'ticket' | 'acknowledgement']
  /** When the central system made it. */
  readonly issued: number
  apply?(tx: Transaction): void
  /** It makes room itself. */
  readonly makesRoom?: true
}

/** Takes a document of the central system that rules the card: a roster, a ticket, an acknowledgement of the log. The one in force again changes nothing; whatever does not hold is 6A80. */
export function takeDocument(parts: Needs, settings: Settings, bytes: Uint8Array): void {
  const { nvm, objects } = parts
  const effect = effectOf(parts, settings, bytes)
  const stored = objects.read('signing-card', effect.id)
  if (stored !== undefined && equal(stored, bytes)) return
  if (effect.makesRoom !== true) requireRoom(parts, settings.capacity)
  nvm.transaction((tx) => {
    effect.apply?.(tx)
    if (effect.makesRoom === true) requireRoom(parts, settings.capacity)
    objects.put(tx, 'signing-card', effect.id, bytes)
    hearTime(parts, tx, effect.issued)
    addEntry(parts, tx, { kind: 'document-taken', document: bytes })
  })
}

function effectOf(parts: Needs, settings: Settings, bytes: Uint8Array): Effect {
  switch (parseDocument(bytes).type) {
    case 'roster':
      return rosterEffect(parts, settings, bytes)
    case 'ticket':
      return ticketEffect(parts, settings, bytes)
    case 'log-acknowledgement':
      return acknowledgementEffect(parts, settings, bytes)
    default:
      throw new Refusal('wrong-data')
  }
}

function rosterEffect(parts: Needs, { centralPoint }: Settings, bytes: Uint8Array): Effect {
  const { issued } = parseRoster(bytes).roster
  const last = lastOf(parts, objectIds.roster, (stored) => parseRoster(stored).roster.number)
  const expected = { issuerPoint: centralPoint, at: timeAt(parts, issued), ...last }
  if (!checkRoster(bytes, expected, parts.crypto).ok) throw new Refusal('wrong-data')
  return { id: objectIds.roster, issued }
}

function ticketEffect(parts: Needs, settings: Settings, bytes: Uint8Array): Effect {
  const { issued } = parseTicket(bytes).ticket
  const { centralPoint, keyId, customer } = settings
  const last = lastOf(parts, objectIds.ticket, (stored) => parseTicket(stored).ticket.number)
  const at = timeAt(parts, issued)
  const expected = { issuerPoint: centralPoint, unit: keyId, customer, at, ...last }
  if (!checkTicket(bytes, expected, parts.crypto).ok) throw new Refusal('wrong-data')
  return { id: objectIds.ticket, issued, apply: (tx) => putUsed(parts, tx, 0) }
}

function acknowledgementEffect(parts: Needs, { centralPoint }: Settings, bytes: Uint8Array): Effect {
  const { acknowledgement, signed } = parseLogAcknowledgement(bytes)
  const { card, number, chain, issued } = acknowledgement
  const effect: Effect = {
    id: objectIds.acknowledgement,
    issued,
    makesRoom: true,
    apply: (tx) => dropEntries(parts, tx, number),
  }
  if (!isSignedBy(signed, 'log-acknowledgement', centralPoint, parts.crypto)) throw new Refusal('wrong-data')
  const stored = parts.objects.read('signing-card', objectIds.acknowledgement)
  if (stored !== undefined && equal(stored, bytes)) return effect
  // The entries that stay fit an old one for ever: said again in turns, two of them would fill the log.
  const last = stored && parseLogAcknowledgement(stored).acknowledgement.number
  if (last !== undefined && number <= last) throw new Refusal('wrong-data')
  timeAt(parts, issued)
  const serial = parts.serial()
  const mine = chainAt(parts, number)
  if (serial === undefined || mine === undefined || !equal(card, serial) || !equal(mine, chain)) {
    throw new Refusal('wrong-data')
  }
  return effect
}

/** The persons who count at a time; 6985 without a roster that does. */
export function rosterAt(parts: Needs, { centralPoint }: Settings, at: number): Roster {
  const bytes = parts.objects.read('signing-card', objectIds.roster)
  const result = bytes && checkRoster(bytes, { issuerPoint: centralPoint, at }, parts.crypto)
  if (result?.ok !== true) throw new Refusal('conditions-not-satisfied')
  return result.roster
}

/** The ticket in force, whatever is left of it; 6985 without one that counts at the time. */
export function ticketAt(parts: Needs, { centralPoint, keyId, customer }: Settings, at: number): Ticket {
  const bytes = parts.objects.read('signing-card', objectIds.ticket)
  const expected = { issuerPoint: centralPoint, unit: keyId, customer, at }
  const result = bytes && checkTicket(bytes, expected, parts.crypto)
  if (result?.ok !== true) throw new Refusal('conditions-not-satisfied')
  return result.ticket
}

/** Certificates made under the ticket in force. */
export function usedOf({ objects }: Pick<Parts, 'objects'>): number {
  const bytes = objects.read('signing-card', objectIds.used)
  if (bytes === undefined) return 0
  const r = new Reader(bytes, 'used of a ticket')
  const used = r.u32('used')
  r.end()
  return used
}

export function putUsed({ objects }: Pick<Parts, 'objects'>, tx: Transaction, used: number): void {
  objects.put(tx, 'signing-card', objectIds.used, u32(used))
}

/** Latest time that the card has heard; undefined before the first. */
export function knownTime({ objects }: Pick<Parts, 'objects'>): number | undefined {
  return readTime(objects, timeOf.signingCard)
}

/** The card's time after it has heard of another; it never goes back. */
export function hearTime(parts: Pick<Parts, 'objects'>, tx: Transaction, time: number): void {
  if (time > (knownTime(parts) ?? -1)) writeTime(tx, parts.objects, timeOf.signingCard, time)
}

/** The later of what is known and what a document says of its own making; 6A80 for a leap of more than 400 days. */
function timeAt(parts: Pick<Parts, 'objects'>, issued: number): number {
  const known = knownTime(parts)
  if (known === undefined || issued <= known) return known ?? issued
  if (!mayFollow(known, issued)) throw new Refusal('wrong-data')
  return issued
}

/** Number and digest of the document that was taken last, as the checks want them. */
function lastOf(
  { crypto, objects }: Needs,
  id: number,
  numberOf: (bytes: Uint8Array) => number,
): { readonly last?: { readonly number: number; readonly digest: Uint8Array } } {
  const stored = objects.read('signing-card', id)
  return stored === undefined ? {} : { last: { number: numberOf(stored), digest: crypto.sha256(stored) } }
}
