import { DecodeError, InternalError } from '@sealwright/core/errors'
import { StorageFull } from '../medium/index.ts'
import { asDamage } from './damage.ts'
import { entryLength, type ObjectEntry, parseObjectEntry, serializeObjectEntry } from './directory.ts'
import type { Nvm, Transaction, Watch } from './nvm.ts'
import { type ObjectKind, objectKinds } from './object-kinds.ts'
import type { Zone } from './zones.ts'

interface Slot extends ObjectEntry {
  /** Index in the directory. */
  readonly slot: number
}

/** Named byte strings in the heap, each found by (kind, id): what everything but resources is kept in. */
export class Objects {
  readonly nvm: Nvm
  readonly #watch: Watch
  #slots: Map<string, Slot> = new Map()
  #generation = 0

  constructor(nvm: Nvm) {
    this.nvm = nvm
    this.#watch = nvm.watch()
  }

  /** Another number than before whenever an object may have come, gone or moved. */
  get generation(): number {
    this.#directory()
    return this.#generation
  }

  /**
   * The object's bytes, copied (wipe them when they are secret), or undefined when there is none.
   * Inside a transaction this, like every reading method, sees what the transaction wrote.
   */
  read(kind: ObjectKind, id: number): Uint8Array | undefined {
    const entry = this.find(kind, id)
    return entry === undefined ? undefined : this.nvm.read(entry.address, entry.length)
  }

  has(kind: ObjectKind, id: number): boolean {
    return this.find(kind, id) !== undefined
  }

  find(kind: ObjectKind, id: number): ObjectEntry | undefined {
    return this.#directory().get(keyOf(kind, id))
  }

  /** All objects, or those of a kind, by kind and id. */
  list(kind?: ObjectKind): ObjectEntry[] {
    return [...this.#directory().values()]
      .filter((entry) => kind === undefined || entry.kind === kind)
      .map(({ kind, id, address, length }) => ({ kind, id, address, length }))
      .sort((a, b) => objectKinds[a.kind].number - objectKinds[b.kind].number || a.id - b.id)
  }

  /** Creates or replaces an object; the replaced bytes are overwritten. Throws StorageFull when there is no room. */
  put(tx: Transaction, kind: ObjectKind, id: number, bytes: Uint8Array): void {
    const old = this.#directory().get(keyOf(kind, id))
    if (old !== undefined && old.length === bytes.length) {
      tx.write(old.address, bytes)
      return
    }
    const slot = old?.slot ?? this.#freeSlot()
    const address = this.#room(bytes.length, old)
    if (old !== undefined) tx.erase(old.address, old.length)
    tx.write(address, bytes)
    this.#writeSlot(tx, { kind, id, address, length: bytes.length, slot })
  }

  /** Overwrites an object and its entry; false when there was none. */
  remove(tx: Transaction, kind: ObjectKind, id: number): boolean {
    const old = this.#directory().get(keyOf(kind, id))
    if (old === undefined) return false
    tx.erase(old.address, old.length)
    this.#writeSlot(tx, { ...old, address: 0, length: 0 }, 'free')
    return true
  }

  /** Gives an object another kind and id; its bytes stay where they are. What had that name is overwritten. */
  rename(
    tx: Transaction,
    from: Pick<ObjectEntry, 'kind' | 'id'>,
    to: Pick<ObjectEntry, 'kind' | 'id'>,
  ): void {
    const entry = this.#directory().get(keyOf(from.kind, from.id))
    if (entry === undefined) throw new InternalError(`there is no object ${keyOf(from.kind, from.id)}`)
    this.remove(tx, to.kind, to.id)
    this.#directory().delete(keyOf(from.kind, from.id))
    this.#writeSlot(tx, { ...entry, kind: to.kind, id: to.id })
  }

  /** Parts of the heap that no object uses, by address. */
  free(): Zone[] {
    return this.#gaps(undefined)
  }

  /** Directory entries not used, and how many there are in all. */
  entries(): { used: number; all: number } {
    return { used: this.#directory().size, all: this.#slotCount() }
  }

  #directory(): Map<string, Slot> {
    if (this.#watch.holds()) return this.#slots
    const { start, end } = this.nvm.zones.directory
    const bytes = this.nvm.read(start, end - start)
    const slots = new Map<string, Slot>()
    for (let slot = 0; slot < this.#slotCount(); slot++) {
      // A free entry has kind 0.
      if (bytes[slot * entryLength] === 0) continue
      const stored = bytes.subarray(slot * entryLength, (slot + 1) * entryLength)
      const entry = asDamage(() => parseObjectEntry(stored))
      const { heap } = this.nvm.zones
      if (entry.length > 0 && (entry.address < heap.start || entry.address + entry.length > heap.end)) {
        throw new DecodeError(`directory entry ${slot} points outside the heap`, { code: 'memory-damaged' })
      }
      const key = keyOf(entry.kind, entry.id)
      if (slots.has(key))
        throw new DecodeError(`directory: ${key} stands in it twice`, { code: 'memory-damaged' })
      slots.set(key, { ...entry, slot })
    }
    this.#slots = slots
    this.#hold()
    return slots
  }

  #slotCount(): number {
    const { start, end } = this.nvm.zones.directory
    return Math.floor((end - start) / entryLength)
  }

  #freeSlot(): number {
    const used = new Set<number>()
    for (const { slot } of this.#directory().values()) used.add(slot)
    for (let slot = 0; slot < this.#slotCount(); slot++) if (!used.has(slot)) return slot
    throw new StorageFull(`all ${this.#slotCount()} directory entries are used`)
  }

  /** Writes an entry and notes it, so that the directory need not be read again for the next object of the transaction. */
  #writeSlot(tx: Transaction, entry: Slot, state: 'used' | 'free' = 'used'): void {
    const slots = this.#directory()
    const bytes = state === 'used' ? serializeObjectEntry(entry) : new Uint8Array(entryLength)
    tx.write(this.nvm.zones.directory.start + entry.slot * entryLength, bytes)
    const key = keyOf(entry.kind, entry.id)
    if (state === 'used') slots.set(key, entry)
    else slots.delete(key)
    this.#hold()
  }

  /** What is noted of the directory is what stands in it now. */
  #hold(): void {
    const { start, end } = this.nvm.zones.directory
    this.#watch.set(start, end - start)
    this.#generation++
  }

  /** First fit; the place of the object that is being replaced counts as free. */
  #room(length: number, replaced: Slot | undefined): number {
    if (length === 0) return 0
    const gaps = this.#gaps(replaced)
    for (const gap of gaps) if (gap.end - gap.start >= length) return gap.start
    const largest = Math.max(0, ...gaps.map((gap) => gap.end - gap.start))
    throw new StorageFull(`no room for ${length} bytes, the largest gap has ${largest}`)
  }

  #gaps(ignored: Slot | undefined): Zone[] {
    const { heap } = this.nvm.zones
    const used = [...this.#directory().values()]
      .filter((entry) => entry.length > 0 && entry.slot !== ignored?.slot)
      .sort((a, b) => a.address - b.address)
    const gaps: Zone[] = []
    let at = heap.start
    for (const entry of used) {
      if (entry.address > at) gaps.push({ start: at, end: entry.address })
      at = entry.address + entry.length
    }
    if (at < heap.end) gaps.push({ start: at, end: heap.end })
    return gaps
  }
}

function keyOf(kind: ObjectKind, id: number): string {
  return `${kind}:${id}`
}
