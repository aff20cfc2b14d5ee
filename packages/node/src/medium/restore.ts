import { encodeHex, equal } from '@sealwright/core/bytes'
import { DecodeError, SealwrightError, StateError } from '@sealwright/core/errors'
import type { ChainedEvent } from '@sealwright/core/log'
import { openMemory } from '@sealwright/module/eeprom'
import { type EventRecord, Events } from '@sealwright/module/events'
import { type Medium, RamMedium, RamSlots, totalPages } from '@sealwright/module/medium'
import { restoreMemory } from '@sealwright/module/restore'
import {
  type ChipKey,
  type CommitMark,
  chipKeyCheck,
  counterCellLength,
  counterCells,
  examine,
  RollbackCounter,
  SealBroken,
  SealedMedium,
} from '@sealwright/module/seal'
import { onFile } from '../files/index.ts'
import { type Backup, checkBackup, parseBackup } from './backup-file.ts'
import { replaceChip } from './chip-draft.ts'
import { holdKey } from './chip-file.ts'
import { checkLength, describeHeader, fileLength, headerLength } from './chip-header.ts'
import { type OpenChipKey, openChipKey, replaceCells } from './chip-key.ts'
import { behindLink, chipLockPath } from './chip-lock.ts'
import { type ChipOptions, type ChipWorld, chipWorld, takeLock } from './chip-world.ts'
import { sealInRam } from './new-chip.ts'
import { ramSlotsOf } from './whole-file.ts'

/** A restore that is ready to be carried out; the chip is held until `close`. */
export interface PlannedRestore {
  /** The event that the restore will be. */
  readonly event: ChainedEvent
  /** Why the present memory is left out of account; undefined when the event chain goes on from it. */
  readonly unreadable: string | undefined
  /** Events of the present memory from a number on, oldest first; none when it cannot be read. */
  presentEvents(from: number): EventRecord[]
  /** Puts the restored memory in the place of the present one; durable on return, and a cut leaves one of them. */
  carryOut(): void
  close(): void
}

/**
 * Prepares to put a backup in the place of a chip's memory; nothing is changed yet. The chip file may be missing or damaged, its key may
 * not. DecodeError `backup-changed`, `chip-key-differs`; StateError where the backup is not of this chip, or would take its one-time
 * memory back.
 */
export function planRestore(name: string, bytes: Uint8Array, options: ChipOptions = {}): PlannedRestore {
  const world = chipWorld(options)
  const backup = parseBackup(bytes)
  const { chipId } = backup.header
  const path = behindLink(name)
  const closers: (() => void)[] = []
  const close = (): void => {
    for (const one of closers.splice(0).reverse()) one()
  }
  try {
    const lock = takeLock(chipLockPath(path), options.command)
    closers.push(() => lock.release())
    const { keyPath, inherited } = holdKey(path, chipId, { world, options, closers })
    if (lock.inherited || inherited) world.files.rmSync(`${keyPath}.new`, { force: true })
    const key = openChipKey(keyPath, chipId, {
      passphrase: world.keys.passphrase,
      crypto: world.crypto,
      files: world.files,
    })
    closers.push(() => key.close())
    const chip = { crypto: world.crypto, key: key.key, chipId }
    if (!equal(chipKeyCheck(chip), backup.header.keyCheck)) {
      throw new DecodeError(`${key.path} holds another key than the backup was made under`, {
        code: 'chip-key-differs',
      })
    }
    checkBackup(bytes, chip)
    const counter = new RollbackCounter(chip, key.cells)
    closers.push(() => counter[Symbol.dispose]())
    const present = readPresent(path, chip, key, world)
    const stored = openBackup(backup, chip, world)
    // The present memory may be gone, or put away; the counter still knows.
    if (stored.mark.commit < (counter.otpCommit ?? 0)) {
      stored.medium.close()
      throw new StateError(
        'the backup was made before the one-time memory changed: a mode is never left backwards',
      )
    }
    const plain = plainCopy(stored.medium)
    stored.medium.close()
    const now = 'medium' in present ? plainCopy(present.medium) : undefined
    // Nothing is left that knows of fuses blown since: then only a mode that none follows in work.
    if (counter.status !== 'held' && !openMemory(plain).otp.test('mode-user')) {
      throw new StateError(
        'the backup was made before user mode, and without rollback counter nobody knows what mode the chip was in since',
      )
    }
    const { event } = restoreMemory({
      backup: plain,
      ...(now === undefined ? {} : { present: now }),
      digest: world.crypto.sha256(bytes),
      crypto: world.crypto,
    })
    const { geometry } = backup.header
    const newest = Math.max(
      ...[stored.mark, counter.current, counter.other, present.mark].map((mark) => mark?.commit ?? 0),
    )
    const next = sealInRam(
      world,
      chip,
      { geometry, pages: plain.snapshot().pages },
      { commit: newest + 1, otpCommit: stored.mark.commit },
    )
    return {
      event,
      unreadable: 'reason' in present ? present.reason : undefined,
      presentEvents: (from) =>
        now === undefined ? [] : new Events(world.crypto, openMemory(now).objects).list(from),
      carryOut() {
        const mark = markIn(next.cells, chip)
        replaceChip({ path, header: backup.header, world }, next.slots, () => {
          if (counter.status !== 'held') return () => replaceCells(key, next.cells, world.files)
          if ('medium' in present) counter.settleFound(present.mark)
          // One memory is replaced by one: the counter must not know of a third.
          if (!('reason' in present)) counter.settleFound(present.mark)
          counter.allow(mark)
          return () => counter.settle(mark)
        })
      },
      close,
    }
  } catch (error) {
    close()
    throw error
  }
}

