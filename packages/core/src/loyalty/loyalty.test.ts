import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { concat } from '../bytes/index.ts'
import { DecodeError } from '../errors/index.ts'
import {
  blankRecord,
  type CardRecord,
  parseBooking,
  parseBookingRequest,
  parseCardFile,
  serializeBooking,
  serializeBookingRequest,
  serializeCardFile,
} from './index.ts'

const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length })
const number = fc.integer({ min: 0, max: 0xffff_ffff })
const record: fc.Arbitrary<CardRecord> = fc.record(
  { number: bytes(8), balance: number, sequence: number, mac: bytes(16) },
  { noNullPrototype: true },
)

function laws<T>(
  name: string,
  values: fc.Arbitrary<T>,
  parse: (b: Uint8Array) => T,
  serialize: (v: T) => Uint8Array,
) {
  test(`laws of ${name}`, () => {
    fc.assert(
      fc.property(values, (value) => {
        const encoded = serialize(value)
        assert.deepEqual(parse(encoded), value)
        assert.deepEqual(serialize(parse(encoded)), encoded)
        for (let length = 0; length < encoded.length; length++)
          assert.throws(() => parse(encoded.subarray(0, length)), DecodeError)
        assert.throws(() => parse(concat(encoded, Uint8Array.of(0))), DecodeError)
      }),
      { numRuns: 30 },
    )
  })
}

const request = fc.record({ place: number, record, points: number }, { noNullPrototype: true })
const booking = fc.record({ record, receipt: number, receiptMac: bytes(16) }, { noNullPrototype: true })
laws("customer's cards", record, parseCardFile, serializeCardFile)
laws('booking requests', request, parseBookingRequest, serializeBookingRequest)
laws('bookings', booking, parseBooking, serializeBooking)

test("a customer's card of another version, or another file, is refused", () => {
  const file = serializeCardFile(blankRecord(Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8)))
  for (const at of [0, 4]) {
    const wrong = file.map((byte, i) => (i === at ? byte + 1 : byte))
    assert.throws(() => parseCardFile(wrong), DecodeError)
  }
})
