import * as nodeFiles from 'node:fs'
import { dirname } from 'node:path'
import { SealwrightError, StateError, UsageError } from '@sealwright/core/errors'
import {
  checkProgram,
  type Geometry,
  type Medium,
  PageDamaged,
  pageSize,
  requirePage,
  romPages,
  totalPages,
} from '@sealwright/module/medium'
import { FileLock, isCode } from '../lock/index.ts'
import {
  damaged,
  fileLength,
  headerLength,
  parseHeader,
  parseSlot,
  serializeHeader,
  serializeSlot,
  slotLength,
  slotOffset,
} from './chip-file.ts'

/** The calls that touch the disk, as of node:fs; a test puts a full disk in their place. */
export type Files = Pick<
  typeof nodeFiles,
  | 'closeSync'
  | 'fdatasyncSync'
  | 'fsyncSync'
  | 'ftruncateSync'
  | 'linkSync'
  | 'openSync'
  | 'readFileSync'
  | 'rmSync'
  | 'writeSync'
>

export interface FileMediumOptions {
  /** Named in the lock for those who are refused; the program's name when absent. */
  readonly command?: string
  readonly files?: Files
}

/**
 * A module's non-volatile memory as one file: sparse, readable by its owner only, held by one process at a time.
 * A page that does not hold its checksum is reported by `read` as PageDamaged. Overwriting reaches the file;
 * what a drive or file system keeps of older blocks is beyond it.
 */
export class FileMedium implements Medium, Disposable {
  readonly geometry: Geometry
  readonly path: string
  readonly #files: Files
  readonly #file: number
  readonly #lock: FileLock
  /** The slots as they lie in the file. */
  readonly #slots: Uint8Array
  /** Which of them were found to hold since the file was opened: 1. They change by `program` only. */
  readonly #held: Uint8Array
  #revision = 0
  #open = true

  private constructor(
    path: string,
    geometry: Geometry,
    file: number,
    slots: Uint8Array,
    lock: FileLock,
    files: Files,
  ) {
    this.path = path
    this.geometry = geometry
    this.#file = file
    this.#slots = slots
    this.#held = new Uint8Array(totalPages(geometry))
    this.#lock = lock
    this.#files = files
  }

  /** Makes a new chip with its ROM and holds it. A file of that name is never replaced: UsageError. */
  static create(
    path: string,
    geometry: Geometry,
    rom: Uint8Array = new Uint8Array(),
    options: FileMediumOptions = {},
  ): FileMedium {
    const files = options.files ?? nodeFiles
    const pages = romPages(geometry, rom)
    const draft = `${path}.new-${process.pid}-${Math.random().toString(36).slice(2)}`
    try {
      const file = files.openSync(draft, 'wx', 0o600)
      try {
        files.ftruncateSync(file, fileLength(geometry))
        writeAll(files, file, serializeHeader(geometry), 0)
        for (const [page, bytes] of pages) writeAll(files, file, serializeSlot(page, bytes), slotOffset(page))
        files.fsyncSync(file)
      } finally {
        files.closeSync(file)
      }
      // A link never replaces what is there, and the name appears only when the content is complete.
      files.linkSync(draft, path)
      syncFolder(files, dirname(path))
    } catch (error) {
      if (isCode(error, 'EEXIST')) throw new UsageError(`${path} exists already`, { code: 'file-exists' })
      throw writeError(path, error)
    } finally {
      files.rmSync(draft, { force: true })
    }
    return FileMedium.open(path, options)
  }

  /**
   * Opens and holds a chip. Throws StateError `memory-held` naming the holder, DecodeError `format-newer` for a later format and
   * `memory-damaged` for a file cut short or changed.
   */
  static open(path: string, options: FileMediumOptions = {}): FileMedium {
    const files = options.files ?? nodeFiles
    let file: number
    try {
      file = files.openSync(path, 'r+')
    } catch (error) {
      if (isCode(error, 'ENOENT'))
        throw new UsageError(`there is no chip file ${path}`, { code: 'file-missing' })
      throw writeError(path, error)
    }
    let lock: FileLock | undefined
    try {
      lock = takeLock(`${path}.lock`, options.command)
      const bytes = new Uint8Array(files.readFileSync(file))
      const geometry = parseHeader(bytes.subarray(0, headerLength))
      if (bytes.length !== fileLength(geometry)) {
        throw damaged(`${bytes.length} bytes long, expected ${fileLength(geometry)}`)
      }
      return new FileMedium(path, geometry, file, bytes.subarray(headerLength), lock, files)
    } catch (error) {
      lock?.release()
      files.closeSync(file)
      throw error
    }
  }

  get revision(): number {
    return this.#revision
  }

  read(page: number): Uint8Array {
    return this.lend(page).slice()
  }

  lend(page: number): Uint8Array {
    requirePage(page, this.#held.length)
    const content = this.#content(page)
    if (content === undefined) throw new PageDamaged(page, `${this.path} does not hold what was last written`)
    return content
  }

  program(page: number, bytes: Uint8Array): void {
    this.#usable()
    checkProgram(this.geometry, page, bytes, () => this.#content(page))
    const slot = serializeSlot(page, bytes)
    try {
      writeAll(this.#files, this.#file, slot, slotOffset(page))
    } catch (error) {
      throw writeError(this.path, error)
    }
    this.#slots.set(slot, page * slotLength)
    this.#held[page] = 1
    this.#revision++
    slot.fill(0)
  }

  sync(): void {
    try {
      this.#files.fdatasyncSync(this.#file)
    } catch (error) {
      throw writeError(this.path, error)
    }
  }

  /** Gives the file back to others and forgets its content. */
  close(): void {
    if (!this.#open) return
    this.#open = false
    this.#revision++
    this.#slots.fill(0)
    this.#files.closeSync(this.#file)
    this.#lock.release()
  }

  [Symbol.dispose](): void {
    this.close()
  }

  #usable(): void {
    if (!this.#open) throw new UsageError(`${this.path} is closed`)
  }

  #content(page: number): Uint8Array | undefined {
    this.#usable()
    const start = page * slotLength
    if (this.#held[page] === 0) {
      if (parseSlot(page, this.#slots.subarray(start, start + slotLength)) === undefined) return undefined
      this.#held[page] = 1
    }
    return this.#slots.subarray(start, start + pageSize)
  }
}

function takeLock(path: string, command: string | undefined): FileLock {
  try {
    return FileLock.take(path, command, 'memory-held')
  } catch (error) {
    throw error instanceof SealwrightError ? error : writeError(path, error)
  }
}

function writeAll(files: Files, file: number, bytes: Uint8Array, position: number): void {
  for (let done = 0; done < bytes.length; ) {
    done += files.writeSync(file, bytes, done, bytes.length - done, position + done)
  }
}

/** Makes a new name durable. */
function syncFolder(files: Files, path: string): void {
  const folder = files.openSync(path, 'r')
  try {
    files.fsyncSync(folder)
  } finally {
    files.closeSync(folder)
  }
}

function writeError(path: string, cause: unknown): unknown {
  if (!(cause instanceof Error) || !('code' in cause)) return cause
  return new StateError(`${path} cannot be written: ${reasons[String(cause.code)] ?? cause.code}`, {
    code: 'memory-unwritable',
    cause,
  })
}

const reasons: Readonly<Record<string, string>> = {
  ENOSPC: 'the disk is full',
  EDQUOT: 'the quota is used up',
  EACCES: 'no permission',
  EPERM: 'no permission',
  EROFS: 'the file system is read-only',
  EFBIG: 'the file may not grow',
  EIO: 'the drive reports an error',
}
