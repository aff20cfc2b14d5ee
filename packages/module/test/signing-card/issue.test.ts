import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { ascii, equal } from '@sealwright/core/bytes'
import { certificateIds, dataTags, longestApproval } from '@sealwright/core/catalog'
import { portableCrypto as crypto } from '@sealwright/core/crypto'
import {
  type BeginRequest,
  beginInput,
  checkCertificates,
  parseBeginRequest,
  serializeBeginAnswer,
} from '@sealwright/core/personalization'
import { serializeCertificateOrder, serializeIssueRequest } from '@sealwright/core/signing-card'
import { checkPath, parseCertificate } from '@sealwright/core/x509'
import {
  type CardBench,
  cardCustomer,
  customizedModule,
  fixtureCertificate,
  fixtureTime,
  type OrderedModule,
  orderedSerial,
} from '../../src/testing/index.ts'
import { attempts, from } from './world.ts'

const otherSerial = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 9)
const { bench, fresh, refused } = await attempts()
const module = bench.orderedModule()
const hex = (sw: number) => sw.toString(16)

async function readObject(card: CardBench, tag: number): Promise<Uint8Array> {
  return (await card.speak('GET DATA', new Uint8Array(0), tag >> 8, tag & 0xff)).data
}

suite('ISSUE CERTIFICATE', () => {
  test('[B3a][X6c] certifies the key of the ordered module, with ticket id and running number, in a form that COMPLETE takes', async () => {
    fresh()
    for (const [at, serial] of [orderedSerial, otherSerial].entries()) {
      const one = bench.orderedModule(serial, `module ${at}`)
      const begin = await bench.order(serial)
      const { data, sw } = await bench.issue(bench.request(one, begin))
      assert.equal(hex(sw), '9000')
      const certificate = parseCertificate(data)
      const anchor = bench.fixture.manufacturer.certificate
      const chain = [certificate, bench.unit]
      const path = checkPath({ chain, anchor, role: 'module-operating', at: fixtureTime, serial }, crypto)
      assert.ok(path.ok)
      assert.deepEqual(certificate.ticket, { id: ascii('ticket 000000001'), number: at + 1 })
      const complete = {
        operating: data,
        central: await readObject(bench, certificateIds.signingCentral.tag),
        unit: await readObject(bench, certificateIds.signingUnit.tag),
      }
      const checked = checkCertificates(
        complete,
        {
          ...{ serial, point: one.operatingKey.publicPoint, nonce: begin.nonce, time: begin.time },
          ...{ manufacturerPoint: anchor.publicPoint, customer: cardCustomer, test: false },
        },
        crypto,
      )
      assert.ok(checked.ok)
      assert.deepEqual(checked.certificates.centralPoint, bench.people.central.publicPoint)
    }
    assert.equal((await bench.state()).ticket?.used, 2)
  })

  type Make = (begin: BeginRequest) => Uint8Array | Promise<Uint8Array>
  const stranger = customizedModule({ crypto, seed: 'other manufacturer' }).manufacturer
  const marked = customizedModule({ crypto, seed: 'card', test: true }).manufacturer
  const other = bench.orderedModule(otherSerial, 'other module')
  const { anna, berta, carla, dora, emil, stranger: nobody } = bench.people.keys
  const asked = (begin: BeginRequest) => bench.approvalRequest(orderedSerial, begin)
  const approve = bench.people.approve
  const changed = (bytes: Uint8Array, at: number) => {
    const copy = bytes.slice()
    copy[at]! ^= 1
    return copy
  }
  const approvedBy =
    (...by: ((begin: BeginRequest) => Uint8Array)[]): Make =>
    (begin) =>
      bench.request(module, begin, { approvals: by.map((one) => one(begin)) })
  const asks = (begin: BeginRequest) => approve(anna, asked(begin))
  const agrees = (begin: BeginRequest) => approve(berta, asked(begin), anna)
  const forAnother =
    (change: (request: ReturnType<typeof asked>) => Partial<ReturnType<typeof asked>>): Make =>
    (begin) => {
      const request = { ...asked(begin), ...change(asked(begin)) }
      return bench.request(module, begin, {
        approvals: [approve(anna, request), approve(berta, request, anna)],
      })
    }
  const object = asked({ salt: new Uint8Array(16), time: 1, nonce: new Uint8Array(16) }).matter.object as {
    module: Uint8Array
    customer: Uint8Array
    central: Uint8Array
  }
  const about = (matter: Partial<typeof object>) =>
    forAnother(() => ({ matter: { action: 'personalize', object: { ...object, ...matter } } }))
  const identityOf = (manufacturer: typeof stranger, changes = {}) =>
    fixtureCertificate(
      crypto,
      {
        role: 'module-identity',
        subject: module.identity.subject,
        publicPoint: module.identityKey.publicPoint,
        issuer: manufacturer.certificate,
        ...changes,
      },
      manufacturer.key,
    ).encoded
  const beginBy =
    (made: OrderedModule, change: Partial<BeginRequest>): Make =>
    (begin) =>
      bench.request(module, begin, { answer: made.begin({ ...begin, ...change }) })
  const withKey =
    (point: Uint8Array): Make =>
    (begin) =>
      bench.request(module, begin, { answer: answerWith(module, begin, point) })

  const attacks: Record<string, readonly [string, Make]> = {
    'the module of another order': [
      '6a80',
      (begin) => bench.request(module, begin, { identity: other.identity.encoded }),
    ],
    'BEGIN answered by another module': ['6a80', beginBy(other, {})],
    'another module, with all that belongs to it': [
      '6a80',
      (begin) => bench.request(other, begin, { approvals: bench.approvals(orderedSerial, begin) }),
    ],
    'an identity of another serial number that signs for this one': [
      '6a80',
      (begin) => {
        const identityKey = other.identityKey
        const answer = answerWith({ ...module, identityKey }, begin, module.operatingKey.publicPoint)
        return bench.request(module, begin, { answer, identity: other.identity.encoded })
      },
    ],
    'BEGIN for another nonce: a replay': ['6a80', beginBy(module, { nonce: new Uint8Array(16) })],
    'BEGIN for another salt': ['6a80', beginBy(module, { salt: new Uint8Array(16) })],
    'BEGIN for another time': ['6a80', beginBy(module, { time: fixtureTime + 1 })],
    'a key that BEGIN did not sign': [
      '6a80',
      (begin) => bench.request(module, begin, { answer: changed(module.begin(begin), 70) }),
    ],
    'a signature of BEGIN with a changed byte': [
      '6a80',
      (begin) => bench.request(module, begin, { answer: changed(module.begin(begin), 128) }),
    ],
    'a key off the curve': ['6982', withKey(changed(module.operatingKey.publicPoint, 64))],
    "the unit's own key": ['6a80', withKey(bench.unitPoint)],
    "the central system's key": ['6a80', withKey(bench.people.central.publicPoint)],
    "the module's identity key": ['6a80', withKey(module.identityKey.publicPoint)],
    'an identity of another manufacturer': [
      '6a80',
      (begin) => bench.request(module, begin, { identity: identityOf(stranger) }),
    ],
    'an identity of a test manufacturer': [
      '6a80',
      (begin) => bench.request(module, begin, { identity: identityOf(marked) }),
    ],
    'an identity that has ended': [
      '6a80',
      (begin) =>
        bench.request(module, begin, {
          identity: identityOf(bench.fixture.manufacturer, { notAfter: fixtureTime - 1 }),
        }),
    ],
    'an identity of another role': [
      '6a80',
      (begin) => bench.request(module, begin, { identity: bench.unit.encoded }),
    ],
    'an identity with a byte changed': [
      '6a80',
      (begin) =>
        bench.request(module, begin, {
          identity: changed(module.identity.encoded, module.identity.encoded.length - 1),
        }),
    ],
    'no identity': ['6a80', (begin) => bench.request(module, begin, { identity: new Uint8Array(0) })],
    'a nonce that the card did not make': [
      '6a88',
      (begin) => bench.request(module, { ...begin, nonce: new Uint8Array(16) }),
    ],
    'no approval': ['6a80', approvedBy()],
    'one alone: who asks': ['6a80', approvedBy(asks)],
    'one alone: who approves': ['6a80', approvedBy(agrees)],
    'the same one twice': ['6a80', approvedBy(agrees, agrees)],
    'the same request twice': ['6a80', approvedBy(asks, asks)],
    three: ['6a80', approvedBy(asks, agrees, agrees)],
    'one person who asks and approves': [
      '6a80',
      approvedBy(
        (begin) => approve(carla, asked(begin)),
        (begin) => approve(carla, asked(begin)),
      ),
    ],
    'a person who approves what herself asked': [
      '6a80',
      approvedBy(
        (begin) => approve(carla, asked(begin)),
        (begin) => approve(carla, asked(begin), anna),
      ),
    ],
    'two who ask': ['6a80', approvedBy(asks, (begin) => approve(carla, asked(begin)))],
    'two who approve': ['6a80', approvedBy(agrees, (begin) => approve(carla, asked(begin), anna))],
    'an approval of what somebody else asked': [
      '6a80',
      approvedBy(asks, (begin) => approve(berta, asked(begin), carla)),
    ],
    'who may only ask approves': [
      '6a80',
      approvedBy(
        (begin) => approve(carla, asked(begin)),
        (begin) => approve(anna, asked(begin), carla),
      ),
    ],
    'who is not enrolled for this action': [
      '6a80',
      approvedBy(asks, (begin) => approve(dora, asked(begin), anna)),
    ],
    'who was revoked': ['6a80', approvedBy(asks, (begin) => approve(emil, asked(begin), anna))],
    'who is not enrolled': ['6a80', approvedBy(asks, (begin) => approve(nobody, asked(begin), anna))],
    'an approval with a byte changed': [
      '6a80',
      approvedBy(asks, (begin) => changed(agrees(begin), agrees(begin).length - 1)),
    ],
    'approvals for another module': ['6a80', about({ module: otherSerial })],
    'approvals for another customer': ['6a80', about({ customer: new Uint8Array(16) })],
    'approvals for another central system': ['6a80', about({ central: new Uint8Array(32) })],
    'approvals for another action': [
      '6a80',
      forAnother(() => ({ matter: { action: 'terminate', object: { module: orderedSerial } } })),
    ],
    'approvals for another card': ['6a80', forAnother(() => ({ actor: new Uint8Array(16) }))],
    'approvals of an earlier run': ['6a80', forAnother(() => ({ nonce: new Uint8Array(16) }))],
    'approvals that have ended': ['6a80', forAnother(() => ({ until: fixtureTime - 1 }))],
    'approvals that end too late': ['6a80', forAnother(() => ({ until: fixtureTime + longestApproval + 1 }))],
    'a byte too few': ['6a80', async (begin) => bench.request(module, begin).slice(0, -1)],
    nothing: ['6a80', () => new Uint8Array(0)],
  }

  // A refusal changes nothing: one order serves for all of them, and is carried out at the end.
  let order: BeginRequest | undefined
  const ordered = async (): Promise<BeginRequest> => {
    if (order === undefined) {
      fresh()
      order = await bench.order()
    }
    return order
  }

  for (const [name, [expected, make]] of Object.entries(attacks)) {
    const refusal = async () => {
      const data = await make(await ordered())
      assert.equal(await refused(() => bench.issue(data)), expected)
    }
    if (/approv|alone|twice|asks|three|person|enrolled|revoked/.test(name))
      test(`[B17d][R9b] ${name}: refused, and the card is as it was`, refusal)
    else test(`[B3a] ${name}: refused, and the card is as it was`, refusal)
  }

  test('[B3a] after all these what is right is taken, as the first certificate of the ticket', async () => {
    const { data, sw } = await bench.issue(bench.request(module, await ordered()))
    assert.equal(hex(sw), '9000')
    assert.equal(parseCertificate(data).ticket?.number, 1)
  })

  test('[B17a] the two approvals may come in any order, and end at the last moment that counts', async () => {
    fresh()
    const begin = await bench.order()
    const until = begin.time + longestApproval
    const request = { ...bench.approvalRequest(orderedSerial, begin), until }
    const approvals = [approve(berta, { ...request, until: begin.time }, anna), approve(anna, request)]
    assert.equal(hex((await bench.issue(bench.request(module, begin, { approvals }))).sw), '9000')
  })

  test('[B3a] an answer that was lost: the same request gives the same certificate, counted once, without approvals too', async () => {
    fresh()
    const begin = await bench.order()
    const data = bench.request(module, begin)
    const first = await bench.issue(data)
    const again = await bench.issue(data)
    assert.deepEqual(again, first)
    const bare = {
      nonce: begin.nonce,
      answer: module.begin(begin),
      identity: new Uint8Array(0),
      approvals: [],
    }
    assert.deepEqual(await bench.issue(serializeIssueRequest(bare)), first)
    const { ticket, log } = await bench.state()
    assert.deepEqual([ticket?.used, log.number], [1, 5])
  })

  test('[B3a] another key for a nonce that was used is refused, with everything else right', async () => {
    fresh()
    const begin = await bench.order()
    await bench.issue(bench.request(module, begin))
    const second = bench.orderedModule(orderedSerial, 'second')
    const answer = answerWith(module, begin, second.operatingKey.publicPoint)
    const data = bench.request(module, begin, { answer })
    assert.equal(await refused(() => bench.issue(data)), '6985')
  })

  test('[B3a] a key that everybody knows is refused outside test cards', async () => {
    fresh()
    const begin = await bench.order()
    const known = crypto.ecPrivateKey(new Uint8Array(32).fill(1, 31)).publicPoint
    const data = bench.request(module, begin, { answer: answerWith(module, begin, known) })
    assert.equal(await refused(() => bench.issue(data)), '6a80')
  })
})

