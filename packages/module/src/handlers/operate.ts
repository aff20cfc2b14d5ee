import { Refusal } from '../dispatch/refusal.ts'
import { carryOut, type OperationParts } from '../operation/index.ts'
import type { Call } from '../parts.ts'

/** OPERATE: carries out one document of an operator; answers its receipt. */
export function operate(
  parts: OperationParts,
  { p1, p2, data }: Pick<Call, 'p1' | 'p2' | 'data'>,
): Uint8Array {
  if (p1 !== 0 || p2 !== 0) throw new Refusal('wrong-parameters')
  return carryOut(parts, data)
}
