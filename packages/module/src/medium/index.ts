export { CountingMedium } from './counting-medium.ts'
export { FaultMedium } from './fault-medium.ts'
export { FaultSlots } from './fault-slots.ts'
export {
  type Area,
  type AreaName,
  areaNames,
  areaOf,
  areaOfPage,
  areaPages,
  defaultEeprom,
  type Geometry,
  geometryFor,
  largestEeprom,
  pageSize,
  requirePage,
  smallestEeprom,
  totalPages,
  transactionPages,
} from './geometry.ts'
export { checkProgram, type Medium, PageDamaged, StorageFull, type TransactionSeal } from './medium.ts'
export { type Cut, type CutMode, cutModes, Power, PowerLoss } from './power.ts'
export { RamMedium, romPages, type Snapshot } from './ram-medium.ts'
export { RamSlots } from './ram-slots.ts'
export { checkSlot, type Slots } from './slots.ts'
