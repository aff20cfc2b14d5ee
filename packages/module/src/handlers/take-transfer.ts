import { concat, equal, Reader, u32 } from '@sealwright/core/bytes'
import { productDataIds, publicKeyIds } from '@sealwright/core/catalog'
import { parseDocument } from '@sealwright/core/cbor'
import { parseTransfer, transferHolds } from '@sealwright/core/personalization'
import { Refusal } from '../dispatch/refusal.ts'
import { controlIds, type Transaction } from '../eeprom/index.ts'
import type { Call, Parts } from '../parts.ts'
import { mayFollow, readTime, timeOf, writeTime } from '../personalization/index.ts'

type Needs = Pick<Parts, 'crypto' | 'nvm' | 'objects' | 'otp' | 'keys' | 'events' | 'serial'>

/**
 * TAKE TRANSFER: from now on the module belongs to the customer that a unit of the present one names. Its number rises; the last one again
 * gives the same answer.
 */
export function takeTransfer(parts: Needs, { p1, p2, data }: Pick<Call, 'p1' | 'p2' | 'data'>): Uint8Array {
  if (p1 !== 0 || p2 !== 0) throw new Refusal('wrong-parameters')
  const { crypto, nvm, objects, otp, events } = parts
  const serial = parts.serial()
  const customer = objects.read('product-data', productDataIds.customer)
  const manufacturerPoint = objects.read('public-key', publicKeyIds.manufacturer)
  if (serial === undefined || customer === undefined || manufacturerPoint === undefined) {
    throw new Refusal('conditions-not-satisfied')
  }
  const document = parseDocument(data)
  const transfer = parseTransfer(document)
  const digest = crypto.sha256(data)
  const last = lastTransfer(parts)
  if (last !== undefined && last.number === transfer.number && equal(last.digest, digest)) return last.answer
  const expected = { serial, customer, manufacturerPoint, test: otp.test('test') }
  if (!transferHolds(document, transfer, expected, crypto)) throw new Refusal('security-not-satisfied')
  if (last !== undefined && transfer.number <= last.number) throw new Refusal('already-there')
  if (!mayFollow(readTime(objects, timeOf.unit), transfer.time)) throw new Refusal('wrong-data')
  return nvm.transaction((tx) => {
    objects.put(tx, 'product-data', productDataIds.customer, transfer.to)
    writeTime(tx, objects, timeOf.unit, transfer.time)
    forgetDownloads(parts, tx)
    const event = events.record(tx, 'transferred', serial, digest)
    const answer = concat(u32(event.number), event.chain)
    objects.put(tx, 'control', controlIds.transfer, concat(u32(transfer.number), digest, answer))
    return answer
  })
}

/** Versions of keys that are gone were another customer's to count. */
function forgetDownloads({ objects, keys }: Needs, tx: Transaction): void {
  for (const { id } of objects.list('key-place')) {
    if (!keys.has(id)) objects.remove(tx, 'receipt', id)
  }
}

function lastTransfer({ objects }: Needs) {
  const bytes = objects.read('control', controlIds.transfer)
  if (bytes === undefined) return undefined
  const r = new Reader(bytes, 'last transfer')
  const last = { number: r.u32('number'), digest: r.take(32, 'digest'), answer: r.take(36, 'answer') }
  r.end()
  return last
}
