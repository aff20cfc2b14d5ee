import { Refusal } from '../dispatch/refusal.ts'
import type { Parts } from '../parts.ts'
import { pendingPayment } from '../payment/index.ts'

/** FETCH PAYMENT: the central system reads the payment asked for, number first. */
export function fetchPayment({ ram }: Pick<Parts, 'ram'>): Uint8Array {
  const pending = ram.view(pendingPayment)
  if (pending === undefined) throw new Refusal('reference-not-found')
  return pending.slice()
}
