import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { encodeHex } from '@sealwright/core/bytes'
import { commands } from '@sealwright/core/catalog'
import { type CborInput, encodeCanonical } from '@sealwright/core/cbor'
import { DecodeError } from '@sealwright/core/errors'
import type { Transport } from '@sealwright/core/ports'
import { parseCardLogFile, serializeCardLogFile } from '@sealwright/core/signing-card'
import { fixedClock, scriptedEntropy } from '@sealwright/core/testing'
import { highestCount, parseTicket, parseTicketRecord, serializeTicketRecord } from '@sealwright/core/tickets'
import {
  type Certificate,
  moduleSerialText,
  parseCertificate,
  serializeCertificate,
  tbsOfProfile,
} from '@sealwright/core/x509'
import { fixtureTime, signingCardBench } from '@sealwright/module/testing'
import { enrolUnit, issueTicket, mergeRecords, ticketsOf } from '@sealwright/roles/central'
import { certifyUnit } from '@sealwright/roles/manufacturer'
import { memoryPorts, type PartyPorts } from '@sealwright/roles/ports'
import {
  currentTicket,
  parseTicketCount,
  personalize,
  readRecords,
  request,
  signingKey,
  takeTicket,
  ticketRecord,
} from '@sealwright/roles/unit'
import { nodeCrypto } from '../src/crypto/index.ts'
import {
  broken,
  customer,
  personalizationWorld,
  signed,
  transportOf,
  type World,
} from './personalization-world.ts'
import { approved, logOf, personalizedByCard, readyWorld } from './signing-card-world.ts'
import { centralOf, copyOf, nextModule, personalizeWith, ticketed } from './unit-rules-world.ts'

// Tickets of a unit that counts in its own store.

const numberOf = (certificate: Certificate | undefined): number | undefined => certificate?.ticket?.number

const refused = (reason: string) => (error: { code?: string; details?: { reason?: string } }) => {
  assert.equal(error.code, 'ticket-refused', String(error))
  assert.equal(error.details?.reason, reason)
  return true
}

/** Breaks before COMPLETE is sent. */
function cutInComplete(world: World): Transport {
  const below = transportOf(world)
  return {
    async transmit(command) {
      if (command[1] === commands.COMPLETE.ins) throw broken()
      return below.transmit(command)
    },
    close: () => below.close(),
  }
}

async function record(world: World): Promise<Uint8Array> {
  return (await ticketRecord(world.unit, { unit: world.unitCertificate })).bytes
}

