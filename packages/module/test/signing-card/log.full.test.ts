import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { ascii, concat, encodeHex, equal, Reader, u32 } from '@sealwright/core/bytes'
import { certificateIds, eventTypes, keyPlaces } from '@sealwright/core/catalog'
import { portableCrypto as crypto, withHandle } from '@sealwright/core/crypto'
import { PeerError } from '@sealwright/core/errors'
import { passportHeadInput } from '@sealwright/core/log'
import {
  cardLogLink,
  parseCardLogEntry,
  rebuildCertificates,
  rebuiltName,
  serializeCardLogEntry,
} from '@sealwright/core/signing-card'
import { type CardBench, cardSerial, fixtureTime, orderedSerial } from '../../src/testing/index.ts'
import { attempts } from './world.ts'

const hex = (sw: number) => sw.toString(16)
const serialOf = (last: number) => Uint8Array.of(1, 0, 0, 0, 0, 0, 0, last)

async function issued(bench: CardBench, last: number) {
  const serial = serialOf(last)
  const begin = await bench.order(serial)
  return bench.issue(bench.request(bench.orderedModule(serial), begin))
}

const { bench, fresh, refused } = await attempts()
const rebuilt = async (card = bench) => rebuildCertificates(cardSerial, await card.log(), crypto)

suite("the card's own log", () => {
  test('[B15a][B15b] has every personalization, and every certificate comes out of it byte for byte', async () => {
    fresh()
    const made: Uint8Array[] = [
      (await bench.speak('GET DATA', new Uint8Array(0), 0xdf, certificateIds.signingCentral.tag & 0xff)).data,
    ]
    for (const last of [1, 2, 3]) made.push((await issued(bench, last)).data)
    // A later certificate of the unit: what was signed before still comes out of the earlier one.
    const later = bench.certifyUnit({
      notBefore: bench.unit.notBefore + 5,
      notAfter: bench.unit.notAfter - 5,
    })
    await bench.speak('STORE UNIT CERTIFICATE', later.encoded)
    made.push(
      (await bench.speak('GET DATA', new Uint8Array(0), 0xdf, certificateIds.signingCentral.tag & 0xff)).data,
      (await issued(bench, 4)).data,
    )
    const { certificates, entries, point } = await rebuilt()
    assert.deepEqual(
      certificates.map(({ certificate }) => encodeHex(certificate.encoded)),
      made.map(encodeHex),
    )
    assert.deepEqual(point, bench.unitPoint)
    assert.equal(rebuiltName(certificates[1]!), '0100000000000001-00005')
    const body = entries[4]?.body
    assert.ok(body?.kind === 'operating-certified')
    const key = ({ publicPoint }: { publicPoint: Uint8Array }) => crypto.sha256(publicPoint).slice(0, 16)
    assert.deepEqual(
      [body.requester, body.approver],
      [key(bench.people.keys.anna), key(bench.people.keys.berta)],
    )
    // The certificate that was made for the first order comes back after the change, too.
    const first = bench.orderedModule(serialOf(1))
    const { begin } = entries[4]!.body as { begin: Parameters<typeof first.begin>[0] }
    assert.deepEqual((await bench.issue(bench.request(first, begin))).data, made[1])
  })

  test("[B15a] the card's identity key says over the reader's nonce which log is its own: each entry is an event", async () => {
    fresh()
    await issued(bench, 1)
    const { log } = await bench.state()
    const nonce = ascii('nonce of reader1')
    const r = new Reader((await bench.speak('PASSPORT HEAD', nonce)).data, 'head')
    const head = { serial: cardSerial, nonce, number: r.u32('number'), chain: r.take(32, 'chain') }
    assert.equal(r.u8('key'), 1)
    const signature = r.take(64, 'signature')
    const { publicPoint } = bench.fixture.identity
    assert.ok(
      withHandle(crypto.ecPublicKey(publicPoint), (key) => key.verify(signature, ...passportHeadInput(head))),
    )
    const [last] = bench.module.parts.events.list(head.number)
    assert.deepEqual([last?.type, last?.digest], [eventTypes['operating-certified'].code, log.chain])
    const all = await bench.log()
    assert.deepEqual(cardLogLink(crypto, all.at(-1)!), log.chain)
    // Key, unit's certificate, roster, ticket, signature.
    const kinds = bench.module.parts.events.list(1).map(({ type }) => type)
    assert.deepEqual(kinds.slice(-5), [0x40, 0x41, 0x42, 0x42, 0x43])
  })

  test('[B15b] a log with an entry changed, left out, doubled, moved or of another card does not hold', async () => {
    fresh()
    for (const last of [1, 2, 3]) await issued(bench, last)
    const log = await bench.log()
    const fails = (entries: Uint8Array[], serial = cardSerial) =>
      assert.throws(() => rebuildCertificates(serial, entries, crypto), PeerError)
    for (const at of log.keys()) {
      if (at < log.length - 1) fails(log.filter((_, other) => other !== at))
      fails([...log.slice(0, at + 1), ...log.slice(at)])
    }
    fails([log[0]!, log[2]!, log[1]!, ...log.slice(3)])
    fails(log, orderedSerial)
    fails([])
    // Keys that are none: a point off the curve, a request of the central system's with another signature.
    for (const place of [38 + 64, log[0]!.length - 1]) {
      const bad = log[0]!.slice()
      bad[place]! ^= 1
      fails([bad, ...log.slice(1)])
    }
    const body = parseCardLogEntry(log[5]!)
    assert.ok(body.body.kind === 'operating-certified')
    for (const change of [
      { serial: serialOf(9) },
      { ticket: { ...body.body.ticket, number: 9 } },
      { certificateNumber: body.body.certificateNumber.map((byte, at) => (at === 15 ? byte ^ 1 : byte)) },
      { begin: { ...body.body.begin, time: fixtureTime + 1 } },
      { signature: body.body.signature.map((byte, at) => (at === 40 ? byte ^ 1 : byte)) },
    ]) {
      fails(
        log.map((one, at) =>
          at === 5 ? serializeCardLogEntry({ ...body, body: { ...body.body, ...change } as never }) : one,
        ),
      )
      // Even with a chain that was calculated anew: the signature is not the unit's.
      const forged = serializeCardLogEntry({ ...body, body: { ...body.body, ...change } as never })
      fails([...log.slice(0, 5), forged])
    }
  })

  test('READ LOG from a number on, and none behind the end', async () => {
    fresh()
    const log = await bench.log()
    assert.equal(log.length, 4)
    for (const [from, entry] of [
      [0, 0],
      [1, 0],
      [3, 2],
      [4, 3],
    ] as const) {
      assert.deepEqual((await bench.speak('READ LOG', u32(from))).data, log[entry])
    }
    assert.equal(await refused(() => bench.speak('READ LOG', u32(5))), '6a88')
    assert.equal(await refused(() => bench.speak('READ LOG', ascii('abc'))), '6a80')
    assert.equal(await refused(() => bench.speak('READ LOG', concat(u32(1), u32(1)))), '6a80')
  })
})

