import {
  parseDocument,
  prepareDocument,
  readDocument,
  type SignedDocument,
  type UnsignedDocument,
} from '../cbor/index.ts'
import { DecodeError, UsageError } from '../errors/index.ts'
import type { Crypto } from '../ports/index.ts'

/** The central system has taken the log of a card up to an entry: the card may overwrite it. Payload of a `log-acknowledgement`. */
export interface LogAcknowledgement {
  /** Serial number of the card, 8 bytes. */
  readonly card: Uint8Array
  /** Number of the last entry that was taken, and the log after it, 32 bytes. */
  readonly number: number
  readonly chain: Uint8Array
  /** When, seconds since 1970 (4 bytes). */
  readonly issued: number
}

/** The document without its signature, which the central system's key makes. */
export function prepareLogAcknowledgement(
  { card, number, chain, issued }: LogAcknowledgement,
  centralPoint: Uint8Array,
  crypto: Crypto,
): UnsignedDocument {
  if (card.length !== 8 || chain.length !== 32) throw new UsageError('expected 8 and 32 bytes')
  if (![number, issued].every((value) => Number.isInteger(value) && value >= 1 && value <= 0xffff_ffff)) {
    throw new UsageError('number and issued: expected 4 bytes, at least 1')
  }
  return prepareDocument('log-acknowledgement', { card, number, chain, issued }, centralPoint, crypto)
}

/** Parses a `log-acknowledgement` document. The signature is not checked. */
export function parseLogAcknowledgement(bytes: Uint8Array): {
  readonly acknowledgement: LogAcknowledgement
  readonly signed: SignedDocument
} {
  const signed = parseDocument(bytes)
  if (signed.type !== 'log-acknowledgement') {
    throw new DecodeError(`expected a log-acknowledgement, got a ${signed.type}`)
  }
  const r = readDocument(signed)
  const acknowledgement = {
    card: r.bytes('card', 8),
    number: r.uint('number'),
    chain: r.bytes('chain', 32),
    issued: r.uint('issued'),
  }
  r.end()
  if (acknowledgement.number === 0 || acknowledgement.issued === 0) {
    throw r.fail('number and issued expected at least 1')
  }
  return { acknowledgement, signed }
}
