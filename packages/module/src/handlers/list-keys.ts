import { serializeLoaderList } from '@sealwright/core/key-download'
import { Refusal } from '../dispatch/refusal.ts'
import { loaderKey, loaderSets } from '../key-download/index.ts'
import type { Call, Parts } from '../parts.ts'

/** LIST KEYS: sets and application keys of the loader, by their check values. */
export function listKeys(
  { objects }: Pick<Parts, 'objects'>,
  { p1, p2, data }: Pick<Call, 'p1' | 'p2' | 'data'>,
): Uint8Array {
  if (p1 !== 0 || p2 !== 0) throw new Refusal('wrong-parameters')
  if (data.length > 0) throw new Refusal('wrong-data')
  return serializeLoaderList({
    sets: loaderSets(objects),
    keys: objects
      .list('loader-key')
      .map(({ id }) => loaderKey(objects, id)!)
      .sort((a, b) => a.source - b.source),
  })
}
