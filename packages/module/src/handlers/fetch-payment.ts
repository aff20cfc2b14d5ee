import { Refusal } from '../dispatch/refusal.ts'
import type { Call, Parts } from '../parts.ts'
import { pendingPayment } from '../payment/index.ts'

/** FETCH PAYMENT: the central system reads the payment asked for, number first. */
export function fetchPayment(
  { ram }: Pick<Parts, 'ram'>,
  { p1, p2, data }: Pick<Call, 'p1' | 'p2' | 'data'>,
): Uint8Array {
  if (p1 !== 0 || p2 !== 0) throw new Refusal('wrong-parameters')
  if (data.length > 0) throw new Refusal('wrong-length')
  const pending = ram.view(pendingPayment)
  if (pending === undefined) throw new Refusal('reference-not-found')
  return pending.slice()
}
