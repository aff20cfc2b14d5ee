import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import fc from 'fast-check'
import { bytes, laws, shaped } from '../../test/codec-laws.ts'
import { signDocument } from '../cbor/index.ts'
import { portableCrypto as crypto, privateScalar } from '../crypto/index.ts'
import { DecodeError, UsageError } from '../errors/index.ts'
import { scriptedEntropy } from '../testing/index.ts'
import {
  type CardLogBody,
  certificateNumber,
  leastCapacity,
  parseCardLogEntry,
  parseCardLogFile,
  parseCertificateOrder,
  parseIssueRequest,
  parseLogAcknowledgement,
  parseSigningCardState,
  parseUnitKeyAnswer,
  parseUnitKeyOrder,
  prepareLogAcknowledgement,
  serializeCardLogEntry,
  serializeCardLogFile,
  serializeCertificateOrder,
  serializeIssueRequest,
  serializeSigningCardState,
  serializeUnitKeyAnswer,
  serializeUnitKeyOrder,
} from './index.ts'

const u16 = fc.integer({ min: 0, max: 0xffff })
const u32 = fc.integer({ min: 0, max: 0xffff_ffff })
const positive = fc.integer({ min: 1, max: 0xffff_ffff })
const some = fc.uint8Array({ minLength: 1, maxLength: 40 })
const number = bytes(16).map(certificateNumber)
const begin = shaped({ salt: bytes(16), time: u32, nonce: bytes(16) })
const kind = <K extends CardLogBody['kind']>(name: K) => fc.constant(name)

const unitKeyOrders = shaped({
  capacity: fc.integer({ min: leastCapacity, max: 0xffff }),
  customer: bytes(16),
  name: fc.string({ minLength: 1, maxLength: 60 }),
  central: some,
})
const bodies: fc.Arbitrary<CardLogBody> = fc.oneof(
  shaped({ kind: kind('key-made'), point: bytes(65), order: some }),
  shaped({ kind: kind('unit-certified'), centralNumber: number, centralSignature: bytes(64), unit: some }),
  shaped({ kind: kind('document-taken'), document: some }),
)
const signatures = shaped({
  kind: kind('operating-certified'),
  serial: bytes(8),
  begin,
  point: bytes(65),
  ticket: shaped({ id: bytes(16), number: positive }),
  certificateNumber: number,
  requester: bytes(16),
  approver: bytes(16),
  approvals: bytes(32),
  signature: bytes(64),
})
const entry = (body: fc.Arbitrary<CardLogBody>) => shaped({ number: positive, previous: bytes(32), body })
const log = shaped({ number: u32, chain: bytes(32), kept: u16, capacity: u16 })
const state = { point: bytes(65), centralPoint: bytes(65), customer: bytes(16), log, time: u32, roster: u32 }
const ticket = shaped({ id: bytes(16), number: u32, count: u32, used: u32, until: u32 })

