export { paymentOutcome, requestPayment } from './payment.ts'
