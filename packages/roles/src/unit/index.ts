export {
  type CardLog,
  type CardOrderInput,
  type InitCardInput,
  initCard,
  orderByCard,
  readLogOfCard,
  showCard,
  type TakeInput,
  takeByCard,
} from './card.ts'
export { type PersonalizeByCardInput, personalizeByCard } from './card-personalize.ts'
export { channelIdentification, channelKey } from './channel-key.ts'
export { credentialKey, makeCredentials } from './credential.ts'
export { initKey, signingKey } from './key.ts'
export { type ChannelChoice, channelWarning } from './personalization-channel.ts'
export { type Given, type Personalized, type PersonalizeInput, personalize } from './personalize.ts'
export { type PersonalizationRecord, parseRecord, readRecords } from './record.ts'
export { type Request, type RequestInput, request } from './request.ts'
export {
  parseGivenApprovals,
  type RequestApprovalInput,
  requestApproval,
  type TakeRosterInput,
  takeRoster,
} from './rules.ts'
export {
  currentTicket,
  parseTicketCount,
  type TakeTicketInput,
  type TicketCount,
  takeTicket,
  ticketRecord,
} from './tickets.ts'
export { type TakeTransferInput, type TransferInput, takeTransfer, transfer } from './transfer.ts'
