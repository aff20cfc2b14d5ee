export { isAid } from './aid.ts'
export {
  type CardCapabilities,
  type CardRecognitionData,
  type Cplc,
  cardRecognitionData,
  type DataTag,
  dataTags,
  type ExtendedResources,
  type ProtocolCapability,
  type ProtocolIdentifier,
  parseApplicationList,
  parseCardCapabilities,
  parseCardRecognitionData,
  parseCplc,
  parseDiversificationData,
  parseExtendedResources,
  parseSequenceCounter,
  serializeApplicationList,
  serializeCardCapabilities,
  serializeCardRecognitionData,
  serializeCplc,
  serializeExtendedResources,
  serializeSequenceCounter,
} from './card-data.ts'
export { type CurveName, curves, isPointOf, parseCurve } from './curves.ts'
export { answerOf, valueOfAnswer } from './data-object.ts'
export { type DeleteRequest, deleteOptions, parseDeleteRequest, serializeDeleteRequest } from './delete.ts'
export {
  type GenerateKeyAnswer,
  type GenerateKeyRequest,
  parseGenerateKeyAnswer,
  parseGenerateKeyRequest,
  serializeGenerateKeyAnswer,
  serializeGenerateKeyRequest,
} from './generate-key.ts'
export { factoryKeyVersion, isCaKeyIdentifier, isKeyVersion, keyIdentifiers } from './key-identifiers.ts'
export {
  type KeyComponentInformation,
  type KeyInformationEntry,
  parseKeyInformation,
  serializeKeyInformation,
} from './key-information.ts'
export {
  type ApplicationState,
  type ApplicationStateName,
  applicationStates,
  type CardState,
  cardMayBecome,
  cardStates,
  type DomainState,
  type DomainStateName,
  domainStates,
  loadFileStates,
  lockedBit,
  parseApplicationState,
  parseCardState,
  parseDomainState,
  serializeState,
} from './life-cycle.ts'
export {
  hasPrivilege,
  type Privilege,
  type Privileges,
  parsePrivileges,
  privileges,
  privilegesOf,
  serializePrivileges,
} from './privileges.ts'
export {
  type AesKeyComponent,
  checkValuesOf,
  type DesKeyComponent,
  type EcPrivateKeyComponent,
  type EcPublicKeyComponent,
  keyTypes,
  type PutKeyAnswer,
  type PutKeyComponent,
  type PutKeyData,
  parsePutKeyAnswer,
  parsePutKeyData,
  type RsaPublicKeyComponent,
  serializePutKeyAnswer,
  serializePutKeyData,
} from './put-key.ts'
export {
  domainFileControlInformation,
  type FileControlInformation,
  longestData,
  parseFileControlInformation,
  serializeFileControlInformation,
} from './select.ts'
export {
  type OldRegistryEntry,
  parseOldRegistryEntries,
  parseRegistryEntries,
  parseStatusForm,
  parseStatusRequest,
  parseStatusScope,
  type RegistryEntry,
  type StatusForm,
  type StatusRequest,
  type StatusScope,
  serializeOldRegistryEntries,
  serializeRegistryEntries,
  serializeStatusForm,
  serializeStatusRequest,
  statusScopes,
} from './status.ts'
