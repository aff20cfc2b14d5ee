export { type Definition, Definitions } from './definitions.ts'
