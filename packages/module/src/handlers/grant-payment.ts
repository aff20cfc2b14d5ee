import { equal } from '@sealwright/core/bytes'
import { parseNumberedPayment, parsePaymentOrder } from '@sealwright/core/payment'
import { Refusal } from '../dispatch/refusal.ts'
import type { Call, Parts } from '../parts.ts'
import { orderedPayment, pendingPayment } from '../payment/index.ts'

/** GRANT PAYMENT: takes the central system's order for the payment that was asked for, once, to the amount. */
export function grantPayment(
  { ram }: Pick<Parts, 'ram'>,
  { p1, p2, data }: Pick<Call, 'p1' | 'p2' | 'data'>,
): Uint8Array {
  if (p1 !== 0 || p2 !== 0) throw new Refusal('wrong-parameters')
  const order = parsePaymentOrder(data)
  const pending = ram.view(pendingPayment)
  if (pending === undefined || ram.view(orderedPayment) !== undefined)
    throw new Refusal('conditions-not-satisfied')
  const asked = parseNumberedPayment(pending)
  if (!equal(asked.number, order.number) || asked.request.amount !== order.amount)
    throw new Refusal('wrong-data')
  ram.allocate(orderedPayment, data.length).set(data)
  return new Uint8Array(0)
}
