import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { decodeHex, encodeHex, decodeHex as hex } from '../bytes/index.ts'
import { portableCrypto, privateScalar } from '../crypto/index.ts'
import type { EcPrivateKey } from '../ports/index.ts'
import { issueCertificate, moduleSerialText, type Name, parseCertificate } from '../x509/index.ts'
import {
  bareCertificateInput,
  beginInput,
  checkCertificates,
  completeInput,
  openCertificateRequest,
  parseBareCertificate,
  parseBeginAnswer,
  parseBeginRequest,
  parseCompleteReceipt,
  parseCompleteRequest,
  prepareCertificateRequest,
  serializeBareCertificate,
  serializeBeginAnswer,
  serializeBeginRequest,
  serializeCompleteReceipt,
  serializeCompleteRequest,
  verifyBegin,
} from './index.ts'

/** The case of vectors/personalization.json; every value but the times in hex. Signatures are those of RFC 6979. */
interface Example {
  readonly manufacturerPrivateKey: string
  readonly identityPrivateKey: string
  readonly unitPrivateKey: string
  readonly centralPrivateKey: string
  readonly serial: string
  readonly customer: string
  readonly notBefore: number
  readonly notAfter: number
  readonly entropy: string
  readonly salt: string
  readonly time: number
  readonly nonce: string
  readonly eventNumber: number
  readonly chain: string
  /** What follows from them. */
  readonly unitRequest: string
  readonly centralRequest: string
  readonly beginRequest: string
  readonly operatingPrivateKey: string
  readonly operatingPoint: string
  readonly beginSigned: string
  readonly beginAnswer: string
  readonly unitCertificate: string
  readonly operatingCertificate: string
  readonly centralCertificate: string
  readonly completeRequest: string
  readonly completeSigned: string
  readonly completeReceipt: string
  readonly bareSigned: string
  readonly bareCertificate: string
}

const crypto = portableCrypto
const file = JSON.parse(
  readFileSync(new URL('../../../../vectors/personalization.json', import.meta.url), 'utf8'),
) as { source: string; cases: Example[] }
const example = file.cases[0]!

const join = (parts: readonly Uint8Array[]) => parts.map(encodeHex).join('')

/** Everything that follows from the keys, the random bytes and what the unit prescribes. */
function worked(given: Example): Omit<Example, keyof typeof inputs> {
  const serial = hex(given.serial)
  const customer = hex(given.customer)
  const key = (scalar: string) => crypto.ecPrivateKey(hex(scalar))
  const manufacturer = key(given.manufacturerPrivateKey)
  const identity = key(given.identityPrivateKey)
  const unit = key(given.unitPrivateKey)
  const central = key(given.centralPrivateKey)
  const requestOf = (role: 'unit' | 'central-system', name: string, signer: EcPrivateKey) => {
    const point = signer.publicPoint
    const more = role === 'unit' ? { customer } : {}
    const unsigned = prepareCertificateRequest({ role, name, point, ...more }, crypto)
    return unsigned.finish(signer.sign(unsigned.toBeSigned))
  }
  const begin = { salt: hex(given.salt), time: given.time, nonce: hex(given.nonce) }
  const scalar = privateScalar(crypto, hex(given.entropy), begin.salt)
  const operating = crypto.ecPrivateKey(scalar)
  const point = operating.publicPoint
  const beginSigned = beginInput(serial, begin, point)
  const certificate = (
    profile: Partial<Parameters<typeof issueCertificate>[0]> & {
      role: 'unit' | 'module-operating' | 'central-system'
    },
    publicPoint: Uint8Array,
    subject: Name,
    serialNumber: number,
    issuer: Parameters<typeof issueCertificate>[0]['issuer'],
    signer: EcPrivateKey,
  ) =>
    issueCertificate(
      {
        notBefore: given.notBefore,
        notAfter: given.notAfter,
        ...profile,
        serialNumber: Uint8Array.of(serialNumber),
        subject,
        publicPoint,
        issuer,
      },
      (tbs) => signer.sign(tbs),
      crypto,
    )
  const root = { subject: { commonName: 'manufacturer' }, publicPoint: manufacturer.publicPoint, test: false }
  const unitCertificate = certificate(
    { role: 'unit', customer },
    unit.publicPoint,
    { commonName: 'unit' },
    1,
    root,
    manufacturer,
  )
  const issuer = parseCertificate(unitCertificate)
  const binding = { nonce: begin.nonce, customer, centralKeyHash: crypto.sha256(central.publicPoint) }
  const operatingCertificate = certificate(
    { role: 'module-operating', binding, notBefore: given.time },
    point,
    { commonName: 'module', serialNumber: moduleSerialText(serial) },
    2,
    issuer,
    unit,
  )
  const centralCertificate = certificate(
    { role: 'central-system' },
    central.publicPoint,
    { commonName: 'central system' },
    3,
    issuer,
    unit,
  )
  const completeRequest = serializeCompleteRequest({
    operating: operatingCertificate,
    central: centralCertificate,
    unit: unitCertificate,
  })
  const event = { number: given.eventNumber, chain: hex(given.chain) }
  const completeSigned = completeInput(serial, crypto.sha256(completeRequest), event)
  const statement = { notBefore: given.time, notAfter: given.notAfter, binding }
  const bareSigned = bareCertificateInput(serial, point, statement)
  const signature = unit.sign(...bareSigned)
  return {
    unitRequest: encodeHex(requestOf('unit', 'unit', unit)),
    centralRequest: encodeHex(requestOf('central-system', 'central system', central)),
    beginRequest: encodeHex(serializeBeginRequest(begin)),
    operatingPrivateKey: encodeHex(scalar),
    operatingPoint: encodeHex(point),
    beginSigned: join(beginSigned),
    beginAnswer: encodeHex(serializeBeginAnswer({ point, signature: identity.sign(...beginSigned) })),
    unitCertificate: encodeHex(unitCertificate),
    operatingCertificate: encodeHex(operatingCertificate),
    centralCertificate: encodeHex(centralCertificate),
    completeRequest: encodeHex(completeRequest),
    completeSigned: join(completeSigned),
    completeReceipt: encodeHex(
      serializeCompleteReceipt({ ...event, signature: operating.sign(...completeSigned) }),
    ),
    bareSigned: join(bareSigned),
    bareCertificate: encodeHex(serializeBareCertificate({ ...statement, signature })),
  }
}

