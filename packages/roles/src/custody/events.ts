import { encodeHex, equal, Reader, u32 } from '@sealwright/core/bytes'
import { type EventType, eventsKept, eventTypeOf } from '@sealwright/core/catalog'
import { parseDocument, prepareDocument } from '@sealwright/core/cbor'
import { PeerError, StateError } from '@sealwright/core/errors'
import { type ChainedEvent, entryFields, type LogEntry, nextLink, parseEntry } from '@sealwright/core/log'
import type { Channel } from '../channel/index.ts'
import { logSigningKey, type PartyPorts } from '../ports/index.ts'
import type { ProvenHead } from './head.ts'

/** Facts that a reader of an entry may look up: ids, document hashes. Never secrets. */
export type EntryDetails = Readonly<Record<string, string | number | Uint8Array>>

/** An event as GET EVENTS answers it. */
export interface ModuleEvent {
  readonly number: number
  readonly type: number
  readonly digest: Uint8Array
  /** The chain after the event. */
  readonly chain: Uint8Array
}

export interface RecordInput {
  /** Serial number, 8 bytes. */
  readonly serial: Uint8Array
  /** Number of the last event before the party's step; 0: none. */
  readonly since: number
  /** What the step may cause; events of other types are somebody else's and left alone. All, when absent. */
  readonly types?: readonly EventType[]
  readonly details?: EntryDetails
  /** What the events must agree with, where the module has proven it; later ones are left alone. */
  readonly proven?: ProvenHead
  /** Chain before the first event (`chainStart`); needed when `since` is 0. */
  readonly start?: Uint8Array
}

/** Prefix of the queued entries in a party's store; serial and number follow: `outbox/0102030405060708-00000003.entry`. */
export const outbox = 'outbox/'

/**
 * Reads what the module did since the party's step began and queues a signed entry for each event. An event that is queued already
 * is not recorded twice. A chain that does not hold is a PeerError. Returns the entries of this step, oldest first.
 */
export async function recordEvents(
  ports: PartyPorts,
  channel: Channel,
  input: RecordInput,
): Promise<LogEntry[]> {
  const { types, details } = input
  const entries: LogEntry[] = []
  for (const event of await eventsSince(ports, channel, input)) {
    const name = eventTypeOf(event.type)
    if (types !== undefined && (name === undefined || !types.includes(name))) continue
    entries.push(await recordEvent(ports, event, details))
  }
  return entries
}

/** Queues the entry of one event that the party knows without asking: the module answers no GET EVENTS in issuer mode. */
export async function recordEvent(
  ports: PartyPorts,
  event: ChainedEvent,
  details: EntryDetails = {},
): Promise<LogEntry> {
  const { crypto, clock, party, store, vault } = ports
  const name = entryName(event)
  const queued = await store.read(name)
  if (queued !== undefined) {
    const entry = parseEntry(parseDocument(queued))
    const same =
      equal(entry.previous, event.previous) && entry.type === event.type && equal(entry.digest, event.digest)
    if (!same) throw new PeerError(`the module tells another event ${event.number} than before`)
    return entry
  }
  const { previous, serial, number, type, digest } = event
  const entry: LogEntry = {
    ...{ previous, serial, number, type, digest },
    at: clock.now(),
    party,
    details: new Map(Object.entries(details)),
  }
  const point = await vault.publicPoint(logSigningKey)
  const document = prepareDocument('entry', entryFields(entry), point, crypto)
  await store.write(name, document.finish(await vault.sign(logSigningKey, document.toBeSigned)))
  return entry
}

/** Events from a number on that the module still keeps, oldest first; more than it can keep is a PeerError. */
export async function readEvents(channel: Channel, from: number): Promise<ModuleEvent[]> {
  const events: ModuleEvent[] = []
  for (let next = from; ; next = events.at(-1)!.number + 1) {
    const some = parseEvents(await channel.send('GET EVENTS', { data: u32(next) }))
    if (some.some(({ number }, i) => number < next + i)) {
      throw new PeerError(`expected events from ${next} on, ascending`)
    }
    if (some.length === 0) return events
    events.push(...some)
    if (events.length > eventsKept)
      throw new PeerError(`a module keeps ${eventsKept} events, this one tells more`)
  }
}

async function eventsSince(
  ports: PartyPorts,
  channel: Channel,
  { serial, since, start, proven }: RecordInput,
): Promise<ChainedEvent[]> {
  const kept = await readEvents(channel, since)
  if (proven !== undefined && proven.number > since) {
    const told = kept.find(({ number }) => number === proven.number)
    if (told === undefined || !equal(told.chain, proven.chain)) {
      throw new PeerError(`event ${proven.number} as it was told is not the one that the module signed`)
    }
  }
  let previous = since === 0 ? start : kept.find(({ number }) => number === since)?.chain
  return kept
    .filter(({ number }) => number > since && number <= (proven?.number ?? number))
    .map(({ number, type, digest, chain }, i) => {
      if (previous === undefined) {
        throw new StateError(`the chain before event ${number} is not known`, { code: 'log-unproven' })
      }
      const event = { previous, serial, number, type, digest }
      if (number !== since + 1 + i || !equal(nextLink(ports.crypto, event), chain)) {
        throw new PeerError(`the module's event chain does not hold at event ${number}`)
      }
      previous = chain
      return event
    })
}

/** Events after one proven head up to another, linked; undefined when the module keeps them no more. PeerError when they do not fit. */
export async function provenEvents(
  { crypto }: Pick<PartyPorts, 'crypto'>,
  channel: Channel,
  {
    serial,
    before,
    head,
  }: { readonly serial: Uint8Array; readonly before: ProvenHead; readonly head: ProvenHead },
): Promise<ModuleEvent[] | undefined> {
  if (head.number > before.number + eventsKept) return undefined
  const told = await readEvents(channel, before.number + 1)
  const events = told.filter(({ number }) => number <= head.number)
  let previous = before.chain
  for (const event of events) previous = nextLink(crypto, { ...event, serial, previous })
  // The links cover number, type and digest of every event between.
  if (events.length !== head.number - before.number || !equal(previous, head.chain)) {
    throw new PeerError('the events as they were told are not those that the module signed')
  }
  return events
}

/** The answer of GET EVENTS: number(4) ‖ type(1) ‖ digest(32) ‖ chain(32), repeated. */
export function parseEvents(bytes: Uint8Array): ModuleEvent[] {
  const r = new Reader(bytes, 'events')
  const events: ModuleEvent[] = []
  while (r.remaining > 0) {
    events.push({
      number: r.u32('number'),
      type: r.u8('type'),
      digest: r.take(32, 'digest'),
      chain: r.take(32, 'chain'),
    })
  }
  return events
}

/** The store's name for the entry of an event. */
export function entryName({ serial, number }: Pick<ChainedEvent, 'serial' | 'number'>): string {
  return `${outbox}${encodeHex(serial).toLowerCase()}-${String(number).padStart(8, '0')}.entry`
}
