export { type FixedClock, fixedClock } from './clock.ts'
export { scriptedEntropy } from './entropy.ts'
export { chance, LineNoise, type NoiseRates, type NoisyPiece } from './line-noise.ts'
export { type WatchedKey, type WatchingCrypto, watchingCrypto } from './watching-crypto.ts'
