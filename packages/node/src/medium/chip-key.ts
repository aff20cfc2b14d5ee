import { join } from 'node:path'
import { allZero, encodeHex, equal, wipe } from '@sealwright/core/bytes'
import { DecodeError, StateError, UsageError } from '@sealwright/core/errors'
import type { Crypto, Entropy } from '@sealwright/core/ports'
import type { Slots } from '@sealwright/module/medium'
import { counterCellLength, counterCells } from '@sealwright/module/seal'
import { isCode } from '../lock/index.ts'
import { FileSlots } from './file-slots.ts'
import { type Files, syncFolderOf, writeDraft, writeError } from './files.ts'
import {
  cellOffset,
  cellStride,
  type KeyHead,
  type KeyProtection,
  keyFileLength,
  keyHeadStart,
  parseKeyHead,
  serializeKeyFile,
  serializeKeyHead,
} from './key-file.ts'
import { unwrapKey, wrapKey } from './passphrase.ts'

/** Where keys of chips are looked for, and what opens them. */
export interface ChipKeys {
  /** The key file itself. */
  readonly file?: string
  /** A folder with a file CHIPID.key for each chip. */
  readonly folder?: string
  /** For a key under a passphrase; stays the caller's. */
  readonly passphrase?: Uint8Array
}

/** A chip's key and its rollback counter, in a file that this process holds. */
export interface OpenChipKey {
  readonly path: string
  /** 32 bytes, wiped by `close`. */
  readonly key: Uint8Array
  readonly protection: KeyProtection
  /** The two cells of the rollback counter. */
  readonly cells: FileSlots
  close(): void
}

/** The key file of a chip that there is: named; else CHIPID.key in the folder of keys, if it is there; else beside the chip. */
export function findKeyFile(chip: string, chipId: Uint8Array, keys: ChipKeys, files: Files): string {
  if (keys.file !== undefined) return keys.file
  const inFolder = keys.folder === undefined ? undefined : join(keys.folder, keyName(chipId))
  return inFolder !== undefined && files.existsSync(inFolder) ? inFolder : besideChip(chip)
}

/** Where the key file of a new chip goes. */
export function placeKeyFile(chip: string, chipId: Uint8Array, keys: ChipKeys): string {
  if (keys.file !== undefined) return keys.file
  return keys.folder === undefined ? besideChip(chip) : join(keys.folder, keyName(chipId))
}

export function besideChip(chip: string): string {
  return `${chip}.key`
}

function keyName(chipId: Uint8Array): string {
  return `${encodeHex(chipId).toLowerCase()}.key`
}

/** How a chip's key is kept; throws as `openChipKey` does where there is none. */
export function keyProtection(path: string, files: Files): KeyProtection {
  const { head, bytes } = readKeyFile(path, files)
  if (head.protection === 'bare') wipe(head.key)
  wipe(bytes)
  return head.protection
}

/**
 * Opens the key file of a chip.
 * StateError `chip-key-missing`, `chip-passphrase-missing`, `chip-passphrase-wrong`; DecodeError `chip-key-differs` for the key of
 * another chip, `chip-key-damaged` for a changed file.
 */
export function openChipKey(path: string, chipId: Uint8Array, world: KeyWorld): OpenChipKey {
  return openKey(path, chipId, world, (files) => openForWriting(path, files))
}

/** The same for looking only: the file is not held, and its cells are not written. */
export function readChipKey(path: string, chipId: Uint8Array, world: KeyWorld): OpenChipKey {
  return openKey(path, chipId, world, (files) => files.openSync(path, 'r'))
}

interface KeyWorld {
  readonly passphrase?: Uint8Array | undefined
  readonly crypto: Crypto
  readonly files: Files
}

function openKey(
  path: string,
  chipId: Uint8Array,
  { passphrase, crypto, files }: KeyWorld,
  openFile: (files: Files) => number,
): OpenChipKey {
  const { head, bytes } = readKeyFile(path, files)
  try {
    if (!equal(head.chipId, chipId)) {
      throw new DecodeError(
        `${path} is the key of chip ${encodeHex(head.chipId)}, not of ${encodeHex(chipId)}`,
        { code: 'chip-key-differs' },
      )
    }
    const key = keyOf(path, head, crypto, passphrase)
    // From here on only the cells are of use.
    bytes.fill(0, 0, cellOffset)
    try {
      const file = openFile(files)
      const open = { path, file, bytes, files }
      const cells = new FileSlots(open, {
        count: counterCells,
        length: counterCellLength,
        offset: cellOffset,
        stride: cellStride,
      })
      const close = (): void => {
        wipe(key)
        cells.close()
      }
      return { path, key, protection: head.protection, cells, close }
    } catch (error) {
      wipe(key)
      throw error
    }
  } catch (error) {
    wipe(bytes)
    throw error
  }
}

