export { type DepersonalizeByHand, depersonalizeByHand } from './depersonalize.ts'
export {
  type DocumentChannel,
  documentHead,
  documentKeyName,
  inDocumentChannel,
  keepPapers,
  type OwnDocumentKey,
  underDocumentKey,
} from './document-channel.ts'
export { bundleEnding, parseEntriesFile, readOutbox, serializeEntriesFile } from './entries-file.ts'
export {
  type EntryDetails,
  type ModuleEvent,
  outbox,
  parseEvents,
  provenEvents,
  type RecordInput,
  readEvents,
  recordEvent,
  recordEvents,
} from './events.ts'
export {
  type ModuleHead,
  type ProvenHead,
  parseState,
  provenHead,
  readData,
  readHead,
  readSignedHead,
  tagParameters,
} from './head.ts'
export { presentOutside, readOutsideDigests } from './outside.ts'
export { type Restored, type RestoreInput, recordRestore } from './restore.ts'
export {
  type CardTrust,
  readCardLog,
  readProvenCardLog,
  readSigningCard,
  requireCardIdentity,
  requireNotRestored,
  type SigningCard,
} from './signing-card.ts'
export { intentFile, type ModuleStep, moduleStep, pendingIntent, type Step, step } from './step.ts'
