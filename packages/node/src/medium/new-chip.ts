import { equal, fixedBytes, wipe } from '@sealwright/core/bytes'
import { SealwrightError, UsageError } from '@sealwright/core/errors'
import { type Geometry, RamSlots } from '@sealwright/module/medium'
import {
  type ChipKey,
  chipIdLength,
  chipKeyCheck,
  chipKeyLength,
  counterCellLength,
  counterCells,
  type NewMemory,
  RollbackCounter,
  SealedMedium,
  sealedSlotLength,
  slotCount,
} from '@sealwright/module/seal'
import { isCode } from '../lock/index.ts'
import { type ChipHeader, headerLength, parseHeader } from './chip-header.ts'
import { placeKeyFile, writeKeyDraft } from './chip-key.ts'
import { type ChipOptions, type ChipWorld, chipWorld, takeLock } from './chip-world.ts'
import { syncFolderOf, writeError } from './files.ts'
import { cellOffset, parseKeyHead } from './key-file.ts'
import { writeChipDraft } from './whole-file.ts'

/** What a new chip holds: a plain memory, which is sealed as it is. */
export interface NewChip {
  readonly geometry: Geometry
  readonly pages: NonNullable<NewMemory['pages']>
}

/** A memory that was sealed in RAM, with a counter of its own. */
export interface SealedCopy {
  readonly header: ChipHeader
  readonly slots: RamSlots
  readonly cells: RamSlots
}

/** Seals a memory into RAM. */
export function sealInRam(
  world: ChipWorld,
  chip: ChipKey,
  { geometry, pages }: NewChip,
  numbers: Pick<NewMemory, 'commit' | 'otpCommit'> = {},
): SealedCopy {
  const slots = new RamSlots(slotCount(geometry), sealedSlotLength)
  const cells = new RamSlots(counterCells, counterCellLength)
  const counter = new RollbackCounter(chip, cells)
  try {
    const parts = { geometry, slots, counter, chip, entropy: world.entropy }
    SealedMedium.create(parts, { pages: written(pages), ...numbers }).close()
  } finally {
    counter[Symbol.dispose]()
  }
  return { header: { geometry, chipId: chip.chipId, keyCheck: chipKeyCheck(chip) }, slots, cells }
}

/**
 * Makes a chip file with a key of its own; both are there when it returns, or neither. A file of that name is never replaced: UsageError
 * `file-exists`. The key file of an earlier chip of that name is kept under another name.
 * @returns the path of the key file
 */
export function createChip(path: string, chip: NewChip, options: ChipOptions = {}): string {
  const world = chipWorld(options)
  const { files } = world
  const lock = takeLock(`${path}.lock`, options.command)
  try {
    if (files.existsSync(path)) throw new UsageError(`${path} exists already`, { code: 'file-exists' })
    return withNewKey(world, (key) => {
      const sealed = sealInRam(world, key, chip)
      const keyPath = placeKeyFile(path, key.chipId, world.keys)
      makeKeyFile(path, keyPath, key, sealed, world)
      // A link never replaces what is there.
      files.linkSync(`${path}.new`, path)
      files.rmSync(`${path}.new`)
      syncFolderOf(files, path)
      return keyPath
    })
  } catch (error) {
    files.rmSync(`${path}.new`, { force: true })
    if (isCode(error, 'EEXIST')) throw new UsageError(`${path} exists already`, { code: 'file-exists' })
    throw error instanceof SealwrightError ? error : writeError(path, error)
  } finally {
    lock.release()
  }
}

export function withNewKey<T>({ crypto, entropy }: ChipWorld, work: (chip: ChipKey) => T): T {
  const key = fixedBytes(chipKeyLength)
  const random = entropy.bytes(chipKeyLength)
  key.set(random)
  wipe(random)
  try {
    return work({ crypto, key, chipId: entropy.bytes(chipIdLength) })
  } finally {
    wipe(key)
  }
}

/** Writes the draft of a chip, then its key file in its place: what is left to do is to give the draft its name. */
export function makeKeyFile(
  path: string,
  keyPath: string,
  { key, chipId }: ChipKey,
  { header, slots, cells }: SealedCopy,
  { files, keys, say }: ChipWorld,
): void {
  // Before the draft is written anew: it tells whether the key was ever in force.
  const wasNeverUsed = isOfDraft(path, keyPath, files)
  writeChipDraft(path, header, slots, files)
  const draft = writeKeyDraft(keyPath, { chipId, protection: 'bare', key }, cells, files)
  try {
    if (files.existsSync(keyPath) && !wasNeverUsed) {
      if (keys.file !== undefined) {
        throw new UsageError(`${keyPath} is the key of another chip; it is not replaced`, {
          code: 'file-exists',
        })
      }
      const kept = freeName(keyPath, files)
      files.renameSync(keyPath, kept)
      say(`${keyPath} was the key of an earlier chip; it is kept as ${kept}`)
    }
    files.renameSync(draft, keyPath)
  } catch (error) {
    files.rmSync(draft, { force: true })
    throw error
  }
  syncFolderOf(files, keyPath)
}

/** Whether a key file was made by a run that broke off before its chip had a name: the chip lies there as a draft. */
export function isOfDraft(path: string, keyPath: string, files: ChipWorld['files']): boolean {
  try {
    const { chipId } = parseHeader(
      new Uint8Array(files.readFileSync(`${path}.new`)).subarray(0, headerLength),
    )
    const bytes = new Uint8Array(files.readFileSync(keyPath))
    const head = parseKeyHead(bytes.subarray(0, cellOffset))
    wipe(bytes)
    if (head.protection === 'bare') wipe(head.key)
    return equal(chipId, head.chipId)
  } catch {
    return false
  }
}

function freeName(path: string, files: ChipWorld['files']): string {
  for (let n = 1; ; n++) if (!files.existsSync(`${path}.${n}`)) return `${path}.${n}`
}

/** A page of zeros needs no slot. */
function* written(pages: NewChip['pages']): Generator<readonly [number, Uint8Array]> {
  for (const page of pages) if (page[1].some((byte) => byte !== 0)) yield page
}
