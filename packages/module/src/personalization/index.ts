export { longestStep, mayFollow, readTime, timeOf, writeTime } from './authority-time.ts'
export { putChecked, readChecked, removeChecked } from './checked-object.ts'
export { clearPending, type Pending, readPending, writePending } from './pending.ts'
export { readCertification, readPolicy, writeCertification } from './policy.ts'
