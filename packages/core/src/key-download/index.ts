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
export {
  type KeyRecord,
  parseKeyRecord,
  parseReceiptClaim,
  type ReceiptClaim,
  serializeKeyRecord,
  serializeReceiptClaim,
} from './key-record.ts'
export {
  type LoaderKeyEntry,
  type LoaderKeyOrder,
  type LoaderList,
  parseLoaderKeyEntry,
  parseLoaderKeyOrder,
  parseLoaderList,
  parseSetEntry,
  type SetEntry,
  serializeLoaderKeyEntry,
  serializeLoaderKeyOrder,
  serializeLoaderList,
  serializeSetEntry,
} from './loader-entry.ts'
export { type KeyMessage, parseKeyMessage, serializeKeyMessage } from './message.ts'
export { type CheckedMessage, checkMessage, type OpenedKey, openMessage } from './open.ts'
export { type KeyPlace, type PlaceKind, parseKeyPlace, placeKinds, serializeKeyPlace } from './place.ts'
export {
  acknowledge,
  type KeyReceipt,
  parseKeyReceipt,
  serializeKeyReceipt,
  verifyReceipt,
} from './receipt.ts'
export {
  type KeyRequest,
  parseKeyRequest,
  prepareHolds,
  prepareModes,
  serializeKeyRequest,
} from './request.ts'
export { type SealRequest, sealKey } from './seal.ts'
export {
  cmacSignature,
  type KeySignatureCheck,
  type KeySigner,
  publicKeySignature,
  signatureInput,
} from './signature.ts'
export { isSuite, type SignatureKind, type Suite, suiteRow, suites } from './suite.ts'
export {
  type Profile,
  parseSetData,
  parseTransportKeyData,
  profiles,
  type SetData,
  type SignatureKeyData,
  serializeSetData,
  serializeTransportKeyData,
  type TransportKeyData,
  transportModes,
  type WrappedKey,
} from './transport-key.ts'
