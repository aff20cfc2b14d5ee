import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { ascii } from '@sealwright/core/bytes'
import { certificateIds } from '@sealwright/core/catalog'
import { portableCrypto as crypto, withHandle } from '@sealwright/core/crypto'
import { openCertificateRequest, prepareCertificateRequest } from '@sealwright/core/personalization'
import {
  parseUnitKeyAnswer,
  parseUnitKeyOrder,
  serializeUnitKeyOrder,
  unitKeyInput,
} from '@sealwright/core/signing-card'
import { parseCertificate } from '@sealwright/core/x509'
import {
  cardCustomer,
  cardSerial,
  customizedModule,
  fixtureTime,
  orderedSerial,
} from '../../src/testing/index.ts'
import { attempts } from './world.ts'

const day = 86_400
const hex = (sw: number) => sw.toString(16)
const blank = await attempts({ until: 'blank' })
const keyed = await attempts({ until: 'key' })
const { bench, fresh, refused } = await attempts()
const { people } = bench

const take = (document: Uint8Array) => bench.speak('ADMINISTER', document)
const issued = async (serial = orderedSerial, time = fixtureTime) => {
  const begin = await bench.order(serial, time)
  return bench.issue(bench.request(bench.orderedModule(serial), begin))
}

suite('MAKE UNIT KEY', () => {
  test('[B24a][B3a] the pair is made in the card, which asks for its certificate and vouches for it with its identity', async () => {
    blank.fresh()
    const card = blank.bench
    const { data, sw } = await card.speakProtected('MAKE UNIT KEY', card.keyOrder)
    assert.equal(hex(sw), '9000')
    const { proof, request } = parseUnitKeyAnswer(data)
    const asked = openCertificateRequest(request, 'unit', crypto)
    assert.deepEqual([asked.name, asked.customer], ['unit', cardCustomer])
    const input = unitKeyInput(cardSerial, asked.point, crypto.sha256(card.keyOrder))
    const identity = card.fixture.identity.publicPoint
    assert.ok(withHandle(crypto.ecPublicKey(identity), (key) => key.verify(proof, ...input)))
    const state = await card.state()
    assert.deepEqual(state.point, asked.point)
    assert.deepEqual(state.centralPoint, card.people.central.publicPoint)
    assert.deepEqual([state.log.number, state.log.kept, state.log.capacity], [1, 1, 40])
  })

  test('[B24a] the same order again gives the same answer; another one, of whomever, is refused for good', async () => {
    keyed.fresh()
    const card = keyed.bench
    const before = await card.state()
    const first = await card.speakProtected('MAKE UNIT KEY', card.keyOrder)
    assert.deepEqual(await card.speakProtected('MAKE UNIT KEY', card.keyOrder), first)
    const order = parseUnitKeyOrder(card.keyOrder)
    const anna = card.people.keys.anna
    const unsigned = prepareCertificateRequest(
      { role: 'central-system', name: 'central system', point: anna.publicPoint },
      crypto,
    )
    for (const change of [
      { capacity: 39 },
      { name: 'other' },
      { customer: ascii('customer 0000002') },
      { central: unsigned.finish(anna.sign(unsigned.toBeSigned)) },
    ]) {
      const { sw } = await card.speakProtected(
        'MAKE UNIT KEY',
        serializeUnitKeyOrder({ ...order, ...change }),
      )
      assert.equal(hex(sw), '6a89', Object.keys(change)[0])
    }
    assert.deepEqual(await card.state(), before)
  })

  test('[B24a] a request that its key has not signed, or of another role, rules no card', async () => {
    blank.fresh()
    const card = blank.bench
    const order = parseUnitKeyOrder(card.keyOrder)
    const forged = order.central.slice()
    forged[forged.length - 1]! ^= 1
    const { central } = card.people
    const unit = prepareCertificateRequest(
      { role: 'unit', name: 'unit', point: central.publicPoint, customer: cardCustomer },
      crypto,
    )
    for (const [bad, sw] of [
      [forged, '6982'],
      [unit.finish(central.sign(unit.toBeSigned)), '6a80'],
      [ascii('no document'), '6a80'],
    ] as const) {
      const data = serializeUnitKeyOrder({ ...order, central: bad })
      assert.equal(await blank.refused(() => card.speakProtected('MAKE UNIT KEY', data)), sw)
    }
  })

  test('[B24a] where customization names the central system, another one makes no key', async () => {
    const anna = people.keys.anna.publicPoint
    const named = (point: Uint8Array) =>
      attempts({
        until: 'blank',
        fixture: { prepare: ({ tx, objects }) => objects.put(tx, 'public-key', 4, point) },
      })
    const other = await named(anna)
    assert.equal(
      await other.refused(() => other.bench.speakProtected('MAKE UNIT KEY', other.bench.keyOrder)),
      '6a80',
    )
    const own = await named(people.central.publicPoint)
    assert.equal(hex((await own.bench.speakProtected('MAKE UNIT KEY', own.bench.keyOrder)).sw), '9000')
  })
})

