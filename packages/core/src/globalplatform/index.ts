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
export type { OceCertificate } from './certificate.ts'
export { type OceRole, oceRoles, policyOf, roleOfPolicies } from './certificate-roles.ts'
export { type CurveName, curves, isPointOf, parseCurve } from './curves.ts'
export { answerOf, valueOfAnswer } from './data-object.ts'
export { type DeleteRequest, deleteOptions, parseDeleteRequest, serializeDeleteRequest } from './delete.ts'
export {
  type Diversification,
  diversifications,
  diversifyScp03Keys,
  type Scp03KeyBytes,
  scp03KeyHandles,
  testOnlyScp03Key,
  wipeScp03Keys,
} from './diversification.ts'
export {
  type GenerateKeyAnswer,
  type GenerateKeyRequest,
  parseGenerateKeyAnswer,
  parseGenerateKeyRequest,
  serializeGenerateKeyAnswer,
  serializeGenerateKeyRequest,
} from './generate-key.ts'
export {
  type GpCertificateContent,
  parseGpCertificate,
  serializeGpCertificate,
  serializeGpCertificateContent,
} from './gp-certificate.ts'
export {
  type InstallForExtradition,
  type InstallForInstall,
  type InstallForLoad,
  type InstallForPersonalization,
  type InstallForRegistryUpdate,
  type InstallPurpose,
  type InstallRequest,
  installPurposes,
  parseConfirmation,
  parseInstallPurpose,
  parseInstallRequest,
  serializeConfirmation,
  serializeInstallRequest,
} from './install.ts'
export {
  type DomainParameters,
  type InstallParameters,
  installParameters,
  installTags,
  parseDomainParameters,
  parseInstallParameters,
  type Quota,
  quotaTags,
  serializeDomainParameters,
  serializeInstallParameters,
} from './install-parameters.ts'
export { issueGpCertificate, issueOceCertificate, type OceCertificateProfile } from './issue-certificate.ts'
export { factoryKeyVersion, isCaKeyIdentifier, isKeyVersion, keyIdentifiers } from './key-identifiers.ts'
export {
  type KeyComponentInformation,
  type KeyInformationEntry,
  parseKeyInformation,
  serializeKeyInformation,
} from './key-information.ts'
export {
  type CaIdentifier,
  type KeyReference,
  keyReferenceObject,
  parseCaIdentifiers,
  parseCaKeyRequest,
  parseCertificateRequest,
  parseKeyReference,
  parseKeyReferenceTemplate,
  serializeCaIdentifiers,
  serializeCaKeyRequest,
  serializeCertificateRequest,
} from './key-reference.ts'
export { parseKeySet, serializeKeySetFile } from './key-set-file.ts'
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
  type DapBlock,
  type LoadBlock,
  type LoadFile,
  LoadFileCollector,
  parseLoadFile,
  parseLoadP1,
  serializeLoadFile,
  splitLoadFile,
} from './load.ts'
export {
  type ChainAuthority,
  checkOceChain,
  type OceChainFailure,
  type OceChainProblem,
  oceChainProblems,
  orderChain,
  parseCertificateBundle,
  parseOceCertificate,
  sameSerialNumber,
  verifyOceCertificate,
} from './oce-certificate.ts'
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
export {
  type CaKind,
  type DataGrouping,
  type DomainData,
  parseDataGroupings,
  parseDomainData,
  parseStoreDataForm,
  type StoreDataBlock,
  StoreDataCollector,
  type StoreDataEncryption,
  type StoreDataForm,
  type StoreDataStructure,
  serializeDataGroupings,
  serializeDomainData,
  serializeStoreDataForm,
  splitStoreData,
  storeDataEncryptions,
  storeDataStructures,
} from './store-data.ts'
export { parseX509OceCertificate, serializePolicies } from './x509-certificate.ts'
