import { equal, Reader } from '@sealwright/core/bytes'
import { parsePaymentOrder } from '@sealwright/core/payment'
import { Refusal } from '../dispatch/refusal.ts'
import type { Call, Parts } from '../parts.ts'
import { orderedPayment, pendingPayment } from '../payment/index.ts'

/**
 * PAYMENT OUTCOME: tells the cash machine once what was ordered for its number. What was paid is committed before the answer leaves,
 * so that a loss of power pays nothing or once, never twice.
 */
export function paymentOutcome(
  { ram, nvm, objects }: Pick<Parts, 'ram' | 'nvm' | 'objects'>,
  { data }: Pick<Call, 'data'>,
): Uint8Array {
  const r = new Reader(data, 'PAYMENT OUTCOME')
  const number = r.take(8, 'number')
  r.end()
  const ordered = ram.view(orderedPayment)?.slice()
  if (ordered === undefined) throw new Refusal('conditions-not-satisfied')
  if (!equal(parsePaymentOrder(ordered).number, number)) throw new Refusal('reference-not-found')
  nvm.transaction((tx) => objects.put(tx, 'session-data', lastOutcomeId, ordered))
  ram.release(orderedPayment)
  ram.release(pendingPayment)
  return ordered.slice(8)
}

const lastOutcomeId = 2
