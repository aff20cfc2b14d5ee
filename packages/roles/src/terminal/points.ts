import { equal } from '@sealwright/core/bytes'
import { PeerError, UsageError } from '@sealwright/core/errors'
import {
  type Booking,
  type CardRecord,
  parseBooking,
  serializeBookingRequest,
} from '@sealwright/core/loyalty'
import type { Transport } from '@sealwright/core/ports'
import { plain } from '../channel/index.ts'

export interface BookInput {
  readonly kind: 'credit' | 'debit'
  /** What stands on the customer's card. */
  readonly record: CardRecord
  /** 1 to 2^32-1. */
  readonly points: number
  /** Key place of the fuel. */
  readonly place: number
}

/**
 * Credits or debits points: the module's loyalty program checks the card's record under the fuel's key and makes the new one, which goes
 * onto the card. Done again with the same record, because the answer was lost, it gives the same answer and counts once.
 */
export async function book(
  transport: Transport,
  { kind, record, points, place }: BookInput,
): Promise<Booking> {
  if (!(points >= 1 && points <= 0xffff_ffff)) throw new UsageError(`expected 1 point or more, got ${points}`)
  if (kind === 'debit' && points > record.balance) {
    throw new UsageError(`the card has ${record.balance} points, ${points} were to be debited`, {
      code: 'points-missing',
    })
  }
  const data = serializeBookingRequest({ place, record, points })
  const booking = parseBooking(await plain(transport).send(kind === 'credit' ? 'CREDIT' : 'DEBIT', { data }))
  const balance = kind === 'credit' ? record.balance + points : record.balance - points
  const { number, sequence } = booking.record
  if (
    !equal(number, record.number) ||
    booking.record.balance !== balance ||
    sequence !== record.sequence + 1
  ) {
    throw new PeerError('the module answered another booking')
  }
  return booking
}
