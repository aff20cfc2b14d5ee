export { type CardProof, certifyMadeKey, layCardProof, makeCardProof } from './card-proof.ts'
export {
  type ContentParts,
  carryOutToken,
  deleteContent,
  longestLoadFile,
  moduleOf,
  requireFreeAid,
  requireManager,
  requireOwnContent,
} from './content.ts'
export { domainDataObject } from './data-objects.ts'
export { countDomainTry, forgiveDomainTries, requireUnblocked } from './domain-tries.ts'
export { installFactoryKeys, layFactorySet } from './factory-keys.ts'
export { diversificationData } from './identification.ts'
export {
  type ClearKey,
  changeKeys,
  clearKey,
  endFactorySet,
  layKey,
  refuseScript,
  removeKey,
  requireKind,
  requirePlaces,
} from './key-management.ts'
export {
  domainParameter,
  domainScp03Opened,
  openDomainKeyAgreement,
  openDomainScp03,
} from './open-channel.ts'
export { recordCardState, recordContent, recordDomainKeys } from './record.ts'
