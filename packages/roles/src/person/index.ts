export { type Consent, consent, type RosterSource, readAsked, readRequest } from './approve.ts'
export { approvalKey, init, type PersonKey, parsePersonTag, show } from './device.ts'
