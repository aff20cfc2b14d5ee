import * as nodeFiles from 'node:fs'
import { equal, wipe } from '@sealwright/core/bytes'
import { DecodeError, UsageError } from '@sealwright/core/errors'
import type { Geometry } from '@sealwright/module/medium'
import {
  type ChipKey,
  chipKeyCheck,
  RollbackCounter,
  SealedMedium,
  sealedSlotLength,
  slotCount,
} from '@sealwright/module/seal'
import { isCode } from '../lock/index.ts'
import {
  type ChipHeader,
  checkLength,
  fileLength,
  headerLength,
  headerVersion,
  parseHeader,
} from './chip-header.ts'
import {
  type ChipKeys,
  findKeyFile,
  keyProtection,
  type OpenChipKey,
  openChipKey,
  protectChipKey,
} from './chip-key.ts'
import { behindLink, chipLockPath, keyLockPath } from './chip-lock.ts'
import { type ChipOptions, type ChipWorld, chipWorld, takeLock } from './chip-world.ts'
import { FileSlots } from './file-slots.ts'
import { type Files, writeError } from './files.ts'
import { parseFirstFormat } from './first-format.ts'
import type { KeyProtection } from './key-file.ts'
import { replaceFirstFormat } from './migration.ts'

/** A chip file and its key under this process's lock, not yet opened as a memory. */
export interface HeldChip {
  readonly path: string
  readonly world: ChipWorld
  readonly header: ChipHeader
  readonly chip: ChipKey
  readonly key: OpenChipKey
  /** The file, still as it lies there. */
  readonly slots: FileSlots
  close(): void
}

/**
 * Takes the lock, reads header and key. A file of an older format is made new first, and a copy kept.
 * StateError `memory-held` naming the holder, `chip-key-missing`, `chip-passphrase-missing`, `chip-passphrase-wrong`; DecodeError
 * `format-newer`, `memory-damaged`, `chip-key-differs`, `chip-key-damaged`.
 */
export function holdChip(name: string, options: ChipOptions = {}): HeldChip {
  const world = chipWorld(options)
  const { files } = world
  if (!files.existsSync(name)) throw new UsageError(`there is no chip file ${name}`, { code: 'file-missing' })
  const path = behindLink(name)
  const closers: (() => void)[] = []
  const close = (): void => {
    for (const one of closers.splice(0).reverse()) one()
  }
  try {
    const lock = takeLock(chipLockPath(path), options.command)
    closers.push(() => lock.release())
    const open = readChip(path, world)
    const { header, slots } = open
    closers.push(() => slots.close())
    const { keyPath, inherited } = holdKey(path, header.chipId, { world, options, closers })
    // A draft of a killed process may hold a key that nobody protects.
    if (lock.inherited) files.rmSync(`${path}.new`, { force: true })
    if (lock.inherited || inherited) files.rmSync(`${keyPath}.new`, { force: true })
    const key = openChipKey(keyPath, header.chipId, {
      passphrase: world.keys.passphrase,
      crypto: world.crypto,
      files,
    })
    closers.push(() => key.close())
    const chip = { crypto: world.crypto, key: key.key, chipId: header.chipId }
    if (!equal(chipKeyCheck(chip), header.keyCheck)) {
      throw new DecodeError(`${key.path} holds another key than ${path} was sealed with`, {
        code: 'chip-key-differs',
      })
    }
    return { path, world, header, chip, key, slots, close }
  } catch (error) {
    close()
    throw error
  }
}

/** Takes the lock of a chip's key file, where it is not the chip's own. */
export function holdKey(
  path: string,
  chipId: Uint8Array,
  {
    world,
    options,
    closers,
  }: { readonly world: ChipWorld; readonly options: ChipOptions; readonly closers: (() => void)[] },
): { readonly keyPath: string; readonly inherited: boolean } {
  const keyPath = behindLink(findKeyFile(path, chipId, world.keys, world.files))
  const lockPath = keyLockPath(keyPath, path)
  if (lockPath === undefined || !world.files.existsSync(keyPath)) return { keyPath, inherited: false }
  const lock = takeLock(lockPath, options.command)
  closers.push(() => lock.release())
  return { keyPath, inherited: lock.inherited }
}

