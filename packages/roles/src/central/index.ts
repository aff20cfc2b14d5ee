export { type AcknowledgedLog, acknowledgeLog } from './acknowledge-log.ts'
export { type CircularInput, insecureCertifyUnit } from './certify-unit.ts'
export { parseDepersonalization, serializeDepersonalization } from './depersonalization.ts'
export { type Depersonalized, type DepersonalizeInput, depersonalize } from './depersonalize.ts'
export {
  type ChainedDisabling,
  type Decision,
  type DisablingInput,
  disable,
  disabledKeys,
  disablings,
  enable,
  parseDisabledKey,
  serializeDisabledKey,
} from './disabling.ts'
export { type IssueCardInput, type IssuedCard, issueCard } from './issue-card.ts'
export { type CentralKey, key, sessionKey } from './key.ts'
export type { KnownUnit } from './known-unit.ts'
export {
  checkModuleMessage,
  giveLimitedKey,
  type LimitedKey,
  type LimitedKeyInput,
  type MessageForModule,
  messageForModule,
  tellTime,
} from './limited-key.ts'
export { parseMessageNumbers, serializeMessageNumbers } from './message-numbers.ts'
export { type DecidedPayment, payment } from './payment.ts'
export { type EnrolInput, enrol, type IssuedRoster, revoke, roster } from './people.ts'
export { type PinResetInput, resetPin } from './pin-reset.ts'
export { type OperatingKey, type Session, type SessionInput, session } from './session.ts'
export {
  type IssuedTicket,
  type IssueTicketInput,
  issueTicket,
  type MergeTicketsInput,
  mergeRecords,
  ticketsOf,
} from './tickets.ts'
export {
  type EnrolledUnit,
  type EnrolUnitInput,
  enrolledUnits,
  enrolUnit,
  parseEnrolledUnit,
  serializeEnrolledUnit,
} from './units.ts'
