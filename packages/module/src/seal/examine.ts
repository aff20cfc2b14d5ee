import { wipe } from '@sealwright/core/bytes'
import type { Geometry, Slots } from '../medium/index.ts'
import { assess } from './assessment.ts'
import { type ChipKey, sealKey } from './chip-keys.ts'
import type { CommitMark } from './commit-mark.ts'
import type { Finding } from './finding.ts'
import { neverWritten, PageSeal } from './page-seal.ts'
import { RollbackCounter } from './rollback-counter.ts'

/** What can be said of a sealed memory without changing it. */
export interface Examination {
  /** The worst first; none but `torn`: it starts. */
  readonly findings: readonly Finding[]
  /** The transaction of the seal record, if that holds. */
  readonly sealed: CommitMark | undefined
  /** A transaction that was committed and not carried out to its end: the next start does it. */
  readonly interrupted: { readonly mark: CommitMark; readonly pages: readonly number[] } | undefined
  /** The journal holds rests of a transaction that never counted: the next start erases them. */
  readonly dropped: boolean
  readonly counter: {
    readonly status: RollbackCounter['status']
    readonly current: CommitMark | undefined
    readonly other: CommitMark | undefined
  }
  /** Slots that were ever written, the seal record's included. */
  readonly written: number
  /** How often each page was written, by page number; 0 too for one that cannot be read. */
  readonly writes: readonly number[]
}

export interface Examined {
  readonly geometry: Geometry
  readonly slots: Slots
  readonly cells: Slots
  readonly chip: ChipKey
}

/** Reads all of a sealed memory and its counter, and heals nothing. */
export function examine({ geometry, slots, cells, chip }: Examined): Examination {
  const pageSeal = new PageSeal(chip)
  const rootKey = sealKey(chip, 'sealRootKey')
  const counter = new RollbackCounter(chip, cells)
  try {
    const found = assess({ geometry, slots, counter, chip, pageSeal, rootKey })
    wipe(found.content)
    const { findings, sealed, interrupted, dropped, table } = found
    let written = 0
    for (let slot = 0; slot < slots.count; slot++) if (!neverWritten(slots.lend(slot))) written++
    return {
      ...{ findings, dropped, written },
      sealed: sealed && { commit: sealed.commit, id: sealed.id },
      interrupted: interrupted && {
        mark: { commit: interrupted.state.commit, id: interrupted.state.id },
        pages: interrupted.pages,
      },
      counter: { status: counter.status, current: counter.current, other: counter.other },
      writes: Array.from({ length: table.pages }, (_, page) => table.writesOf(page)),
    }
  } finally {
    pageSeal[Symbol.dispose]()
    rootKey[Symbol.dispose]()
    counter[Symbol.dispose]()
  }
}
