export { fileNames, fileStore } from './file-store.ts'
