export {
  applicationPlace,
  exportCounter,
  loaderSet,
  setPlaces,
  storeExportCounter,
  withUnitKeys,
} from './loader.ts'
export { countFailure, keepRandom, type OutstandingRandom, readRandom, useUp } from './random.ts'
export { signatureCheck, storedTransportKeys } from './stored-keys.ts'
export { unwrapKey } from './wrapped-key.ts'
