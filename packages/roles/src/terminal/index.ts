export { type Imported, importKey, type PrepareInput, prepareKey } from './key-download.ts'
export { checkMessage, protectMessage } from './limited-message.ts'
export { paymentOutcome, requestPayment } from './payment.ts'
export { type BookInput, book } from './points.ts'
