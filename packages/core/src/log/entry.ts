import { type CborValue, type DocumentFields, readDocument, type SignedDocument } from '../cbor/index.ts'
import { DecodeError, UsageError } from '../errors/index.ts'
import type { Crypto } from '../ports/index.ts'
import { nextLink } from './event-chain.ts'

/** One step in a module's life, as the party states it that did it: payload of an `entry` document. */
export interface LogEntry {
  /** Serial number of the module, 8 bytes. */
  readonly serial: Uint8Array
  /** Event number: 1, 2, 3 … */
  readonly number: number
  /** The module's chain before the event, 32 bytes. */
  readonly previous: Uint8Array
  /** Code from catalog/events.ts. */
  readonly type: number
  /** 32 bytes; what it covers is in catalog/events.ts. */
  readonly digest: Uint8Array
  /** When the party did it, seconds since 1970. */
  readonly at: number
  /** Name of the party, as in its certificate's common name. */
  readonly party: string
  /** Ids and document hashes that a reader may look up. */
  readonly details: ReadonlyMap<string, string | number | Uint8Array>
}

/** The fields for `signDocument('entry', …)` or `prepareDocument('entry', …)`. */
export function entryFields(entry: LogEntry): DocumentFields {
  if (entry.serial.length !== 8 || entry.previous.length !== 32 || entry.digest.length !== 32) {
    throw new UsageError('expected a serial of 8 bytes, a chain and a digest of 32 bytes each')
  }
  return { ...entry }
}

export function parseEntry(document: SignedDocument): LogEntry {
  if (document.type !== 'entry') throw new DecodeError(`expected an entry, got a ${document.type}`)
  const r = readDocument(document)
  const entry = {
    serial: r.bytes('serial', 8),
    number: r.uint('number'),
    previous: r.bytes('previous', 32),
    type: r.uint('type', 0xff),
    digest: r.bytes('digest', 32),
    at: r.time('at'),
    party: r.text('party'),
    details: parseDetails(r.value('details')),
  }
  r.end()
  if (entry.number === 0) throw r.fail('number expected at least 1')
  return entry
}

function parseDetails(value: CborValue): Map<string, string | number | Uint8Array> {
  const details = new Map<string, string | number | Uint8Array>()
  if (!(value instanceof Map)) throw new DecodeError('entry details: expected a map')
  for (const [key, item] of value) {
    const simple = typeof item === 'string' || typeof item === 'number' || item instanceof Uint8Array
    if (typeof key !== 'string' || !simple) {
      throw new DecodeError('entry details: expected text, numbers and byte strings under text')
    }
    details.set(key, item)
  }
  return details
}

/** The module's chain after the entry's event. */
export function linkOfEntry(entry: LogEntry, crypto: Crypto): Uint8Array {
  return nextLink(crypto, entry)
}
