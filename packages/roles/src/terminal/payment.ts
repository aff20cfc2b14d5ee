import {
  type PaymentOutcome,
  type PaymentRequest,
  parsePaymentOutcome,
  serializePaymentRequest,
} from '@sealwright/core/payment'
import type { Transport } from '@sealwright/core/ports'
import { plain } from '../channel/index.ts'

/** The cash machine lays a payment before the central system, through its module. Returns the module's number for it, 8 bytes. */
export async function requestPayment(transport: Transport, request: PaymentRequest): Promise<Uint8Array> {
  return plain(transport).send('REQUEST PAYMENT', { data: serializePaymentRequest(request) })
}

/**
 * Learns, once, what the central system ordered for this number. Whoever gets no answer pays nothing: the module does not say it twice.
 */
export async function paymentOutcome(transport: Transport, number: Uint8Array): Promise<PaymentOutcome> {
  return parsePaymentOutcome(await plain(transport).send('PAYMENT OUTCOME', { data: number }))
}