suite('a full log', async () => {
  const full = await attempts({ capacity: 6 })
  const card = full.bench
  const acknowledge = (number: number, chain: Uint8Array, changes = {}, signer = card.people.central) =>
    card.speak('ADMINISTER', card.acknowledgement({ number, chain, ...changes }, signer))

  test('[B15d] signs nothing more, takes no ticket and no roster, and has lost nothing', async () => {
    full.fresh()
    for (const last of [1, 2]) assert.equal(hex((await issued(card, last)).sw), '9000')
    const begin = await card.order(serialOf(3))
    const data = card.request(card.orderedModule(serialOf(3)), begin)
    assert.equal(await full.refused(() => card.issue(data)), '6a84')
    assert.equal(await full.refused(() => card.speak('ADMINISTER', card.ticket({ number: 2 }))), '6a84')
    const later = card.certifyUnit({ notBefore: card.unit.notBefore + 5 })
    assert.equal(await full.refused(() => card.speak('STORE UNIT CERTIFICATE', later.encoded)), '6a84')
    assert.equal((await rebuilt(card)).certificates.length, 3)
    assert.equal((await card.state()).ticket?.used, 2)
    // An answer that was lost is given again: that needs no entry.
    const one = parseCardLogEntry((await card.log())[4]!)
    assert.ok(one.body.kind === 'operating-certified')
    const again = card.request(card.orderedModule(serialOf(1)), one.body.begin)
    assert.equal(hex((await card.issue(again)).sw), '9000')
  })

  test('[B15d] goes on when the central system has acknowledged it; what it has not taken stays', async () => {
    full.fresh()
    for (const last of [1, 2]) await issued(card, last)
    const log = await card.log()
    const chain = cardLogLink(crypto, log[4]!)
    assert.equal(hex((await acknowledge(5, chain)).sw), '9000')
    const { log: head } = await card.state()
    // Key, unit's certificate, the second signature, the acknowledgement.
    assert.deepEqual([head.number, head.kept], [7, 4])
    const { acknowledged, certificates } = await rebuilt(card)
    assert.deepEqual([acknowledged, certificates.length], [3, 2])
    assert.equal(hex((await issued(card, 3)).sw), '9000')
    assert.equal((await rebuilt(card)).certificates.at(-1)?.operating?.ticket.number, 3)
    // What was acknowledged is not signed a second time.
    const one = parseCardLogEntry(log[4]!)
    assert.ok(one.body.kind === 'operating-certified')
    const again = card.request(card.orderedModule(serialOf(1)), one.body.begin)
    assert.equal(await full.refused(() => card.issue(again)), '6985')
    // The same acknowledgement again changes nothing, and a log without its entry does not hold.
    assert.equal(hex((await acknowledge(5, chain)).sw), '9000')
    assert.equal((await card.state()).log.number, 8)
    const now = await card.log()
    const cut = now.filter((bytes) => parseCardLogEntry(bytes).number !== 7)
    assert.throws(() => rebuildCertificates(cardSerial, cut, crypto), PeerError)
  })

  test('[B15d] an acknowledgement of another log, of another card, by another, or that makes no room is refused', async () => {
    full.fresh()
    for (const last of [1, 2]) await issued(card, last)
    const log = await card.log()
    const chain = cardLogLink(crypto, log[4]!)
    for (const [name, work, sw] of [
      ['another chain', () => acknowledge(5, new Uint8Array(32)), '6a80'],
      ['another number', () => acknowledge(6, chain), '6a80'],
      ['an entry to come', () => acknowledge(7, chain), '6a80'],
      ['another card', () => acknowledge(5, chain, { card: orderedSerial }), '6a80'],
      ['another signer', () => acknowledge(5, chain, {}, card.people.keys.anna), '6a80'],
      ['nothing to overwrite', () => acknowledge(2, cardLogLink(crypto, log[1]!)), '6a84'],
    ] as const) {
      assert.equal(await full.refused(work), sw, name)
    }
  })

  test('[B15d] an older acknowledgement that comes again is refused: nobody fills the log with it', async () => {
    fresh()
    await issued(bench, 1)
    const log = await bench.log()
    const upTo = (number: number) =>
      bench.acknowledgement({ number, chain: cardLogLink(crypto, log[number - 1]!) })
    const [first, later] = [upTo(1), upTo(2)]
    for (const document of [first, later]) {
      assert.equal((await bench.speak('ADMINISTER', document)).sw, 0x9000)
    }
    // Entries 1 and 2 lie in the card for good.
    assert.equal(await refused(() => bench.speak('ADMINISTER', first)), '6a80')
    assert.equal(await refused(() => bench.speak('ADMINISTER', later)), '9000')
    assert.equal(await refused(() => bench.speak('ADMINISTER', upTo(1))), '6a80')
    assert.equal((await bench.speak('ADMINISTER', upTo(5))).sw, 0x9000)
  })

  test('[B15d] memory that is too small refuses as a full log does', async () => {
    const small = await attempts({ capacity: 500, fixture: { eepromSize: 32 * 1024 } })
    let count = 0
    await small.bench.speak('ADMINISTER', small.bench.ticket({ number: 2, count: 500 }))
    for (;;) {
      const serial = serialOf(count + 1)
      const begin = await small.bench.order(serial)
      const data = small.bench.request(small.bench.orderedModule(serial), begin)
      const { sw } = await small.bench.issue(data)
      if (sw !== 0x9000) {
        assert.equal(await small.refused(() => small.bench.issue(data)), '6a84')
        break
      }
      count++
      assert.ok(count < 200)
    }
    assert.ok(count > 5)
    assert.equal((await small.bench.state()).ticket?.used, count)
    const { certificates } = await rebuilt(small.bench)
    assert.equal(certificates.length, count + 1)
    // The memory's rest still takes the acknowledgement.
    const log = await small.bench.log()
    const entry = parseCardLogEntry(log.at(-2)!)
    const document = small.bench.acknowledgement({
      number: entry.number,
      chain: cardLogLink(crypto, log.at(-2)!),
    })
    assert.equal(hex((await small.bench.speak('ADMINISTER', document)).sw), '9000')
    assert.equal(hex((await issued(small.bench, 0)).sw), '9000')
    assert.ok(equal(small.bench.module.parts.keys.point(keyPlaces.unitSigning), small.bench.unitPoint))
  })
})
