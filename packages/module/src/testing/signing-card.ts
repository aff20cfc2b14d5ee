import { command, exchange, type Response } from '@sealwright/core/apdu'
import { ascii } from '@sealwright/core/bytes'
import { type CommandName, commands, dataTags, keyVersions } from '@sealwright/core/catalog'
import { documentKeyId, type UnsignedDocument } from '@sealwright/core/cbor'
import { openScp03 } from '@sealwright/core/channel/scp03'
import { protectedTransport } from '@sealwright/core/channel/secure-messaging'
import type { ApprovalRequest } from '@sealwright/core/people'
import { type TestOnlyPeople, testOnlyPeople } from '@sealwright/core/people/testing'
import {
  type BeginRequest,
  beginInput,
  openCertificateRequest,
  parseBeginRequest,
  prepareCertificateRequest,
  serializeBeginAnswer,
} from '@sealwright/core/personalization'
import type { Crypto, EcPrivateKey, Transport } from '@sealwright/core/ports'
import {
  type IssueRequest,
  type LogAcknowledgement,
  parseSigningCardState,
  parseUnitKeyAnswer,
  prepareLogAcknowledgement,
  type SigningCardState,
  serializeCertificateOrder,
  serializeIssueRequest,
  serializeUnitKeyOrder,
} from '@sealwright/core/signing-card'
import { scriptedEntropy } from '@sealwright/core/testing'
import { prepareTicket, type Ticket } from '@sealwright/core/tickets'
import { type Certificate, moduleSerialText } from '@sealwright/core/x509'
import type { Module } from '../module.ts'
import {
  customizedModule,
  type Fixture,
  type FixtureOptions,
  fixtureCertificate,
  fixtureKey,
  fixtureTime,
} from './fixture.ts'

/** Serial numbers of the bench: the card, and a module to be personalized. */
export const cardSerial = Uint8Array.of(0xca, 0, 0, 0, 0, 0, 0, 1)
export const orderedSerial = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8)

/** The customer that the bench's unit works for. */
export const cardCustomer = ascii('customer 0000001')

/** A module as a card sees it: its identity, and what it answers to BEGIN. */
export interface OrderedModule {
  readonly serial: Uint8Array
  readonly identity: Certificate
  readonly identityKey: EcPrivateKey
  readonly operatingKey: EcPrivateKey
  /** The answer to BEGIN, 129 bytes. */
  begin(request: BeginRequest): Uint8Array
}

export interface CardBenchOptions {
  readonly crypto: Crypto
  /** Entries of the log; 40 unless given. */
  readonly capacity?: number
  /** Everything random follows from this. */
  readonly seed?: string
  readonly fixture?: Partial<FixtureOptions>
  /** Stops after a step: the card then lacks what comes later. `ready` unless given. */
  readonly until?: 'blank' | 'key' | 'certificate' | 'roster' | 'ready'
}

/** A signing card with everybody around it whose keys a test has. Commands go to `module`, which a test may power anew. */
export interface CardBench {
  readonly crypto: Crypto
  readonly fixture: Fixture
  readonly people: TestOnlyPeople
  module: Module
  readonly unit: Certificate
  readonly unitPoint: Uint8Array
  readonly keyOrder: Uint8Array
  transport(): Transport
  speak(name: CommandName, data?: Uint8Array, p1?: number, p2?: number): Promise<Response>
  /** The same in the channel of the document key. */
  speakProtected(name: CommandName, data?: Uint8Array): Promise<Response>
  state(): Promise<SigningCardState>
  ticket(changes?: Partial<Ticket>, signer?: EcPrivateKey): Uint8Array
  acknowledgement(changes: Partial<LogAcknowledgement>, signer?: EcPrivateKey): Uint8Array
  /** A unit's certificate for the card's key, with changes. */
  certifyUnit(changes?: Partial<Parameters<typeof fixtureCertificate>[1]>, signer?: EcPrivateKey): Certificate
  orderedModule(serial?: Uint8Array, seed?: string, manufacturer?: Fixture['manufacturer']): OrderedModule
  order(serial?: Uint8Array, time?: number): Promise<BeginRequest>
  /** What two people are asked for an order. */
  approvalRequest(serial: Uint8Array, begin: BeginRequest): ApprovalRequest
  /** anna asks, berta approves. */
  approvals(serial: Uint8Array, begin: BeginRequest): Uint8Array[]
  /** Everything right for an order, with changes. */
  request(module: OrderedModule, begin: BeginRequest, changes?: Partial<IssueRequest>): Uint8Array
  issue(request: Uint8Array): Promise<Response>
  /** Entries of the log as READ LOG gives them. */
  log(): Promise<Uint8Array[]>
}

