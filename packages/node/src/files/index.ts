export {
  fileError,
  isMissing,
  onFile,
  readIfThere,
  readWhole,
  removeDrafts,
  writeAtomically,
} from './files.ts'
