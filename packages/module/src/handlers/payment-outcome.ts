import { equal, Reader } from '@sealwright/core/bytes'
import { parsePaymentOrder, serializePaymentOutcome } from '@sealwright/core/payment'
import { Refusal } from '../dispatch/refusal.ts'
import type { Call, Parts } from '../parts.ts'
import { lastOutcomeId, orderedPayment, pendingPayment } from '../payment/index.ts'

/**
 * PAYMENT OUTCOME: tells the cash machine once what was ordered for its number. What was paid is committed before the answer leaves,
 * so that a loss of power pays nothing or once, never twice.
 */
export function paymentOutcome(
  { ram, nvm, objects }: Pick<Parts, 'ram' | 'nvm' | 'objects'>,
  { p1, p2, data }: Pick<Call, 'p1' | 'p2' | 'data'>,
): Uint8Array {
  if (p1 !== 0 || p2 !== 0) throw new Refusal('wrong-parameters')
  const r = new Reader(data, 'PAYMENT OUTCOME')
  const number = r.take(8, 'number')
  r.end()
  const ordered = ram.view(orderedPayment)?.slice()
  if (ordered === undefined) throw new Refusal('conditions-not-satisfied')
  const order = parsePaymentOrder(ordered)
  if (!equal(order.number, number)) throw new Refusal('reference-not-found')
  nvm.transaction((tx) => objects.put(tx, 'session-data', lastOutcomeId, ordered))
  ram.release(orderedPayment)
  ram.release(pendingPayment)
  return serializePaymentOutcome(order)
}
