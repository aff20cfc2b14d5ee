import { equal, wipe } from '@sealwright/core/bytes'
import { DecodeError, UsageError } from '@sealwright/core/errors'
import type { AesKey } from '@sealwright/core/ports'
import { type JournalRecord, parseRecord } from '../journal/index.ts'
import { areaOf, type Geometry, pageSize, type Slots, totalPages } from '../medium/index.ts'
import type { ChipKey } from './chip-keys.ts'
import { sameMark } from './commit-mark.ts'
import { type Finding, named, placeOf } from './finding.ts'
import { neverWritten, type PageSeal, sealedSlotLength } from './page-seal.ts'
import { PageTable } from './page-table.ts'
import type { RollbackCounter } from './rollback-counter.ts'
import { parseSealState, type SealState, sealStateLength } from './seal-state.ts'

/** What is looked at, and with which keys. Nothing of it is changed. */
export interface Assessed {
  readonly geometry: Geometry
  readonly slots: Slots
  readonly counter: RollbackCounter
  readonly chip: ChipKey
  readonly pageSeal: PageSeal
  readonly rootKey: AesKey
}

/** A committed record that waits in the journal. */
export interface Interrupted {
  readonly state: SealState
  readonly pages: readonly number[]
}

export interface Assessment {
  /** The content of all pages, one behind the other; the caller's to wipe. */
  readonly content: Uint8Array
  readonly table: PageTable
  /** Slots that do not authenticate. */
  readonly bad: ReadonlySet<number>
  /** The seal record's own state, if it holds. */
  readonly sealed: SealState | undefined
  readonly sealWrites: number
  readonly interrupted: Interrupted | undefined
  /** A journal that is not empty and holds no record to carry out: the next start erases it. */
  readonly dropped: boolean
  /** The worst first. */
  readonly findings: readonly Finding[]
}

/** Slots that a memory of this geometry takes: its pages, and the seal record. */
export function slotCount(geometry: Geometry): number {
  return totalPages(geometry) + 1
}

/** Reads a sealed memory and tells what is wrong with it. */
export function assess({ geometry, slots, counter, chip, pageSeal, rootKey }: Assessed): Assessment {
  if (slots.count !== slotCount(geometry) || slots.length !== sealedSlotLength) {
    throw new UsageError(
      `expected ${slotCount(geometry)} slots of ${sealedSlotLength} bytes, got ${slots.count} of ${slots.length}`,
    )
  }
  const pages = totalPages(geometry)
  const content = new Uint8Array((pages + 1) * pageSize)
  const table = new PageTable(geometry, { crypto: chip.crypto, chipId: chip.chipId, key: rootKey })
  const journal = areaOf(geometry, 'journal')
  const inJournal = (page: number): boolean => page >= journal.first && page < journal.first + journal.pages
  const bad = new Set<number>()
  let sealWrites = 0
  let newest = 0
  for (let page = 0; page <= pages; page++) {
    const slot = slots.lend(page)
    if (neverWritten(slot)) continue
    const opened = pageSeal.open(page, slot, content.subarray(page * pageSize, (page + 1) * pageSize))
    if (opened === undefined) bad.add(page)
    else if (page === pages) sealWrites = opened.writes
    else if (inJournal(page)) table.countWrite(page, opened.writes)
    else {
      table.set(page, opened)
      newest = Math.max(newest, opened.commit)
    }
  }
  const sealed = sealWrites === 0 ? undefined : stateIn(content.subarray(pages * pageSize))
  const area = content.subarray(journal.first * pageSize, (journal.first + journal.pages) * pageSize)
  const look = new Look({ geometry, table, counter, bad, sealed, newest, chip })
  const interrupted = look.record(committed(area))
  look.pages(interrupted)
  look.seal(interrupted)
  look.counter(interrupted)
  return {
    ...{ content, table, bad, sealed, sealWrites, interrupted },
    dropped: interrupted === undefined && (look.journalBad || !neverWritten(area)),
    findings: look.sorted(),
  }
}

interface Looked {
  readonly geometry: Geometry
  readonly table: PageTable
  readonly counter: RollbackCounter
  readonly bad: ReadonlySet<number>
  readonly sealed: SealState | undefined
  /** The highest commit of a page. */
  readonly newest: number
  readonly chip: ChipKey
}

/** Collects what is wrong. */
class Look {
  readonly #at: Looked
  readonly #sealPage: number
  readonly #findings: Finding[] = []
  journalBad = false

  constructor(at: Looked) {
    this.#at = at
    this.#sealPage = totalPages(at.geometry)
  }

