export { type CertificateInput, certifiedPoints } from './certified-points.ts'
export { type Customized, type CustomizeInput, customize } from './customize.ts'
export { type Finished, type FinishInput, finish } from './finish.ts'
export { type LaterCustomized, type LaterCustomizeInput, laterCustomize } from './later-customize.ts'
export {
  type CompleteLot,
  type CustomizeLot,
  completeLot,
  customizeLot,
  type FinishLot,
  finishLot,
  type LotInput,
  type LotJob,
  type LotRun,
  lotRows,
} from './lot.ts'
export {
  type CompleteLotInput,
  type CustomizeLotInput,
  completeLotChip,
  customizeLotChip,
  type FinishLotInput,
  finishLotChip,
  type LotChip,
  type LotChipDone,
} from './lot-chip.ts'
export { lotImageDigests } from './lot-images.ts'
export { type NewLot, type NewLotInput, newLot } from './lot-new.ts'
export {
  type LotDigest,
  type LotOutcome,
  type LotRow,
  lotColumns,
  lotDigests,
  lotOutcomes,
  lotReport,
} from './lot-row.ts'
export { lotIndices, lotRoot, useLot } from './lots.ts'
export { type Mask, type MaskInput, mask } from './mask.ts'
export { fuelKeyPlace, fuelKeySource, limitedKeyPlace, type ProductName, products } from './products.ts'
export { type MadeSam, makeSam } from './sam.ts'
export { type Unlocked, unlock } from './unlock.ts'
