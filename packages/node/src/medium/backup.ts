import { StateError } from '@sealwright/core/errors'
import { type Examination, examine, isFatal, SealBroken } from '@sealwright/module/seal'
import { serializeBackup } from './backup-file.ts'
import { type HeldChip, holdChip } from './chip-file.ts'
import type { ChipOptions } from './chip-world.ts'

/**
 * A copy of a chip at rest, authenticated and worthless without its key. SealBroken for a memory that was changed, StateError
 * `wrong-state` while an interrupted transaction is open.
 */
export function backUpChip(path: string, options: ChipOptions = {}): Uint8Array {
  const held = holdChip(path, options)
  try {
    const found = examineHeld(held)
    const fatal = found.findings.find(isFatal)
    if (fatal !== undefined) throw new SealBroken(fatal)
    if (found.interrupted !== undefined || found.dropped) {
      throw new StateError(
        `${path} was cut off in a transaction: power it up once, with \`sealwright module show\`, then back it up`,
      )
    }
    return serializeBackup(held.header, held.slots, held.chip)
  } finally {
    held.close()
  }
}

/** What is wrong with a held chip, read only. */
export function examineHeld({ header, slots, key, chip }: HeldChip): Examination {
  return examine({ geometry: header.geometry, slots, cells: key.cells, chip })
}