/** Writes a new key file beside its place: `path`.new, durable, 0600. The caller renames it. */
export function writeKeyDraft(path: string, head: KeyHead, cells: Slots, files: Files): string {
  const draft = `${path}.new`
  const start = serializeKeyHead(head)
  const bytes = serializeKeyFile(
    start,
    Array.from({ length: cells.count }, (_, i) => cells.lend(i)),
  )
  try {
    writeDraft(files, draft, keyFileLength, [{ at: 0, bytes }])
  } catch (error) {
    files.rmSync(draft, { force: true })
    throw error
  } finally {
    wipe(start, bytes)
  }
  return draft
}

/** Puts the key under a passphrase, under another one, or takes it away: the file is replaced as a whole. */
export function protectChipKey(
  open: OpenChipKey,
  chipId: Uint8Array,
  passphrase: Uint8Array | undefined,
  world: { readonly crypto: Crypto; readonly entropy: Entropy; readonly files: Files },
): void {
  const { path, key, cells } = open
  const { files } = world
  const head: KeyHead =
    passphrase === undefined
      ? { chipId, protection: 'bare', key }
      : {
          chipId,
          protection: 'passphrase',
          wrapped: wrapKey(world, key, passphrase, keyHeadStart(chipId, 'passphrase')),
        }
  try {
    const draft = writeKeyDraft(path, head, cells, files)
    files.renameSync(draft, path)
    syncFolderOf(files, path)
  } catch (error) {
    files.rmSync(`${path}.new`, { force: true })
    throw writeError(path, error)
  }
}

/** Puts other cells into a key file, which is replaced as a whole: for a counter of which nothing is left. */
export function replaceCells({ path }: OpenChipKey, cells: Slots, files: Files): void {
  const bytes = readBytes(path, files)
  const draft = `${path}.new`
  try {
    const head = bytes.subarray(0, cellOffset)
    const whole = serializeKeyFile(
      head,
      Array.from({ length: cells.count }, (_, i) => cells.lend(i)),
    )
    try {
      writeDraft(files, draft, keyFileLength, [{ at: 0, bytes: whole }])
    } finally {
      wipe(whole)
    }
    files.renameSync(draft, path)
    syncFolderOf(files, path)
  } catch (error) {
    files.rmSync(draft, { force: true })
    throw writeError(path, error)
  } finally {
    wipe(bytes)
  }
}

function keyOf(path: string, head: KeyHead, crypto: Crypto, passphrase: Uint8Array | undefined): Uint8Array {
  if (head.protection === 'bare') return head.key
  if (passphrase === undefined) {
    throw new StateError(`the chip key in ${path} is under a passphrase`, { code: 'chip-passphrase-missing' })
  }
  return unwrapKey(crypto, head.wrapped, passphrase, keyHeadStart(head.chipId, head.protection))
}

function readKeyFile(path: string, files: Files): { readonly head: KeyHead; readonly bytes: Uint8Array } {
  const bytes = readBytes(path, files)
  try {
    const head = parseKeyHead(bytes.subarray(0, cellOffset))
    if (bytes.length !== keyFileLength) {
      if (head.protection === 'bare') wipe(head.key)
      throw new DecodeError(`chip key file: ${bytes.length} bytes long, expected ${keyFileLength}`, {
        code: 'chip-key-damaged',
      })
    }
    if (!isPadded(bytes)) {
      if (head.protection === 'bare') wipe(head.key)
      throw new DecodeError('chip key file: it holds bytes beside the key and the counter', {
        code: 'chip-key-damaged',
      })
    }
    return { head, bytes }
  } catch (error) {
    wipe(bytes)
    throw error
  }
}

/** Zeros behind each cell. */
function isPadded(bytes: Uint8Array): boolean {
  for (let at = cellOffset; at < keyFileLength; at += cellStride) {
    if (!allZero(bytes.subarray(at + counterCellLength, at + cellStride))) return false
  }
  return true
}

function readBytes(path: string, files: Files): Uint8Array {
  try {
    const read = files.readFileSync(path)
    const bytes = new Uint8Array(read)
    read.fill(0)
    return bytes
  } catch (error) {
    if (isCode(error, 'ENOENT')) {
      throw new StateError(`there is no chip key ${path}`, { code: 'chip-key-missing' })
    }
    if (isCode(error, 'EISDIR')) throw new UsageError(`${path} is a folder, expected a chip key file`)
    throw writeError(path, error)
  }
}

function openForWriting(path: string, files: Files): number {
  try {
    return files.openSync(path, 'r+')
  } catch (error) {
    throw writeError(path, error)
  }
}
