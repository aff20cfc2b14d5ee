import { outsideKindOf } from '@sealwright/core/personalization'
import { Refusal } from '../dispatch/refusal.ts'
import type { Call, Parts } from '../parts.ts'
import { presentChecked } from '../personalization/index.ts'

/**
 * PRESENT OBJECT: P1 the kind, P2 the id of a certificate or key that the apparatus keeps; the module has its hash. What fits is used until
 * the next reset, and checked again each time; what does not is refused, and nothing is kept of it.
 */
export function presentObject(
  parts: Pick<Parts, 'crypto' | 'objects' | 'ram'>,
  { p1, p2, data }: Pick<Call, 'p1' | 'p2' | 'data'>,
): Uint8Array {
  const kind = outsideKindOf(p1)
  if (kind === undefined) throw new Refusal('wrong-parameters')
  const fits = presentChecked(parts, kind, p2, data)
  if (fits === undefined) throw new Refusal('reference-not-found')
  if (!fits) throw new Refusal('wrong-data')
  return new Uint8Array(0)
}
