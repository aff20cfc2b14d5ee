export { type CircularInput, insecureCertifyUnit } from './certify-unit.ts'
export { type CentralKey, key, sessionKey } from './key.ts'
export { type DecidedPayment, payment } from './payment.ts'
export { type KnownUnit, type OperatingKey, type Session, type SessionInput, session } from './session.ts'
