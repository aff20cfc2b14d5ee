import { equal, Reader, Writer } from '@sealwright/core/bytes'
import { ordersKept } from '@sealwright/core/catalog'
import { type BeginRequest, parseBeginRequest, serializeBeginRequest } from '@sealwright/core/personalization'
import type { CertificateOrder } from '@sealwright/core/signing-card'
import type { Transaction } from '../eeprom/index.ts'
import type { Parts } from '../parts.ts'

/** A module that the card was ordered to certify, and what BEGIN has to say to it. */
export interface KeptOrder {
  readonly slot: number
  /** Rises with every order: the lowest is the oldest. */
  readonly sequence: number
  /** Serial number of the module, 8 bytes. */
  readonly serial: Uint8Array
  readonly begin: BeginRequest
  /** Number of the log's entry that certified it; 0: open. */
  readonly entry: number
}

export function findOrder(parts: Pick<Parts, 'objects'>, nonce: Uint8Array): KeptOrder | undefined {
  return allOrders(parts).find(({ begin }) => equal(begin.nonce, nonce))
}

/** The open order of a module for this very time: asked again, it is the same. */
export function sameOrder(
  parts: Pick<Parts, 'objects'>,
  { serial, time }: CertificateOrder,
): KeptOrder | undefined {
  return allOrders(parts).find(
    (one) => one.entry === 0 && equal(one.serial, serial) && one.begin.time === time,
  )
}

/** Keeps a new order: in the place of the one for the same module, else in a free one, else in that of the oldest. */
export function keepOrder(
  parts: Pick<Parts, 'objects'>,
  tx: Transaction,
  { serial, begin }: Pick<KeptOrder, 'serial' | 'begin'>,
): void {
  const all = allOrders(parts)
  const sequence = Math.max(0, ...all.map((one) => one.sequence)) + 1
  const free = Array.from({ length: ordersKept }, (_, slot) => slot).find(
    (slot) => !all.some((one) => one.slot === slot),
  )
  const oldest = all.reduce<KeptOrder | undefined>(
    (least, one) => (least === undefined || one.sequence < least.sequence ? one : least),
    undefined,
  )
  const slot = all.find((one) => equal(one.serial, serial))?.slot ?? free ?? oldest!.slot
  put(parts, tx, { slot, sequence, serial, begin, entry: 0 })
}

/** Notes which entry certified the order: its nonce is used up. */
export function closeOrder(
  parts: Pick<Parts, 'objects'>,
  tx: Transaction,
  order: KeptOrder,
  entry: number,
): void {
  put(parts, tx, { ...order, entry })
}

function allOrders({ objects }: Pick<Parts, 'objects'>): KeptOrder[] {
  return objects.list('certificate-order').map(({ id: slot }) => {
    const r = new Reader(objects.read('certificate-order', slot)!, 'certificate order')
    const order = {
      slot,
      sequence: r.u32('sequence'),
      serial: r.take(8, 'serial number'),
      begin: parseBeginRequest(r.take(36, 'data of BEGIN')),
      entry: r.u32('entry'),
    }
    r.end()
    return order
  })
}

function put(
  { objects }: Pick<Parts, 'objects'>,
  tx: Transaction,
  { slot, sequence, serial, begin, entry }: KeptOrder,
): void {
  const bytes = new Writer()
    .u32(sequence)
    .bytes(serial)
    .bytes(serializeBeginRequest(begin))
    .u32(entry)
    .finish()
  objects.put(tx, 'certificate-order', slot, bytes)
}
