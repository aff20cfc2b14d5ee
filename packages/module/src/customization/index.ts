export {
  customizationSoftware,
  eraseCustomization,
  ramName,
  readUnlockRecord,
  requireCustomizationSoftware,
  type UnlockRecord,
  writeUnlockRecord,
} from './customization-software.ts'
