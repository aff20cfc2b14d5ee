import { UsageError } from '@sealwright/core/errors'

/**
 * Raw places of one length that keep their bytes without power: what lies on disk. A sealed memory and its counter are written into them.
 * A program is not durable before the next `sync`, and a power cut may tear it. Nothing is checked here: what a slot holds proves itself.
 */
export interface Slots {
  readonly count: number
  /** Bytes of each. */
  readonly length: number
  /** Another number whenever a slot may have changed. Throws for a loss of power only. */
  readonly revision: number
  /** The bytes without copying: not to be written to, and good only until the next call. A slot never written is all zeros. */
  lend(slot: number): Uint8Array
  /** Replaces a whole slot. */
  program(slot: number, bytes: Uint8Array): void
  /** Returns when every program before it will survive a loss of power. */
  sync(): void
}

/** A slot outside, or bytes of another length, are a UsageError. */
export function checkSlot(
  { count, length }: Pick<Slots, 'count' | 'length'>,
  slot: number,
  bytes?: Uint8Array,
): void {
  if (!Number.isInteger(slot) || slot < 0 || slot >= count) {
    throw new UsageError(`slot ${slot} lies outside ${count} slots`)
  }
  if (bytes !== undefined && bytes.length !== length) {
    throw new UsageError(`a slot has ${length} bytes, got ${bytes.length}`)
  }
}