type Present =
  | { readonly medium: SealedMedium; readonly mark: CommitMark }
  | { readonly reason: string; readonly mark: CommitMark | undefined }

/** The chip's memory as it is now, opened in RAM. A memory that the counter does not accept is not the present one. */
function readPresent(path: string, chip: ChipKey, key: OpenChipKey, { files, entropy }: ChipWorld): Present {
  if (!files.existsSync(path)) return { reason: 'the chip file is not there', mark: undefined }
  const bytes = onFile(path, () => new Uint8Array(files.readFileSync(path)))
  let geometry: Backup['header']['geometry']
  try {
    const header = describeHeader(bytes.subarray(0, headerLength))
    if (header.chipId === undefined) {
      throw new StateError(
        `${path} is of format version 1: power it up once, with \`sealwright module show\``,
      )
    }
    if (!equal(header.chipId, chip.chipId)) {
      throw new StateError(
        `${path} is chip ${encodeHex(header.chipId).toLowerCase()}, the backup is of ${encodeHex(chip.chipId).toLowerCase()}`,
        { code: 'wrong-module' },
      )
    }
    geometry = header.geometry
    checkLength(bytes.length, fileLength(geometry))
  } catch (error) {
    if (!(error instanceof DecodeError) || error.code === 'format-newer') throw error
    return { reason: error.message, mark: undefined }
  }
  const slots = ramSlotsOf(bytes, geometry)
  const cells = RamSlots.from(key.cells)
  const { sealed } = examine({ geometry, slots, cells, chip })
  const counter = new RollbackCounter(chip, cells)
  try {
    const medium = SealedMedium.open({ geometry, slots, counter, chip, entropy })
    openMemory(medium)
    return { medium, mark: medium.mark }
  } catch (error) {
    if (!(error instanceof SealwrightError)) throw error
    return { reason: error.message, mark: sealed }
  }
}

/** The backup's memory, checked page by page under a counter of its own. */
function openBackup(
  { header, slots }: Backup,
  chip: ChipKey,
  { entropy }: ChipWorld,
): { readonly medium: SealedMedium; readonly mark: CommitMark } {
  const cells = new RamSlots(counterCells, counterCellLength)
  const found = examine({ geometry: header.geometry, slots, cells, chip })
  const counter = new RollbackCounter(chip, cells)
  if (found.sealed !== undefined) counter.begin(found.sealed)
  try {
    const medium = SealedMedium.open({ geometry: header.geometry, slots, counter, chip, entropy })
    return { medium, mark: medium.mark }
  } catch (error) {
    if (!(error instanceof SealBroken)) throw error
    throw new DecodeError(`chip backup: ${error.message}`, { code: 'backup-changed', cause: error })
  }
}

function plainCopy(medium: Medium): RamMedium {
  const { geometry } = medium
  const pages = new Map<number, Uint8Array>()
  for (let page = 0; page < totalPages(geometry); page++) {
    const bytes = medium.read(page)
    if (bytes.some((byte) => byte !== 0)) pages.set(page, bytes)
  }
  return RamMedium.from({ geometry, pages, damaged: new Set() })
}

function markIn(cells: RamSlots, chip: ChipKey): CommitMark {
  const counter = new RollbackCounter(chip, cells)
  try {
    return counter.current!
  } finally {
    counter[Symbol.dispose]()
  }
}
