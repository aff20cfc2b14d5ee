import { Journal, type RecordPages } from '../journal/index.ts'
import { FaultSlots, Power, PowerLoss } from '../medium/index.ts'
import { contentOf, type SealedChip } from './sealed-chip.ts'

/** Makes a transaction of a sealed chip and cuts the power at its n-th write, which is not made. False: it ran through. */
export function cutCommit(chip: SealedChip, pages: Readonly<Record<number, number>>, cutAt: number): boolean {
  return cutCommitOf(chip, contentOf(pages), cutAt)
}

export function cutCommitOf(chip: SealedChip, pages: RecordPages, cutAt: number): boolean {
  const power = new Power({ cutAt, mode: 'whole' })
  const medium = chip.open({
    slots: new FaultSlots(chip.slots, power),
    cells: new FaultSlots(chip.cells, power),
  })
  try {
    const journal = new Journal(medium)
    journal.recover()
    journal.commit(pages)
    return false
  } catch (error) {
    if (!(error instanceof PowerLoss)) throw error
    return true
  }
}