suite('ORDER CERTIFICATE', () => {
  const order = (time: number, serial = orderedSerial) =>
    bench.speak('ORDER CERTIFICATE', serializeCertificateOrder({ serial, time }))

  test("[B3a] nonce and salt are the card's: the same order gives the same, another one others", async () => {
    fresh()
    const first = parseBeginRequest((await order(fixtureTime)).data)
    assert.deepEqual(await bench.order(), first)
    const second = parseBeginRequest((await order(fixtureTime + 1)).data)
    assert.ok(!equal(second.nonce, first.nonce) && !equal(second.salt, first.salt))
    assert.equal(second.time, fixtureTime + 1)
    // The order of the same module took the place of the first.
    assert.equal(await refused(() => bench.issue(bench.request(module, first))), '6a88')
    assert.equal(hex((await bench.issue(bench.request(module, second))).sw), '9000')
  })

  test('[B3a] an order that was carried out is not given again', async () => {
    fresh()
    const first = await bench.order()
    await bench.issue(bench.request(module, first))
    assert.ok(!equal((await bench.order()).nonce, first.nonce))
  })

  test('16 orders lie side by side; one more takes the place of the oldest', async () => {
    fresh()
    const serials = Array.from({ length: 17 }, (_, at) => Uint8Array.of(9, 0, 0, 0, 0, 0, 0, at))
    const begins: BeginRequest[] = []
    for (const serial of serials) begins.push(await bench.order(serial))
    const modules = serials.map((serial, at) => bench.orderedModule(serial, `many ${at}`))
    assert.equal(await refused(() => bench.issue(bench.request(modules[0]!, begins[0]!))), '6a88')
    for (const at of [16, 1]) {
      assert.equal(hex((await bench.issue(bench.request(modules[at]!, begins[at]!))).sw), '9000')
    }
  })

  test("[X6b] a time before what the card has heard, 400 days after it, or outside the unit's certificate is refused", async () => {
    fresh()
    const heard = (await bench.state()).time
    const year = 365 * 86_400
    for (const time of [heard - 1, heard + 400 * 86_400 + 1, 0, fixtureTime + year + 1]) {
      assert.equal(await refused(() => order(time)), '6a80', String(time))
    }
    assert.equal(hex((await order(heard)).sw), '9000')
    // An order alone moves no time: nobody has approved it.
    await order(fixtureTime + 300 * 86_400)
    assert.equal((await bench.state()).time, heard)
  })

  test("[B3a][X6b] a unit's certificate that begins after the order certifies nothing for it: no module would take that", async () => {
    fresh()
    const begin = await bench.order(orderedSerial, fixtureTime)
    const renewed = bench.certifyUnit({ notBefore: fixtureTime + 50 })
    const ticket = bench.ticket({ number: 2, id: ascii('ticket 000000002'), issued: fixtureTime + 100 })
    assert.equal((await bench.speak('ADMINISTER', ticket)).sw, 0x9000)
    assert.equal((await bench.speak('STORE UNIT CERTIFICATE', renewed.encoded)).sw, 0x9000)
    const { used } = (await bench.state()).ticket!
    assert.equal(await refused(() => bench.issue(bench.request(module, begin))), '6a80')
    assert.equal((await bench.state()).ticket!.used, used)
    const later = await bench.order(orderedSerial, fixtureTime + 100)
    assert.equal((await bench.issue(bench.request(module, later))).sw, 0x9000)
  })

  test('[X6b] orders may be carried out in another order; then the later time counts for all', async () => {
    fresh()
    const [early, late] = [fixtureTime, fixtureTime + 3600]
    const second = bench.orderedModule(otherSerial, 'other module')
    const [one, two] = [await bench.order(orderedSerial, early), await bench.order(otherSerial, late)]
    assert.equal(hex((await bench.issue(bench.request(second, two))).sw), '9000')
    assert.equal((await bench.state()).time, late)
    const request = { ...bench.approvalRequest(orderedSerial, one), until: late - 1 }
    const ended = [approve(anna, request), approve(berta, request, anna)]
    assert.equal(await refused(() => bench.issue(bench.request(module, one, { approvals: ended }))), '6a80')
    assert.equal(hex((await bench.issue(bench.request(module, one))).sw), '9000')
    assert.equal((await bench.state()).time, late)
  })

  const { anna, berta } = bench.people.keys
  const approve = bench.people.approve
})

