import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { decodeHex, encodeHex } from '../bytes/index.ts'
import { parseDocument } from '../cbor/index.ts'
import { portableCrypto as crypto, withHandle } from '../crypto/index.ts'
import { openCertificateRequest } from '../personalization/index.ts'
import { checkTicket } from '../tickets/index.ts'
import {
  cardLogLink,
  parseCardLogEntry,
  parseUnitKeyOrder,
  rebuildCertificates,
  serializeCardLogEntry,
  serializeUnitKeyOrder,
  unitKeyInput,
} from './index.ts'

/** A case of vectors/signing-card.json: every value but the name in hex. */
interface Case
  extends Readonly<
    Record<
      | 'name'
      | 'serial'
      | 'identityPoint'
      | 'unitPoint'
      | 'centralPoint'
      | 'order'
      | 'proof'
      | 'request'
      | 'unitCertificate'
      | 'ticket'
      | 'chain',
      string
    >
  > {
  readonly log: readonly string[]
  readonly certificates: readonly string[]
}

const path = new URL('../../../../vectors/signing-card.json', import.meta.url)
const { cases } = JSON.parse(readFileSync(path, 'utf8')) as { cases: Case[] }

test('[B15b] the log of an implementation of others gives its certificates, byte for byte', () => {
  assert.ok(cases.length > 0)
  for (const example of cases) {
    const log = example.log.map(decodeHex)
    const rebuilt = rebuildCertificates(decodeHex(example.serial), log, crypto)
    assert.deepEqual(
      rebuilt.certificates.map(({ certificate }) => encodeHex(certificate.encoded)),
      example.certificates,
    )
    assert.equal(encodeHex(rebuilt.chain), example.chain)
    assert.equal(encodeHex(rebuilt.point), example.unitPoint)
    for (const [at, bytes] of log.entries()) {
      assert.deepEqual(serializeCardLogEntry(parseCardLogEntry(bytes)), bytes)
      const next = log[at + 1]
      if (next !== undefined) assert.deepEqual(parseCardLogEntry(next).previous, cardLogLink(crypto, bytes))
    }
  }
})

test('[B24a] what the card is told, asks for and vouches for, as an implementation of others makes it', () => {
  for (const example of cases) {
    const order = decodeHex(example.order)
    const parsed = parseUnitKeyOrder(order)
    assert.deepEqual(serializeUnitKeyOrder(parsed), order)
    const { point } = openCertificateRequest(parsed.central, 'central-system', crypto)
    assert.equal(encodeHex(point), example.centralPoint)
    const unit = openCertificateRequest(decodeHex(example.request), 'unit', crypto)
    assert.deepEqual([encodeHex(unit.point), unit.customer], [example.unitPoint, parsed.customer])
    const input = unitKeyInput(decodeHex(example.serial), unit.point, crypto.sha256(order))
    const vouched = withHandle(crypto.ecPublicKey(decodeHex(example.identityPoint)), (key) =>
      key.verify(decodeHex(example.proof), ...input),
    )
    assert.ok(vouched)
    const expected = { issuerPoint: point, unit: crypto.sha256(unit.point).slice(0, 16), at: 1_800_000_000 }
    const ticket = decodeHex(example.ticket)
    assert.equal(parseDocument(ticket).type, 'ticket')
    assert.ok(checkTicket(ticket, { ...expected, customer: parsed.customer }, crypto).ok)
  }
})
