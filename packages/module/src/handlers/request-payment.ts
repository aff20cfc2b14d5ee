import { concat } from '@sealwright/core/bytes'
import { parsePaymentRequest } from '@sealwright/core/payment'
import { Refusal } from '../dispatch/refusal.ts'
import type { Call, Parts } from '../parts.ts'
import { orderedPayment, pendingPayment } from '../payment/index.ts'

/** REQUEST PAYMENT: keeps one payment in volatile memory, under a random number; the one before is dropped. */
export function requestPayment(
  { ram, entropy }: Pick<Parts, 'ram' | 'entropy'>,
  { p1, p2, data }: Pick<Call, 'p1' | 'p2' | 'data'>,
): Uint8Array {
  if (p1 !== 0 || p2 !== 0) throw new Refusal('wrong-parameters')
  parsePaymentRequest(data)
  const number = entropy.bytes(8)
  ram.release(pendingPayment)
  ram.release(orderedPayment)
  ram.allocate(pendingPayment, number.length + data.length).set(concat(number, data))
  return number
}
