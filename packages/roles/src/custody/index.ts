export { type DocumentChannel, documentKeyName, inDocumentChannel, keepPapers } from './document-channel.ts'
export { parseEntriesFile, readOutbox, serializeEntriesFile } from './entries-file.ts'
export {
  type EntryDetails,
  type ModuleEvent,
  outbox,
  type ProvenHead,
  parseEvents,
  type RecordInput,
  readEvents,
  recordEvent,
  recordEvents,
} from './events.ts'
export { type ModuleHead, parseState, readData, readHead, readSignedHead, tagParameters } from './head.ts'
export { type ModuleStep, moduleStep, type Step, step } from './step.ts'
