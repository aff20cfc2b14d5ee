export {
  type Checkpoint,
  parseCheckpoint,
  type SignedCheckpoint,
  serializeCheckpointBody,
  signCheckpoint,
} from './checkpoint.ts'
export { entryFields, type LogEntry, linkOfEntry, parseEntry } from './entry.ts'
export { type ChainedEvent, chainStart, nextLink, passportHeadInput } from './event-chain.ts'
export { leafHash, MerkleTree, nodeHash, verifyConsistency, verifyInclusion } from './merkle.ts'
export {
  cosignedAt,
  cosignNote,
  type Note,
  type NoteAlgorithm,
  type NoteKey,
  type NoteSignature,
  type NoteSigner,
  noteAlgorithms,
  noteKeyHash,
  noteSigner,
  parseNote,
  parseNoteKey,
  serializeNote,
  serializeNoteKey,
  signNote,
  verifyNote,
} from './note.ts'
export {
  buildPassport,
  type Passport,
  type PassportEntry,
  type PassportInput,
  type PassportParty,
  parsePassport,
  type SignedHead,
  serializePassport,
} from './passport.ts'
export {
  type Finding,
  type PassportCheck,
  type PassportQuestion,
  passportChecks,
  passportHolds,
  type Verdict,
  verifyPassport,
} from './verify-passport.ts'
