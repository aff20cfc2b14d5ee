import { ascii, equal, Reader } from '@sealwright/core/bytes'
import { labels } from '@sealwright/core/catalog'
import { InternalError, StateError } from '@sealwright/core/errors'
import type { AesKey } from '@sealwright/core/ports'
import type { Slots } from '../medium/index.ts'
import { type ChipKey, sealKey } from './chip-keys.ts'
import { type CommitMark, commitIdLength, sameMark } from './commit-mark.ts'
import { readU56, readU64, writeU64 } from './number.ts'
import { neverWritten } from './page-seal.ts'

export const counterCells = 2
/** sequence(8) ‖ commit(8) ‖ id(16) ‖ kind(1) ‖ commit(7) ‖ id(16) ‖ commit that wrote one-time memory last(8) ‖ CMAC(16) */
export const counterCellLength = 80

/** How a memory's state stands to the counter. */
export type CounterVerdict = 'accepted' | 'older' | 'newer' | 'another'

interface CellContent {
  readonly sequence: number
  readonly current: CommitMark
  /** Identifier that the transaction after it must have, 16 bytes; absent: any. */
  readonly next?: Uint8Array | undefined
  /** A second memory that counts too, while one is put in the place of the other. */
  readonly other?: CommitMark | undefined
  readonly otpCommit: number
}

/**
 * Which state of the memory counts, kept where the memory is not: two cells, written in turn, each under a CMAC, so that one torn by a
 * power cut leaves the other. In work it names the newest commit, and the identifier of the next one, by which the journal may be ahead:
 * every start chooses it anew, so that no record from before it counts.
 */
export class RollbackCounter implements Disposable {
  readonly #cells: Slots
  readonly #key: AesKey
  readonly #chipId: Uint8Array
  readonly #damaged: readonly number[]
  #content: CellContent | undefined

