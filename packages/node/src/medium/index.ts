export { backUpChip } from './backup.ts'
export { parseBackup, serializeBackup } from './backup-file.ts'
export { ChipDraft } from './chip-draft.ts'
export { ChipFile, type HeldChip, holdChip, keyAsksPassphrase, protectChip } from './chip-file.ts'
export {
  type ChipHeader,
  describeHeader as describeChipHeader,
  headerLength as chipHeaderLength,
  parseHeader as parseChipHeader,
} from './chip-header.ts'
export { type ChipKeys, findKeyFile, keyProtection } from './chip-key.ts'
export type { ChipOptions } from './chip-world.ts'
export type { Files } from './files.ts'
export { createChip, type NewChip } from './new-chip.ts'
export {
  parseWrappedKey,
  type ScryptCost,
  serializeWrappedKey,
  unwrapKey,
  type WrappedKey,
  wrapKey,
} from './passphrase.ts'
export { type PlannedRestore, planRestore } from './restore.ts'
export {
  type ChipCheck,
  type ChipFinding,
  chipChecks,
  type PageFinding,
  type Verification,
  verifyChip,
} from './verify.ts'
