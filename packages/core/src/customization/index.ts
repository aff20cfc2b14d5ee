export { parseChangeFile } from './change-file.ts'
export {
  type ChannelKeySet,
  customizationChannelKeys,
  documentChannelKeys,
  firstDomainKeys,
  laterChannelKeys,
  scp03KeysOf,
  wipeChannelKeys,
} from './channel-keys.ts'
export { type ChipStatus, isTestModule, parseChipStatus, serializeChipStatus } from './chip-status.ts'
export {
  type CustomizationImage,
  type ImageForm,
  imageForms,
  imageSignedInput,
  openImage,
  parseCustomizationImage,
  parseUnlockingData,
  sealImage,
  serializeCustomizationImage,
  serializeUnlockingData,
  signCustomizationImage,
  type UnlockingData,
} from './customization-image.ts'
export {
  type CustomizationKeyEnvelope,
  openCustomizationKeyEnvelope,
  parseCustomizationKeyEnvelope,
  sealCustomizationKeyToChip,
  serializeCustomizationKeyEnvelope,
} from './customization-key-envelope.ts'
export { type DeliveryNote, parseDeliveryNote, serializeDeliveryNote } from './delivery-note.ts'
export {
  checkIdentityRequest,
  type IdentityKey,
  type IdentityRequest,
  identityRequestInput,
  parseIdentityKey,
  parseIdentityRequest,
  serializeIdentityKey,
  serializeIdentityRequest,
} from './identity-request.ts'
export { keyObjectTypes, parseAesKeyObject, serializeAesKeyObject } from './key-object.ts'
export { type LaterChange, type LaterSoftware, laterWriteLimit, laterWrites } from './later-change.ts'
export {
  parseSamState,
  parseSessionLimit,
  parseSessionRequest,
  type SamState,
  type SessionRequest,
  serializeSamState,
  serializeSessionLimit,
  serializeSessionRequest,
} from './later-session.ts'
export {
  type LotCertificate,
  parseLotCertificates,
  parseLotRequests,
  serializeLotCertificates,
  serializeLotRequests,
} from './lot-certification.ts'
export { type LotFile, type LotKind, lotKinds, parseLotFile, serializeLotFile } from './lot-file.ts'
export { type LotImage, lotDocumentKey, lotImageIv, lotImageKey, lotImageOf } from './lot-keys.ts'
export { isLotNote, type LotNote, type NotedChip, parseLotNote, serializeLotNote } from './lot-note.ts'
export {
  indexInLot,
  isLotOrder,
  type LotOrder,
  lotChip,
  lotOrderOf,
  parseLotOrder,
  serializeLotOrder,
} from './lot-order.ts'
export {
  isTestMask,
  type MaskFile,
  type MaskPage,
  maskPagesOf,
  parseMaskFile,
  romMagics,
  serializeMaskFile,
} from './mask-file.ts'
export { type ModulePapers, parseModulePapers, serializeModulePapers } from './papers.ts'
export { type Product, type ProductObject, type ProductSoftware, recordsOfProduct } from './product.ts'
export {
  customizationKeyLength,
  openSealedCustomizationKey,
  parseSealedCustomizationKey,
  type SealedCustomizationKey,
  sealCustomizationKey,
  serializeSealedCustomizationKey,
} from './sealed-customization-key.ts'
export { parseSelfTest, type SelfTest, serializeSelfTest } from './self-test.ts'
export {
  dataAreaOf,
  type GrantableInterface,
  grantableInterfaces,
  parseSoftware,
  programNumbers,
  romInterfaces,
  type Software,
  serializeSoftware,
} from './software.ts'
export { parseUnlockingFile, serializeUnlockingFile, type UnlockingFile } from './unlocking-file.ts'
export {
  type CustomizationObject,
  customizationObjects,
  packWrites,
  parseWriteRecords,
  recordsOfObject,
  serializeWriteRecords,
  type WriteRecord,
  type WriteVector,
  writeLimit,
} from './write-records.ts'
