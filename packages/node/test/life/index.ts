export { clock, Life, type LifeWorld, type ProgramName, type Programs, type Witness } from './life.ts'
export { type Stage, stages } from './stages.ts'
