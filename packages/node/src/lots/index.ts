export { chipEnding, chipNames } from './chip-names.ts'
export { type CrewOptions, processes } from './crew.ts'
export { type LotTask, papersPath, writePapers } from './task.ts'
