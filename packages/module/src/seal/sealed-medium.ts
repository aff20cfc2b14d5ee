import { wipe } from '@sealwright/core/bytes'
import { InternalError, StateError, UsageError } from '@sealwright/core/errors'
import type { AesKey, Crypto, Entropy } from '@sealwright/core/ports'
import {
  areaOf,
  checkProgram,
  type Geometry,
  type Medium,
  PageDamaged,
  pageSize,
  requirePage,
  type Slots,
  type TransactionSeal,
  totalPages,
} from '../medium/index.ts'
import { type Assessment, assess, type Interrupted, slotCount } from './assessment.ts'
import { type ChipKey, sealKey } from './chip-keys.ts'
import { type CommitMark, commitIdLength, sameMark } from './commit-mark.ts'
import { isFatal, SealBroken } from './finding.ts'
import { FreshBytes } from './fresh-bytes.ts'
import { PageSeal, sealedSlotLength } from './page-seal.ts'
import { PageTable } from './page-table.ts'
import type { RollbackCounter } from './rollback-counter.ts'
import { parseSealState, type SealState, sealStateLength, serializeSealState } from './seal-state.ts'

/** What a sealed memory lies on and is sealed with. Key and counter belong to the chip and do not lie with its memory. */
export interface SealedParts {
  readonly geometry: Geometry
  readonly slots: Slots
  readonly counter: RollbackCounter
  readonly chip: ChipKey
  readonly entropy: Entropy
}

export interface NewMemory {
  /** First content: the ROM's pages, and others of a memory that is sealed now. */
  readonly pages?: Iterable<readonly [page: number, content: Uint8Array]>
  /** Number of the first commit; 1 unless given. */
  readonly commit?: number
  /** The commit that wrote one-time memory last; the first one unless given. */
  readonly otpCommit?: number
}

/** A page that was programmed in a draft of the memory. */
export interface DraftPage {
  readonly content: Uint8Array
  /** How often. */
  writes: number
}

/** A transaction whose record is in the journal, or about to be. */
interface Flight {
  readonly state: SealState
  readonly pages: ReadonlySet<number>
  readonly left: Set<number>
  durable: boolean
}

/**
 * A memory of which nothing outside can be read, changed or put back unnoticed: every page encrypted and authenticated for its place,
 * all of them under one root, the root's commit known to a counter elsewhere. What was opened stays in this object until `close`.
 * A write that fails leaves it unusable: what lies in the slots must be opened, and so checked, again.
 */
export class SealedMedium implements Medium, Disposable {
  readonly geometry: Geometry
  readonly counter: RollbackCounter
  readonly seal: TransactionSeal
  readonly #slots: Slots
  readonly #fresh: FreshBytes
  readonly #crypto: Crypto
  readonly #pageSeal: PageSeal
  readonly #rootKey: AesKey
  readonly #table: PageTable
  readonly #content: Uint8Array
  readonly #views: Uint8Array[] = []
  readonly #bad: Set<number>
  readonly #journal: { readonly first: number; readonly end: number }
  #mark: CommitMark
  #sealWrites: number
  #interrupted: Interrupted | undefined
  #flight: Flight | undefined
  /** Pages programmed outside a transaction since the last sync. */
  readonly #loose = new Set<number>()
  /** Whether the counter was written since the memory was opened. */
  #counted = false
  #state: 'open' | 'failed' | 'closed' = 'open'
  #closings = 0

  private constructor(parts: SealedParts, keys: Keys, found: Found) {
    const { geometry, slots, counter, chip } = parts
    this.geometry = geometry
    this.counter = counter
    this.#slots = slots
    this.#fresh = keys.fresh
    this.#crypto = chip.crypto
    this.#pageSeal = keys.pageSeal
    this.#rootKey = keys.rootKey
    this.#table = found.table
    this.#content = found.content
    for (let page = 0; page < totalPages(geometry); page++) {
      this.#views.push(found.content.subarray(page * pageSize, (page + 1) * pageSize))
    }
    this.#bad = new Set(found.bad)
    this.#mark = found.mark
    this.#sealWrites = found.sealWrites
    this.#interrupted = found.interrupted
    const { first, pages } = areaOf(geometry, 'journal')
    this.#journal = { first, end: first + pages }
    this.seal = {
      length: sealStateLength,
      begin: (pages, entries) => this.#begin(pages, entries),
      resume: (attachment, pages) => this.#resume(attachment, pages),
      durable: () => this.#durable(),
      end: () => this.#end(),
      started: () => this.#started(),
    }
  }