const steps = ['blank', 'key', 'certificate', 'roster', 'ready'] as const

/** Makes a signing card ready to sign for `orderedSerial` at `fixtureTime`. */
export async function signingCardBench(options: CardBenchOptions): Promise<CardBench> {
  const { crypto, capacity = 40, seed = 'card', until = 'ready' } = options
  const fixture = customizedModule({
    ...{ crypto, seed, serial: cardSerial, eepromSize: 128 * 1024 },
    ...options.fixture,
  })
  const people = testOnlyPeople(crypto, fixtureTime - 1000)
  const { central } = people
  const signed = (unsigned: UnsignedDocument, key: EcPrivateKey = central): Uint8Array =>
    unsigned.finish(key.sign(unsigned.toBeSigned))
  const centralRequest = signed(
    prepareCertificateRequest(
      { role: 'central-system', name: 'central system', point: central.publicPoint },
      crypto,
    ),
  )
  const keyOrder = serializeUnitKeyOrder({
    ...{ capacity, customer: cardCustomer, name: 'unit', central: centralRequest },
  })
  let unitPoint: Uint8Array = new Uint8Array(65)
  let unit: Certificate | undefined
  let channels = 0

  const send = (transport: Transport, name: CommandName, data: Uint8Array, p1 = 0, p2 = 0) => {
    const row = commands[name]
    const cla = row.class === 'iso' ? 0x00 : 0x80
    return exchange(
      transport,
      command({ cla, ins: row.ins, p1, p2, data, le: 0x100, extended: data.length > 0xe0 }),
    )
  }
  const bench: CardBench = {
    ...{ crypto, fixture, people, keyOrder, module: fixture.module },
    get unit() {
      return unit!
    },
    get unitPoint() {
      return unitPoint
    },
    transport: () => ({
      transmit: async (bytes) => bench.module.transmit(bytes),
      close: async () => bench.module.reset(),
    }),
    speak: (name, data = new Uint8Array(0), p1 = 0, p2 = 0) => send(bench.transport(), name, data, p1, p2),
    async speakProtected(name, data = new Uint8Array(0)) {
      const { enc, mac } = fixture.documentKeys
      const keys = { enc: crypto.aes(enc), mac: crypto.aes(mac) }
      const session = await openScp03(bench.transport(), {
        ...{ crypto, keys, keyVersion: keyVersions.document, level: 0x33 },
        hostChallenge: scriptedEntropy(`${seed} host ${channels++}`).bytes(8),
      })
      const answer = await send(protectedTransport(bench.transport(), session), name, data)
      await send(bench.transport(), 'SELECT', new Uint8Array(0), 0x04)
      return answer
    },
    async state() {
      const tag = dataTags.signingCard
      const { data } = await send(bench.transport(), 'GET DATA', new Uint8Array(0), tag >> 8, tag & 0xff)
      return parseSigningCardState(data)
    },
    ticket(changes = {}, signer = central) {
      const ticket: Ticket = {
        id: ascii('ticket 000000001'),
        unit: documentKeyId(unitPoint, crypto),
        customer: cardCustomer,
        ...{ number: 1, count: 10, issued: fixtureTime - 500, until: fixtureTime + 30 * 86_400 },
        ...changes,
      }
      return signed(prepareTicket(ticket, signer.publicPoint, crypto), signer)
    },
    acknowledgement(changes, signer = central) {
      const value = { card: fixture.serial, number: 1, chain: new Uint8Array(32), issued: fixtureTime }
      return signed(prepareLogAcknowledgement({ ...value, ...changes }, signer.publicPoint, crypto), signer)
    },
    certifyUnit(changes = {}, signer = fixture.manufacturer.key) {
      return fixtureCertificate(
        crypto,
        {
          role: 'unit',
          subject: { commonName: 'unit' },
          publicPoint: unitPoint,
          issuer: fixture.manufacturer.certificate,
          customer: cardCustomer,
          ...changes,
        },
        signer,
      )
    },
    orderedModule(serial = orderedSerial, name = 'ordered', manufacturer = fixture.manufacturer) {
      const identityKey = fixtureKey(crypto, `${name} identity`)
      const operatingKey = fixtureKey(crypto, `${name} operating`)
      const identity = fixtureCertificate(
        crypto,
        {
          role: 'module-identity',
          subject: { commonName: 'module', serialNumber: moduleSerialText(serial) },
          publicPoint: identityKey.publicPoint,
          issuer: manufacturer.certificate,
        },
        manufacturer.key,
      )
      const begin = (request: BeginRequest) => {
        const point = operatingKey.publicPoint
        const signature = identityKey.sign(...beginInput(serial, request, point))
        return serializeBeginAnswer({ point, signature })
      }
      return { serial, identity, identityKey, operatingKey, begin }
    },
    async order(serial = orderedSerial, time = fixtureTime) {
      const { data } = await bench.speak('ORDER CERTIFICATE', serializeCertificateOrder({ serial, time }))
      return parseBeginRequest(data)
    },
    approvalRequest: (serial, { nonce, time }) => ({
      matter: {
        action: 'personalize',
        object: { module: serial, customer: cardCustomer, central: crypto.sha256(central.publicPoint) },
      },
      actor: documentKeyId(unitPoint, crypto),
      nonce,
      until: time + 86_400,
    }),
    approvals(serial, begin) {
      const request = bench.approvalRequest(serial, begin)
      const { anna, berta } = people.keys
      return [people.approve(anna, request), people.approve(berta, request, anna)]
    },
    request: (module, begin, changes = {}) =>
      serializeIssueRequest({
        nonce: begin.nonce,
        answer: module.begin(begin),
        identity: module.identity.encoded,
        approvals: bench.approvals(module.serial, begin),
        ...changes,
      }),
    issue: (request) => bench.speak('ISSUE CERTIFICATE', request),
    async log() {
      const entries: Uint8Array[] = []
      for (let from = 1; ; ) {
        const { data, sw } = await bench.speak('READ LOG', Uint8Array.of(0, 0, from >> 8, from & 0xff))
        if (sw !== 0x9000) return entries
        entries.push(data)
        from = ((data[3]! << 8) | data[4]!) + 1
      }
    },
  }
  const reached = (step: (typeof steps)[number]) => steps.indexOf(step) <= steps.indexOf(until)
  if (reached('key')) {
    const { data } = await bench.speakProtected('MAKE UNIT KEY', keyOrder)
    const { request } = parseUnitKeyAnswer(data)
    unitPoint = openCertificateRequest(request, 'unit', crypto).point
    unit = bench.certifyUnit()
  }
  if (reached('certificate')) await bench.speak('STORE UNIT CERTIFICATE', unit!.encoded)
  if (reached('roster')) await bench.speak('ADMINISTER', people.signRoster())
  if (reached('ready')) await bench.speak('ADMINISTER', bench.ticket())
  return bench
}
