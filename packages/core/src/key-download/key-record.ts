import { Reader, Writer } from '../bytes/index.ts'
import { type Attributes, attributesLength, parseAttributes, serializeAttributes } from './attributes.ts'
import { type KeyReceipt, parseKeyReceipt, serializeKeyReceipt } from './receipt.ts'
import { type KeyRequest, parseKeyRequest, serializeKeyRequest } from './request.ts'

/** What a module keeps beside an imported key, and GET RECEIPT answers: ATTR(8) ‖ XCTR(4) ‖ KCV(5) ‖ ACK(16). */
export interface KeyRecord extends KeyReceipt {
  readonly attributes: Attributes
  readonly counter: number
}

export function parseKeyRecord(bytes: Uint8Array): KeyRecord {
  const r = new Reader(bytes, 'key record')
  const attributes = parseAttributes(r.take(attributesLength, 'ATTR'))
  const counter = r.u32('XCTR')
  return { attributes, counter, ...parseKeyReceipt(r.rest()) }
}

export function serializeKeyRecord(record: KeyRecord): Uint8Array {
  return new Writer()
    .bytes(serializeAttributes(record.attributes))
    .u32(record.counter)
    .bytes(serializeKeyReceipt(record))
    .finish()
}

/** What VERIFY RECEIPT takes: key request(32) ‖ XCTR(4) ‖ KCV(5) ‖ ACK(16). */
export interface ReceiptClaim extends KeyReceipt {
  /** The request as the module made it. */
  readonly request: KeyRequest
  readonly counter: number
}

export function parseReceiptClaim(bytes: Uint8Array): ReceiptClaim {
  const r = new Reader(bytes, 'receipt claim')
  const request = parseKeyRequest(r.take(32, 'key request'))
  const counter = r.u32('XCTR')
  return { request, counter, ...parseKeyReceipt(r.rest()) }
}

export function serializeReceiptClaim(claim: ReceiptClaim): Uint8Array {
  return new Writer()
    .bytes(serializeKeyRequest(claim.request))
    .u32(claim.counter)
    .bytes(serializeKeyReceipt(claim))
    .finish()
}
