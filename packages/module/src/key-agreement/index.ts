export { isOwnKey, openKeyAgreement } from './key-agreement.ts'
