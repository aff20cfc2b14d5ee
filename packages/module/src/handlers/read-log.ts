import { Reader } from '@sealwright/core/bytes'
import { Refusal } from '../dispatch/refusal.ts'
import type { Call, Parts } from '../parts.ts'
import { nextEntry } from '../signing-card/index.ts'

/** READ LOG: the first entry of a signing card's log from a number on; 6A88 when there is none. */
export function readLog(
  parts: Pick<Parts, 'objects'>,
  { p1, p2, data }: Pick<Call, 'p1' | 'p2' | 'data'>,
): Uint8Array {
  if (p1 !== 0 || p2 !== 0) throw new Refusal('wrong-parameters')
  const r = new Reader(data, 'READ LOG')
  const from = r.u32('from')
  r.end()
  const entry = nextEntry(parts, from)
  if (entry === undefined) throw new Refusal('reference-not-found')
  return entry
}
