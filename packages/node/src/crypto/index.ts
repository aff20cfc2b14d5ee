export { systemClock } from './clock.ts'
export { drawnAhead, nodeEntropy } from './entropy.ts'
export { issuedBy } from './issued-by.ts'
export { nodeCrypto } from './node-crypto.ts'