  /** The record that the next start carries out; one that somebody put there is a finding. */
  record(record: JournalRecord | undefined): Interrupted | undefined {
    if (record === undefined) return undefined
    const { sealed, table, chip } = this.#at
    const { attachment, entries } = record
    const pages = [...record.pages.keys()]
    const digest = chip.crypto.sha256(entries)
    wipe(...record.pages.values())
    const covered = pages.every((page) => page < this.#sealPage && !this.#inJournal(page))
    if (attachment.length !== sealStateLength || !covered) {
      this.#add('tampered', 'the journal holds a record that this chip never wrote', this.#journal.first)
      return undefined
    }
    const state = parseSealState(attachment)
    if (
      sealed !== undefined &&
      (sealed.commit > state.commit || (sealed.commit === state.commit && !sameMark(sealed, state)))
    ) {
      this.#add(
        'stale',
        `the journal holds a record of commit ${state.commit}, which is over: the memory is at ${sealed.commit}`,
        this.#journal.first,
      )
      return undefined
    }
    if (sealed !== undefined && sealed.commit < state.commit - 1) {
      this.#add(
        'stale',
        `the seal record is of commit ${sealed.commit}, the journal of ${state.commit}`,
        this.#sealPage,
      )
      return { state, pages }
    }
    if (!this.#someBad(pages) && !equal(table.root(state, pages, digest), state.root)) {
      this.#stale(state, pages, 'the journal record')
    }
    return { state, pages }
  }

  /** Pages that do not authenticate. */
  pages(interrupted: Interrupted | undefined): void {
    for (const page of this.#at.bad) {
      const what = named(this.#at.geometry, page)
      if (this.#inJournal(page)) {
        this.journalBad = true
        this.#add('torn', `${what} is not whole: a record that never counted`, page)
      } else if (interrupted !== undefined && (page === this.#sealPage || interrupted.pages.includes(page))) {
        this.#add('torn', `${what} is not whole: the journal writes it again`, page)
      } else {
        this.#add('tampered', `${what} is not what the module wrote: changed, or from elsewhere`, page)
      }
    }
  }

  /** Without a record the seal must hold for all pages. */
  seal(interrupted: Interrupted | undefined): void {
    const { sealed, bad, table, newest, counter } = this.#at
    if (interrupted !== undefined || bad.has(this.#sealPage)) return
    if (sealed === undefined) {
      this.#add('tampered', 'the seal record is missing', this.#sealPage)
      return
    }
    if (this.#someBad([]) || equal(table.root(sealed), sealed.root)) return
    if (newest > sealed.commit && counter.current !== undefined && counter.current.commit > sealed.commit) {
      this.#add(
        'stale',
        `the seal record is of commit ${sealed.commit}, and pages of commit ${newest} are there`,
        this.#sealPage,
      )
    } else this.#stale(sealed, [], 'the seal record')
  }

  counter(interrupted: Interrupted | undefined): void {
    const { counter, sealed } = this.#at
    for (const cell of counter.damagedCells) {
      const reason = `cell ${cell} of the rollback counter does not prove itself`
      if (counter.status === 'held')
        this.#findings.push({ kind: 'torn', place: 'counter', page: cell, reason })
    }
    if (counter.status !== 'held') {
      const reason =
        counter.status === 'blank'
          ? 'there is no rollback counter'
          : 'the rollback counter was not written under the chip key'
      this.#findings.push({ kind: 'counter-damaged', place: 'counter', reason })
      return
    }
    const mark = interrupted?.state ?? sealed
    if (mark === undefined) return
    const verdict = interrupted === undefined ? counter.judge(mark) : counter.judgeNext(mark)
    const { commit } = counter.current!
    if (interrupted !== undefined && verdict === 'another' && mark.commit > commit) {
      this.#add('stale', 'the journal holds a record that a start left behind', this.#journal.first)
    } else if (verdict === 'newer') {
      const reason = `the rollback counter is at commit ${commit}, the memory at ${mark.commit}: the counter was put back`
      this.#findings.push({ kind: 'counter-rolled-back', place: 'counter', reason })
    } else if (verdict !== 'accepted') {
      const reason =
        verdict === 'older'
          ? `the memory is at commit ${mark.commit}, the rollback counter at ${commit}: the memory was put back`
          : `another transaction was commit ${mark.commit}: the memory was put back`
      this.#findings.push({ kind: 'rolled-back', reason })
    }
  }

  sorted(): Finding[] {
    return this.#findings.toSorted((a, b) => order.indexOf(a.kind) - order.indexOf(b.kind))
  }

  #stale(state: SealState, without: readonly number[], by: string): void {
    const { geometry, table } = this.#at
    const newer = table.newerThan(state.commit, without)
    if (newer !== undefined) {
      const reason = `${named(geometry, newer)} is of commit ${table.commitOf(newer)}, and ${by} of ${state.commit}`
      this.#add('stale', reason, newer)
      return
    }
    const page = table.stalePage(state.sums, state.commit, without)
    if (page === undefined) {
      this.#add('stale', `several pages, or the borders of the areas, are not those that ${by} covers`)
      return
    }
    const seen = page.seen === 0 ? 'as if it had never been written' : `of commit ${page.seen}`
    this.#add(
      'stale',
      `${named(geometry, page.page)} is ${seen}; it was written last in ${page.last}`,
      page.page,
    )
  }

  /** Whether pages that count fail authentication: then no root can hold, and they are named already. */
  #someBad(without: readonly number[]): boolean {
    for (const page of this.#at.bad) {
      if (page !== this.#sealPage && !this.#inJournal(page) && !without.includes(page)) return true
    }
    return false
  }

  #add(kind: Finding['kind'], reason: string, page?: number): void {
    if (page === undefined) this.#findings.push({ kind, reason })
    else this.#findings.push({ kind, place: placeOf(this.#at.geometry, page), page, reason })
  }

  get #journal() {
    return areaOf(this.#at.geometry, 'journal')
  }

  #inJournal(page: number): boolean {
    const { first, pages } = this.#journal
    return page >= first && page < first + pages
  }
}

/** The worst kind first: what is told when only one thing can be. */
const order: readonly Finding['kind'][] = [
  'counter-damaged',
  'tampered',
  'stale',
  'rolled-back',
  'counter-rolled-back',
  'torn',
]

function committed(area: Uint8Array): JournalRecord | undefined {
  // At rest, which is nearly always, there is nothing to parse.
  if (area[0] === 0) return undefined
  try {
    return parseRecord(area)
  } catch (error) {
    if (error instanceof DecodeError) return undefined
    throw error
  }
}

function stateIn(content: Uint8Array): SealState {
  return parseSealState(content.subarray(0, sealStateLength))
}
