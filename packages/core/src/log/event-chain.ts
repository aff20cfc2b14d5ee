import { ascii, u32 } from '../bytes/index.ts'
import { labels } from '../catalog/index.ts'
import type { Crypto } from '../ports/index.ts'

/** One event of a module, before it is chained. */
export interface ChainedEvent {
  /** The chain before it, 32 bytes. */
  readonly previous: Uint8Array
  /** Serial number, 8 bytes. */
  readonly serial: Uint8Array
  /** 1, 2, 3 … */
  readonly number: number
  /** Code from catalog/events.ts. */
  readonly type: number
  /** 32 bytes; what it covers is in catalog/events.ts. */
  readonly digest: Uint8Array
}

/** Where a module's chain begins: SHA-256("EVT0" ‖ SHA-256 of ROM ‖ SHA-256 of the encrypted image). */
export function chainStart(crypto: Crypto, romDigest: Uint8Array, imageDigest: Uint8Array): Uint8Array {
  return crypto.sha256(ascii(labels.chainStart.text), romDigest, imageDigest)
}

/** SHA-256("EVT1" ‖ previous ‖ serial ‖ number(4) ‖ type(1) ‖ digest). */
export function nextLink(crypto: Crypto, event: ChainedEvent): Uint8Array {
  const { previous, serial, number, type, digest } = event
  return crypto.sha256(
    ascii(labels.chainLink.text),
    previous,
    serial,
    u32(number),
    Uint8Array.of(type),
    digest,
  )
}

/** What PASSPORT HEAD signs: "PSP1" ‖ serial ‖ nonce(16) ‖ number(4) ‖ chain(32). */
export function passportHeadInput(head: {
  readonly serial: Uint8Array
  readonly nonce: Uint8Array
  readonly number: number
  readonly chain: Uint8Array
}): Uint8Array[] {
  return [ascii(labels.passportHead.text), head.serial, head.nonce, u32(head.number), head.chain]
}
