import { concat } from '@sealwright/core/bytes'
import { parsePaymentRequest } from '@sealwright/core/payment'
import type { Call, Parts } from '../parts.ts'
import { orderedPayment, pendingPayment } from '../payment/index.ts'

/** REQUEST PAYMENT: keeps one payment in volatile memory, under a random number; the one before is dropped. */
export function requestPayment(
  { ram, entropy }: Pick<Parts, 'ram' | 'entropy'>,
  { data }: Pick<Call, 'data'>,
): Uint8Array {
  parsePaymentRequest(data)
  const number = entropy.bytes(8)
  ram.release(pendingPayment)
  ram.release(orderedPayment)
  ram.allocate(pendingPayment, number.length + data.length).set(concat(number, data))
  return number
}
