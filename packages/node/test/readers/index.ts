export { finishedChip } from './chips.ts'
export {
  type CardEvent,
  InsertedCard,
  type Ran,
  Readers,
  type ReadersOptions,
  type RunOptions,
  readerName,
} from './readers.ts'
export { findProgram, needReaders, tellWhyNoReaders, whyNoReaders } from './requirements.ts'
