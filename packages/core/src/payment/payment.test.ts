import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { concat } from '../bytes/index.ts'
import { DecodeError } from '../errors/index.ts'
import {
  parseNumberedPayment,
  parsePaymentOrder,
  parsePaymentOutcome,
  parsePaymentRequest,
  serializeNumberedPayment,
  serializePaymentOrder,
  serializePaymentOutcome,
  serializePaymentRequest,
} from './index.ts'

const letters = (pattern: string, minLength: number, maxLength: number) =>
  fc.string({ unit: fc.constantFrom(...pattern), minLength, maxLength })
const amount = fc.integer({ min: 1, max: 0xffff_ffff })
const number = fc.uint8Array({ minLength: 8, maxLength: 8 })
const request = fc.record(
  {
    account: letters('0123456789ABCXYZabcxyz', 1, 34),
    amount,
    currency: letters('ABCDEFGHIJKLMNOPQRSTUVWXYZ', 3, 3),
  },
  { noNullPrototype: true },
)
const outcome = fc.record({ pay: fc.boolean(), amount }, { noNullPrototype: true })

function laws<T>(
  name: string,
  arbitrary: fc.Arbitrary<T>,
  serialize: (value: T) => Uint8Array,
  parse: (bytes: Uint8Array) => T,
): void {
  test(`${name}: reads back what it wrote, and refuses what is shorter or longer`, () => {
    fc.assert(
      fc.property(arbitrary, (value) => {
        const written = serialize(value)
        assert.deepEqual(parse(written), value)
        assert.deepEqual(serialize(parse(written)), written)
        assert.throws(() => parse(concat(written, Uint8Array.of(0))), DecodeError)
        for (let end = 0; end < written.length; end++) {
          assert.throws(() => parse(written.subarray(0, end)), DecodeError)
        }
      }),
    )
  })
}

laws('payment request', request, serializePaymentRequest, parsePaymentRequest)
laws(
  'numbered payment',
  fc.record({ number, request }, { noNullPrototype: true }),
  serializeNumberedPayment,
  parseNumberedPayment,
)
laws(
  'payment order',
  fc.tuple(number, outcome).map(([n, said]) => ({ number: n, ...said })),
  serializePaymentOrder,
  parsePaymentOrder,
)
laws('payment outcome', outcome, serializePaymentOutcome, parsePaymentOutcome)

test('what a cash machine cannot mean is refused', () => {
  const good = { account: 'DE02', amount: 1, currency: 'EUR' }
  for (const bad of [
    { ...good, account: '' },
    { ...good, account: 'D'.repeat(35) },
    { ...good, account: 'DE-02' },
    { ...good, amount: 0 },
    { ...good, currency: 'eur' },
  ]) {
    assert.throws(() => parsePaymentRequest(serializePaymentRequest(bad)), DecodeError)
  }
  const order = serializePaymentOrder({ number: new Uint8Array(8), pay: true, amount: 1 })
  order[8] = 2
  assert.throws(() => parsePaymentOrder(order), DecodeError)
  assert.throws(() => parsePaymentOutcome(serializePaymentOutcome({ pay: true, amount: 0 })), DecodeError)
})
