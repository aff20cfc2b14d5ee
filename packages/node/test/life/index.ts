export {
  clock,
  type Interference,
  Life,
  type LifeWorld,
  type ProgramName,
  type Programs,
  type Witness,
} from './life.ts'
export type { Stage } from './stage.ts'
export { stages } from './stages.ts'
