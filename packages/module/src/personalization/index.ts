export { longestStep, mayFollow, readTime, timeOf, writeTime } from './authority-time.ts'
export { clearPending, type Pending, readPending, writePending } from './pending.ts'