  /** Seals a new memory into slots that were never written, and begins its counter. All is durable on return. */
  static create(
    parts: SealedParts,
    { pages = [], commit = 1, otpCommit = commit }: NewMemory = {},
  ): SealedMedium {
    const { geometry, slots, counter, entropy, chip } = parts
    if (slots.count !== slotCount(geometry) || slots.length !== sealedSlotLength) {
      throw new UsageError(`expected ${slotCount(geometry)} slots of ${sealedSlotLength} bytes`)
    }
    if (counter.status !== 'blank') throw new UsageError('the rollback counter belongs to another memory')
    const keys = keysOf(chip, entropy)
    const total = totalPages(geometry)
    const medium = new SealedMedium(parts, keys, {
      content: new Uint8Array((total + 1) * pageSize),
      table: new PageTable(geometry, { crypto: chip.crypto, chipId: chip.chipId, key: keys.rootKey }),
      bad: new Set(),
      mark: { commit: commit - 1, id: new Uint8Array(commitIdLength) },
      sealWrites: 0,
      interrupted: undefined,
    })
    for (const [page, bytes] of pages) {
      requirePage(page, total)
      medium.#put(page, commit, bytes)
    }
    const state = medium.#stateOf({ commit, id: medium.#newId() })
    medium.#programSeal(state)
    slots.sync()
    counter.begin(state, otpCommit)
    medium.#mark = { commit, id: state.id }
    return medium
  }

  /**
   * Opens what is there and checks all of it; writes nothing. Throws SealBroken for anything that a power cut does not explain. What one
   * does explain is settled by the journal's recovery, before which no transaction begins.
   */
  static open(parts: SealedParts): SealedMedium {
    const keys = keysOf(parts.chip, parts.entropy)
    let found: Assessment | undefined
    try {
      found = assess({ ...parts, ...keys })
      const fatal = found.findings.find(isFatal)
      if (fatal !== undefined) throw new SealBroken(fatal)
      const { content, table, bad, sealWrites, interrupted, sealed } = found
      const before = { commit: (interrupted?.state.commit ?? 0) - 1, id: new Uint8Array(commitIdLength) }
      const mark = sealed ?? before
      return new SealedMedium(parts, keys, { content, table, bad, sealWrites, interrupted, mark })
    } catch (error) {
      wipe(found?.content)
      dispose(keys)
      throw error
    }
  }

  /** The state that the memory is in after the last transaction. */
  get mark(): CommitMark {
    return this.#mark
  }

  get revision(): number {
    return this.#slots.revision + this.#closings
  }

  read(page: number): Uint8Array {
    return this.lend(page).slice()
  }

