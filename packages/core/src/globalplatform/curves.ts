import { DecodeError, UsageError } from '../errors/index.ts'

/** Curves by the value of their key parameter reference, tag F0 (GPC Amendment E, table 4-3). `bytes` is a coordinate's and a scalar's length. */
export const curves = {
  'P-256': { reference: 0x00, bytes: 32 },
  'P-384': { reference: 0x01, bytes: 48 },
  'P-521': { reference: 0x02, bytes: 66 },
  brainpoolP256r1: { reference: 0x03, bytes: 32 },
  brainpoolP256t1: { reference: 0x04, bytes: 32 },
  brainpoolP384r1: { reference: 0x05, bytes: 48 },
  brainpoolP384t1: { reference: 0x06, bytes: 48 },
  brainpoolP512r1: { reference: 0x07, bytes: 64 },
  brainpoolP512t1: { reference: 0x08, bytes: 64 },
} as const satisfies Record<string, { reference: number; bytes: number }>

export type CurveName = keyof typeof curves

export function parseCurve(reference: number): CurveName {
  const name = (Object.keys(curves) as CurveName[]).find((one) => curves[one].reference === reference)
  if (!name) throw new DecodeError(`key parameter reference: no curve has the number ${reference}`)
  return name
}

/** An uncompressed point of the curve: 04 ‖ X ‖ Y. Whether it lies on the curve is not checked. */
export function isPointOf(curve: CurveName, point: Uint8Array): boolean {
  return point[0] === 0x04 && point.length === 1 + 2 * curves[curve].bytes
}

export function requirePointOf(curve: CurveName, point: Uint8Array): void {
  if (!isPointOf(curve, point)) throw new UsageError(`expected an uncompressed point of ${curve}`)
}
