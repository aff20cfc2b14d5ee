export {
  type ApprovableAction,
  approvableActions,
  type Duty,
  duties,
  type ObjectField,
  objectFields,
} from './actions.ts'
export {
  type ChannelForm,
  type ChannelLevel,
  channelForms,
  channelLevelOf,
  channelLevels,
  channelSuite,
  channelSuites,
  defaultChannelLevel,
  meetsLevel,
  type SupplierForm,
  supplierForms,
} from './channel-forms.ts'
export {
  answeredUnpersonalized,
  type ChannelNeed,
  type CommandName,
  type CommandRow,
  cardManagement,
  commandByEntry,
  commands,
  programInstructions,
} from './commands.ts'
export { contentType, type DocumentName, documentOfContentType, documentTypes } from './documents.ts'
export { type EventType, eventTypeOf, eventTypes } from './events.ts'
export { type FormatName, formats, unversioned } from './formats.ts'
export { type InputPath, type InputPathName, inputPaths, type LoopMode } from './input-loop.ts'
export {
  addedModule,
  customizationRecords,
  functionExport,
  type InterfaceFunction,
  type InterfaceName,
  type InterfaceParameter,
  type InterfaceRow,
  interfaces,
} from './interfaces.ts'
export { labels } from './labels.ts'
export { checkTries, eventsKept, longestApproval, ordersKept, unlockTries } from './limits.ts'
export {
  certificateIds,
  channelKeys,
  dataTags,
  firstDomainKeyVersion,
  issuerDomainAid,
  keyPlaces,
  keyVersions,
  productDataIds,
  publicKeyIds,
  receiptIds,
  securityDomainKeys,
} from './places.ts'
export { type SelfTestResult, selfTestResults } from './self-test.ts'
export {
  type Certification,
  type ChipMode,
  certifications,
  chipModes,
  type IdentityProof,
  identityProofs,
  type PersonalizationState,
  personalizationStates,
  type ResourceState,
  resourceStateOf,
  resourceStates,
} from './states.ts'
export { type StatusWord, statusWordName, statusWords } from './status-words.ts'
export { testKeys } from './test-keys.ts'