describe('a unit within its ticket', () => {
  test('[X6a][X6c] certificates carry ticket id and running number; at the end of the ticket nothing is signed', async () => {
    const world = await personalizationWorld()
    const { ticket } = parseTicket(await ticketed(world, 2))
    for (const number of [1, 2]) {
      const { operating } = await personalizeWith(nextModule(world, number))
      assert.deepEqual(operating.certificate?.ticket, { id: ticket.id, number })
    }
    const third = nextModule(world, 3)
    await assert.rejects(personalizeWith(third), refused('used-up'))
    assert.equal(third.fixture.module.parts.life.state(), 'awaiting-personalization')
    assert.ok(
      (await readRecords(world.unit, third.fixture.serial)).every(({ issued }) => issued === undefined),
    )
    // The next ticket begins at 1 again.
    const { ticket: next } = parseTicket(await ticketed(world, 5))
    const { operating } = await personalizeWith(third)
    assert.deepEqual(operating.certificate?.ticket, { id: next.id, number: 1 })
  })

  test('[X6a] the ticket ends: its last second counts, and nothing after it', async () => {
    const world = await personalizationWorld()
    await ticketed(world, 9, 1000)
    world.clock.advance(1000)
    assert.equal(numberOf((await personalizeWith(nextModule(world, 1))).operating.certificate), 1)
    world.clock.advance(1)
    await assert.rejects(personalizeWith(nextModule(world, 2)), refused('expired'))
  })

  test('the ticket of another unit, central system or customer, a changed one and an earlier one are not taken', async () => {
    const world = await personalizationWorld()
    const other = await personalizationWorld({ seed: 'elsewhere' })
    const first = await ticketed(world, 3)
    const take = (ticket: Uint8Array, at: World = world) =>
      takeTicket(world.unit, { ticket, unit: world.unitCertificate, ...centralOf(at) })
    const foreign = await ticketed(other, 3)
    await assert.rejects(take(foreign), refused('issuer'))
    await assert.rejects(take(foreign, other), { code: 'not-trusted' })
    const fingerprint = nodeCrypto.sha256(parseCertificate(other.unitCertificate).publicPoint)
    const until = world.clock.now() + 1000
    const another = await issueTicket(world.central, {
      unit: other.unitCertificate,
      fingerprint,
      count: 3,
      until,
    })
    await assert.rejects(take(another.document), refused('unit'))
    const more = first.slice()
    more[more.length - 80]! ^= 1
    await assert.rejects(take(more), { code: 'ticket-refused' })
    await personalizeWith(nextModule(world, 1))
    const second = await ticketed(world, 3)
    assert.equal((await take(second)).used, 0)
    await assert.rejects(take(first), refused('older'))
  })

  test('the same ticket again gives nothing of its count back', async () => {
    const world = await personalizationWorld()
    const document = await ticketed(world, 1)
    await personalizeWith(nextModule(world, 1))
    const again = await takeTicket(world.unit, {
      ticket: document,
      unit: world.unitCertificate,
      ...centralOf(world),
    })
    assert.equal(again.used, 1)
    await assert.rejects(personalizeWith(nextModule(world, 2)), refused('used-up'))
  })

  test('a signature without the key has no room for a number, and is not made under a ticket', async () => {
    const world = await personalizationWorld()
    await ticketed(world, 1)
    const bare = { ...world.order, bareSignature: true }
    await assert.rejects(personalize(world.unit, transportOf(world), bare), { code: 'usage' })
    assert.equal((await currentTicket(world.unit))?.used, 0)
  })

  test('the central system numbers the tickets of each unit, and issues none for what is no unit, or ended', async () => {
    const world = await personalizationWorld()
    await ticketed(world, 1)
    await ticketed(world, 2)
    const numbers = (await ticketsOf(world.central)).map(({ ticket }) => ticket.number)
    assert.deepEqual(numbers, [1, 2])
    const point = parseCertificate(world.unitCertificate).publicPoint
    const input = {
      unit: world.unitCertificate,
      fingerprint: nodeCrypto.sha256(point),
      count: 1,
      until: world.clock.now() + 1,
    }
    const wrong = [
      { count: 0 },
      { count: 65_536 },
      { until: world.clock.now() },
      { until: 2 ** 32 },
      { unit: world.order.root },
    ]
    for (const change of wrong) {
      await assert.rejects(issueTicket(world.central, { ...input, ...change }), { code: 'usage' })
    }
    await assert.rejects(issueTicket(world.central, { ...input, fingerprint: new Uint8Array(32) }), {
      code: 'fingerprint-differs',
    })
    const { fingerprint: _, ...untold } = input
    await assert.rejects(issueTicket(world.central, untold), { code: 'usage' })
    assert.equal((await ticketsOf(world.central)).length, 2)
  })

  test('[B24c] where units are enrolled, a ticket is issued to these and to no other key', async () => {
    const world = await personalizationWorld()
    const other = await secondUnit(world)
    const print = (unit: Uint8Array): Uint8Array => nodeCrypto.sha256(parseCertificate(unit).publicPoint)
    const until = world.clock.now() + 1000
    await enrolUnit(world.central, {
      certificate: world.unitCertificate,
      fingerprint: print(world.unitCertificate),
    })
    await issueTicket(world.central, { unit: world.unitCertificate, count: 1, until })
    const input = { unit: other.unitCertificate, fingerprint: print(other.unitCertificate), count: 1, until }
    await assert.rejects(issueTicket(world.central, input), { code: 'unit-unknown' })
    const wrong = { unit: world.unitCertificate, fingerprint: input.fingerprint, count: 1, until }
    await assert.rejects(issueTicket(world.central, wrong), { code: 'fingerprint-differs' })
    assert.equal((await ticketsOf(world.central)).length, 1)
  })
})

