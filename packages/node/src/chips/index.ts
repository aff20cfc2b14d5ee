export { chipFactory, makePlainChip, maskLayout } from './chips.ts'
