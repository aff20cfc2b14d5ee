export { chipEnding, chipNames } from './chip-names.ts'
export { type CrewOptions, threads } from './crew.ts'
export { type LotTask, papersPath, writePapers } from './task.ts'
