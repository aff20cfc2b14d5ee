export type { CertificateRecord } from './certificate-record.ts'
export type { ChipFactory, MaskDigests, MaskDraft, MaskLayout } from './chip-factory.ts'
export { type KeptVault, keptVault } from './kept-vault.ts'
export {
  type KeyEntry,
  type KeyVault,
  logSigningKey,
  type PairKind,
  type SecretUse,
} from './key-vault.ts'
export type { ChipClaim, LotCrew, PoweredChip } from './lot-crew.ts'
export {
  type KeyStorage,
  memoryPorts,
  memoryStore,
  memoryVault,
  requireAesLength,
  type StoredKey,
  vaultOver,
} from './memory.ts'
export { type PartyName, parties } from './parties.ts'
export type { PartyPorts } from './party-ports.ts'
export { type StagedWrites, stagedStore } from './staged-store.ts'
export { requireStoreName, type Store } from './store.ts'
export { type Enforcement, enforcements, notEnforced, type VaultKind, vaultKinds } from './vault-kinds.ts'
