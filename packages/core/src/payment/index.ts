export {
  type NumberedPayment,
  type PaymentOrder,
  type PaymentOutcome,
  type PaymentRequest,
  parseNumberedPayment,
  parsePaymentOrder,
  parsePaymentOutcome,
  parsePaymentRequest,
  serializeNumberedPayment,
  serializePaymentOrder,
  serializePaymentOutcome,
  serializePaymentRequest,
} from './payment.ts'
