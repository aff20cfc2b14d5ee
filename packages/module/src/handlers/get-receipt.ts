import { Reader } from '@sealwright/core/bytes'
import { Refusal } from '../dispatch/refusal.ts'
import type { Call, Parts } from '../parts.ts'

/** GET RECEIPT: what is kept beside an imported key: ATTR(8) ‖ XCTR(4) ‖ KCV(5) ‖ ACK(16). */
export function getReceipt(
  { objects, keys }: Pick<Parts, 'objects' | 'keys'>,
  { data }: Pick<Call, 'data'>,
): Uint8Array {
  const r = new Reader(data, 'GET RECEIPT')
  const destination = r.u32('REF2')
  r.end()
  const record = keys.has(destination) ? objects.read('receipt', destination) : undefined
  if (record === undefined) throw new Refusal('reference-not-found')
  return record
}
