export { layOutMask, type MaskParts, maskedEeprom, maskedImage, maskGeometry, programMask } from './mask.ts'
