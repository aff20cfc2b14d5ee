export {
  holdsCustomizationKey,
  putCustomizationKey,
  requireLaterCustomization,
  sealedCustomizationKey,
} from './customization-key.ts'
export { writeLater } from './write.ts'
