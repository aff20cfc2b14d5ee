import { Reader, Writer } from '../bytes/index.ts'
import { UsageError } from '../errors/index.ts'

/** How a signing card stands: GET DATA DF30. */
export interface SigningCardState {
  /** The unit's key, 65 bytes. */
  readonly point: Uint8Array
  /** The central system whose documents the card takes, 65 bytes. */
  readonly centralPoint: Uint8Array
  /** 16 bytes. */
  readonly customer: Uint8Array
  readonly log: {
    /** Number of the last entry, and the log after it, 32 bytes. */
    readonly number: number
    readonly chain: Uint8Array
    /** Entries that lie in the card, and that find room there. */
    readonly kept: number
    readonly capacity: number
  }
  /** Latest time that the card has heard from people who answer for it; 0: none. */
  readonly time: number
  /** Number of the roster in force; 0: none. */
  readonly roster: number
  /** Absent: none was taken. */
  readonly ticket?: {
    readonly id: Uint8Array
    readonly number: number
    readonly count: number
    readonly used: number
    readonly until: number
  }
}

/** point(65) ‖ central(65) ‖ customer(16) ‖ number(4) ‖ chain(32) ‖ kept(2) ‖ capacity(2) ‖ time(4) ‖ roster(4) [‖ id(16) ‖ number(4) ‖ count(4) ‖ used(4) ‖ until(4)]. */
export function serializeSigningCardState(state: SigningCardState): Uint8Array {
  const { point, centralPoint, customer, log, time, roster, ticket } = state
  for (const [bytes, length] of [
    [point, 65],
    [centralPoint, 65],
    [customer, 16],
    [log.chain, 32],
    [ticket?.id ?? customer, 16],
  ] as const) {
    if (bytes.length !== length)
      throw new UsageError(`card state: expected ${length} bytes, got ${bytes.length}`)
  }
  const w = new Writer()
    .bytes(point)
    .bytes(centralPoint)
    .bytes(customer)
    .u32(log.number)
    .bytes(log.chain)
    .u16(log.kept)
    .u16(log.capacity)
    .u32(time)
    .u32(roster)
  if (ticket !== undefined) {
    w.bytes(ticket.id).u32(ticket.number).u32(ticket.count).u32(ticket.used).u32(ticket.until)
  }
  return w.finish()
}

export function parseSigningCardState(bytes: Uint8Array): SigningCardState {
  const r = new Reader(bytes, 'state of a signing card')
  const state = {
    point: r.take(65, 'point'),
    centralPoint: r.take(65, "central system's point"),
    customer: r.take(16, 'customer'),
    log: {
      number: r.u32('number'),
      chain: r.take(32, 'chain'),
      kept: r.u16('entries kept'),
      capacity: r.u16('capacity'),
    },
    time: r.u32('time'),
    roster: r.u32('number of the roster'),
  }
  if (r.remaining === 0) return state
  const ticket = {
    id: r.take(16, 'ticket id'),
    number: r.u32('number of the ticket'),
    count: r.u32('count'),
    used: r.u32('used'),
    until: r.u32('until'),
  }
  r.end()
  return { ...state, ticket }
}