  /** Reads the cells; throws nothing about their content, which `status` tells. */
  constructor(chip: ChipKey, cells: Slots) {
    this.#cells = cells
    this.#key = sealKey(chip, 'sealCounterKey')
    this.#chipId = chip.chipId.slice()
    const contents = [0, 1].map((cell) => this.#read(cell))
    this.#damaged = [0, 1].filter((cell) => contents[cell] === 'damaged')
    for (const content of contents) {
      if (typeof content !== 'object') continue
      if (this.#content === undefined || content.sequence > this.#content.sequence) this.#content = content
    }
  }

  /** `blank`: neither cell was ever written. `damaged`: neither proves itself, and one at least was written. */
  get status(): 'blank' | 'held' | 'damaged' {
    if (this.#content !== undefined) return 'held'
    return this.#damaged.length === 0 ? 'blank' : 'damaged'
  }

  /** Cells that do not prove themselves: torn by a cut, or changed. The next write goes to one of them. */
  get damagedCells(): readonly number[] {
    return this.#damaged
  }

  get current(): CommitMark | undefined {
    return this.#content?.current
  }

  /** Identifier that the next transaction must have; undefined: it may choose. */
  get next(): Uint8Array | undefined {
    return this.#content?.next
  }

  /** The second state that counts, between `allow` and `settle`. */
  get other(): CommitMark | undefined {
    return this.#content?.other
  }

  /** The commit that wrote one-time memory last: an older memory has fuses that were not blown yet, even if no other is left. */
  get otpCommit(): number | undefined {
    return this.#content?.otpCommit
  }

  /** How a memory at rest in that state stands to the counter. */
  judge(mark: CommitMark): CounterVerdict {
    const { current, other } = this.#held()
    if (sameMark(mark, current) || (other !== undefined && sameMark(mark, other))) return 'accepted'
    const newest = Math.max(current.commit, other?.commit ?? 0)
    return mark.commit > newest ? 'newer' : mark.commit === newest ? 'another' : 'older'
  }

  /** The same for a state that a committed journal record leads to: it may be the next one. */
  judgeNext(mark: CommitMark): CounterVerdict {
    const { current, next, other } = this.#held()
    const before = mark.commit - 1
    if (before === other?.commit) return 'accepted'
    if (before !== current.commit) return this.judge(mark)
    return next === undefined || equal(next, mark.id) ? 'accepted' : 'another'
  }

  /**
   * For a new chip: the first state that counts. A counter that holds something is a StateError.
   * @param otpCommit the commit that wrote one-time memory last; this one when absent
   */
  begin(mark: CommitMark, otpCommit: number = mark.commit): void {
    if (this.status !== 'blank') throw new StateError('the rollback counter is in use already')
    this.#write({ sequence: 0, current: mark, otpCommit })
  }

  /**
   * From now on only this state counts; durable on return. Without a new identifier for the next transaction nothing is written when that
   * is so already.
   * @param otpCommit the commit that wrote one-time memory last; as before when absent
   */
  advance(mark: CommitMark, next?: Uint8Array, otpCommit: number = this.#held().otpCommit): void {
    const { sequence, current, other } = this.#held()
    if (next === undefined && other === undefined && sameMark(current, mark)) return
    this.#write({ sequence: sequence + 1, current: mark, next, otpCommit })
  }

  /** Before a whole memory is put in the place of the present one: from now on both states count, until `settle`. */
  allow(mark: CommitMark, otpCommit: number = this.#held().otpCommit): void {
    const { sequence, current } = this.#held()
    this.#write({ sequence: sequence + 1, current, other: mark, otpCommit })
  }

  /** After it: only the state that is there counts, which must be one of the two. */
  settle(mark: CommitMark): void {
    if (this.judge(mark) !== 'accepted')
      throw new InternalError('the rollback counter was not told of this memory')
    this.advance(mark)
  }

  /** At a start: a replacement that was cut off ends here, and of the two only the state that was found counts from now on. */
  settleFound(mark: CommitMark): void {
    if (this.other !== undefined && this.judge(mark) === 'accepted') this.advance(mark)
  }

  [Symbol.dispose](): void {
    this.#key[Symbol.dispose]()
  }

  #held(): CellContent {
    if (this.#content === undefined)
      throw new StateError('there is no rollback counter', { code: 'counter-damaged' })
    return this.#content
  }

  #read(cell: number): CellContent | 'blank' | 'damaged' {
    const bytes = this.#cells.lend(cell)
    if (neverWritten(bytes)) return 'blank'
    const covered = bytes.subarray(0, counterCellLength - 16)
    if (!equal(this.#mac(covered), bytes.subarray(counterCellLength - 16))) return 'damaged'
    const content = parseCell(covered)
    // A copy of one cell in the place of the other.
    return content.sequence % counterCells === cell ? content : 'damaged'
  }

  #write(content: CellContent): void {
    const bytes = new Uint8Array(counterCellLength)
    const covered = bytes.subarray(0, counterCellLength - 16)
    serializeCell(content, covered)
    bytes.set(this.#mac(covered), counterCellLength - 16)
    this.#cells.program(content.sequence % counterCells, bytes)
    this.#cells.sync()
    this.#content = content
  }

  #mac(covered: Uint8Array): Uint8Array {
    return this.#key.cmac(label, this.#chipId, covered)
  }
}

function serializeCell({ sequence, current, next, other, otpCommit }: CellContent, out: Uint8Array): void {
  writeU64(out, 0, sequence)
  writeU64(out, 8, current.commit)
  out.set(current.id, 16)
  writeU64(out, 56, otpCommit)
  const second = other ?? (next && { commit: current.commit + 1, id: next })
  if (second === undefined) return
  writeU64(out, 32, second.commit)
  // Numbers of 53 bits leave the first byte free.
  out[32] = other === undefined ? kinds.next : kinds.other
  out.set(second.id, 40)
}

function parseCell(bytes: Uint8Array): CellContent {
  const r = new Reader(bytes, 'rollback counter')
  const sequence = readU64(r, 'sequence')
  const current = { commit: readU64(r, 'commit'), id: r.take(commitIdLength, 'id').slice() }
  const kind = r.u8('kind')
  const commit = readU56(r, 'commit')
  const id = r.take(commitIdLength, 'id').slice()
  const otpCommit = readU64(r, 'commit of one-time memory')
  r.end()
  if (kind === kinds.other) return { sequence, current, other: { commit, id }, otpCommit }
  return commit === 0 ? { sequence, current, otpCommit } : { sequence, current, next: id, otpCommit }
}

/** What the second pair is: the next transaction of the memory, or another memory. */
const kinds = { next: 0x00, other: 0x01 } as const

const label = ascii(labels.counterCell.text)
