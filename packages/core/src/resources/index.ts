export {
  type Activation,
  type ActivationTrust,
  type CheckedActivation,
  checkActivation,
  notTrusted,
  parseActivation,
  pathLeaf,
  prepareActivation,
} from './activation.ts'
export {
  type Agreement,
  type AgreementNumber,
  agreementNumber,
  agreements,
  defaultAgreement,
  isAgreementNumber,
} from './agreement.ts'
export { isApplicationId, mostPlaces } from './fields.ts'
export {
  blockCount,
  blockSizes,
  contentLength,
  type Manifest,
  mostBlocks,
  parseManifest,
  prepareManifest,
} from './manifest.ts'
export {
  callBudget,
  type OperatorDocument,
  parseOperatorDocument,
  prepareOperatorDocument,
  type Reservation,
  type ResourceOrder,
} from './operator-document.ts'
export {
  blockBelongs,
  draftPackage,
  type LoadBlock,
  type LoadProgress,
  loadBlocks,
  openBlock,
  type Package,
  type PackageDraft,
  parseLoadBlock,
  parseLoadManifest,
  parseLoadProgress,
  parsePackage,
  serializeLoadBlock,
  serializeLoadManifest,
  serializeLoadProgress,
  serializePackage,
} from './package.ts'
export { openPackageKey, sealedKeyLength, sealPackageKey } from './package-key.ts'
export {
  applicationInput,
  type LoadReceipt,
  loadReceiptInput,
  loadReceiptLength,
  parseLoadReceipt,
  parseResourceReceipt,
  type ResourceReceipt,
  resourceReceiptInput,
  resourceReceiptLength,
  serializeLoadReceipt,
  serializeResourceReceipt,
  verifyLoadReceipt,
  verifyResourceReceipt,
} from './receipt.ts'
export { openRequest, prepareRequest, type ResourceRequest } from './request.ts'
export { inCatalogOrder, interfacesOf, resourceInterfaces, rightsOf } from './rights.ts'
export {
  parseResourceRoom,
  parseResourceSummaries,
  type ResourceRoom,
  type ResourceSummary,
  serializeResourceRoom,
  serializeResourceSummaries,
} from './room.ts'
