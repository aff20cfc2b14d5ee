export { fileError, isMissing, onFile, readIfThere, readWhole, writeAtomically, writeNew } from './files.ts'
