export { certificateFile, certificateOf } from './certificate-file.ts'
export { exitStatuses, failureOf, tellFailure } from './failure.ts'
export { customerOf, fingerprintOption, requiredFingerprint } from './fingerprint-option.ts'
export {
  baudOf,
  checksumOf,
  type ModuleAddress,
  moduleAddress,
  type SerialAddress,
} from './module-address.ts'
export { failing, fields, type Report, report, table, toJson } from './output.ts'
export { requireParty } from './party-argument.ts'
export { processTerminal } from './process-terminal.ts'
export { reportBytes, requireReportName } from './report-file.ts'
export { requireSerial } from './serial-argument.ts'
export { parseSerialList, serialListBytes, serialsFrom } from './serial-list.ts'
export { enforcedIn, placeLabel } from './signing-label.ts'
export { keyBesideChip, type OpenModule, Step } from './step.ts'
export type { Terminal } from './terminal.ts'
export { requireTime, timeText } from './time-argument.ts'
export { type Context, type Verb, type VerbOption, verbs } from './verb.ts'