/** A module's non-volatile memory as one sealed file: sparse, readable by its owner only, held by one process at a time. */
export class ChipFile implements Disposable {
  readonly path: string
  readonly medium: SealedMedium
  readonly protection: KeyProtection
  readonly #held: HeldChip
  readonly #counter: RollbackCounter

  private constructor(held: HeldChip, medium: SealedMedium, counter: RollbackCounter) {
    this.path = held.path
    this.medium = medium
    this.protection = held.key.protection
    this.#held = held
    this.#counter = counter
  }

  /** Opens and holds a chip: what `holdChip` refuses, and SealBroken for a memory that was changed. */
  static open(path: string, options: ChipOptions = {}): ChipFile {
    const held = holdChip(path, options)
    try {
      const { chip, slots, key, world } = held
      const counter = new RollbackCounter(chip, key.cells)
      try {
        const { geometry } = held.header
        const medium = SealedMedium.open({ geometry, slots, counter, chip, entropy: world.entropy })
        // A replacement of the whole file that was cut after the new name stood: the old memory counts no more.
        counter.settleFound(medium.mark)
        return new ChipFile(held, medium, counter)
      } catch (error) {
        counter[Symbol.dispose]()
        throw error
      }
    } catch (error) {
      held.close()
      throw error
    }
  }

  /** Gives the file back to others and forgets its content. */
  close(): void {
    this.medium.close()
    this.#counter[Symbol.dispose]()
    this.#held.close()
  }

  [Symbol.dispose](): void {
    this.close()
  }
}

/**
 * Puts a chip's key under a passphrase or another one; without one takes it away. The key file is replaced as a whole.
 * @returns the key file, and how the key was kept before
 */
export function protectChip(
  path: string,
  passphrase: Uint8Array | undefined,
  options: ChipOptions = {},
): { readonly key: string; readonly before: KeyProtection } {
  const held = holdChip(path, options)
  try {
    const { key, header, world } = held
    protectChipKey(key, header.chipId, passphrase, world)
    return { key: key.path, before: key.protection }
  } finally {
    held.close()
  }
}

/** Whether a passphrase is needed to open a chip. False as well where nothing can be said: opening tells why. */
export function keyAsksPassphrase(path: string, keys: ChipKeys, chipId?: Uint8Array): boolean {
  const files = nodeFiles
  try {
    const id =
      chipId ?? parseHeader(new Uint8Array(files.readFileSync(path).subarray(0, headerLength))).chipId
    return keyProtection(findKeyFile(path, id, keys, files), files) === 'passphrase'
  } catch {
    return false
  }
}

/** The slots of a memory in an open chip file. */
export function memorySlots(
  path: string,
  file: number,
  bytes: Uint8Array,
  geometry: Geometry,
  files: Files,
): FileSlots {
  return new FileSlots(
    { path, file, bytes, files },
    { count: slotCount(geometry), length: sealedSlotLength, offset: headerLength },
  )
}

function readChip(path: string, world: ChipWorld): { header: ChipHeader; slots: FileSlots } {
  const { files } = world
  let file = openForWriting(path, files)
  try {
    let bytes = new Uint8Array(files.readFileSync(file))
    if (headerVersion(bytes) === 1) {
      files.closeSync(file)
      file = -1
      const first = parseFirstFormat(bytes)
      wipe(bytes)
      replaceFirstFormat(path, first, world)
      file = openForWriting(path, files)
      bytes = new Uint8Array(files.readFileSync(file))
    }
    const header = parseHeader(bytes.subarray(0, headerLength))
    checkLength(bytes.length, fileLength(header.geometry))
    return { header, slots: memorySlots(path, file, bytes, header.geometry, files) }
  } catch (error) {
    if (file >= 0) files.closeSync(file)
    throw error
  }
}

function openForWriting(path: string, files: Files): number {
  try {
    return files.openSync(path, 'r+')
  } catch (error) {
    if (isCode(error, 'EISDIR'))
      throw new UsageError(`${path} is a folder, expected a chip file`, { code: 'file-missing' })
    throw writeError(path, error)
  }
}
