import { SealwrightError, StateError } from '@sealwright/core/errors'
import { RamSlots } from '@sealwright/module/medium'
import {
  type CommitMark,
  DraftMedium,
  RollbackCounter,
  SealedMedium,
  sameMark,
} from '@sealwright/module/seal'
import { type HeldChip, holdChip } from './chip-file.ts'
import type { ChipOptions } from './chip-world.ts'
import { syncFolderOf, writeError } from './files.ts'
import { writeChipDraft } from './whole-file.ts'

/**
 * A chip whose memory is worked on in RAM and put back as a whole: many transactions, and one replacement of the file. Until `save` the
 * file is as it was; a cut at any point leaves the old chip or the new one, and the counter accepts it.
 */
export class ChipDraft implements Disposable {
  readonly path: string
  readonly medium: DraftMedium
  readonly #held: HeldChip
  readonly #slots: RamSlots
  /** A copy of the counter for the work in RAM; the real one is told by `save`. */
  readonly #working: RollbackCounter
  readonly #counter: RollbackCounter
  /** The state that lies in the file; undefined after a save that failed, when only opening it tells. */
  #present: CommitMark | undefined

  private constructor(held: HeldChip) {
    const { header, chip, slots, key, world } = held
    const cells = RamSlots.from(key.cells)
    this.path = held.path
    this.#held = held
    this.#slots = RamSlots.from(slots)
    this.#working = new RollbackCounter(chip, cells)
    this.#counter = new RollbackCounter(chip, key.cells)
    const sealed = SealedMedium.open({
      geometry: header.geometry,
      slots: this.#slots,
      counter: this.#working,
      chip,
      entropy: world.entropy,
    })
    // What an interrupted transaction of the file leads to is not in the file yet.
    this.#present = sealed.mark
    // One memory is replaced by one: the counter must not know of a third.
    this.#counter.settleFound(this.#present)
    this.medium = new DraftMedium(sealed)
  }

  /** Holds a chip and reads it into RAM; refusals are those of `ChipFile.open`. */
  static load(path: string, options: ChipOptions = {}): ChipDraft {
    const held = holdChip(path, options)
    try {
      return new ChipDraft(held)
    } catch (error) {
      held.close()
      throw error
    }
  }

  /** Puts the memory as it is now in the place of the file's; durable on return. Between transactions only. */
  save(): void {
    const counter = this.#counter
    const present = this.#present
    if (present === undefined)
      throw new StateError(`${this.path} could not be replaced: it must be opened again`)
    this.medium.commit()
    const { mark } = this.medium
    if (sameMark(present, mark)) return
    this.#present = undefined
    replaceChip(this.#held, this.#slots, () => {
      counter.allow(mark, this.#working.otpCommit)
      return () => counter.settle(mark)
    })
    this.#present = mark
  }

  /** Gives the file back as it lies there. What was not saved is gone. */
  close(): void {
    this.medium.close()
    this.#working[Symbol.dispose]()
    this.#counter[Symbol.dispose]()
    this.#held.close()
  }

  [Symbol.dispose](): void {
    this.close()
  }
}

/**
 * Replaces a held chip's file by these slots.
 * @param prepare makes the counter accept the new memory beside the old one, just before; what it returns, after, is for the new one alone
 */
export function replaceChip(
  { path, header, world }: Pick<HeldChip, 'path' | 'header' | 'world'>,
  slots: RamSlots,
  prepare: () => () => void,
): void {
  const { files } = world
  try {
    const draft = writeChipDraft(path, header, slots, files)
    const settle = prepare()
    files.renameSync(draft, path)
    syncFolderOf(files, path)
    settle()
  } catch (error) {
    files.rmSync(`${path}.new`, { force: true })
    throw error instanceof SealwrightError ? error : writeError(path, error)
  }
}
