export { systemClock } from './clock.ts'
export { nodeEntropy } from './entropy.ts'
export { issuedBy } from './issued-by.ts'
export { nodeCrypto } from './node-crypto.ts'
