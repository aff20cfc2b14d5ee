export { FileLock, type Holder, isCode } from './lock.ts'
