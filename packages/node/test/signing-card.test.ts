import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { concat, encodeHex, u32 } from '@sealwright/core/bytes'
import { commands, dataTags, eventTypes } from '@sealwright/core/catalog'
import {
  type CardLogFile,
  cardLogLink,
  parseCardLogEntry,
  parseCardLogFile,
  serializeCardLogEntry,
  serializeCardLogFile,
} from '@sealwright/core/signing-card'
import { scriptedEntropy } from '@sealwright/core/testing'
import { parseTicketRecord } from '@sealwright/core/tickets'
import { parseCertificate } from '@sealwright/core/x509'
import { acknowledgeLog, issueCard, mergeRecords, revoke, session } from '@sealwright/roles/central'
import { plain } from '@sealwright/roles/channel'
import { readCardLog, readData, readEvents } from '@sealwright/roles/custody'
import { memoryPorts, memoryStore } from '@sealwright/roles/ports'
import {
  initCard,
  orderByCard,
  personalize,
  personalizeByCard,
  readLogOfCard,
  showCard,
  takeByCard,
} from '@sealwright/roles/unit'
import { nodeCrypto } from '../src/crypto/index.ts'
import { connectTcp, listenTcp } from '../src/transport/index.ts'
import { cutLine } from './personalization-world.ts'
import {
  approved,
  type CardWorld,
  cardSerial,
  cardWorld,
  centralOf,
  customer,
  logOf,
  madeBy,
  operatingOf,
  personalizedByCard,
  readyWorld,
  requireOne,
} from './signing-card-world.ts'

const base = await readyWorld()
const back = await base.keep()

/** The same world for each test, as it was in the beginning. */
async function ready(): Promise<CardWorld> {
  await back()
  return base
}

