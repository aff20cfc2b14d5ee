export { openExchange } from './general-exchange.ts'
export { isOwnKey, openKeyAgreement } from './key-agreement.ts'
