import assert from 'node:assert/strict'
import { Buffer } from 'node:buffer'
import { createPublicKey, verify } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { suite, test } from 'node:test'
import { concat, decodeHex, encodeHex } from '../bytes/index.ts'
import { documentKeyId, type UnsignedDocument } from '../cbor/index.ts'
import { portableCrypto as crypto } from '../crypto/index.ts'
import type { EcPrivateKey } from '../ports/index.ts'
import { checkTicket, parseTicket, prepareTicket } from '../tickets/index.ts'
import {
  checkApprovals,
  checkRoster,
  type Matter,
  openEnrolmentRequest,
  parseApproval,
  parseApprovalRequest,
  parseRoster,
  prepareApproval,
  prepareEnrolmentRequest,
  prepareRoster,
  serializeApprovalRequest,
} from './index.ts'

// The worked example of docs/SPEC/approvals.md, both ways: from the values to the bytes, and back.

interface Example {
  readonly centralPrivateKey: string
  readonly unitPrivateKey: string
  readonly annaPrivateKey: string
  readonly bertaPrivateKey: string
  readonly module: string
  readonly customer: string
  readonly issued: number
  readonly until: number
  readonly rosterUntil: number
  readonly nonce: string
  readonly ticketId: string
  readonly ticketNumber: number
  readonly ticketCount: number
  readonly enrolmentRequest: string
  readonly roster: string
  readonly approvalRequest: string
  readonly asked: string
  readonly approved: string
  readonly ticket: string
}

const file = new URL('../../../../vectors/approvals.json', import.meta.url)
const { cases } = JSON.parse(readFileSync(file, 'utf8')) as { readonly cases: readonly Example[] }
const example = cases[0]!

const key = (scalar: string): EcPrivateKey => crypto.ecPrivateKey(decodeHex(scalar))
const central = key(example.centralPrivateKey)
const unit = key(example.unitPrivateKey)
const anna = key(example.annaPrivateKey)
const berta = key(example.bertaPrivateKey)
const [module, customer, nonce] = [example.module, example.customer, example.nonce].map(decodeHex) as [
  Uint8Array,
  Uint8Array,
  Uint8Array,
]
const keyId = ({ publicPoint }: EcPrivateKey): Uint8Array => documentKeyId(publicPoint, crypto)
const sign = (unsigned: UnsignedDocument, by: EcPrivateKey): string =>
  encodeHex(unsigned.finish(by.sign(unsigned.toBeSigned)))

const matter: Matter = {
  action: 'personalize',
  object: { module, customer, central: crypto.sha256(central.publicPoint) },
}
const request = { matter, actor: keyId(unit), nonce, until: example.until }
const bytes = (name: keyof Example): Uint8Array => decodeHex(String(example[name]))

suite('worked example of approvals', () => {
  test('values to bytes', () => {
    const enrolment = prepareEnrolmentRequest({ id: 'anna', point: anna.publicPoint }, crypto)
    assert.equal(sign(enrolment, anna), example.enrolmentRequest)
    const roster = prepareRoster(
      {
        number: 2,
        issued: example.issued,
        until: example.rosterUntil,
        persons: [
          {
            id: 'anna',
            point: anna.publicPoint,
            duties: ['request'],
            actions: ['personalize', 'terminate', 'export-transport-key'],
          },
          {
            id: 'berta',
            point: berta.publicPoint,
            duties: ['request', 'approve'],
            actions: ['personalize'],
          },
        ],
      },
      central.publicPoint,
      crypto,
    )
    assert.equal(sign(roster, central), example.roster)
    assert.equal(encodeHex(serializeApprovalRequest(request)), example.approvalRequest)
    const approval = { ...request, requester: keyId(anna) }
    assert.equal(sign(prepareApproval(approval, anna.publicPoint, crypto), anna), example.asked)
    assert.equal(sign(prepareApproval(approval, berta.publicPoint, crypto), berta), example.approved)
    const ticket = prepareTicket(
      {
        ...{ id: bytes('ticketId'), unit: keyId(unit), customer, number: example.ticketNumber },
        ...{ count: example.ticketCount, issued: example.issued, until: example.issued + 30 * 86_400 },
      },
      central.publicPoint,
      crypto,
    )
    assert.equal(sign(ticket, central), example.ticket)
  })

  test('bytes to values, and all of it holds together', () => {
    assert.equal(openEnrolmentRequest(bytes('enrolmentRequest'), crypto).id, 'anna')
    assert.deepEqual(parseApprovalRequest(bytes('approvalRequest')), request)
    const known = { issuerPoint: central.publicPoint, at: example.issued }
    const taken = checkRoster(bytes('roster'), known, crypto)
    assert.ok(taken.ok)
    const documents = [bytes('asked'), bytes('approved')]
    const expected = { ...request, roster: taken.roster, at: example.until }
    const result = checkApprovals(documents, expected, crypto)
    assert.deepEqual(result.ok && [result.requester.id, result.approver.id], ['anna', 'berta'])
    const ticket = checkTicket(bytes('ticket'), { ...known, unit: keyId(unit), customer }, crypto)
    assert.equal(ticket.ok && ticket.ticket.count, example.ticketCount)
  })

  test('node:crypto verifies each signature over bytes that are put together by hand', () => {
    const signers = { roster: central, asked: anna, approved: berta, ticket: central }
    const parsed = {
      roster: parseRoster(bytes('roster')).signed,
      asked: parseApproval(bytes('asked')).signed,
      approved: parseApproval(bytes('approved')).signed,
      ticket: parseTicket(bytes('ticket')).signed,
    }
    for (const [name, signer] of Object.entries(signers) as [keyof typeof signers, EcPrivateKey][]) {
      const { protectedBytes, payloadBytes, signature } = parsed[name]
      // 84: array of four; 6A: "Signature1"; 40: no external data.
      const toBeSigned = concat(
        Buffer.from('846a5369676e617475726531', 'hex'),
        byteString(protectedBytes),
        Uint8Array.of(0x40),
        byteString(payloadBytes),
      )
      const { publicPoint } = signer
      const jwk = {
        kty: 'EC',
        crv: 'P-256',
        x: Buffer.from(publicPoint.subarray(1, 33)).toString('base64url'),
        y: Buffer.from(publicPoint.subarray(33)).toString('base64url'),
      }
      const publicKey = {
        key: createPublicKey({ key: jwk, format: 'jwk' }),
        dsaEncoding: 'ieee-p1363',
      } as const
      assert.ok(verify('sha256', toBeSigned, publicKey, signature), name)
      assert.ok(!verify('sha256', toBeSigned.with(-1, toBeSigned.at(-1)! ^ 1), publicKey, signature), name)
    }
  })
})

function byteString(value: Uint8Array): Uint8Array {
  const { length } = value
  const head =
    length < 24 ? [0x40 + length] : length < 256 ? [0x58, length] : [0x59, length >> 8, length & 0xff]
  return concat(Uint8Array.from(head), value)
}