  lend(page: number): Uint8Array {
    this.#usable()
    const view = this.#views[page]
    if (view === undefined) requirePage(page, this.#views.length)
    if (this.#bad.size > 0 && this.#bad.has(page))
      throw new PageDamaged(page, 'a power cut left it half written')
    return view!
  }

  writes(page: number): number {
    requirePage(page, this.#views.length)
    return this.#table.writesOf(page)
  }

  program(page: number, bytes: Uint8Array): void {
    this.#usable()
    checkProgram(this.geometry, page, bytes, () => (this.#bad.has(page) ? undefined : this.#views[page]))
    const journal = page >= this.#journal.first && page < this.#journal.end
    const flight = this.#flight
    let commit = this.#mark.commit + 1
    if (flight !== undefined) {
      commit = flight.state.commit
      if (!journal && !(flight.durable && flight.pages.has(page))) {
        throw new InternalError(`page ${page} is not part of the transaction, or its record is not durable`)
      }
      flight.left.delete(page)
    } else if (!journal) {
      this.#settled()
      this.#loose.add(page)
    }
    this.#guard(() => this.#put(page, commit, bytes))
  }

  sync(): void {
    this.#usable()
    this.#guard(() => {
      this.#slots.sync()
      if (this.#loose.size > 0 && this.#flight === undefined) this.#sealLoose()
    })
  }

  /** Programs pages as often as a draft did, but with their last content only, and seals them as one commit; durable on return. */
  programDraft(pages: ReadonlyMap<number, DraftPage>): void {
    this.#usable()
    if (pages.size === 0) return
    this.#settled()
    if (this.#flight !== undefined) throw new InternalError('a draft inside a transaction')
    const commit = this.#mark.commit + 1
    for (const [page, { content }] of pages)
      checkProgram(this.geometry, page, content, () => (this.#bad.has(page) ? undefined : this.#views[page]))
    for (const [page, { content, writes }] of pages) {
      if (page < this.#journal.first || page >= this.#journal.end) this.#loose.add(page)
      this.#guard(() => this.#put(page, commit, content, writes))
    }
    this.sync()
  }

  /** Forgets content and keys. The slots stay the caller's. */
  close(): void {
    if (this.#state === 'closed') return
    this.#state = 'closed'
    this.#closings++
    wipe(this.#content)
    dispose({ pageSeal: this.#pageSeal, rootKey: this.#rootKey })
  }

  [Symbol.dispose](): void {
    this.close()
  }

  #begin(pages: readonly number[], entries: Uint8Array): Uint8Array {
    this.#usable()
    this.#settled()
    if (this.#flight !== undefined) throw new InternalError('a transaction inside a transaction')
    if (this.#loose.size > 0) this.sync()
    const mark = { commit: this.#mark.commit + 1, id: this.counter.next ?? this.#newId() }
    const state = this.#stateOf(mark, pages, this.#crypto.sha256(entries))
    this.#flight = { state, pages: new Set(pages), left: new Set(pages), durable: false }
    return serializeSealState(state)
  }

  #resume(attachment: Uint8Array, pages: readonly number[]): void {
    this.#usable()
    const state = parseSealState(attachment)
    if (this.#interrupted === undefined || !sameMark(this.#interrupted.state, state)) {
      throw new InternalError('the journal holds another record than was checked')
    }
    this.#interrupted = undefined
    this.#flight = { state, pages: new Set(pages), left: new Set(pages), durable: false }
  }

  #durable(): void {
    const flight = this.#inFlight()
    this.#advance(flight.state, flight.pages)
    flight.durable = true
  }

  #started(): void {
    this.#usable()
    this.#settled()
    // A record that was carried out moved the counter already. The module may start again on a memory that stays open.
    if (!this.#counted) this.#advance(this.#mark)
  }

  /** @param pages that this commit writes; none at a start */
  #advance(mark: CommitMark, pages?: ReadonlySet<number>): void {
    const { first, pages: length } = areaOf(this.geometry, 'otp')
    let otp = false
    for (const page of pages ?? []) if (page >= first && page < first + length) otp = true
    this.#guard(() => this.counter.advance(mark, this.#newId(), otp ? mark.commit : undefined))
    this.#counted = true
  }

  #end(): void {
    const { state, left } = this.#inFlight()
    if (left.size > 0) throw new InternalError(`page ${[...left][0]} of the transaction was not programmed`)
    this.#guard(() => this.#programSeal(this.#stateOf(state)))
    this.#mark = { commit: state.commit, id: state.id }
    this.#flight = undefined
  }

  /** Programs that no transaction covers, as the factory makes them: a cut in between spoils the memory, and it is noticed. */
  #sealLoose(): void {
    const state = this.#stateOf({ commit: this.#mark.commit + 1, id: this.counter.next ?? this.#newId() })
    this.#advance(state, this.#loose)
    this.#programSeal(state)
    this.#slots.sync()
    this.#mark = { commit: state.commit, id: state.id }
    this.#loose.clear()
  }

  #newId(): Uint8Array {
    return this.#fresh.take(commitIdLength).slice()
  }

  #stateOf({ commit, id }: CommitMark, without?: readonly number[], bound?: Uint8Array): SealState {
    const root = this.#table.root({ commit, id }, without, bound)
    return { commit, id, root, sums: this.#table.sums(without) }
  }

  #programSeal(state: SealState): void {
    const content = new Uint8Array(pageSize)
    content.set(serializeSealState(state))
    const page = this.#views.length
    const slot = this.#pageSeal.seal(page, { commit: state.commit, writes: ++this.#sealWrites }, content)
    this.#slots.program(page, slot)
  }

  #put(page: number, commit: number, bytes: Uint8Array, times = 1): void {
    const writes = this.#table.writesOf(page) + times
    const slot = this.#pageSeal.seal(page, { commit, writes }, bytes)
    this.#slots.program(page, slot)
    this.#views[page]!.set(bytes)
    this.#bad.delete(page)
    if (page >= this.#journal.first && page < this.#journal.end) this.#table.countWrite(page, writes)
    else this.#table.set(page, { commit, writes, tag: slot.subarray(slot.length - 16) })
  }

  #inFlight(): Flight {
    this.#usable()
    if (this.#flight === undefined) throw new InternalError('there is no transaction to seal')
    return this.#flight
  }

  #settled(): void {
    if (this.#interrupted !== undefined)
      throw new InternalError('an interrupted transaction must be carried out first')
  }

  #usable(): void {
    if (this.#state === 'closed') throw new UsageError('the memory is closed')
    if (this.#state === 'failed')
      throw new StateError('the memory failed during a write: it must be opened again')
  }

  /** After a write that failed nobody knows what the slots hold. */
  #guard(work: () => void): void {
    try {
      work()
    } catch (error) {
      this.#state = 'failed'
      throw error
    }
  }
}

interface Keys {
  readonly fresh: FreshBytes
  readonly pageSeal: PageSeal
  readonly rootKey: AesKey
}

interface Found extends Pick<Assessment, 'bad' | 'content' | 'interrupted' | 'sealWrites' | 'table'> {
  readonly mark: CommitMark
}

function keysOf(chip: ChipKey, entropy: Entropy): Keys {
  const fresh = new FreshBytes(entropy)
  return { fresh, pageSeal: new PageSeal(chip, fresh), rootKey: sealKey(chip, 'sealRootKey') }
}

function dispose({ pageSeal, rootKey }: Omit<Keys, 'fresh'>): void {
  pageSeal[Symbol.dispose]()
  rootKey[Symbol.dispose]()
}
