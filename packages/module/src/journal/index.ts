export { checksum } from './checksum.ts'
export { Journal } from './journal.ts'
export {
  attachmentLength,
  type JournalRecord,
  parseRecord,
  type RecordPages,
  serializeRecord,
} from './record.ts'
export { type JournalSurvey, surveyJournal } from './survey.ts'
