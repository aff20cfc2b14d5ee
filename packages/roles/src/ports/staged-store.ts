import { requireStoreName, type Store } from './store.ts'

/** What was written, by name. */
export type StagedWrites = ReadonlyMap<string, Uint8Array>

/**
 * A store whose writes stay in memory until the caller has put them where they belong: many steps become one durable write. What lies
 * below is seen; what is removed there is removed at once.
 */
export function stagedStore(below: Store): { readonly store: Store; readonly writes: StagedWrites } {
  const writes = new Map<string, Uint8Array>()
  const store: Store = {
    async read(name) {
      requireStoreName(name)
      return writes.get(name)?.slice() ?? below.read(name)
    },
    async write(name, bytes) {
      requireStoreName(name)
      writes.set(name, bytes.slice())
    },
    async list(prefix = '') {
      const staged = [...writes.keys()].filter((name) => name.startsWith(prefix))
      return [...new Set([...staged, ...(await below.list(prefix))])].sort()
    },
    async remove(name) {
      requireStoreName(name)
      if (!writes.delete(name)) await below.remove(name)
    },
  }
  return { store, writes }
}