describe('what is no ticket and no record', () => {
  test('the first and the last count and moment are issued, and what lies beside them is not', async () => {
    const world = await personalizationWorld()
    const fingerprint = nodeCrypto.sha256(parseCertificate(world.unitCertificate).publicPoint)
    const input = { unit: world.unitCertificate, fingerprint }
    const now = world.clock.now()
    for (const [count, until] of [
      [1, now + 1],
      [highestCount, 0xffff_ffff],
    ] as const) {
      const { ticket } = await issueTicket(world.central, { ...input, count, until })
      assert.deepEqual([ticket.count, ticket.until], [count, until])
    }
    for (const wrong of [
      { count: 1.5, until: now + 1 },
      { count: highestCount + 1, until: now + 1 },
      { count: 1, until: now + 1.5 },
      { count: 1, until: 2 ** 32 },
    ]) {
      await assert.rejects(issueTicket(world.central, { ...input, ...wrong }), { code: 'usage' })
    }
  })

  test('a unit without a ticket has no record, and a record names a unit', async () => {
    const world = await personalizationWorld()
    assert.equal(numberOf((await personalizeWith(nextModule(world, 1))).operating.certificate), undefined)
    await assert.rejects(ticketRecord(world.unit, { unit: world.unitCertificate }), {
      code: 'ticket-refused',
    })
    const records = [serializeTicketRecord({ unit: world.order.root, tickets: [], certificates: [] })]
    await assert.rejects(mergeRecords(world.central, { records }), { code: 'bytes-malformed' })
    await assert.rejects(mergeRecords(world.central, { records: [Uint8Array.of(1)] }), {
      code: 'bytes-malformed',
    })
  })
})

describe('the count that is kept', () => {
  test('it is read as it was written, and a count that does not fit its ticket is not', async () => {
    const world = await personalizationWorld()
    const ticket = await ticketed(world, 2)
    await personalizeWith(nextModule(world, 1))
    const bytes = (await world.unit.store.read('tickets/0000000001'))!
    const count = parseTicketCount(bytes)
    assert.deepEqual([count.document, count.used], [ticket, 1])
    const map = (fields: Record<string, CborInput>) =>
      encodeCanonical({ v: 1, format: 'sealwright ticket count', ticket, ...fields })
    const nonce = count.nonce!
    assert.deepEqual(map({ used: 1, nonce }), bytes)
    assert.equal(parseTicketCount(map({ used: 0 })).used, 0)
    for (let length = 0; length < bytes.length; length++) {
      assert.throws(() => parseTicketCount(bytes.subarray(0, length)), DecodeError)
    }
    for (const wrong of [
      map({ used: 3, nonce }),
      map({ used: 1 }),
      map({ used: 0, nonce }),
      map({ used: 1, nonce: nonce.subarray(1) }),
      map({ used: 1, nonce, more: 1 }),
      map({ used: 1, nonce, ticket: bytes }),
    ]) {
      assert.throws(() => parseTicketCount(wrong), DecodeError)
    }
  })
})

describe('counted once', () => {
  test('a second certificate of a run that was too old has a second number', async () => {
    const world = await personalizationWorld()
    await ticketed(world, 5)
    await assert.rejects(personalizeWith(world, undefined, cutInComplete(world)))
    world.clock.advance(3600)
    assert.equal(numberOf((await personalizeWith(world)).operating.certificate), 2)
    const merged = await mergeRecords(world.central, { records: [await record(world)] })
    assert.deepEqual(merged.accounts[0]?.gaps, [])
    assert.equal(merged.accounts[0]?.found, 2)
  })
})

