export {
  type NumberedPayment,
  type PaymentOrder,
  type PaymentRequest,
  parseNumberedPayment,
  parsePaymentOrder,
  parsePaymentRequest,
  serializeNumberedPayment,
  serializePaymentOrder,
  serializePaymentRequest,
} from './payment.ts'
