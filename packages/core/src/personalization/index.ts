export {
  type BareCertificate,
  type BareReason,
  bareCertificateInput,
  bareCertificateReason,
  isBareCertificate,
  parseBareCertificate,
  serializeBareCertificate,
} from './bare-certificate.ts'
export {
  type BeginAnswer,
  type BeginRequest,
  beginInput,
  ownBeginInput,
  parseBeginAnswer,
  parseBeginRequest,
  serializeBeginAnswer,
  serializeBeginRequest,
  verifyBegin,
  verifyOwnBegin,
} from './begin.ts'
export {
  type CertificateRequest,
  fingerprint,
  openCertificateRequest,
  prepareCertificateRequest,
  type RequestingRole,
  requireFingerprint,
} from './certificate-request.ts'
export {
  type BindingReason,
  bindingReasons,
  type CheckedCertificates,
  type CompleteExpectation,
  type CompleteFailure,
  type CompleteResult,
  checkCertificates,
} from './check.ts'
export {
  type CompleteReceipt,
  type CompleteRequest,
  completeInput,
  parseCompleteReceipt,
  parseCompleteRequest,
  serializeCompleteReceipt,
  serializeCompleteRequest,
} from './complete.ts'
export {
  type Credential,
  credentialLength,
  deriveCredential,
  parseCredentials,
  proveCredential,
  serializeCredentials,
  verifyCredentialProof,
} from './credential.ts'
export {
  type DepersonalizeReceipt,
  type DepersonalizeRequest,
  depersonalizeInput,
  parseDepersonalizeRequest,
  serializeDepersonalizeRequest,
  verifyDepersonalize,
} from './depersonalize.ts'
export {
  type DisabledKey,
  type DisabledKind,
  type Disabling,
  disabledKinds,
  parseDisabling,
  prepareDisabling,
} from './disabling.ts'
export {
  isOutsideObject,
  type OutsideDigest,
  type OutsideKind,
  type OutsideObject,
  outsideKindOf,
  outsideKinds,
  parseOutsideDigests,
  parseOutsideObjects,
  serializeOutsideDigests,
  serializeOutsideObjects,
} from './outside-objects.ts'
export {
  type Policy,
  type PolicyName,
  parsePolicy,
  policyBits,
  serializePolicy,
  strictPolicy,
} from './policy.ts'
export {
  parseTransfer,
  prepareTransfer,
  type Transfer,
  type TransferExpectation,
  transferHolds,
} from './transfer.ts'
