export {
  type LogAcknowledgement,
  parseLogAcknowledgement,
  prepareLogAcknowledgement,
} from './acknowledgement.ts'
export {
  type CertificateOrder,
  type IssueRequest,
  parseCertificateOrder,
  parseIssueRequest,
  serializeCertificateOrder,
  serializeIssueRequest,
} from './certificate-order.ts'
export {
  type CardLogBody,
  type CardLogEntry,
  cardLogLink,
  cardLogStart,
  type OperatingBody,
  parseCardLogEntry,
  serializeCardLogEntry,
} from './entry.ts'
export {
  type CentralStatement,
  centralTbs,
  certificateNumber,
  type OperatingStatement,
  operatingTbs,
} from './issued-certificates.ts'
export { type CardLogFile, parseCardLogFile, serializeCardLogFile } from './log-file.ts'
export { type CardLogProof, cardLogProof, verifyCardLogProof } from './log-proof.ts'
export {
  type RebuiltCertificate,
  type RebuiltLog,
  rebuildCertificates,
  rebuiltName,
} from './rebuild.ts'
export { parseSigningCardState, type SigningCardState, serializeSigningCardState } from './state.ts'
export {
  leastCapacity,
  parseUnitKeyAnswer,
  parseUnitKeyOrder,
  serializeUnitKeyAnswer,
  serializeUnitKeyOrder,
  type UnitKeyAnswer,
  type UnitKeyOrder,
  unitKeyInput,
} from './unit-key.ts'
