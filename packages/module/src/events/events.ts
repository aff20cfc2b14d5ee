import { Reader, Writer } from '@sealwright/core/bytes'
import { type EventType, eventsKept, eventTypes } from '@sealwright/core/catalog'
import { InternalError } from '@sealwright/core/errors'
import { chainStart, nextLink } from '@sealwright/core/log'
import type { Crypto } from '@sealwright/core/ports'
import type { Objects, Transaction } from '../eeprom/index.ts'

export interface Head {
  readonly number: number
  readonly chain: Uint8Array
}

export interface EventRecord extends Head {
  readonly type: number
  readonly digest: Uint8Array
}

/**
 * The module's event number and hash chain (design, section 4, Events). Both move in the transaction of the event.
 * The last events are kept in a ring, so that a party whose answer was lost can read them again.
 */
export class Events {
  readonly #crypto: Crypto
  readonly #objects: Objects

  constructor(crypto: Crypto, objects: Objects) {
    this.#crypto = crypto
    this.#objects = objects
  }

  head(): Head | undefined {
    const bytes = this.#objects.read('event', headId)
    if (bytes === undefined) return undefined
    const r = new Reader(bytes, 'event head')
    const head = { number: r.u32('number'), chain: r.take(32, 'chain') }
    r.end()
    return head
  }

  /** Begins the chain over what was masked, when the chip gets its serial number. */
  start(tx: Transaction, romDigest: Uint8Array, imageDigest: Uint8Array): void {
    if (this.head() !== undefined) throw new InternalError('the event chain has begun already')
    this.#writeHead(tx, { number: 0, chain: chainStart(this.#crypto, romDigest, imageDigest) })
  }

  record(tx: Transaction, type: EventType, serial: Uint8Array, digest: Uint8Array): EventRecord {
    const head = this.head()
    if (head === undefined) throw new InternalError('an event before the chain has begun')
    const code = eventTypes[type].code
    const number = head.number + 1
    const chain = nextLink(this.#crypto, { previous: head.chain, serial, number, type: code, digest })
    this.#writeHead(tx, { number, chain })
    const record = { number, type: code, digest, chain }
    const bytes = new Writer().u32(number).u8(code).bytes(digest).bytes(chain).finish()
    this.#objects.put(tx, 'event', ringId(number), bytes)
    return record
  }

  /** Goes on from where another memory of the same chip is: its head and the events that it keeps in place of the own ones. */
  adopt(tx: Transaction, other: Events): void {
    const head = other.head()
    if (head === undefined) throw new InternalError('an event chain that has not begun')
    this.#writeHead(tx, head)
    for (let id = 1; id <= eventsKept; id++) {
      const bytes = other.#objects.read('event', id)
      if (bytes !== undefined) this.#objects.put(tx, 'event', id, bytes)
      else if (this.#objects.read('event', id) !== undefined) this.#objects.remove(tx, 'event', id)
    }
  }

  /** Kept events from `from` on, oldest first. */
  list(from: number): EventRecord[] {
    const head = this.head()
    const records: EventRecord[] = []
    const oldest = Math.max(1, (head?.number ?? 0) - eventsKept + 1)
    for (let number = Math.max(from, oldest); head !== undefined && number <= head.number; number++) {
      const bytes = this.#objects.read('event', ringId(number))
      if (bytes === undefined) continue
      const r = new Reader(bytes, 'event')
      const record = {
        number: r.u32('number'),
        type: r.u8('type'),
        digest: r.take(32, 'digest'),
        chain: r.take(32, 'chain'),
      }
      r.end()
      if (record.number === number) records.push(record)
    }
    return records
  }

  #writeHead(tx: Transaction, head: Head): void {
    this.#objects.put(tx, 'event', headId, new Writer().u32(head.number).bytes(head.chain).finish())
  }
}

const headId = 0
function ringId(number: number): number {
  return 1 + ((number - 1) % eventsKept)
}
