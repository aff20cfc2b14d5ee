export {
  addEntry,
  beginLog,
  entryBytes,
  logHead,
  logWasLost,
  nextEntry,
  readEntry,
  requireRoom,
} from './card-log.ts'
export { requireCertified, requireUnit, unitCertificate } from './certificates.ts'
export {
  hearTime,
  knownTime,
  putUsed,
  rosterAt,
  takeDocument,
  ticketAt,
  usedOf,
} from './documents.ts'
export { objectIds } from './object-ids.ts'
export { closeOrder, findOrder, type KeptOrder, keepOrder, sameOrder } from './orders.ts'
export { findSettings, putSettings, type Settings, settingsOf } from './settings.ts'
export { signingCardState } from './state.ts'
