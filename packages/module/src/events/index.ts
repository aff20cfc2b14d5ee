export { type EventRecord, Events, type Head } from './events.ts'
