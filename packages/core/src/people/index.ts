export {
  type Approval,
  type ApprovalRequest,
  parseApproval,
  parseApprovalRequest,
  prepareApproval,
  serializeApprovalRequest,
} from './approval.ts'
export {
  type ApprovalExpectation,
  type ApprovalReason,
  type ApprovalResult,
  approvalReasons,
  checkApprovals,
} from './check.ts'
export {
  type EnrolmentRequest,
  openEnrolmentRequest,
  parseEnrolmentRequest,
  prepareEnrolmentRequest,
} from './enrolment-request.ts'
export {
  isApprovableAction,
  type Matter,
  matterFields,
  matterWords,
  type ObjectOf,
  readMatter,
  sameMatter,
} from './matter.ts'
export { isPersonId, type Person, readsAs } from './person.ts'
export {
  openPinReset,
  type PinReset,
  parsePinResetRequest,
  preparePinReset,
  serializePinResetRequest,
} from './pin-reset.ts'
export {
  checkRoster,
  mostPersons,
  parseRoster,
  personOfKey,
  prepareRoster,
  type Roster,
  type RosterExpectation,
  type RosterReason,
  type RosterResult,
  rosterReasons,
  sameX,
} from './roster.ts'
