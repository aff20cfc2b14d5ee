export type { Clock } from './clock.ts'
export type { AesKey, Crypto, EcPrivateKey, EcPublicKey } from './crypto.ts'
export type { Entropy } from './entropy.ts'
export type { Transport } from './transport.ts'
