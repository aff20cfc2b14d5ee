export {
  type Binding,
  type Certificate,
  type CertificateProfile,
  type Extension,
  issueCertificate,
  keyIdentifier,
  moduleSerialText,
  type Name,
  parseCertificate,
  serializeCertificate,
  serializePublicKey,
  serializeTbs,
  type TbsCertificate,
  type TicketNumber,
  tbsOfProfile,
} from './certificate.ts'
export {
  type Anchor,
  anchorOf,
  checkPath,
  type PathInput,
  type PathReason,
  type PathResult,
  pathReasons,
} from './path.ts'
export { certificateToPem, pemToCertificates } from './pem.ts'
export { requirePath } from './require-path.ts'
export { arc, extensionOids, type KeyUsage, keyUsageBits, type RoleName, roleOfOid, roles } from './roles.ts'
