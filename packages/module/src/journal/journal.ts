import { allZero, wipe } from '@sealwright/core/bytes'
import { DecodeError } from '@sealwright/core/errors'
import { areaOf, type Medium, PageDamaged, pageSize, StorageFull } from '../medium/index.ts'
import {
  attachmentLength,
  headerLength,
  type JournalRecord,
  longestEntry,
  parseRecord,
  type RecordPages,
  recordLength,
  serializeRecord,
} from './record.ts'

/**
 * A redo log: makes the programs of many pages one. At rest the whole journal area is zero.
 * The checksum in the first page is the commit mark: programs may reach the medium in any order before the first sync.
 */
export class Journal {
  readonly #medium: Medium
  readonly #first: number
  readonly #pages: number
  readonly #kept = new Uint8Array(keptPages * pageSize)

  constructor(medium: Medium) {
    this.#medium = medium
    const area = areaOf(medium.geometry, 'journal')
    this.#first = area.first
    this.#pages = area.pages
  }

  /**
   * Programs the pages, all or none of them, and returns when they are durable and the journal holds nothing of them.
   * Throws StorageFull before anything is written.
   */
  commit(pages: RecordPages): void {
    if (pages.size === 0) return
    const { seal } = this.#medium
    // Most records fit a place that is kept. It is all zeros between commits.
    const fits = headerLength + attachmentLength + pages.size * longestEntry <= this.#kept.length
    const bytes = fits ? this.#kept : new Uint8Array(this.#lengthOf(pages))
    const attach = seal && ((entries: Uint8Array) => seal.begin([...pages.keys()], entries))
    try {
      const used = Math.ceil(serializeRecord(pages, attach, bytes).length / pageSize)
      for (let i = 0; i < used; i++) {
        this.#medium.program(this.#first + i, bytes.subarray(i * pageSize, (i + 1) * pageSize))
      }
      this.#medium.sync()
      this.#apply(pages)
      this.#erase(Array.from({ length: used }, (_, i) => i))
    } finally {
      wipe(bytes)
    }
  }

  /** Bytes of the journal pages that the record takes, which there must be. */
  #lengthOf(pages: RecordPages): number {
    const attached = this.#medium.seal === undefined ? 0 : attachmentLength
    const used = Math.ceil((recordLength(pages) + attached) / pageSize)
    if (used > this.#pages) {
      throw new StorageFull(
        `a transaction of ${pages.size} pages needs ${used} pages of journal, there are ${this.#pages}`,
      )
    }
    return used * pageSize
  }

  /** After a start: finishes the transaction that was committed, drops the one that was not. May itself be cut. */
  recover(): 'clean' | 'finished' | 'dropped' {
    const dirty = Array.from({ length: this.#pages }, (_, i) => i).filter((i) => {
      const page = this.#readable(i)
      return page === undefined || !allZero(page)
    })
    const { seal } = this.#medium
    if (dirty.length === 0) {
      seal?.started()
      return 'clean'
    }
    const bytes = new Uint8Array(this.#pages * pageSize)
    for (const i of dirty) bytes.set(this.#readable(i) ?? zeros, i * pageSize)
    const record = committed(bytes)
    if (record !== undefined) {
      seal?.resume(record.attachment, [...record.pages.keys()])
      this.#apply(record.pages)
      wipe(...record.pages.values())
    }
    wipe(bytes)
    this.#erase(dirty)
    seal?.started()
    return record === undefined ? 'dropped' : 'finished'
  }

  #apply(pages: RecordPages): void {
    const { seal } = this.#medium
    seal?.durable()
    for (const [page, bytes] of pages) this.#medium.program(page, bytes)
    seal?.end()
    // The journal may go only after what it repeats is durable.
    this.#medium.sync()
  }

  #erase(pages: readonly number[]): void {
    for (const i of pages) this.#medium.program(this.#first + i, zeros)
    this.#medium.sync()
  }

  /** Lent. */
  #readable(i: number): Uint8Array | undefined {
    try {
      return this.#medium.lend(this.#first + i)
    } catch (error) {
      // A torn journal page belongs to a record that was never committed, or is already applied.
      if (error instanceof PageDamaged) return undefined
      throw error
    }
  }
}

/** Fewer than any journal has. */
const keptPages = 8
const zeros = new Uint8Array(pageSize)

function committed(bytes: Uint8Array): JournalRecord | undefined {
  try {
    return parseRecord(bytes)
  } catch (error) {
    if (error instanceof DecodeError) return undefined
    throw error
  }
}
