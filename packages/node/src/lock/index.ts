export { acquireLock, type Holder, type Lock, readHolder } from './lock.ts'
