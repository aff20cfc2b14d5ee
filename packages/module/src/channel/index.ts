export { Channels, type OpenChannel } from './channels.ts'
export { openKeyAgreement } from './key-agreement.ts'
