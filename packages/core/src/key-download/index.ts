export {
  type Attributes,
  attributesLength,
  type KeyUse,
  parseAttributes,
  permits,
  serializeAttributes,
} from './attributes.ts'
export {
  type DownloadContext,
  type DownloadKeys,
  derivationInput,
  downloadKeys,
  downloadKeysOf,
  serializeContext,
  unitApplicationKey,
  unitSignatureKey,
  unitTransportKey,
} from './derivation.ts'
export {
  type KeyMessageFile,
  parseKeyMessageFile,
  parseKeyReceiptFile,
  parseKeyRequestFile,
  serializeKeyMessageFile,
  serializeKeyReceiptFile,
  serializeKeyRequestFile,
} from './files.ts'
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
  type Generation,
  generations,
  type LoaderKeyEntry,
  type LoaderKeyOrder,
  type LoaderList,
  parseLoaderKeyEntry,
  parseLoaderKeyOrder,
  parseLoaderList,
  parseSetEntry,
  type ServedModules,
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
  parseShortKeyRequest,
  prepareHolds,
  prepareModes,
  requestForms,
  serializeKeyRequest,
  serializeShortKeyRequest,
} from './request.ts'
export { type SealRequest, sealKey, sealKeyUnder } from './seal.ts'
export {
  cmacSignature,
  type KeySignatureCheck,
  type KeySigner,
  publicKeySignature,
  signatureInput,
} from './signature.ts'
export { cryptogramLengths, isSuite, type SignatureKind, type Suite, suiteRow, suites } from './suite.ts'
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
