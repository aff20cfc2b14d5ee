export { checksum } from './checksum.ts'
export { Journal } from './journal.ts'
export { type JournalRecord, parseRecord, serializeRecord } from './record.ts'
