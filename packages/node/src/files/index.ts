export {
  fileError,
  isMissing,
  onFile,
  readIfThere,
  readWhole,
  removeDrafts,
  syncFolder,
  writeAtomically,
  writeUnnamed,
} from './files.ts'
