import { allZero, ascii, wipe } from '@sealwright/core/bytes'
import { labels } from '@sealwright/core/catalog'
import type { AesKey } from '@sealwright/core/ports'
import { pageSize } from '../medium/index.ts'
import { type ChipKey, sealKey } from './chip-keys.ts'
import type { FreshBytes } from './fresh-bytes.ts'
import { writeU64 } from './number.ts'

/** nonce(12) ‖ commit(8) ‖ writes(4) ‖ ciphertext(256) ‖ tag(16) */
export const sealedSlotLength = 12 + 8 + 4 + pageSize + 16
export const tagLength = 16

/** What stands in a slot that authenticates. */
export interface SealedPage {
  /** Number of the transaction that wrote it. */
  readonly commit: number
  /** How often the page was written. */
  readonly writes: number
  /** 16 bytes; a view of the slot. */
  readonly tag: Uint8Array
}

/**
 * Seals pages into slots: AES-256-GCM under the page key, a fresh random nonce for every write, chip, page number, commit and count of
 * writes as associated data. Random nonces of 96 bits serve 2^32 writes of one chip (SP 800-38D, 8.3).
 */
export class PageSeal implements Disposable {
  readonly #key: AesKey
  readonly #fresh: FreshBytes | undefined
  /** label(4) ‖ chip(16) ‖ page(4) ‖ commit(8) ‖ writes(4) */
  readonly #associated = new Uint8Array(36)
  readonly #slot = new Uint8Array(sealedSlotLength)

  /** @param fresh absent: for reading only */
  constructor(chip: ChipKey, fresh?: FreshBytes) {
    this.#key = sealKey(chip, 'sealPageKey')
    this.#fresh = fresh
    this.#associated.set(ascii(labels.sealedPage.text))
    this.#associated.set(chip.chipId, 4)
  }

  /** The slot of a page's new content; good until the next call. */
  seal(page: number, { commit, writes }: Omit<SealedPage, 'tag'>, content: Uint8Array): Uint8Array {
    const slot = this.#slot
    slot.set(this.#fresh!.take(12))
    writeU64(slot, 12, commit)
    writeU32(slot, 20, writes)
    slot.set(this.#key.gcmSeal(slot.subarray(0, 12), content, this.#bind(page, slot)), 24)
    return slot
  }

  /** Opens a slot into `content`, 256 bytes; undefined when it is not what this chip wrote for this page. */
  open(page: number, slot: Uint8Array, content: Uint8Array): SealedPage | undefined {
    const plain = this.#key.gcmOpen(slot.subarray(0, 12), slot.subarray(24), this.#bind(page, slot))
    if (plain === undefined) return undefined
    content.set(plain)
    wipe(plain)
    const high = readU32(slot, 12)
    return {
      commit: high * 2 ** 32 + readU32(slot, 16),
      writes: readU32(slot, 20),
      tag: slot.subarray(sealedSlotLength - tagLength),
    }
  }

  [Symbol.dispose](): void {
    this.#key[Symbol.dispose]()
  }

  #bind(page: number, slot: Uint8Array): Uint8Array {
    writeU32(this.#associated, 20, page)
    this.#associated.set(slot.subarray(12, 24), 24)
    return this.#associated
  }
}

/** A slot never written is the page of zeros. */
export function neverWritten(slot: Uint8Array): boolean {
  return allZero(slot)
}

function writeU32(out: Uint8Array, at: number, value: number): void {
  for (let i = 0; i < 4; i++) out[at + i] = value >>> (24 - 8 * i)
}

function readU32(bytes: Uint8Array, at: number): number {
  return ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>> 0
}
