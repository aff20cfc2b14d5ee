export { clientFindings } from './clients.ts'
export { type Finding, isWrong } from './finding.ts'
export { cureRoute, type RouteChange, undoCure } from './loopback-route.ts'
export { type ReaderFindings, readerFindings } from './readers.ts'
