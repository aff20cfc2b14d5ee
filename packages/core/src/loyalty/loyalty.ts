import { ascii, equal, Reader, requireFormatVersion, Writer } from '../bytes/index.ts'

/**
 * What stands on a customer's card, 32 bytes: card number(8) ‖ balance(4) ‖ sequence(4) ‖ MAC(16) under the fuel's key. Balance, sequence
 * and MAC are zero on a card that was never credited.
 */
export interface CardRecord {
  readonly number: Uint8Array
  readonly balance: number
  readonly sequence: number
  readonly mac: Uint8Array
}

/** Data of CREDIT and DEBIT, 40 bytes: key place(4) ‖ record(32) ‖ points(4). */
export interface BookingRequest {
  readonly place: number
  readonly record: CardRecord
  readonly points: number
}

/** What CREDIT and DEBIT answer, 52 bytes: new record(32) ‖ receipt number(4) ‖ receipt MAC(16). */
export interface Booking {
  readonly record: CardRecord
  readonly receipt: number
  readonly receiptMac: Uint8Array
}

const version = 1
const magic = ascii('SWCC')

export function blankRecord(number: Uint8Array): CardRecord {
  return { number, balance: 0, sequence: 0, mac: new Uint8Array(16) }
}

export function parseBookingRequest(bytes: Uint8Array): BookingRequest {
  const r = new Reader(bytes, 'booking request')
  const request = { place: r.u32('place'), record: readRecord(r), points: r.u32('points') }
  r.end()
  return request
}

export function serializeBookingRequest({ place, record, points }: BookingRequest): Uint8Array {
  const w = new Writer().u32(place)
  return writeRecord(w, record).u32(points).finish()
}

export function parseBooking(bytes: Uint8Array): Booking {
  const r = new Reader(bytes, 'booking')
  const booking = {
    record: readRecord(r),
    receipt: r.u32('receipt number'),
    receiptMac: r.take(16, 'receipt MAC'),
  }
  r.end()
  return booking
}

export function serializeBooking({ record, receipt, receiptMac }: Booking): Uint8Array {
  return writeRecord(new Writer(), record).u32(receipt).bytes(receiptMac).finish()
}

/** The file that stands for a customer's card: "SWCC"(4) ‖ version(1) ‖ record(32). */
export function parseCardFile(bytes: Uint8Array): CardRecord {
  const r = new Reader(bytes, "customer's card")
  if (!equal(r.take(4, 'magic'), magic)) throw r.fail("not a customer's card")
  requireFormatVersion("customer's card", r.u8('version'))
  const record = readRecord(r)
  r.end()
  return record
}

export function serializeCardFile(record: CardRecord): Uint8Array {
  return writeRecord(new Writer().bytes(magic).u8(version), record).finish()
}

function readRecord(r: Reader): CardRecord {
  return {
    number: r.take(8, 'card number'),
    balance: r.u32('balance'),
    sequence: r.u32('sequence'),
    mac: r.take(16, 'MAC'),
  }
}

function writeRecord(w: Writer, { number, balance, sequence, mac }: CardRecord): Writer {
  return w.bytes(number).u32(balance).u32(sequence).bytes(mac)
}
