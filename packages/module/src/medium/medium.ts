import { InternalError, SealwrightError, UsageError } from '@sealwright/core/errors'
import { areaOfPage, type Geometry } from './geometry.ts'

/**
 * Everything non-volatile, as pages. A page never written reads as zeros, in every area.
 * A program is not durable before the next `sync`, and a power cut may tear it. OTP bits only go from 0 to 1; ROM pages
 * cannot be programmed at all.
 */
export interface Medium {
  readonly geometry: Geometry
  /**
   * Another number than before whenever a read could answer otherwise than before: after each program, and after whatever else
   * changed pages. What was derived from pages holds as long as it stays. A medium that cannot tell gives NaN. Throws for a loss of
   * power only.
   */
  readonly revision: number
  /** A copy of the page. Throws PageDamaged when what is stored is not what was last programmed. */
  read(page: number): Uint8Array
  /** The same without copying: not to be written to, and good only until the next call. */
  lend(page: number): Uint8Array
  /** Replaces a whole page of 256 bytes. */
  program(page: number, bytes: Uint8Array): void
  /** Returns when every program before it will survive a loss of power. */
  sync(): void
  /** What the journal does beside its own work when the medium seals transactions. */
  readonly seal?: TransactionSeal | undefined
  /** How often the page was written; absent where nobody counts. */
  writes?(page: number): number
}

/**
 * What a medium that seals its memory as a whole takes part in. The journal calls, in this order: `begin`; it programs its record with the
 * attachment and syncs; `durable`; it programs the pages; `end`, and syncs. At a start `resume` stands for `begin`, and `started` follows
 * when the journal is empty.
 */
export interface TransactionSeal {
  /** Bytes of an attachment. */
  readonly length: number
  /**
   * A transaction over these pages begins.
   * @param entries the journal's serialization of their new content
   * @returns what the journal record carries besides
   */
  begin(pages: readonly number[], entries: Uint8Array): Uint8Array
  /** A start found a committed record and carries it out again. */
  resume(attachment: Uint8Array, pages: readonly number[]): void
  /** The record is durable: from now on no older memory will do. */
  durable(): void
  /** Every page is programmed: seals the memory as it is now. */
  end(): void
  /** What the journal held before this start is carried out or gone, and counts for nothing if it comes back. */
  started(): void
}

/** A page's stored content does not hold: torn by a power cut, flipped, or changed by hand. */
export class PageDamaged extends SealwrightError {
  readonly page: number

  constructor(page: number, reason: string) {
    super(`page ${page}: ${reason}`, 'memory-damaged', { details: { page } })
    this.page = page
  }
}

/** No room: in the heap, the directory, the journal or RAM. The dispatcher answers 6A84. */
export class StorageFull extends SealwrightError {
  constructor(message: string) {
    super(message, 'storage-full')
  }
}

/** Checks a program before it is made: length, area, and that no OTP bit would be cleared (`old` absent: unreadable). */
export function checkProgram(
  geometry: Geometry,
  page: number,
  bytes: Uint8Array,
  old: () => Uint8Array | undefined,
): void {
  if (bytes.length !== geometry.pageSize) {
    throw new UsageError(`a page has ${geometry.pageSize} bytes, got ${bytes.length}`)
  }
  const area = areaOfPage(geometry, page)
  if (area.name === 'rom') throw new InternalError(`page ${page} is ROM and never written`)
  if (area.name !== 'otp') return
  if (old()?.some((byte, i) => (byte & ~bytes[i]!) !== 0)) {
    throw new InternalError(`page ${page} is one-time-programmable: a bit cannot go back to 0`)
  }
}
