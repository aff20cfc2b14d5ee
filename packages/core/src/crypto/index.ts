export { diversify, diversifyByMac, diversifyWith } from './an10922.ts'
export {
  aesKeyLength,
  p256Order,
  requireBlocks,
  requireLength,
  requireLive,
  requirePoint,
  requireScalar,
} from './argument-checks.ts'
export { kcvCmac, kcvGlobalPlatform, kcvLegacy } from './check-value.ts'
export { type CountingCrypto, countingCrypto, type Primitive, type PrimitiveCount } from './counting.ts'
export { ed25519PointIsSound } from './ed25519-point.ts'
export { hkdf } from './hkdf.ts'
export { deriveKey, kbkdfCmac, kbkdfHmac } from './kbkdf.ts'
export { kdf3 } from './kdf3.ts'
export { isKnownTestKey, refuseTestKey } from './known-test-key.ts'
export { pad80, unpad80 } from './padding.ts'
export { portableCrypto } from './portable.ts'
export { privateScalar } from './private-scalar.ts'
export { scp03Kdf } from './scp03-kdf.ts'
export { withHandle } from './with-handle.ts'
export { x963Kdf } from './x963-kdf.ts'
