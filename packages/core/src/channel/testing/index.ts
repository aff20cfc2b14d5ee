export { type ExchangeVector, exchangeMismatches } from './exchange-vectors.ts'
export { type Scp03Vector, scp03Mismatches } from './scp03-vectors.ts'
export { type Scp11Vector, scp11Mismatches } from './scp11-vectors.ts'
export type { ProtectedCommandVector } from './session-vectors.ts'
