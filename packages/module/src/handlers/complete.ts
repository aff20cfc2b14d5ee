import { equal } from '@sealwright/core/bytes'
import { certificateIds, keyPlaces, productDataIds, publicKeyIds, receiptIds } from '@sealwright/core/catalog'
import {
  checkCertificates,
  completeInput,
  parseBeginAnswer,
  parseBeginRequest,
  parseCompleteRequest,
  serializeCompleteReceipt,
} from '@sealwright/core/personalization'
import { Refusal } from '../dispatch/refusal.ts'
import type { Call, Parts } from '../parts.ts'
import {
  clearPending,
  mayFollow,
  putChecked,
  readPending,
  readPolicy,
  readTime,
  removeChecked,
  timeOf,
  writeCertification,
  writeTime,
} from '../personalization/index.ts'

type Needs = Pick<Parts, 'crypto' | 'nvm' | 'objects' | 'otp' | 'ram' | 'keys' | 'life' | 'events' | 'serial'>

/**
 * COMPLETE: checks roles and chain of the three certificates up to the manufacturer's key, stores them in one transaction and makes the
 * module operating. The receipt is signed with the new key and kept, to be read again (GET DATA).
 */
export function complete(
  parts: Needs,
  { p1, p2, data, channel }: Pick<Call, 'p1' | 'p2' | 'data' | 'channel'>,
): Uint8Array {
  if (p1 !== 0 || p2 !== 0) throw new Refusal('wrong-parameters')
  const { crypto, nvm, objects, otp, keys, life, events } = parts
  const request = parseCompleteRequest(data)
  const serial = parts.serial()
  const pending = readPending(objects)
  const made = [keyPlaces.manufactured, keyPlaces.pending].find((place) => keys.has(place))
  const manufacturerPoint = objects.read('public-key', publicKeyIds.manufacturer)
  if (
    serial === undefined ||
    pending === undefined ||
    manufacturerPoint === undefined ||
    made === undefined
  ) {
    throw new Refusal('conditions-not-satisfied')
  }
  const { time, nonce } = parseBeginRequest(pending.request)
  const { point } = parseBeginAnswer(pending.answer)
  const customer = objects.read('product-data', productDataIds.customer)
  const policy = readPolicy(objects)
  const expected = { serial, point, nonce, time, manufacturerPoint, test: otp.test('test'), policy }
  const result = checkCertificates(request, { ...expected, ...(customer && { customer }) }, crypto)
  if (!result.ok || !mayFollow(readTime(objects, timeOf.unit), time)) throw new Refusal('wrong-data')
  const { centralPoint, central, unit, certification } = result.certificates
  // In a mutual channel it is the unit that proved itself there.
  const speaks = channel?.peer?.unitPoint
  if (speaks !== undefined && !equal(speaks, unit.publicPoint)) throw new Refusal('wrong-data')
  for (const point of [centralPoint, unit.publicPoint]) keys.refuseTestKey(point)
  return nvm.transaction((tx) => {
    keys.move(tx, made, keyPlaces.operating)
    clearPending(tx, objects)
    putChecked(tx, parts, 'certificate', certificateIds.operating.id, request.operating)
    if (central !== undefined) {
      putChecked(tx, parts, 'certificate', certificateIds.central.id, central.encoded)
    } else {
      removeChecked(tx, parts, 'certificate', certificateIds.central.id)
    }
    putChecked(tx, parts, 'certificate', certificateIds.unit.id, unit.encoded)
    putChecked(tx, parts, 'public-key', publicKeyIds.central, centralPoint)
    if (customer === undefined) objects.put(tx, 'product-data', productDataIds.customer, unit.customer!)
    writeTime(tx, objects, timeOf.unit, time)
    writeCertification(tx, objects, certification)
    life.setState(tx, 'operating')
    const event = events.record(tx, 'personalized', serial, crypto.sha256(request.operating))
    const signature = keys.sign(keyPlaces.operating, ...completeInput(serial, crypto.sha256(data), event))
    const receipt = serializeCompleteReceipt({ number: event.number, chain: event.chain, signature })
    objects.put(tx, 'receipt', receiptIds.personalization, receipt)
    return receipt
  })
}
