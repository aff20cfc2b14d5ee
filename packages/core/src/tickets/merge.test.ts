import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import fc from 'fast-check'
import { concat, encodeHex } from '../bytes/index.ts'
import { documentKeyId, encodeCanonical } from '../cbor/index.ts'
import { portableCrypto as crypto } from '../crypto/index.ts'
import { DecodeError } from '../errors/index.ts'
import type { Certificate } from '../x509/index.ts'
import { testOnlyPki } from '../x509/testing/index.ts'
import { mergeTickets, parseTicketRecord, serializeTicketRecord, type Ticket } from './index.ts'

const pki = testOnlyPki(crypto)
const { unit, 'module-operating': operating } = pki.certificates
const ticket: Ticket = {
  id: new Uint8Array(16).fill(7),
  unit: documentKeyId(unit.publicPoint, crypto),
  customer: unit.customer!,
  number: 1,
  count: 6,
  issued: 0,
  until: 0xffff_ffff,
}

/** A certificate with this number, and a serial number of its own. */
function numbered(number: number, serial = number): Certificate {
  return pki.issue({
    role: 'module-operating',
    by: 'unit',
    subject: operating.subject,
    publicPoint: operating.publicPoint,
    binding: operating.binding!,
    serialNumber: Uint8Array.of(1, serial),
    ticket: { id: ticket.id, number },
  })
}

const all = [1, 2, 3, 4, 5, 6, 7].map((number) => numbered(number))
const second = numbered(2, 99)

function merged(certificates: readonly Certificate[], used?: number) {
  const counts = used === undefined ? {} : { used: new Map([[encodeHex(ticket.id), used]]) }
  const input = { tickets: [ticket], units: [unit.publicPoint], certificates, ...counts }
  return mergeTickets(input, crypto).accounts[0]!
}

suite('merging tickets', () => {
  test('[X6d] every number up to the highest is found or in a gap, never both', () => {
    const indexes = fc.subarray([0, 1, 2, 3, 4, 5, 6])
    fc.assert(
      fc.property(indexes, fc.option(fc.nat(9), { nil: undefined }), (which, used) => {
        const account = merged(
          which.map((i) => all[i]!),
          used,
        )
        const missing = account.gaps.flatMap(([first, last]) =>
          Array.from({ length: last - first + 1 }, (_, i) => first + i),
        )
        const found = which.map((i) => i + 1)
        const highest = Math.max(0, ...found, Math.min(used ?? 0, ticket.count))
        assert.deepEqual(
          [...missing, ...found].sort((a, b) => a - b),
          Array.from({ length: highest }, (_, i) => i + 1),
        )
        assert.equal(account.found, which.length)
        assert.equal(account.beyond.length, found.includes(7) ? 1 : 0)
        assert.deepEqual(account.doubles, [])
      }),
      { numRuns: 60 },
    )
  })

  test('[X6d] the same certificate from two records is one; two certificates of one number are double use', () => {
    assert.deepEqual(merged([all[1]!, all[1]!]).doubles, [])
    const [double, ...more] = merged([all[0]!, all[1]!, second]).doubles
    assert.equal(more.length, 0)
    assert.equal(double?.number, 2)
    assert.deepEqual(double?.certificates, [all[1], second])
  })

  test('nothing is counted that no known unit signed', () => {
    const strangers = testOnlyPki(crypto, 'b').certificates.unit.publicPoint
    const offCurve = unit.publicPoint.with(64, unit.publicPoint[64]! ^ 1)
    for (const units of [[], [strangers], [offCurve]]) {
      const found = mergeTickets({ tickets: [ticket], units, certificates: all }, crypto)
      assert.equal(found.foreign.length, all.length)
      assert.equal(found.accounts[0]?.found, 0)
    }
    const central = pki.certificates['central-system']
    const found = mergeTickets(
      { tickets: [ticket], units: [unit.publicPoint], certificates: [central] },
      crypto,
    )
    assert.deepEqual(found.foreign, [central])
  })
})

suite('ticket record', () => {
  const record = {
    unit: unit.encoded,
    tickets: [{ document: Uint8Array.of(1, 2), used: 3 }],
    certificates: [Uint8Array.of(4)],
  }
  const bytes = serializeTicketRecord(record)

  test('it comes back as it was written; prefixes, extra bytes and unknown fields are refused', () => {
    assert.deepEqual(parseTicketRecord(bytes), record)
    for (let length = 0; length < bytes.length; length++) {
      assert.throws(() => parseTicketRecord(bytes.subarray(0, length)), DecodeError)
    }
    assert.throws(() => parseTicketRecord(concat(bytes, Uint8Array.of(0))), DecodeError)
    const base = { v: 1, format: 'sealwright ticket record', ...record }
    assert.deepEqual(encodeCanonical(base), bytes)
    for (const wrong of [
      { ...base, also: 1 },
      { ...base, certificates: [1] },
      { ...base, tickets: [{ document: bytes, used: -1 }] },
      { ...base, tickets: [{ document: bytes, used: 1, more: 1 }] },
      { ...base, unit: 'unit' },
    ]) {
      assert.throws(() => parseTicketRecord(encodeCanonical(wrong)), DecodeError)
    }
  })
})