describe('merging', () => {
  test('[X6d] records that are whole show neither gaps nor double use', async () => {
    const world = await personalizationWorld()
    await ticketed(world, 5)
    for (const last of [1, 2, 3]) await personalizeWith(nextModule(world, last))
    const bytes = await record(world)
    const [account, ...others] = (await mergeRecords(world.central, { records: [bytes, bytes] })).accounts
    assert.equal(others.length, 0)
    const { found, gaps, doubles, beyond, late } = account!
    assert.deepEqual(
      { found, gaps, doubles, beyond, late },
      { found: 3, gaps: [], doubles: [], beyond: [], late: [] },
    )
  })

  test('[X6d] a copy of the store counts once more, nothing prevents it, and merging shows which numbers were used twice', async () => {
    const world = await personalizationWorld()
    await ticketed(world, 3)
    await personalizeWith(nextModule(world, 1))
    const yesterday = await copyOf(world.unit.store)
    for (const last of [2, 3]) await personalizeWith(nextModule(world, last))
    await assert.rejects(personalizeWith(nextModule(world, 4)), refused('used-up'))
    // Yesterday's copy knows of one certificate only, and signs two more than the ticket allows.
    const restored = { ...world, unit: { ...world.unit, store: yesterday } }
    for (const last of [4, 5]) await personalizeWith(nextModule(restored, last))
    const records = [await record(world), await record(restored)]
    const [account] = (await mergeRecords(world.central, { records })).accounts
    assert.deepEqual(
      account?.doubles.map(({ number, certificates }) => [
        number,
        certificates.map(({ subject }) => subject.serialNumber?.slice(-2)).sort(),
      ]),
      [
        [2, ['02', '04']],
        [3, ['03', '05']],
      ],
    )
    assert.equal(account?.found, 5)
    // Each record alone shows nothing.
    for (const one of records) {
      const alone = (await mergeRecords(world.central, { records: [one] })).accounts[0]
      assert.deepEqual(alone?.doubles, [])
    }
  })

  test('[X6d] a certificate that is kept back is a gap, at the end too where the unit tells its count', async () => {
    const world = await personalizationWorld()
    await ticketed(world, 9)
    for (const last of [1, 2, 3, 4, 5]) await personalizeWith(nextModule(world, last))
    const whole = parseTicketRecord(await record(world))
    const kept = whole.certificates.filter((bytes) => ![1, 3, 5].includes(numberOf(parseCertificate(bytes))!))
    const merge = async (used: number) => {
      const tickets = whole.tickets.map(({ document }) => ({ document, used }))
      const bytes = serializeTicketRecord({ ...whole, tickets, certificates: kept })
      return (await mergeRecords(world.central, { records: [bytes] })).accounts[0]?.gaps
    }
    assert.deepEqual(await merge(5), [
      [1, 1],
      [3, 3],
      [5, 5],
    ])
    // Who keeps back the last one and says so shows nothing: it comes to light where the certificate is met.
    assert.deepEqual(await merge(4), [
      [1, 1],
      [3, 3],
    ])
    const missing = whole.certificates.filter((bytes) => numberOf(parseCertificate(bytes)) === 5)
    const bytes = serializeTicketRecord({ ...whole, tickets: [], certificates: kept })
    const found = await mergeRecords(world.central, { records: [bytes], certificates: missing })
    assert.deepEqual(found.accounts[0]?.gaps, [
      [1, 1],
      [3, 3],
    ])
    assert.equal(found.accounts[0]?.found, 3)
  })

  test('[X6d] several units, each with its tickets; what no ticket allows is named', async () => {
    const world = await personalizationWorld()
    const second = await secondUnit(world)
    await ticketed(world, 5)
    await ticketed(second, 5)
    await personalizeWith(nextModule(world, 1))
    await personalizeWith(nextModule(second, 2))
    await personalizeWith(nextModule(second, 3))
    const records = [await record(world), await record(second)]
    const merged = await mergeRecords(world.central, { records })
    assert.deepEqual(merged.accounts.map(({ found }) => found).sort(), [1, 2])
    assert.deepEqual([merged.unknown, merged.without, merged.foreign], [[], [], []])
    // Certificates of the second unit in the name of the first one's ticket, beyond it, after it, and without one.
    const [first] = merged.accounts.filter(({ found }) => found === 1)
    const ticket = first!.ticket
    const made = (by: World, serial: number, changes: object): Promise<Uint8Array> =>
      forged(by.unit, by.unitCertificate, serial, changes)
    const certificates = [
      await made(second, 1, { ticket: { id: ticket.id, number: 2 } }),
      await made(world, 2, { ticket: { id: ticket.id, number: 6 } }),
      await made(world, 3, { ticket: { id: ticket.id, number: 2 }, notBefore: ticket.until + 1 }),
      await made(world, 4, { ticket: { id: new Uint8Array(16), number: 1 } }),
      await made(world, 5, {}),
    ]
    const found = await mergeRecords(world.central, { records, certificates })
    const account = found.accounts.find((one) => encodeHex(one.ticket.id) === encodeHex(ticket.id))!
    const serials = (list: readonly Certificate[]): (string | undefined)[] =>
      list.map(({ subject }) => subject.serialNumber?.slice(-1))
    assert.deepEqual(serials(found.foreign), ['1'])
    assert.deepEqual(serials(account.beyond), ['2'])
    assert.deepEqual(serials(account.late), ['3'])
    assert.deepEqual(serials(found.unknown), ['4'])
    assert.deepEqual(serials(found.without), ['5'])
    assert.deepEqual(account.gaps, [[3, 5]])
    // A record of a unit that never got a ticket vouches for nothing, until somebody names that unit's certificate.
    const nobody = await secondUnit(world, 'third unit')
    const stray = await made(nobody, 6, {})
    const own = serializeTicketRecord({ unit: nobody.unitCertificate, tickets: [], certificates: [stray] })
    const unknownUnit = await mergeRecords(world.central, { records: [own] })
    assert.deepEqual([serials(unknownUnit.foreign), serials(unknownUnit.without)], [['6'], []])
    const named = await mergeRecords(world.central, {
      records: [own],
      certificates: [nobody.unitCertificate],
    })
    assert.deepEqual([serials(named.foreign), serials(named.without)], [[], ['6']])
    // A certificate with another bit in it is signed by nobody.
    const bent = certificates[1]!.slice()
    bent[bent.length - 1]! ^= 1
    const none = await mergeRecords(world.central, { records, certificates: [bent] })
    assert.deepEqual(serials(none.foreign), ['2'])
  })
})

