import { equal } from '../bytes/index.ts'
import {
  isSignedBy,
  parseDocument,
  prepareDocument,
  readDocument,
  type SignedDocument,
  type UnsignedDocument,
} from '../cbor/index.ts'
import { DecodeError, UsageError } from '../errors/index.ts'
import type { Crypto } from '../ports/index.ts'

/** How many modules one unit may personalize, and until when: payload of a `ticket` document. */
export interface Ticket {
  /** Random, 16 bytes; it stands in every certificate made under the ticket. */
  readonly id: Uint8Array
  /** Key id (`documentKeyId`, 16 bytes) of the unit's signing key. */
  readonly unit: Uint8Array
  /** The customer that the unit works for, 16 bytes. */
  readonly customer: Uint8Array
  /** Rises with every ticket for this unit, from 1. A ticket replaces the one before it, whatever was left of that. */
  readonly number: number
  /** Certificates, 1 to `highestCount`. */
  readonly count: number
  /** When it was made, seconds since 1970 (4 bytes): for a card without a clock, a moment that has passed. */
  readonly issued: number
  /** The last moment at which it counts, the same. */
  readonly until: number
}

export const highestCount = 0xffff

/** Why a ticket is not taken, or gives no certificate, each with a text for people. */
export const ticketReasons = {
  malformed: 'it is no ticket',
  issuer: 'it is not signed by the central system that is known here',
  unit: 'it was issued to another unit',
  customer: 'it was issued for another customer',
  expired: 'it has ended',
  older: 'a newer one has been taken already',
  differs: 'another one with the same number has been taken already',
  'used-up': 'all certificates that it allows have been made',
} as const

export type TicketReason = keyof typeof ticketReasons

/** What a ticket must fit. */
export interface TicketExpectation {
  /** Public key of the central system, 65 bytes, as it is known here. */
  readonly issuerPoint: Uint8Array
  /** Key id of the unit's signing key, 16 bytes. */
  readonly unit: Uint8Array
  /** 16 bytes. */
  readonly customer: Uint8Array
  /** Seconds since 1970. */
  readonly at: number
  /** The ticket that was taken last: its number and SHA-256 of its bytes. */
  readonly last?: { readonly number: number; readonly digest: Uint8Array }
}

export type TicketRefusal = { readonly ok: false; readonly reason: TicketReason; readonly text: string }

export type TicketResult = { readonly ok: true; readonly ticket: Ticket } | TicketRefusal

/** The ticket without its signature, which the central system's key makes. */
export function prepareTicket(ticket: Ticket, issuerPoint: Uint8Array, crypto: Crypto): UnsignedDocument {
  const problem = problemOf(ticket)
  if (problem !== undefined) throw new UsageError(`ticket: ${problem}`)
  const { id, unit, customer, number, count, issued, until } = ticket
  return prepareDocument('ticket', { id, unit, customer, number, count, issued, until }, issuerPoint, crypto)
}

/** Parses a `ticket` document. The signature is not checked; `checkTicket` does. */
export function parseTicket(bytes: Uint8Array): { readonly ticket: Ticket; readonly signed: SignedDocument } {
  const signed = parseDocument(bytes)
  if (signed.type !== 'ticket') throw new DecodeError(`expected a ticket, got a ${signed.type}`)
  const r = readDocument(signed)
  const ticket = {
    id: r.bytes('id', 16),
    unit: r.bytes('unit', 16),
    customer: r.bytes('customer', 16),
    number: r.uint('number'),
    count: r.uint('count'),
    issued: r.uint('issued'),
    until: r.uint('until'),
  }
  r.end()
  const problem = problemOf(ticket)
  if (problem !== undefined) throw r.fail(problem)
  return { ticket, signed }
}

/**
 * Whether a ticket is to be taken in the place of the last one: signed by the known central system, for this unit and customer, in force,
 * with a higher number. The same bytes again are taken too: then nothing of its count comes back.
 */
export function checkTicket(bytes: Uint8Array, expected: TicketExpectation, crypto: Crypto): TicketResult {
  let parsed: ReturnType<typeof parseTicket>
  try {
    parsed = parseTicket(bytes)
  } catch (error) {
    if (error instanceof DecodeError) return refusal('malformed')
    throw error
  }
  const { ticket, signed } = parsed
  const { issuerPoint, unit, customer, at, last } = expected
  if (!isSignedBy(signed, 'ticket', issuerPoint, crypto)) return refusal('issuer')
  if (!equal(ticket.unit, unit)) return refusal('unit')
  if (!equal(ticket.customer, customer)) return refusal('customer')
  if (at > ticket.until) return refusal('expired')
  if (last !== undefined && ticket.number < last.number) return refusal('older')
  if (last !== undefined && ticket.number === last.number && !equal(crypto.sha256(bytes), last.digest)) {
    return refusal('differs')
  }
  return { ok: true, ticket }
}

/**
 * The number of the next certificate under a ticket of which `used` have been made. Who signs it first writes down that it is used, in one
 * transaction with the signature where that is possible.
 * @param at seconds since 1970
 */
export function nextUse(
  { count, until }: Pick<Ticket, 'count' | 'until'>,
  used: number,
  at: number,
): { readonly ok: true; readonly number: number } | TicketRefusal {
  if (at > until) return refusal('expired')
  if (used >= count) return refusal('used-up')
  return { ok: true, number: used + 1 }
}

function refusal(reason: TicketReason): TicketRefusal {
  return { ok: false, reason, text: ticketReasons[reason] }
}

function problemOf({ id, unit, customer, number, count, issued, until }: Ticket): string | undefined {
  const fits = (value: number, least: number, most: number): boolean =>
    Number.isInteger(value) && value >= least && value <= most
  if ([id, unit, customer].some((bytes) => bytes.length !== 16)) {
    return 'id, unit and customer expected 16 bytes each'
  }
  if (!fits(number, 1, 0xffff_ffff)) return 'number expected at least 1, in 4 bytes'
  if (!fits(count, 1, highestCount)) return `count expected 1 to ${highestCount}`
  if (!fits(issued, 0, 0xffff_ffff) || !fits(until, 0, 0xffff_ffff)) {
    return 'issued and until expected in 4 bytes'
  }
  return until < issued ? 'it ends before it begins' : undefined
}
