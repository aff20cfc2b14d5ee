export { Programs } from './programs.ts'
