export { type Attributes, attributesLength, parseAttributes, serializeAttributes } from './attributes.ts'
export {
  type DownloadContext,
  type DownloadKeys,
  downloadKeys,
  serializeContext,
  unitApplicationKey,
  unitSignatureKey,
  unitTransportKey,
} from './derivation.ts'
export { type Header, headerLength, parseHeader, serializeHeader } from './header.ts'
export { type KeyMessage, parseKeyMessage, serializeKeyMessage } from './message.ts'
export { type CheckedMessage, checkMessage, type OpenedKey, openMessage } from './open.ts'
export {
  acknowledge,
  type KeyReceipt,
  parseKeyReceipt,
  serializeKeyReceipt,
  verifyReceipt,
} from './receipt.ts'
export { type SealRequest, sealKey } from './seal.ts'
export {
  cmacSignature,
  type KeySignatureCheck,
  type KeySigner,
  publicKeySignature,
  signatureInput,
} from './signature.ts'
export { isSuite, type SignatureKind, type Suite, suiteRow, suites } from './suite.ts'
