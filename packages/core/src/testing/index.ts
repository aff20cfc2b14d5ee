export { type FixedClock, fixedClock } from './clock.ts'
export { scriptedEntropy } from './entropy.ts'