describe('signing cards', () => {
  test('[X6d] the log of a card is merged like a record: what the card counted is there, without a gap', async () => {
    const bench = await signingCardBench({ crypto: nodeCrypto })
    const { serial } = bench.fixture
    for (const last of [1, 2]) {
      const module = bench.orderedModule(Uint8Array.of(1, 2, 3, 4, 5, 6, 7, last))
      const { sw } = await bench.issue(bench.request(module, await bench.order(module.serial)))
      assert.equal(sw, 0x9000)
    }
    const central = await memoryPorts('central', {
      clock: fixedClock(fixtureTime),
      crypto: nodeCrypto,
      entropy: scriptedEntropy('central of a card'),
    })
    // As `central ticket issue` keeps it.
    await central.store.write('tickets/card/0000000001.ticket', bench.ticket())
    const entries = await bench.log()
    const log = serializeCardLogFile({ serial, entries })
    const merged = await mergeRecords(central, { records: [log, log] })
    const [account] = merged.accounts
    assert.deepEqual([account?.found, account?.gaps, account?.doubles], [2, [], []])
    assert.deepEqual([merged.unknown, merged.without, merged.foreign], [[], [], []])
    // A log in which something is missing or changed is not one any more. What is missing at its end only the card can tell.
    const bent = entries.map((entry, i) => (i === 2 ? entry.with(-1, entry.at(-1)! ^ 1) : entry))
    for (const wrong of [entries.slice(1), entries.toSpliced(3, 1), bent]) {
      const records = [serializeCardLogFile({ serial, entries: wrong })]
      await assert.rejects(mergeRecords(central, { records }), { code: 'card-log-broken' })
    }
  })
})

describe('cards that the central system issued', () => {
  test('[X6d] the log of such a card is merged only as the card vouches for it: an end that was cut off is seen', async () => {
    const world = await readyWorld()
    for (const name of ['cash', 'second']) {
      await personalizedByCard(world, await approved(world, name), { name })
    }
    const { file } = await logOf(world)
    const [account] = (await mergeRecords(world.central, { records: [file] })).accounts
    assert.deepEqual([account?.found, account?.gaps, account?.doubles], [2, [], []])
    const log = parseCardLogFile(file)
    const { proof: _, ...bare } = log
    for (const wrong of [bare, { ...log, entries: log.entries.slice(0, -1) }]) {
      await assert.rejects(mergeRecords(world.central, { records: [serializeCardLogFile(wrong)] }), {
        code: 'card-log-broken',
      })
    }
  })
})

/** A unit of the same customer, with a key and store of its own. */
async function secondUnit(world: World, name = 'second unit'): Promise<World> {
  const unit = await memoryPorts('unit', {
    clock: world.clock,
    crypto: nodeCrypto,
    entropy: scriptedEntropy(name),
  })
  const asked = await request(unit, { name, customer })
  const { encoded } = await certifyUnit(world.manufacturer, signed(asked))
  return { ...world, unit, unitCertificate: encoded, order: { ...world.order, unit: encoded } }
}

/** An operating certificate that the unit's key signs, whatever its rules say. */
async function forged(
  unit: PartyPorts,
  certificate: Uint8Array,
  last: number,
  changes: object,
): Promise<Uint8Array> {
  const issuer = parseCertificate(certificate)
  const tbs = tbsOfProfile(
    {
      role: 'module-operating',
      serialNumber: Uint8Array.of(last),
      subject: {
        commonName: 'module',
        serialNumber: moduleSerialText(Uint8Array.of(9, 9, 9, 9, 9, 9, 9, last)),
      },
      publicPoint: issuer.publicPoint,
      notBefore: issuer.notBefore,
      notAfter: issuer.notAfter,
      issuer,
      binding: { nonce: new Uint8Array(16), customer: issuer.customer!, centralKeyHash: new Uint8Array(32) },
      ...changes,
    },
    nodeCrypto,
  )
  return serializeCertificate(tbs, await unit.vault.sign(signingKey, tbs))
}
