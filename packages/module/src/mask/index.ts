export { layOutMask, type MaskParts, maskedEeprom, maskGeometry, programMask } from './mask.ts'
