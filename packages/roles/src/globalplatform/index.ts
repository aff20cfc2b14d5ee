export { type CardLine, type CardPorts, plainLine, type SelectedDomain, selectDomain } from './card.ts'
export {
  type AuthorityInput,
  limitToSerialNumbers,
  readCertificates,
  storeCertificates,
  trustAuthority,
} from './certificates.ts'
export {
  type CreateDomainInput,
  createDomain,
  type DeleteContentInput,
  type DeleteKeysInput,
  deleteContent,
  deleteKeys,
} from './content.ts'
export { type GenerateKeyInput, generateKey } from './generate-key.ts'
export { type CardInformation, readCardInformation } from './information.ts'
export { readAuthorities, readKeys, useOfKey } from './keys.ts'
export { type LockInput, setCardState, setLocked } from './life.ts'
export { type PutKeysInput, type PutKeysResult, putKeys } from './put-keys.ts'
export { type Registry, readRegistry, readStatus } from './registry.ts'
export { type HostKey, openScp11Session, type Scp11SessionInput } from './scp11-session.ts'
export { type DomainSession, type KeySource, openScp03Session, type Scp03SessionInput } from './session.ts'
