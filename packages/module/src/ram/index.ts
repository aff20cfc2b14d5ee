export { Ram, ramSize } from './ram.ts'
