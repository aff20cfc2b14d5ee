import { type PaymentRequest, parseNumberedPayment, serializePaymentOrder } from '@sealwright/core/payment'
import type { Session } from './session.ts'

export interface DecidedPayment {
  /** The number that the module gave the request, 8 bytes. */
  readonly number: Uint8Array
  readonly request: PaymentRequest
  readonly paid: boolean
}

/** Reads the payment that the module lays before the central system, decides, and orders it or not: inside a session only. */
export async function payment(
  { channel }: Pick<Session, 'channel'>,
  decide: (request: PaymentRequest) => boolean | Promise<boolean>,
): Promise<DecidedPayment> {
  const { number, request } = parseNumberedPayment(await channel.send('FETCH PAYMENT'))
  const paid = await decide(request)
  await channel.send('GRANT PAYMENT', {
    data: serializePaymentOrder({ number, pay: paid, amount: request.amount }),
  })
  return { number, request, paid }
}
