import { encodeHex, equal } from '../bytes/index.ts'
import { documentKeyId } from '../cbor/index.ts'
import { withHandle } from '../crypto/index.ts'
import { AuthError } from '../errors/index.ts'
import type { Crypto } from '../ports/index.ts'
import type { Certificate } from '../x509/index.ts'
import type { Ticket } from './ticket.ts'

/** What several records of units, and certificates from elsewhere, say about tickets. */
export interface MergeInput {
  /** The tickets that the central system issued. */
  readonly tickets: readonly Ticket[]
  /** Public keys of units, 65 bytes each. */
  readonly units: readonly Uint8Array[]
  /** Operating certificates, the same one as often as it was found. */
  readonly certificates: readonly Certificate[]
  /** How many numbers a unit says that it has used, by ticket id in hex. The highest statement counts. */
  readonly used?: ReadonlyMap<string, number>
}

/** One number under which several different certificates were found. */
export interface DoubleUse {
  readonly number: number
  readonly certificates: readonly Certificate[]
}

/** What became of one ticket. */
export interface TicketAccount {
  readonly ticket: Ticket
  /** Different certificates found under it. */
  readonly found: number
  /** Numbers below the highest one that is known, of which no certificate was found: ascending, first and last of each run. */
  readonly gaps: readonly (readonly [first: number, last: number])[]
  readonly doubles: readonly DoubleUse[]
  /** Certificates with a number above the ticket's count. */
  readonly beyond: readonly Certificate[]
  /** Certificates that were made after the ticket's end. */
  readonly late: readonly Certificate[]
}

export interface Merged {
  /** In the order of the tickets. */
  readonly accounts: readonly TicketAccount[]
  /** Certificates of tickets that the central system has not issued. */
  readonly unknown: readonly Certificate[]
  /** Certificates without a ticket. */
  readonly without: readonly Certificate[]
  /** Certificates that no known unit signed, or another unit than the one of the ticket. They count nowhere. */
  readonly foreign: readonly Certificate[]
}

/** Brings together what was found and says where it does not fit (X6): gaps, double use, and what no ticket allows. */
export function mergeTickets(input: MergeInput, crypto: Crypto): Merged {
  const { tickets, units } = input
  const unknown: Certificate[] = []
  const without: Certificate[] = []
  const foreign: Certificate[] = []
  const byTicket = new Map<string, Certificate[]>(tickets.map(({ id }) => [encodeHex(id), []]))
  const ticketOf = new Map(tickets.map((ticket) => [encodeHex(ticket.id), ticket]))
  for (const certificate of distinct(input.certificates)) {
    const signer = units.find((point) => isSignedWith(certificate, point, crypto))
    if (signer === undefined || certificate.role !== 'module-operating') {
      foreign.push(certificate)
      continue
    }
    if (certificate.ticket === undefined) {
      without.push(certificate)
      continue
    }
    const id = encodeHex(certificate.ticket.id)
    const ticket = ticketOf.get(id)
    if (ticket === undefined) unknown.push(certificate)
    else if (!equal(ticket.unit, documentKeyId(signer, crypto))) foreign.push(certificate)
    else byTicket.get(id)!.push(certificate)
  }
  const accounts = tickets.map((ticket) => {
    const id = encodeHex(ticket.id)
    return accountOf(ticket, byTicket.get(id)!, input.used?.get(id) ?? 0)
  })
  return { accounts, unknown, without, foreign }
}

function accountOf(ticket: Ticket, found: readonly Certificate[], used: number): TicketAccount {
  const byNumber = new Map<number, Certificate[]>()
  for (const certificate of found) {
    const { number } = certificate.ticket!
    byNumber.set(number, [...(byNumber.get(number) ?? []), certificate])
  }
  const numbers = [...byNumber.keys()].sort((a, b) => a - b)
  return {
    ticket,
    found: found.length,
    gaps: gapsIn(numbers, Math.min(used, ticket.count)),
    doubles: numbers
      .map((number) => ({ number, certificates: byNumber.get(number)! }))
      .filter(({ certificates }) => certificates.length > 1),
    beyond: found.filter((certificate) => certificate.ticket!.number > ticket.count),
    late: found.filter(({ notBefore }) => notBefore > ticket.until),
  }
}

/** Runs of missing numbers from 1 to the last of the ascending numbers, or to `least` where that is higher. */
function gapsIn(numbers: readonly number[], least: number): [number, number][] {
  const gaps: [number, number][] = []
  let next = 1
  for (const number of numbers) {
    if (number > next) gaps.push([next, number - 1])
    next = number + 1
  }
  if (least >= next) gaps.push([next, least])
  return gaps
}

function distinct(certificates: readonly Certificate[]): Certificate[] {
  const known = new Map(certificates.map((certificate) => [encodeHex(certificate.encoded), certificate]))
  return [...known.values()]
}

function isSignedWith(certificate: Certificate, point: Uint8Array, crypto: Crypto): boolean {
  try {
    return withHandle(crypto.ecPublicKey(point), (key) => key.verify(certificate.signature, certificate.tbs))
  } catch (error) {
    if (error instanceof AuthError) return false
    throw error
  }
}