suite('STORE UNIT CERTIFICATE', () => {
  const other = customizedModule({ crypto, seed: 'other manufacturer' }).manufacturer
  const marked = customizedModule({ crypto, seed: 'card', test: true }).manufacturer

  test("[B3a] only the manufacturer's, for this key and customer, as a unit's, is stored", async () => {
    keyed.fresh()
    const card = keyed.bench
    const wrong = {
      'of another manufacturer': card.certifyUnit({ issuer: other.certificate }, other.key),
      'signed by another manufacturer': card.certifyUnit({}, other.key),
      'of a test manufacturer': card.certifyUnit({ issuer: marked.certificate }, marked.key),
      'for another key': card.certifyUnit({ publicPoint: card.people.central.publicPoint }),
      'for another customer': card.certifyUnit({ customer: ascii('customer 0000002') }),
      "the card's identity": card.fixture.identity,
    }
    for (const [name, certificate] of Object.entries(wrong)) {
      const store = () => card.speak('STORE UNIT CERTIFICATE', certificate.encoded)
      assert.equal(await keyed.refused(store), '6a80', name)
    }
    assert.equal(hex((await card.speak('STORE UNIT CERTIFICATE', card.unit.encoded)).sw), '9000')
  })

  test('[B3a] one that begins later takes the place of the one before, which does not come back', async () => {
    fresh()
    const later = bench.certifyUnit({ notBefore: bench.unit.notBefore + 1 })
    const store = (one: typeof later) => bench.speak('STORE UNIT CERTIFICATE', one.encoded)
    assert.equal(hex((await store(bench.unit)).sw), '9000')
    const { log } = await bench.state()
    assert.equal(hex((await store(later)).sw), '9000')
    assert.equal(await refused(() => store(bench.unit)), '6a89')
    assert.equal((await bench.state()).log.number, log.number + 1)
    const { data } = await bench.speak('GET DATA', new Uint8Array(0), 0xdf, 0x31)
    assert.deepEqual(data, later.encoded)
    const central = await bench.speak(
      'GET DATA',
      new Uint8Array(0),
      0xdf,
      certificateIds.signingCentral.tag & 0xff,
    )
    assert.equal(parseCertificate(central.data).notBefore, later.notBefore)
    const { data: made } = await issued()
    assert.equal(parseCertificate(made).notAfter, later.notAfter)
  })

  test('[X6b] one that ended before the time that the card has heard is refused', async () => {
    fresh()
    await issued(orderedSerial, fixtureTime + 10)
    const ended = bench.certifyUnit({ notBefore: bench.unit.notBefore + 1, notAfter: fixtureTime + 9 })
    assert.equal(await refused(() => bench.speak('STORE UNIT CERTIFICATE', ended.encoded)), '6a80')
  })
})

