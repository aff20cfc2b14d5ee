import { equal, Reader, Writer } from '@sealwright/core/bytes'
import { type EventType, eventTypes } from '@sealwright/core/catalog'
import { InternalError } from '@sealwright/core/errors'
import {
  type CardLogBody,
  type CardLogEntry,
  cardLogLink,
  cardLogStart,
  parseCardLogEntry,
  serializeCardLogEntry,
} from '@sealwright/core/signing-card'
import { Refusal } from '../dispatch/refusal.ts'
import type { Transaction } from '../eeprom/index.ts'
import type { Parts } from '../parts.ts'
import { objectIds } from './object-ids.ts'

type Needs = Pick<Parts, 'crypto' | 'events' | 'objects' | 'serial'>

interface LogHead {
  readonly number: number
  readonly chain: Uint8Array
}

/** Number of the last entry, and the log after it; undefined before MAKE UNIT KEY. */
export function logHead({ objects }: Pick<Parts, 'objects'>): LogHead | undefined {
  const bytes = objects.read('signing-card', objectIds.logHead)
  if (bytes === undefined) return undefined
  const r = new Reader(bytes, 'head of the card log')
  const head = { number: r.u32('number'), chain: r.take(32, 'chain') }
  r.end()
  return head
}

export function entriesKept({ objects }: Pick<Parts, 'objects'>): number {
  return objects.list('card-log').length
}

/**
 * Refuses with 6985 a memory that was put back by a restore since the last entry: what the card had counted and signed after the backup is not
 * in it, so it signs nothing more.
 */
export function requireOwnLog(parts: Pick<Parts, 'events' | 'objects'>): void {
  const last = parts.events.list(1).findLast(({ type }) => type === restored || cardEvents.has(type))
  const head = logHead(parts)
  if (last === undefined || head === undefined || !equal(last.digest, head.chain)) {
    throw new Refusal('conditions-not-satisfied')
  }
}

/** Whether the chain of events tells of a log that the memory does not have: a backup of before was put back. */
export function logWasLost(parts: Pick<Parts, 'events' | 'objects'>): boolean {
  return logHead(parts) === undefined && parts.events.list(1).some(({ type }) => cardEvents.has(type))
}

/** Refuses with 6A84 what would need one more entry than find room. */
export function requireRoom(parts: Pick<Parts, 'objects'>, capacity: number): void {
  if (entriesKept(parts) >= capacity) throw new Refusal('no-space')
}

/** Begins the log with the entry of the key. */
export function beginLog(
  parts: Needs,
  tx: Transaction,
  body: Extract<CardLogBody, { kind: 'key-made' }>,
): void {
  const { crypto } = parts
  write(
    parts,
    tx,
    { number: 1, previous: cardLogStart(crypto, serialOf(parts), body.point), body },
    'unit-key-made',
  )
}

/** Adds an entry and its event, in the transaction of what it tells of. */
export function addEntry(
  parts: Needs,
  tx: Transaction,
  body: Exclude<CardLogBody, { kind: 'key-made' }>,
): CardLogEntry {
  const head = logHead(parts)
  if (head === undefined) throw new InternalError('an entry before the log has begun')
  const entry = { number: head.number + 1, previous: head.chain, body }
  write(parts, tx, entry, body.kind === 'document-taken' ? 'card-document-taken' : body.kind)
  return entry
}

function write(parts: Needs, tx: Transaction, entry: CardLogEntry, event: EventType): void {
  const { crypto, events, objects } = parts
  const bytes = serializeCardLogEntry(entry)
  const chain = cardLogLink(crypto, bytes)
  objects.put(tx, 'card-log', entry.number, bytes)
  objects.put(tx, 'signing-card', objectIds.logHead, new Writer().u32(entry.number).bytes(chain).finish())
  events.record(tx, event, serialOf(parts), chain)
}

/** The bytes of an entry; undefined when it does not lie here. */
export function entryBytes({ objects }: Pick<Parts, 'objects'>, number: number): Uint8Array | undefined {
  return objects.read('card-log', number)
}

export function readEntry(parts: Pick<Parts, 'objects'>, number: number): CardLogEntry | undefined {
  const bytes = entryBytes(parts, number)
  return bytes && parseCardLogEntry(bytes)
}

/** The first entry from a number on. */
export function nextEntry({ objects }: Pick<Parts, 'objects'>, from: number): Uint8Array | undefined {
  const next = objects.list('card-log').find(({ id }) => id >= from)
  return next && objects.read('card-log', next.id)
}

/** The log after an entry that lies here or was the last one acknowledged. */
export function chainAt(parts: Needs, number: number): Uint8Array | undefined {
  const bytes = entryBytes(parts, number)
  return bytes && cardLogLink(parts.crypto, bytes)
}

/** Overwrites signatures and documents up to an entry. What every later certificate is rebuilt from stays: the key, the unit's certificates. */
export function dropEntries(parts: Needs, tx: Transaction, upTo: number): void {
  const { objects } = parts
  for (const { id } of objects.list('card-log')) {
    const kind = id <= upTo ? readEntry(parts, id)?.body.kind : undefined
    if (kind === 'document-taken' || kind === 'operating-certified') objects.remove(tx, 'card-log', id)
  }
}

function serialOf({ serial }: Pick<Parts, 'serial'>): Uint8Array {
  const number = serial()
  if (number === undefined) throw new InternalError('user mode without serial number')
  return number
}

const restored = eventTypes.restored.code
/** Types of events that are entries of the log. */
const cardEvents: ReadonlySet<number> = new Set(
  (['unit-key-made', 'unit-certified', 'card-document-taken', 'operating-certified'] as const).map(
    (name) => eventTypes[name].code,
  ),
)
