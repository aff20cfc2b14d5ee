export { openKeyAgreement } from './key-agreement.ts'