suite("ISSUE CERTIFICATE outside the unit's certificate", () => {
  test('[X6b] an order of before its beginning, and one that is carried out after its end, get no certificate', async () => {
    fresh()
    const early = await bench.order()
    const { notBefore } = bench.unit
    const later = bench.certifyUnit({ notBefore: fixtureTime + 100 })
    assert.equal(hex((await bench.speak('STORE UNIT CERTIFICATE', later.encoded)).sw), '9000')
    const module = bench.orderedModule()
    assert.equal(await refused(() => bench.issue(bench.request(module, early))), '6a80')

    fresh()
    const short = bench.certifyUnit({ notBefore: notBefore + 1, notAfter: fixtureTime + 50 })
    assert.equal(hex((await bench.speak('STORE UNIT CERTIFICATE', short.encoded)).sw), '9000')
    const late = await bench.order(orderedSerial, fixtureTime + 50)
    assert.equal(hex((await take(bench.ticket({ number: 2, issued: fixtureTime + 51 }))).sw), '9000')
    assert.equal(await refused(() => bench.issue(bench.request(module, late))), '6a80')
  })
})

suite('ADMINISTER', () => {
  test('[X6b] the card counts, and signs nothing beyond the ticket, until a new one comes', async () => {
    fresh()
    assert.equal(
      hex((await take(bench.ticket({ number: 2, count: 2, id: ascii('ticket 000000002') }))).sw),
      '9000',
    )
    for (const last of [1, 2]) {
      assert.equal(hex((await issued(Uint8Array.of(1, 0, 0, 0, 0, 0, 0, last))).sw), '9000')
    }
    const begin = await bench.order()
    const data = bench.request(bench.orderedModule(), begin)
    assert.equal(await refused(() => bench.issue(data)), '6985')
    assert.equal(hex((await take(bench.ticket({ number: 3, id: ascii('ticket 000000003') }))).sw), '9000')
    const { data: made } = await bench.issue(data)
    assert.deepEqual(parseCertificate(made).ticket, { id: ascii('ticket 000000003'), number: 1 })
  })

  test('[X6b] the same ticket again gives nothing of its count back; an older one is refused', async () => {
    fresh()
    await issued()
    assert.equal(hex((await take(bench.ticket())).sw), '9000')
    assert.equal((await bench.state()).ticket?.used, 1)
    await take(bench.ticket({ number: 5 }))
    for (const number of [1, 4]) assert.equal(await refused(() => take(bench.ticket({ number }))), '6a80')
    // The same number with other content.
    assert.equal(await refused(() => take(bench.ticket({ number: 5, count: 11 }))), '6a80')
  })

  test('[X6b] a ticket of another unit or customer, by whomever else, with a byte changed, or ended is refused', async () => {
    fresh()
    const ticket = bench.ticket({ number: 2 })
    const changed = (at: number) => {
      const copy = ticket.slice()
      copy[copy.length - at]! ^= 1
      return copy
    }
    const wrong = {
      'another unit': bench.ticket({ number: 2, unit: new Uint8Array(16) }),
      'another customer': bench.ticket({ number: 2, customer: new Uint8Array(16) }),
      'signed by a person': bench.ticket({ number: 2 }, people.keys.anna),
      'its signature changed': changed(1),
      'its content changed': changed(70),
      ended: bench.ticket({ number: 2, issued: fixtureTime - 90 * day, until: fixtureTime - 80 * day }),
      'a leap of 400 days': bench.ticket({
        number: 2,
        issued: fixtureTime + 401 * day,
        until: fixtureTime + 402 * day,
      }),
      'no document': ascii('no document'),
      'an approval': people.approve(
        people.keys.anna,
        bench.approvalRequest(orderedSerial, await bench.order()),
      ),
    }
    for (const [name, document] of Object.entries(wrong)) {
      assert.equal(await refused(() => take(document)), '6a80', name)
    }
  })

  test('[X6b] when a ticket ends the card signs no more, even for a time that somebody tells it from before', async () => {
    fresh()
    await take(bench.ticket({ number: 2, until: fixtureTime + day }))
    const end = fixtureTime + day
    assert.equal(hex((await issued(orderedSerial, end)).sw), '9000')
    const late = await bench.order(orderedSerial, end + 1)
    const request = bench.request(bench.orderedModule(), late)
    assert.equal(await refused(() => bench.issue(request)), '6985')
    // The card has heard of the end: no order may be from before it.
    const early = () => bench.speak('ORDER CERTIFICATE', Uint8Array.from([...orderedSerial, ...u32(end - 1)]))
    assert.equal(await refused(early), '6a80')
  })

  test('[X6b] approvals bound how far back the time of an order can be put', async () => {
    fresh()
    const now = fixtureTime + 20 * day
    await take(bench.ticket({ number: 2, until: fixtureTime + 10 * day }))
    // Whoever has the computer says that it is still time; the people sign today, for a day.
    const begin = await bench.order(orderedSerial, fixtureTime + 10 * day)
    const asked = { ...bench.approvalRequest(orderedSerial, begin), until: now + day }
    const { anna, berta } = people.keys
    const approvals = [people.approve(anna, asked), people.approve(berta, asked, anna)]
    const data = bench.request(bench.orderedModule(), begin, { approvals })
    assert.equal(await refused(() => bench.issue(data)), '6a80')
  })

  test('[B17d][R9b] a roster takes the place of the one before at once: who was revoked, or is not in it, approves nothing', async () => {
    fresh()
    const begin = await bench.order()
    const data = bench.request(bench.orderedModule(), begin)
    const without = people.roster.persons.filter(({ id }) => id !== 'berta')
    const revoked = people.roster.persons.map((one) =>
      one.id === 'anna' ? { ...one, revoked: fixtureTime } : one,
    )
    let number = people.roster.number
    for (const persons of [without, revoked, []]) {
      assert.equal(hex((await take(people.signRoster({ number: ++number, persons }))).sw), '9000')
      assert.equal(await refused(() => bench.issue(data)), '6a80')
    }
    // The roster in which both stood does not come back, by its own number.
    assert.equal(await refused(() => take(people.signRoster())), '6a80')
    assert.equal(hex((await take(people.signRoster({ number: ++number }))).sw), '9000')
    assert.equal(hex((await bench.issue(data)).sw), '9000')
  })

  test('[X6b] a document that was made earlier than what the card has heard does not put its time back', async () => {
    fresh()
    await issued()
    assert.equal((await bench.state()).time, fixtureTime)
    const number = people.roster.number + 1
    assert.equal(hex((await take(people.signRoster({ number, issued: fixtureTime - 900 }))).sw), '9000')
    assert.equal(hex((await take(bench.ticket({ number: 2, issued: fixtureTime - 800 }))).sw), '9000')
    assert.equal((await bench.state()).time, fixtureTime)
    assert.equal(hex((await take(bench.ticket({ number: 3, issued: fixtureTime + 5 }))).sw), '9000')
    assert.equal((await bench.state()).time, fixtureTime + 5)
  })

  test('[R9b] a roster by whomever else, with a byte changed or ended is refused; one that has ended since lets nobody approve', async () => {
    fresh()
    const next = people.roster.number + 1
    const good = people.signRoster({ number: next })
    const changed = good.slice()
    changed[changed.length - 1]! ^= 1
    for (const document of [
      changed,
      people.signRoster({ number: next }, people.keys.anna),
      people.signRoster({ number: next, issued: fixtureTime - 90 * day, until: fixtureTime - 80 * day }),
    ]) {
      assert.equal(await refused(() => take(document)), '6a80')
    }
    await take(people.signRoster({ number: next, until: fixtureTime + day }))
    const begin = await bench.order(orderedSerial, fixtureTime + day + 1)
    const data = bench.request(bench.orderedModule(), begin)
    assert.equal(await refused(() => bench.issue(data)), '6985')
  })
})

function u32(value: number): number[] {
  return [value >>> 24, (value >>> 16) & 0xff, (value >>> 8) & 0xff, value & 0xff]
}
