export { systemClock } from './clock.ts'
export { nodeEntropy } from './entropy.ts'
export { nodeCrypto } from './node-crypto.ts'
