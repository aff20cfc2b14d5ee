export { type FixedClock, fixedClock } from './clock.ts'
export { scriptedEntropy } from './entropy.ts'
export { type WatchedKey, type WatchingCrypto, watchingCrypto } from './watching-crypto.ts'
