import { equal } from '@sealwright/core/bytes'
import { documentKeyId, encodeCanonical, MapReader } from '@sealwright/core/cbor'
import { PeerError, StateError } from '@sealwright/core/errors'
import {
  checkTicket,
  nextUse,
  parseTicket,
  serializeTicketRecord,
  type Ticket,
} from '@sealwright/core/tickets'
import { parseCertificate, type TicketNumber } from '@sealwright/core/x509'
import type { PartyPorts } from '../ports/index.ts'
import { signingKey } from './key.ts'
import { readAllRecords } from './record.ts'
import { pinCentral, requireCentral } from './rules.ts'

/**
 * Tickets of a unit whose key lies in a file or an HSM: it counts in its own store, and a copy of that store counts once more. A signing
 * card counts by itself.
 */

/** One ticket that the unit took, and its count: a map `ticket count`. */
export interface TicketCount {
  readonly ticket: Ticket
  /** The `ticket` document. */
  readonly document: Uint8Array
  /** Numbers that are given away. */
  readonly used: number
  /** BEGIN's nonce of the run that got the last of them, 16 bytes. */
  readonly nonce?: Uint8Array
}

export interface TakeTicketInput {
  /** The `ticket` document. */
  readonly ticket: Uint8Array
  /** This unit's certificate, DER. */
  readonly unit: Uint8Array
  /** The central system's request, and its fingerprint as told by another way. */
  readonly central: Uint8Array
  readonly centralFingerprint: Uint8Array
}

/** Takes the newest ticket. From the first one on, this unit signs nothing without a number of a ticket. */
export async function takeTicket(ports: PartyPorts, input: TakeTicketInput): Promise<TicketCount> {
  const { clock, crypto, vault } = ports
  const issuerPoint = await requireCentral(ports, input)
  const { customer } = parseCertificate(input.unit)
  const last = await currentTicket(ports)
  const result = checkTicket(
    input.ticket,
    {
      issuerPoint,
      unit: documentKeyId(await vault.publicPoint(signingKey), crypto),
      customer: customer ?? new Uint8Array(16),
      at: clock.now(),
      ...(last && { last: { number: last.ticket.number, digest: crypto.sha256(last.document) } }),
    },
    crypto,
  )
  if (!result.ok) throw refused(result.reason, result.text)
  if (last !== undefined && last.ticket.number === result.ticket.number) return last
  await pinCentral(ports, input.central)
  const count = { ticket: result.ticket, document: input.ticket, used: 0 }
  await write(ports, count)
  return count
}

/**
 * A number for the certificate of this run, written down before anything is signed; undefined for a unit that never took a ticket. A run
 * that was broken off before it had signed gets the number again that it had.
 * @param nonce BEGIN's, 16 bytes
 * @param mayReuse no certificate of this BEGIN has been kept or given away
 */
export async function takeNumber(
  ports: PartyPorts,
  nonce: Uint8Array,
  mayReuse: boolean,
): Promise<TicketNumber | undefined> {
  const count = await currentTicket(ports)
  if (count === undefined) return undefined
  const { ticket, used } = count
  const same = mayReuse && count.nonce !== undefined && equal(count.nonce, nonce)
  const next = nextUse(ticket, same ? used - 1 : used, ports.clock.now())
  if (!next.ok) throw refused(next.reason, next.text)
  if (!same) await write(ports, { ...count, used: next.number, nonce })
  return { id: ticket.id, number: next.number }
}

/** The ticket that was taken last. */
export async function currentTicket(ports: PartyPorts): Promise<TicketCount | undefined> {
  return (await ticketCounts(ports)).at(-1)
}

/** Every ticket that was taken, oldest first. */
export async function ticketCounts({ store }: PartyPorts): Promise<TicketCount[]> {
  const counts: TicketCount[] = []
  for (const name of await store.list(folder)) {
    const bytes = await store.read(name)
    if (bytes !== undefined) counts.push(parseTicketCount(bytes))
  }
  return counts
}

/** What the central system merges: this unit's tickets and all operating certificates that it made. The bytes of a `ticket record`. */
export async function ticketRecord(
  ports: PartyPorts,
  { unit }: { readonly unit: Uint8Array },
): Promise<{ readonly bytes: Uint8Array; readonly certificates: number; readonly tickets: number }> {
  const tickets = await ticketCounts(ports)
  const certificates = (await readAllRecords(ports)).flatMap(({ issued }) =>
    issued !== undefined && issued.operating[0] === 0x30 ? [issued.operating] : [],
  )
  if (tickets.length === 0) throw new StateError('this unit has taken no ticket', { code: 'ticket-refused' })
  const bytes = serializeTicketRecord({ unit, tickets, certificates })
  return { bytes, certificates: certificates.length, tickets: tickets.length }
}

export function parseTicketCount(bytes: Uint8Array): TicketCount {
  const r = MapReader.of(bytes, 'ticket count')
  r.begin('ticket count')
  const document = r.bytes('ticket')
  const nonce = r.optional('nonce', () => r.bytes('nonce', 16))
  const count = {
    ticket: parseTicket(document).ticket,
    document,
    used: r.uint('used'),
    ...(nonce === undefined ? {} : { nonce }),
  }
  r.end()
  if (count.used > count.ticket.count || (count.used === 0) !== (nonce === undefined)) {
    throw r.fail('the count does not fit the ticket')
  }
  return count
}

async function write({ store }: PartyPorts, { ticket, document, used, nonce }: TicketCount): Promise<void> {
  const bytes = encodeCanonical({ v: 1, format: 'sealwright ticket count', ticket: document, used, nonce })
  await store.write(`${folder}${String(ticket.number).padStart(10, '0')}`, bytes)
}

function refused(reason: string, text: string): PeerError {
  return new PeerError(`the ticket does not count: ${text}; no certificate was made under it`, {
    code: 'ticket-refused',
    details: { reason },
  })
}

const folder = 'tickets/'