suite('a unit with a signing card', () => {
  test('[B3a][B24a] personalizes a module after two people have approved, and the central system knows the unit by its card', async () => {
    const world = await ready()
    const done = await personalizedByCard(world, await approved(world))
    assert.equal(done.already, false)
    const operating = await operatingOf(world)
    assert.deepEqual(operating, done.operating.encoded)
    const { state } = await showCard(world.card())
    assert.deepEqual([state.ticket?.used, state.ticket?.count, state.customer], [1, 10, customer])
    assert.equal(parseCertificate(operating!).ticket?.number, 1)
    // No key of the unit lies in its vault but the one of its log entries.
    const kept = await world.unit.vault.list()
    assert.deepEqual(
      kept.map(({ name }) => name),
      ['log-signing'],
    )
    // No unit is named: the central system knows the one whose card it has issued, and no other.
    const open = await session(world.central, world.module(), {}, async ({ serial }) => serial)
    assert.deepEqual(open, world.serialOf('cash'))
    const { anna } = world.people
    const named = { unit: { point: await anna.vault.publicPoint('approval'), customer } }
    await assert.rejects(
      session(world.central, world.module(), named, async () => true),
      { code: 'unit-unknown' },
    )
    assert.equal((await readData(plain(world.module()), dataTags.certification))?.[0], 1)
    await requireOne(world)
  })

  test('[B24a] the central system issues the card once, by papers and identity, and gets the same request again', async () => {
    const world = await cardWorld()
    const input = { root: world.root, name: 'unit', customer, centralName: 'central system' }
    const again = await issueCard(world.central, world.card(), input)
    assert.deepEqual(again.point, (await showCard(world.card())).state.point)
    assert.deepEqual(again.entries, [])
    await assert.rejects(issueCard(world.central, world.card(), { ...input, name: 'other' }), {
      code: 'card-issued',
    })
    // Another central system that has the papers gets no card that is issued already.
    const entropy = scriptedEntropy('another central system')
    const central = await memoryPorts('central', { clock: world.clock, entropy, crypto: nodeCrypto })
    await assert.rejects(issueCard(central, world.card(), { ...input, papers: world.papers }), {
      code: 'card-issued',
    })
    await assert.rejects(issueCard(world.central, world.module('second'), input), { code: 'papers-missing' })
  })

  test("[B24a] a card of another manufacturer, a module of another product and another unit's certificate are refused", async () => {
    const world = await cardWorld()
    const other = await cardWorld({ seed: 'other' })
    const input = { root: other.root, name: 'unit', customer, centralName: 'central system' }
    await assert.rejects(issueCard(world.central, world.card(), input), { code: 'certificate-refused' })
    await assert.rejects(showCard(world.module()), { code: 'card-not-issued' })
    const { certificates } = await showCard(other.card())
    await assert.rejects(
      initCard(world.unit, world.card(), { certificate: certificates!.unit, root: other.root }),
      { code: 'certificate-refused' },
    )
  })

  test('[B3d] a copy of all that the unit has, without the card, signs nothing; nor does the unit without a key of its own', async () => {
    const world = await ready()
    const approvals = await approved(world)
    const { document } = await orderByCard(world.unit, world.card(), { serial: world.serialOf('second') })
    assert.ok(document.length > 0)
    const { certificates } = await showCard(world.card())
    const order = { serial: world.serialOf('cash'), root: world.root, unit: certificates!.unit, approvals }
    await assert.rejects(personalize(world.unit, world.module(), { ...order, ...(await centralOf(world)) }), {
      code: 'key-missing',
    })
    // With another card, which the same central system could have issued: its certificate is for its own key.
    const other = await cardWorld({ seed: 'other' })
    await assert.rejects(personalizedByCard(world, approvals, { card: other.card() }), {
      code: 'certificate-refused',
    })
    assert.equal(await operatingOf(world), undefined)
    assert.equal((await madeBy(world)).length, 0)
  })

  test("[X6b][B3d] the unit's store put back to yesterday's copy signs no extra certificate", async () => {
    const world = await readyWorld(2)
    const copy = memoryStore()
    for (const name of await world.unit.store.list()) {
      await copy.write(name, (await world.unit.store.read(name))!)
    }
    for (const name of ['cash', 'second']) {
      await personalizedByCard(world, await approved(world, name), { name })
    }
    const yesterday = { ...world, unit: { ...world.unit, store: copy } }
    const approvals = await approved(yesterday, 'third')
    await assert.rejects(personalizedByCard(yesterday, approvals, { name: 'third' }), { code: 'card-ticket' })
    assert.equal((await madeBy(world)).length, 2)
  })

  test('[B17b][B17c] one approval alone, the same twice, for another module, for an earlier run or after a revocation signs nothing, and says why', async () => {
    const world = await ready()
    const [asked, agreed] = (await approved(world)) as [Uint8Array, Uint8Array]
    const other = await approved(world, 'second')
    const refused = (approvals: readonly Uint8Array[], reason: string) =>
      assert.rejects(personalizedByCard(world, approvals), { code: 'approval-refused', details: { reason } })
    const rejected = (approvals: readonly Uint8Array[], reason: string) =>
      assert.rejects(personalizedByCard(world, approvals), (error: { code?: string; details?: object }) => {
        assert.equal(error.code, 'approval-refused')
        assert.equal((error.details as { reason: string }).reason, reason)
        return true
      })
    await assert.rejects(personalizedByCard(world, []), { code: 'approval-missing' })
    await refused([asked], 'count')
    await refused([asked, agreed, agreed], 'count')
    await refused([agreed, agreed], 'same-person')
    await rejected([asked, other[1]!], 'matter')
    await rejected(other, 'nonce')
    const { document } = await revoke(world.central, { id: 'berta' })
    await takeByCard(world.unit, world.card(), { documents: [document], root: world.root })
    await rejected([asked, agreed], 'revoked')
    assert.equal((await madeBy(world)).length, 0)
    assert.equal(await operatingOf(world), undefined)
  })

  test('[B17c] one person who may do both is not two people', async () => {
    const world = await ready()
    await assert.rejects(approved(world, 'cash', ['carla', 'carla']), { code: 'approval-refused' })
    await personalizedByCard(world, await approved(world, 'cash', ['anna', 'carla']))
    await requireOne(world)
  })

  test('[B3a] what the card has signed and the module not yet taken is given to it without the approvals', async () => {
    const world = await ready()
    const approvals = await approved(world)
    let at = 1
    for (;;) {
      const line = cutLine(world.module(), at++, 'before')
      await assert.rejects(personalizedByCard(world, approvals, { module: line }), {
        code: 'transport-failed',
      })
      if ((await madeBy(world)).length > 0) break
    }
    await personalizedByCard(world, [])
    await requireOne(world)
    // And once more: nothing happens.
    assert.equal((await personalizedByCard(world, [])).already, true)
    await requireOne(world)
  })

  test('[B15a][X6d] the log, vouched for by the card, gives every certificate; the central system takes it, and the card goes on', async () => {
    const world = await readyWorld(10, { capacity: 6 })
    for (const name of ['cash', 'second']) {
      await personalizedByCard(world, await approved(world, name), { name })
    }
    const approvals = await approved(world, 'third')
    await assert.rejects(personalizedByCard(world, approvals, { name: 'third' }), { code: 'card-log-full' })
    const read = await logOf(world)
    const made = read.log.certificates.filter(({ role }) => role === 'module-operating')
    assert.deepEqual(
      made.map(({ certificate }) => encodeHex(certificate.encoded)),
      [encodeHex((await operatingOf(world))!), encodeHex((await operatingOf(world, 'second'))!)],
    )
    const taken = await acknowledgeLog(world.central, read.file)
    assert.deepEqual(taken.serial, cardSerial)
    await takeByCard(world.unit, world.card(), { documents: [taken.document], root: world.root })
    await personalizedByCard(world, approvals, { name: 'third' })
    // What the card has now continues what the central system has.
    const later = await acknowledgeLog(world.central, (await logOf(world)).file)
    assert.equal(later.log.certificates.filter(({ role }) => role === 'module-operating').length, 3)
    assert.equal(later.log.acknowledged, 0)
    // What the card has overwritten is no gap: the central system has taken it.
    const { file, ticketRecord } = await logOf(world)
    assert.equal(ticketRecord, undefined)
    for (const records of [[file], []]) {
      const { accounts, foreign, unknown, without } = await mergeRecords(world.central, { records })
      const [account] = accounts
      assert.deepEqual([account?.found, account?.gaps, account?.doubles], [3, [], []])
      assert.deepEqual([foreign, unknown, without], [[], [], []])
    }
  })

  test('[B15b] a log cut short, of another card, or with an entry of another is not believed, and not acknowledged', async () => {
    const world = await ready()
    await personalizedByCard(world, await approved(world))
    const { file } = await logOf(world)
    const { entries } = parseCardLogFile(file)
    // The line leaves the last entry out: chain and signatures hold, and the card's head does not fit.
    const card = world.card()
    const short = {
      ...card,
      async transmit(command: Uint8Array) {
        const answer = await card.transmit(command)
        const last = command[1] === 0x78 && command[8] === entries.length
        return last ? Uint8Array.of(0x6a, 0x88) : answer
      },
    }
    await assert.rejects(readLogOfCard(world.unit, short, { root: world.root }), { code: 'card-log-broken' })
    // And the line tells one event in the place of all: its number and chain are the signed ones, what it says is not.
    const end = cardLogLink(nodeCrypto, entries.at(-2)!)
    const lying = {
      ...short,
      async transmit(command: Uint8Array) {
        if (command[1] !== commands['GET EVENTS'].ins) return short.transmit(command)
        const events = await readEvents(plain(card), 1)
        const { number, chain } = events.at(-1)!
        if (command.subarray(5, 9).some((byte) => byte !== 0) && command[8]! > 1)
          return Uint8Array.of(0x90, 0)
        const type = Uint8Array.of(eventTypes['operating-certified'].code)
        return concat(u32(number), type, end, chain, Uint8Array.of(0x90, 0))
      },
    }
    await assert.rejects(readLogOfCard(world.unit, lying, { root: world.root }), { code: 'card-log-broken' })
    const changed = entries.map((entry, at) => {
      const copy = entry.slice()
      if (at === 2) copy[copy.length - 1]! ^= 1
      return copy
    })
    const without = entries.filter((_, at) => at !== 3)
    const { proof } = parseCardLogFile(file)
    const refuses = (log: Partial<CardLogFile>, reason: RegExp, code = 'card-log-broken') => {
      const bytes = serializeCardLogFile({ serial: cardSerial, entries, proof: proof!, ...log })
      return assert.rejects(acknowledgeLog(world.central, bytes), { code, message: reason })
    }
    await refuses({ entries: changed }, /does not follow the one before/)
    await refuses({ entries: without }, /missing/)
    await refuses({ serial: world.serialOf('cash') }, /not issued here/, 'card-not-issued')
    // Whoever carries the file adds an entry that links to the last one, needs no signature, and would stand there for good.
    const { number, body } = parseCardLogEntry(entries.at(-1)!)
    const more = serializeCardLogEntry({
      ...{ number: number + 1, previous: cardLogLink(nodeCrypto, entries.at(-1)!) },
      body: { kind: 'document-taken', document: await world.ticket(99) },
    })
    await refuses({ entries: [...entries, more] }, /vouch/)
    await refuses({ entries: [...entries.slice(0, -1), more, entries.at(-1)!] }, /behind a later one/)
    assert.ok(body.kind === 'operating-certified')
    const renamed = serializeCardLogEntry({
      ...parseCardLogEntry(entries.at(-1)!),
      body: { ...body, approver: new Uint8Array(16) },
    })
    await refuses({ entries: entries.with(-1, renamed) }, /vouch/)
    await refuses({ entries: entries.slice(0, -1) }, /vouch/)
    const { proof: _, ...bare } = parseCardLogFile(file)
    await assert.rejects(acknowledgeLog(world.central, serializeCardLogFile(bare)), { message: /vouch/ })
    assert.equal((await acknowledgeLog(world.central, file)).log.number, number)
    // A second story of the same card is not the card's.
    const other = await readyWorld(10, { seed: 'other' })
    await refuses(parseCardLogFile((await logOf(other)).file), /vouch/)
  })

  test('[X6b] a document that the card does not take is explained', async () => {
    const world = await ready()
    const take = (...documents: Uint8Array[]) =>
      takeByCard(world.unit, world.card(), { documents, root: world.root })
    const older = await world.ticket(3)
    await take(await world.ticket(4))
    const code = 'card-document-refused'
    await assert.rejects(take(older), { code, message: /older/ })
    const other = await readyWorld(10, { seed: 'other' })
    await assert.rejects(take(await other.ticket(5)), { code, message: /not signed by the central system/ })
    await assert.rejects(take((await approved(world))[0]!), { code, message: /this is a approval|approval/ })
    await assert.rejects(take((await acknowledgeLog(other.central, (await logOf(other)).file)).document), {
      code,
    })
    assert.equal((await showCard(world.card())).state.ticket?.count, 4)
  })

  test("[X6b] the card's log is a record that the central system merges: nothing missing, nothing twice", async () => {
    const world = await ready()
    for (const name of ['cash', 'second']) {
      await personalizedByCard(world, await approved(world, name), { name })
    }
    const { ticketRecord } = await logOf(world)
    assert.deepEqual(
      parseTicketRecord(ticketRecord!).tickets.map(({ used }) => used),
      [2],
    )
    const { accounts, foreign, unknown, without } = await mergeRecords(world.central, {
      records: [ticketRecord!],
    })
    assert.deepEqual([foreign.length, unknown.length, without.length], [0, 0, 0])
    const [account] = accounts
    assert.deepEqual([account?.found, account?.gaps, account?.doubles], [2, [], []])
  })

  test("a channel that needs the unit's key is refused with a card, before anything is said", async () => {
    const world = await ready()
    const approvals = await approved(world)
    const input = { serial: world.serialOf('cash'), root: world.root, card: world.card(), approvals }
    for (const channel of ['mutual', 'dh-signed', 'signed-key'] as const) {
      await assert.rejects(personalizeByCard(world.unit, world.module(), { ...input, channel }), {
        code: 'usage',
      })
    }
  })

  test("a clock that is behind the card's time, and approvals for longer than it takes, are refused before anything is ordered", async () => {
    const world = await ready()
    const entries = async () => (await readCardLog(plain(world.card()))).length
    const before = await entries()
    const serial = world.serialOf('cash')
    await assert.rejects(orderByCard(world.unit, world.card(), { serial, hours: 169 }), { code: 'usage' })
    const late = { ...world.unit, clock: { now: () => world.clock.now() - 1 } }
    await assert.rejects(orderByCard(late, world.card(), { serial }), { code: 'clock-behind' })
    assert.equal(await entries(), before)
  })
})

suite('any transport', () => {
  test('[B3a] card and module each behind a TCP port: everything as in one process', async () => {
    const world = await ready()
    const approvals = await approved(world)
    const [card, module] = [await listenTcp(() => world.card()), await listenTcp(() => world.module())]
    try {
      const ends = {
        card: await connectTcp('127.0.0.1', card.port),
        module: await connectTcp('127.0.0.1', module.port),
      }
      await personalizedByCard(world, approvals, ends)
      await Promise.all([ends.card.close(), ends.module.close()])
    } finally {
      await Promise.all([card.close(), module.close()])
    }
    await requireOne(world)
  })
})
