export { isLowS, parseEcdsaSignature, serializeEcdsaSignature, toLowS } from './ecdsa.ts'
export { DerReader } from './reader.ts'
export { noEnd } from './time.ts'
export { der, isPrintable } from './writer.ts'
