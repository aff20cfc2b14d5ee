import { Reader, Writer } from '@sealwright/core/bytes'
import type { Objects, Transaction } from '../eeprom/index.ts'

/** BEGIN's data and answer, kept until COMPLETE: the same data again gives the same answer. */
export interface Pending {
  readonly request: Uint8Array
  readonly answer: Uint8Array
}

export function readPending(objects: Objects): Pending | undefined {
  const bytes = objects.read('session-data', pendingId)
  if (bytes === undefined) return undefined
  const r = new Reader(bytes, 'pending personalization')
  const request = r.take(r.u16('length'), 'data of BEGIN')
  return { request, answer: r.rest() }
}

export function writePending(tx: Transaction, objects: Objects, { request, answer }: Pending): void {
  objects.put(
    tx,
    'session-data',
    pendingId,
    new Writer().u16(request.length).bytes(request).bytes(answer).finish(),
  )
}

export function clearPending(tx: Transaction, objects: Objects): void {
  objects.remove(tx, 'session-data', pendingId)
}

const pendingId = 1
