import { parseToldTime } from '@sealwright/core/limited-keys'
import { Refusal } from '../dispatch/refusal.ts'
import { hearTime } from '../limited-keys/index.ts'
import type { Call, Parts } from '../parts.ts'
import { mayFollow, readTime, timeOf } from '../personalization/index.ts'

/** TELL TIME: the central system's time, which never goes back and at most 400 days forth; keys whose last second is over are erased. */
export function tellTime(
  parts: Pick<Parts, 'nvm' | 'objects' | 'keys'>,
  { p1, p2, data }: Pick<Call, 'p1' | 'p2' | 'data'>,
): Uint8Array {
  if (p1 !== 0 || p2 !== 0) throw new Refusal('wrong-parameters')
  const time = parseToldTime(data)
  if (!mayFollow(readTime(parts.objects, timeOf.central), time)) throw new Refusal('wrong-data')
  parts.nvm.transaction((tx) => hearTime(parts, tx, time))
  return new Uint8Array(0)
}
