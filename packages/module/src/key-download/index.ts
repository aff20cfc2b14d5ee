export { ApplicationKeys } from './application-key.ts'
export {
  holdsSet,
  type LoaderSet,
  loaderKey,
  loaderSet,
  loaderSets,
  nextExportCounter,
  putSet,
  refuseReservedPlace,
  serves,
  setPlaces,
  storeExportCounter,
  withUnitKeys,
} from './loader.ts'
export {
  countTry,
  keepRandom,
  type OutstandingRandom,
  readRandom,
  useUp,
} from './random.ts'
export {
  putTransportKeys,
  type StoredTransportKey,
  storedTransportKeys,
} from './transport-keys.ts'
export { unwrapKey } from './wrapped-key.ts'
