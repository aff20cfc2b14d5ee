import { UsageError } from '@sealwright/core/errors'
import { checkSlot, type Slots } from '@sealwright/module/medium'
import { type Files, writeAll, writeError } from './files.ts'

/** Where slots lie in a file. */
export interface SlotPlaces {
  readonly count: number
  /** Bytes of each. */
  readonly length: number
  /** Of the first. */
  readonly offset: number
  /** From one to the next; `length` when absent. */
  readonly stride?: number
}

/** An open file and what stands in it. */
export interface OpenFile {
  readonly path: string
  readonly file: number
  readonly bytes: Uint8Array
  readonly files: Files
}

/** Slots in a file that this process holds: read once, written through. */
export class FileSlots implements Slots {
  readonly count: number
  readonly length: number
  readonly #open: OpenFile
  readonly #offset: number
  readonly #stride: number
  #revision = 0
  #closed = false

  constructor(open: OpenFile, { count, length, offset, stride = length }: SlotPlaces) {
    this.count = count
    this.length = length
    this.#open = open
    this.#offset = offset
    this.#stride = stride
  }

  get revision(): number {
    return this.#revision
  }

  lend(slot: number): Uint8Array {
    const at = this.#at(slot)
    return this.#open.bytes.subarray(at, at + this.length)
  }

  program(slot: number, bytes: Uint8Array): void {
    const at = this.#at(slot, bytes)
    const { files, file, path } = this.#open
    try {
      writeAll(files, file, bytes, at)
    } catch (error) {
      throw writeError(path, error)
    }
    this.#open.bytes.set(bytes, at)
    this.#revision++
  }

  sync(): void {
    this.#usable()
    const { files, file, path } = this.#open
    try {
      files.fdatasyncSync(file)
    } catch (error) {
      throw writeError(path, error)
    }
  }

  /** Gives the file back and forgets what it held. */
  close(): void {
    if (this.#closed) return
    this.#closed = true
    this.#revision++
    this.#open.bytes.fill(0)
    this.#open.files.closeSync(this.#open.file)
  }

  #at(slot: number, bytes?: Uint8Array): number {
    this.#usable()
    checkSlot(this, slot, bytes)
    return this.#offset + slot * this.#stride
  }

  #usable(): void {
    if (this.#closed) throw new UsageError(`${this.#open.path} is closed`)
  }
}
