export { FileMedium, type FileMediumOptions, type Files } from './file-medium.ts'
export { FileLock, type Holder } from './lock.ts'
