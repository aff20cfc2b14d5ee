import { ascii, fromAscii, Reader, Writer } from '../bytes/index.ts'

/** What a cash machine asks for: length(1) ‖ account ‖ amount(4) ‖ currency(3). */
export interface PaymentRequest {
  /** 1 to 34 letters and digits. */
  readonly account: string
  /** In the currency's smallest unit, 1 to 2^32-1. */
  readonly amount: number
  /** ISO 4217 letters. */
  readonly currency: string
}

/** A request with the random number that the module gave it, 8 bytes: number ‖ request. */
export interface NumberedPayment {
  readonly number: Uint8Array
  readonly request: PaymentRequest
}

/** The central system's order: number(8) ‖ decision(1) ‖ amount(4). */
export interface PaymentOrder {
  readonly number: Uint8Array
  readonly pay: boolean
  readonly amount: number
}

/** What the cash machine learns: decision(1) ‖ amount(4). */
export type PaymentOutcome = Omit<PaymentOrder, 'number'>

export function parsePaymentRequest(bytes: Uint8Array): PaymentRequest {
  const r = new Reader(bytes, 'payment request')
  const request = {
    account: fromAscii(r.take(r.u8('length of account'), 'account')),
    amount: r.u32('amount'),
    currency: fromAscii(r.take(3, 'currency')),
  }
  r.end()
  if (!/^[0-9A-Za-z]{1,34}$/.test(request.account)) throw r.fail('account: expected letters and digits')
  if (request.amount === 0) throw r.fail('amount: expected more than 0')
  if (!/^[A-Z]{3}$/.test(request.currency)) throw r.fail('currency: expected three capital letters')
  return request
}

export function serializePaymentRequest({ account, amount, currency }: PaymentRequest): Uint8Array {
  return new Writer().u8(account.length).bytes(ascii(account)).u32(amount).bytes(ascii(currency)).finish()
}

export function parseNumberedPayment(bytes: Uint8Array): NumberedPayment {
  const r = new Reader(bytes, 'payment')
  const number = r.take(8, 'number')
  return { number, request: parsePaymentRequest(r.rest()) }
}

export function serializeNumberedPayment({ number, request }: NumberedPayment): Uint8Array {
  return new Writer().bytes(number).bytes(serializePaymentRequest(request)).finish()
}

export function parsePaymentOrder(bytes: Uint8Array): PaymentOrder {
  const r = new Reader(bytes, 'payment order')
  return { number: r.take(8, 'number'), ...outcome(r) }
}

export function serializePaymentOrder({ number, pay, amount }: PaymentOrder): Uint8Array {
  return new Writer().bytes(number).bytes(serializePaymentOutcome({ pay, amount })).finish()
}

export function parsePaymentOutcome(bytes: Uint8Array): PaymentOutcome {
  return outcome(new Reader(bytes, 'payment outcome'))
}

export function serializePaymentOutcome({ pay, amount }: PaymentOutcome): Uint8Array {
  return new Writer()
    .u8(pay ? 1 : 0)
    .u32(amount)
    .finish()
}

function outcome(r: Reader): PaymentOutcome {
  const decision = r.u8('decision')
  const amount = r.u32('amount')
  r.end()
  if (decision > 1) throw r.fail('decision: expected 00 or 01')
  if (amount === 0) throw r.fail('amount: expected more than 0')
  return { pay: decision === 1, amount }
}