const inputs = {
  manufacturerPrivateKey: '',
  identityPrivateKey: '',
  unitPrivateKey: '',
  centralPrivateKey: '',
  serial: '',
  customer: '',
  notBefore: 0,
  notAfter: 0,
  entropy: '',
  salt: '',
  time: 0,
  nonce: '',
  eventNumber: 0,
  chain: '',
}

test('[B6a] the worked example: every message follows from keys, entropy and what the unit prescribes', () => {
  const found = worked(example)
  for (const [name, value] of Object.entries(found)) assert.equal(value, example[name as keyof Example], name)
})

test('the worked example read backwards: every check of unit and module holds', () => {
  const serial = decodeHex(example.serial)
  const begin = parseBeginRequest(decodeHex(example.beginRequest))
  assert.equal(begin.time, example.time)
  const answer = parseBeginAnswer(decodeHex(example.beginAnswer))
  assert.equal(encodeHex(answer.point), example.operatingPoint)
  const identity = crypto.ecPrivateKey(decodeHex(example.identityPrivateKey)).publicPoint
  assert.ok(verifyBegin(crypto.ecPublicKey(identity), serial, begin, answer))
  const unit = openCertificateRequest(decodeHex(example.unitRequest), 'unit', crypto)
  assert.equal(encodeHex(unit.customer!), example.customer)
  const central = openCertificateRequest(decodeHex(example.centralRequest), 'central-system', crypto)
  const request = parseCompleteRequest(decodeHex(example.completeRequest))
  const expected = {
    serial,
    point: answer.point,
    nonce: begin.nonce,
    time: begin.time,
    manufacturerPoint: crypto.ecPrivateKey(decodeHex(example.manufacturerPrivateKey)).publicPoint,
    test: false,
  }
  const result = checkCertificates(request, expected, crypto)
  assert.ok(result.ok)
  assert.deepEqual(result.certificates.centralPoint, central.point)
  assert.equal(result.certificates.certification, 'chain')
  const receipt = parseCompleteReceipt(decodeHex(example.completeReceipt))
  const operating = crypto.ecPublicKey(answer.point)
  const digest = crypto.sha256(decodeHex(example.completeRequest))
  assert.ok(operating.verify(receipt.signature, ...completeInput(serial, digest, receipt)))
  assert.equal(parseBareCertificate(decodeHex(example.bareCertificate)).notBefore, example.time)
  const bare = { ...request, operating: decodeHex(example.bareCertificate) }
  assert.deepEqual(checkCertificates(bare, expected, crypto), {
    ok: false,
    certificate: 'operating',
    reason: 'policy',
    text: "it is of a form that the module's policy does not allow",
  })
  const policy = new Set(['bare-signature'] as const)
  assert.ok(checkCertificates(bare, { ...expected, policy }, crypto).ok)
})