suite('a test card', () => {
  test('[B3a] signs for test modules under a test root, and for no others', async () => {
    const card = await attempts({ fixture: { test: true } })
    const begin = await card.bench.order()
    const own = card.bench.orderedModule()
    const real = customizedModule({ crypto, seed: 'card' }).manufacturer
    const other = card.bench.orderedModule(orderedSerial, 'ordered', real)
    assert.equal(await card.refused(() => card.bench.issue(card.bench.request(other, begin))), '6a80')
    const { data, sw } = await card.bench.issue(card.bench.request(own, begin))
    assert.equal(hex(sw), '9000')
    assert.equal(parseCertificate(data).test, true)
  })
})

suite('a card that is not ready', () => {
  test('[B3a] refuses with 6985 what comes too early', async () => {
    for (const [until, name] of [
      ['blank', 'ORDER CERTIFICATE'],
      ['key', 'ORDER CERTIFICATE'],
    ] as const) {
      const early = await attempts({ until })
      const data = serializeCertificateOrder({ serial: orderedSerial, time: fixtureTime })
      assert.equal(await early.refused(() => early.bench.speak(name, data)), '6985', until)
    }
    const blank = await attempts({ until: 'blank' })
    for (const name of ['STORE UNIT CERTIFICATE', 'ADMINISTER'] as const) {
      const document = name === 'ADMINISTER' ? bench.ticket() : bench.unit.encoded
      assert.equal(await blank.refused(() => blank.bench.speak(name, document)), '6985', name)
    }
    const tag = dataTags.signingCard
    const { sw } = await blank.bench.speak('GET DATA', new Uint8Array(0), tag >> 8, tag & 0xff)
    assert.equal(hex(sw), '6a88')
    for (const until of ['certificate', 'roster'] as const) {
      const card = await attempts({ until })
      const begin = await card.bench.order()
      const data = card.bench.request(card.bench.orderedModule(), begin)
      assert.equal(await card.refused(() => card.bench.issue(data)), '6985', until)
    }
  })

  test('P1 and P2 other than 00 are refused in every command of a card', async () => {
    const { bench: card, refused: said } = from(bench)
    for (const name of [
      'STORE UNIT CERTIFICATE',
      'ADMINISTER',
      'ORDER CERTIFICATE',
      'ISSUE CERTIFICATE',
      'READ LOG',
    ] as const) {
      for (const [p1, p2] of [
        [1, 0],
        [0, 1],
      ] as const) {
        assert.equal(await said(() => card.speak(name, new Uint8Array(0), p1, p2)), '6a86', name)
      }
    }
    assert.equal(await said(() => card.speak('MAKE UNIT KEY', card.keyOrder)), '6982')
  })
})

/** BEGIN's answer of a module whose key is this one. */
function answerWith(
  { serial, identityKey }: OrderedModule,
  begin: BeginRequest,
  point: Uint8Array,
): Uint8Array {
  return serializeBeginAnswer({ point, signature: identityKey.sign(...beginInput(serial, begin, point)) })
}
