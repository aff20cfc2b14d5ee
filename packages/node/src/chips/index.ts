export { chipFactory, maskLayout } from './chips.ts'
