import { parseLoaderKeyEntry, parseSetEntry, serializeLoaderList } from '@sealwright/core/key-download'
import type { Parts } from '../parts.ts'

/** LIST KEYS: sets and application keys of the loader, by their check values. */
export function listKeys({ objects }: Pick<Parts, 'objects'>): Uint8Array {
  return serializeLoaderList({
    sets: objects.list('key-set').map(({ id }) => parseSetEntry(objects.read('key-set', id)!)),
    keys: objects.list('loader-key').map(({ id }) => parseLoaderKeyEntry(objects.read('loader-key', id)!)),
  })
}
