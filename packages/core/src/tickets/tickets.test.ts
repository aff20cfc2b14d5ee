import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { concat } from '../bytes/index.ts'
import { signDocument } from '../cbor/index.ts'
import { portableCrypto as crypto, privateScalar } from '../crypto/index.ts'
import { DecodeError, UsageError } from '../errors/index.ts'
import type { EcPrivateKey } from '../ports/index.ts'
import { scriptedEntropy } from '../testing/index.ts'
import {
  checkTicket,
  highestCount,
  nextUse,
  parseTicket,
  prepareTicket,
  type Ticket,
  ticketReasons,
} from './index.ts'

const entropy = scriptedEntropy('tickets')
const central = crypto.ecPrivateKey(privateScalar(crypto, entropy.bytes(48)))
const stranger = crypto.ecPrivateKey(privateScalar(crypto, entropy.bytes(48)))
const at = 1_800_000_000

const ticket: Ticket = {
  id: new Uint8Array(16).fill(0x71),
  unit: new Uint8Array(16).fill(0x72),
  customer: new Uint8Array(16).fill(0x73),
  number: 5,
  count: 20,
  issued: at - 100,
  until: at + 86_400,
}

function signed(changes: Partial<Ticket> = {}, key: EcPrivateKey = central): Uint8Array {
  const unsigned = prepareTicket({ ...ticket, ...changes }, key.publicPoint, crypto)
  return unsigned.finish(key.sign(unsigned.toBeSigned))
}

const bytes = signed()
const expected = { issuerPoint: central.publicPoint, unit: ticket.unit, customer: ticket.customer, at }

function reasonOf(document: Uint8Array, changes: object = {}): string {
  const result = checkTicket(document, { ...expected, ...changes }, crypto)
  if (result.ok) return 'ok'
  assert.equal(result.text, ticketReasons[result.reason])
  return result.reason
}

suite('tickets', () => {
  test('[X6a] a ticket says how many and until when, and comes back as it was signed', () => {
    assert.deepEqual(parseTicket(bytes).ticket, ticket)
    assert.equal(reasonOf(bytes), 'ok')
    for (let length = 0; length < bytes.length; length++) {
      assert.throws(() => parseTicket(bytes.subarray(0, length)), DecodeError)
    }
    assert.throws(() => parseTicket(concat(bytes, Uint8Array.of(0))), DecodeError)
  })

  test('what a writer refuses a reader refuses too', () => {
    const wrong: Partial<Ticket>[] = [
      { id: new Uint8Array(15) },
      { unit: new Uint8Array(17) },
      { customer: new Uint8Array(0) },
      { number: 0 },
      { number: 2 ** 32 },
      { count: 0 },
      { count: highestCount + 1 },
      { until: ticket.issued - 1 },
      { until: 2 ** 32 },
    ]
    for (const changes of wrong) {
      assert.throws(() => signed(changes), UsageError)
      const fields = { ...ticket, ...changes }
      assert.throws(() => parseTicket(signDocument('ticket', fields, central, crypto)), DecodeError)
    }
    const more = { ...ticket, also: 1 }
    assert.throws(() => parseTicket(signDocument('ticket', more, central, crypto)), DecodeError)
  })

  test('it counts for the unit, customer and time that it names, from the known central system', () => {
    assert.equal(reasonOf(signed({}, stranger)), 'issuer')
    assert.equal(reasonOf(bytes, { issuerPoint: stranger.publicPoint }), 'issuer')
    assert.equal(reasonOf(bytes, { issuerPoint: central.publicPoint.with(64, 1) }), 'issuer')
    assert.equal(reasonOf(bytes, { unit: new Uint8Array(16) }), 'unit')
    assert.equal(reasonOf(bytes, { customer: new Uint8Array(16) }), 'customer')
    assert.equal(reasonOf(bytes, { at: ticket.until }), 'ok')
    assert.equal(reasonOf(bytes, { at: ticket.until + 1 }), 'expired')
    assert.equal(reasonOf(bytes.subarray(1)), 'malformed')
    assert.equal(reasonOf(signDocument('approval', { ...ticket }, central, crypto)), 'malformed')
  })

  test('every changed bit is refused', () => {
    for (let bit = 0; bit < bytes.length * 8; bit += 3) {
      const changed = bytes.slice()
      changed[bit >> 3]! ^= 1 << (bit & 7)
      assert.notEqual(reasonOf(changed), 'ok', `bit ${bit}`)
    }
  })

  test('its number only rises; the same one again is the same one', () => {
    const last = { number: ticket.number, digest: crypto.sha256(bytes) }
    assert.equal(reasonOf(bytes, { last }), 'ok')
    assert.equal(reasonOf(signed({ number: 6 }), { last }), 'ok')
    assert.equal(reasonOf(signed({ number: 4 }), { last }), 'older')
    assert.equal(reasonOf(signed({ count: 21 }), { last }), 'differs')
  })

  test('it gives as many numbers as it says, one after the other, and none after its end', () => {
    const numbers: number[] = []
    for (let used = 0; ; used++) {
      const next = nextUse(ticket, used, ticket.until)
      if (!next.ok) {
        assert.equal(next.reason, 'used-up')
        break
      }
      numbers.push(next.number)
    }
    assert.deepEqual(
      numbers,
      Array.from({ length: ticket.count }, (_, i) => i + 1),
    )
    const late = nextUse(ticket, 0, ticket.until + 1)
    assert.equal(!late.ok && late.reason, 'expired')
  })
})