suite('formats of the signing card', () => {
  // Each ends with something that has no length of its own: a document or a certificate, which its own parser ends.
  laws('data of MAKE UNIT KEY', unitKeyOrders, serializeUnitKeyOrder, parseUnitKeyOrder, true)
  laws(
    'answer of MAKE UNIT KEY',
    shaped({ proof: bytes(64), request: some }),
    serializeUnitKeyAnswer,
    parseUnitKeyAnswer,
    true,
  )
  laws(
    'data of ORDER CERTIFICATE',
    shaped({ serial: bytes(8), time: u32 }),
    serializeCertificateOrder,
    parseCertificateOrder,
  )
  laws(
    'data of ISSUE CERTIFICATE',
    shaped({
      nonce: bytes(16),
      answer: bytes(129),
      identity: fc.uint8Array({ maxLength: 20 }),
      approvals: fc.array(fc.uint8Array({ maxLength: 20 }), { maxLength: 3 }),
    }),
    serializeIssueRequest,
    parseIssueRequest,
    true,
  )
  laws('entry of a card log', entry(bodies), serializeCardLogEntry, parseCardLogEntry, true)
  laws('entry of a signature', entry(signatures), serializeCardLogEntry, parseCardLogEntry)
  const logFile = { serial: bytes(8), entries: fc.array(some, { maxLength: 4 }) }
  const proof = shaped({
    ...{ nonce: bytes(16), number: u32, chain: bytes(32), signature: bytes(64), previous: bytes(32) },
    events: fc.array(shaped({ type: fc.integer({ min: 0, max: 255 }), digest: bytes(32) }), {
      minLength: 1,
      maxLength: 3,
    }),
  })
  laws('file of a card log', shaped(logFile), serializeCardLogFile, parseCardLogFile)
  laws(
    'file of a card log with its proof',
    shaped({ ...logFile, proof }),
    serializeCardLogFile,
    parseCardLogFile,
  )
  // Cut before the ticket, a state is one without.
  laws('state without ticket', shaped(state), serializeSigningCardState, parseSigningCardState)
  laws(
    'state with ticket',
    shaped({ ...state, ticket }),
    serializeSigningCardState,
    parseSigningCardState,
    true,
  )

  test('what a writer refuses, a reader refuses too', () => {
    const order = {
      capacity: leastCapacity,
      customer: new Uint8Array(16),
      name: 'unit',
      central: Uint8Array.of(1),
    }
    for (const wrong of [
      { capacity: leastCapacity - 1 },
      { capacity: 0x1_0000 },
      { customer: new Uint8Array(15) },
      { name: '' },
      { name: 'x'.repeat(65) },
      { central: new Uint8Array(0) },
    ]) {
      assert.throws(() => serializeUnitKeyOrder({ ...order, ...wrong }), UsageError)
    }
    const written = serializeUnitKeyOrder(order)
    for (const [at, value] of [
      [1, leastCapacity - 1],
      [18, 0],
      [19, 0xff],
    ] as const) {
      const bad = written.slice()
      bad[at] = value
      assert.throws(() => parseUnitKeyOrder(bad), DecodeError, `byte ${at}`)
    }
  })

  test('[B15b] an entry of an unknown kind or version, number 0 and a number of a certificate in another form are refused', () => {
    const [value] = fc.sample(entry(signatures), { seed: 5, numRuns: 1 })
    const written = serializeCardLogEntry(value!)
    const changed = (at: number, to: number) => {
      const bad = written.slice()
      bad[at] = to
      return bad
    }
    const none = written.slice()
    none.fill(0, 1, 5)
    const numberAt = 38 + 8 + 36 + 65 + 16 + 4
    for (const bad of [
      changed(0, 2),
      changed(37, 9),
      none,
      changed(numberAt, 0x80),
      changed(numberAt, 0x3f),
    ]) {
      assert.throws(() => parseCardLogEntry(bad), DecodeError)
    }
    assert.throws(() => serializeCardLogEntry({ ...value!, number: 0 }), UsageError)
    assert.throws(() => serializeCardLogEntry({ ...value!, previous: new Uint8Array(31) }), UsageError)
  })

  test('[B15d] an acknowledgement comes back as it was signed, and no other document passes for one', () => {
    const central = crypto.ecPrivateKey(privateScalar(crypto, scriptedEntropy('acknowledgement').bytes(48)))
    const value = { card: new Uint8Array(8).fill(1), number: 7, chain: new Uint8Array(32).fill(2), issued: 9 }
    const unsigned = prepareLogAcknowledgement(value, central.publicPoint, crypto)
    const document = unsigned.finish(central.sign(unsigned.toBeSigned))
    assert.deepEqual(parseLogAcknowledgement(document).acknowledgement, value)
    for (let end = 0; end < document.length; end++) {
      assert.throws(() => parseLogAcknowledgement(document.subarray(0, end)), DecodeError)
    }
    for (const fields of [
      { ...value, number: 0 },
      { ...value, issued: 0 },
      { ...value, more: 1 },
      { number: 7 },
    ]) {
      const bad = signDocument('log-acknowledgement', fields, central, crypto)
      assert.throws(() => parseLogAcknowledgement(bad), DecodeError)
    }
    assert.throws(() => parseLogAcknowledgement(signDocument('ticket', value, central, crypto)), DecodeError)
    for (const wrong of [{ number: 0 }, { chain: new Uint8Array(31) }, { card: new Uint8Array(7) }]) {
      assert.throws(
        () => prepareLogAcknowledgement({ ...value, ...wrong }, central.publicPoint, crypto),
        UsageError,
      )
    }
  })

  test('numbers of certificates are positive, 16 bytes', () => {
    fc.assert(
      fc.property(bytes(16), (random) => {
        const made = certificateNumber(random)
        assert.ok(made[0]! >= 0x40 && made[0]! < 0x80)
        assert.deepEqual(made.subarray(1), random.subarray(1))
      }),
    )
  })
})
