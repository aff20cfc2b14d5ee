import assert from 'node:assert/strict'
import { test } from 'node:test'
import { equal, fromAscii } from '@sealwright/core/bytes'
import { certificateIds, commands, dataTags, unlockTries } from '@sealwright/core/catalog'
import { privateScalar } from '@sealwright/core/crypto'
import {
  identityRequestInput,
  isLotNote,
  lotChip,
  lotImageKey,
  parseIdentityRequest,
  parseLotCertificates,
  parseLotFile,
  parseLotOrder,
  parseModulePapers,
  serializeIdentityRequest,
  serializeLotRequests,
} from '@sealwright/core/customization'
import { StateError, UsageError } from '@sealwright/core/errors'
import { parseCertificate } from '@sealwright/core/x509'
import { areaOf } from '@sealwright/module/medium'
import { plain } from '@sealwright/roles/channel'
import { readData, readOutbox } from '@sealwright/roles/custody'
import { customize, finish, lotReport, mask, newLot, products, unlock } from '@sealwright/roles/issuer'
import { append, enroll, verifyLog } from '@sealwright/roles/log'
import {
  certificateRecord,
  certifyLot,
  certifyModule,
  certifyPresent,
  initRoot,
} from '@sealwright/roles/manufacturer'
import { discarded, mount } from '@sealwright/roles/mounter'
import { logSigningKey } from '@sealwright/roles/ports'
import { nodeCrypto, nodeEntropy } from '../src/crypto/index.ts'
import { maskInput, party, programs } from './factory-bench.ts'
import { Cut, hex, lotInput, RamLot, serialOf } from './lot-bench.ts'

const unlockIns = commands.UNLOCK.ins

/** The log of a party of its own takes every entry of issuer and mounter, each once. */
async function assertLogged(lot: RamLot, events: number): Promise<void> {
  const log = await party('log', nodeCrypto)
  const documents: Uint8Array[] = []
  for (const [name, ports] of Object.entries({ mounter: lot.mounter, issuer: lot.issuer } as const)) {
    const point = await ports.vault.publicPoint(logSigningKey)
    await enroll(log, { party: name as 'mounter' | 'issuer', point, chain: [] })
    documents.push(...(await readOutbox(ports)))
  }
  assert.equal(documents.length, events)
  const outcomes = await append(log, documents)
  assert.deepEqual(new Set(outcomes.map(({ kind }) => kind)), new Set(['appended']))
  assert.deepEqual((await verifyLog(log)).problems, [])
}

test('[D11e] a chip whose serial number was not delivered is named and left as it is; the others are done', async () => {
  const lot = await RamLot.mounted()
  const before = lot.chips.get('2.chip')!.snapshot()
  const done = await lot.customize({ serials: [1, 3].map((one) => hex(serialOf(one))) })
  assert.deepEqual([done.done.customized, done.done.refused], [2, 1])
  const { outcome, reason, triesLeft } = await lot.row('2.chip')
  assert.deepEqual([outcome, triesLeft], ['refused', unlockTries])
  assert.match(reason!, /0000000000000002 is not among those that were delivered/)
  assert.deepEqual(lot.chips.get('2.chip')!.snapshot().pages, before.pages)
  assert.equal(lot.heard.get('2.chip')!.includes(unlockIns), false)
  assert.equal(lot.papers.has(hex(serialOf(2))), false)
})

test('[D11d] a serial number that two chips tell is taken once; the second chip is named and left as it is', async () => {
  const lot = await RamLot.produced()
  const other = await RamLot.produced()
  await lot.mount()
  // Somebody's chip of the same lot, mounted elsewhere under a number that was given here.
  other.chips.delete('1.chip')
  other.chips.delete('2.chip')
  await other.mount([serialOf(1)])
  lot.chips.set('3.chip', other.chips.get('3.chip')!)
  const before = lot.chips.get('3.chip')!.snapshot()
  const done = await lot.customize()
  assert.deepEqual([done.done.customized, done.done.refused], [2, 1])
  assert.match((await lot.row('3.chip')).reason!, /1\.chip has the serial number 0000000000000001 too/)
  assert.deepEqual(lot.chips.get('3.chip')!.snapshot().pages, before.pages)
  // In another run the first one is still known.
  const again = await lot.customize()
  assert.deepEqual([again.done.refused, again.before], [1, 2])
})

test('[D11d] a serial number or an image that a chip of an earlier batch had is refused to a blank chip, under whatever name', async () => {
  const lot = await RamLot.produced()
  const other = await RamLot.produced()
  // A copy that somebody made before the batch was mounted, and gave a number of its own.
  const copy = lot.chips.get('2.chip')!.clone()
  await lot.mount()
  other.chips.delete('1.chip')
  other.chips.delete('2.chip')
  await other.mount([serialOf(1)])
  assert.equal((await lot.customize()).done.customized, 3)
  const batch = new Map(lot.chips)
  lot.chips.clear()
  lot.chips.set('a.chip', other.chips.get('3.chip')!)
  lot.chips.set('b.chip', copy)
  const elsewhere = await party('mounter', nodeCrypto)
  await mount(elsewhere, {
    chip: 'b.chip',
    power: async () => lot.transport('b.chip'),
    serial: serialOf(9),
    deliveryNote: lot.note,
  })
  const done = await lot.customize()
  assert.deepEqual([done.done.customized, done.done.refused], [0, 2])
  assert.match(
    (await lot.row('a.chip')).reason!,
    /1\.chip, unlocked before and not here, had the serial number 0000000000000001/,
  )
  assert.match(
    (await lot.row('b.chip')).reason!,
    /2\.chip, unlocked before and not here, had the image 2 of the lot/,
  )
  for (const chip of ['a.chip', 'b.chip']) assert.equal(lot.heard.get(chip)!.includes(unlockIns), false)
  // A chip that was customized and has another name now is itself.
  lot.chips.clear()
  lot.chips.set('c.chip', batch.get('1.chip')!)
  assert.equal((await lot.customize()).done.customized, 1)
})

test('a copy of a chip under another serial number is told by its image, and gets no key', async () => {
  const lot = await RamLot.produced()
  lot.chips.set('4.chip', lot.chips.get('1.chip')!.clone())
  const rows = await lot.mount()
  const refused = rows.filter(({ outcome }) => outcome === 'refused')
  assert.deepEqual(
    refused.map(({ chip }) => chip),
    ['4.chip'],
  )
  assert.match(refused[0]!.reason!, /1\.chip has the image 1 of the lot too/)
  // Another mounter does not see the two together; the issuer does.
  const elsewhere = await party('mounter', nodeCrypto)
  await mount(elsewhere, {
    chip: '4.chip',
    power: async () => lot.transport('4.chip'),
    serial: serialOf(9),
    deliveryNote: lot.note,
  })
  const done = await lot.customize()
  assert.deepEqual([done.done.customized, done.done.refused], [3, 1])
  assert.match((await lot.row('4.chip')).reason!, /1\.chip has the image 1 of the lot too/)
  assert.equal(lot.heard.get('4.chip')!.includes(unlockIns), false)
})

test('a chip of another lot, of the bare mask, or not mounted gets no key and loses no try', async () => {
  const lot = await RamLot.mounted()
  lot.chips.set('2.chip', await lot.chipOfAnotherLot(serialOf(2)))
  const unmounted = await RamLot.produced()
  lot.chips.set('3.chip', unmounted.chips.get('3.chip')!)
  const done = await lot.customize()
  assert.deepEqual([done.done.customized, done.done.refused], [1, 2])
  assert.match((await lot.row('2.chip')).reason!, /is not of the lot spring/)
  assert.match((await lot.row('3.chip')).reason!, /no serial number yet/)
  for (const chip of ['2.chip', '3.chip']) assert.equal((await lot.status(chip)).triesLeft, unlockTries)
  await assert.rejects(unlock(lot.issuer, lot.transport('2.chip'), { mask: 'spring' }), { code: 'wrong-lot' })
})

test('[D11c] a chip whose image was changed costs a try, which stays counted, and the report tells it', async () => {
  const lot = await RamLot.mounted()
  const medium = lot.chips.get('2.chip')!
  const { first, pages } = areaOf(medium.geometry, 'eeprom')
  const eeprom = Buffer.concat(Array.from({ length: pages }, (_, i) => medium.read(first + i)))
  const at = eeprom.indexOf(parseLotOrder(lot.order).images[1]!.subarray(16, 64)) + 20
  assert.ok(at > 20)
  const page = first + Math.floor(at / 256)
  const content = medium.read(page)
  content[at % 256]! ^= 1
  medium.program(page, content)
  medium.sync()
  const done = await lot.customize()
  assert.equal(done.done.customized, 2)
  const row = await lot.row('2.chip')
  assert.deepEqual(
    [(await lot.status('2.chip')).triesLeft, row.triesLeft],
    [unlockTries - 1, unlockTries - 1],
  )
})

test('[D11a] each chip of a lot has unlocking data of its own, which open no other chip', async () => {
  const lot = await RamLot.mounted()
  const file = await lot.issuer.vault.useSecret('lots/spring', (bytes) => parseLotFile(bytes.slice()))
  const order = parseLotOrder(lot.order)
  assert.equal(new Set(order.images.map(hex)).size, 3)
  const key = (index: number) => lotImageKey(nodeCrypto, file.secret, { lot: file.lot, index })
  for (const [own, other] of [
    [1, 2],
    [2, 1],
    [3, 1],
  ] as const) {
    const data = new Uint8Array([...key(other), ...file.hash])
    const copy = lot.chips.get(`${own}.chip`)!.clone()
    lot.chips.set('copy', copy)
    await assert.rejects(plain(lot.transport('copy')).send('UNLOCK', { data }), {
      code: 'module-security-not-satisfied',
    })
    const { mode, triesLeft } = await lot.status('copy')
    assert.deepEqual([mode, triesLeft], ['issuer', unlockTries - 1])
  }
  lot.chips.delete('copy')
  const done = await lot.customize()
  assert.equal(done.done.customized, 3)
  assert.equal((await lot.finish()).done.finished, 3)
  for (const [i, chip] of lot.names.entries()) {
    const channel = plain(lot.transport(chip))
    assert.equal((await lot.status(chip)).mode, 'user')
    assert.equal(fromAscii((await readData(channel, dataTags.product))!), 'cash')
    const papers = parseModulePapers(lot.papers.get(hex(serialOf(i + 1)))!)
    assert.deepEqual([papers.serial, papers.product], [serialOf(i + 1), 'cash'])
  }
  const documentKeys = [...lot.papers.values()].map((bytes) => hex(parseModulePapers(bytes).documentKey))
  assert.equal(new Set(documentKeys).size, 3)
  await assertLogged(lot, 3 * 5)
})

test('[D11b] a lot with one key: all chips carry one image and open with one key', async () => {
  const lot = await RamLot.mounted({ kind: 'one-key' })
  const order = parseLotOrder(lot.order)
  assert.equal(order.images.length, 1)
  assert.deepEqual(lotChip(order, 1).mask, lotChip(order, 3).mask)
  assert.equal((await lot.customize()).done.customized, 3)
  assert.equal((await lot.finish()).done.finished, 3)
  for (const row of await lot.rows()) assert.deepEqual([row.index, row.outcome], [0, 'finished'])
  await assertLogged(lot, 3 * 5)
})

test('[D11c] the report names serial, outcome and digests of every chip, discarded ones too', async () => {
  const lot = await RamLot.mounted({ count: 5 })
  // A damaged page, and a chip whose tries are used up.
  lot.chips.get('2.chip')!.damage(areaOf(lot.chips.get('2.chip')!.geometry, 'eeprom').first + 1)
  const scrap = plain(lot.transport('4.chip'))
  for (let i = 0; i < unlockTries; i++) await scrap.exchange('UNLOCK', { data: new Uint8Array(64) })
  const done = await lot.customize()
  assert.deepEqual([done.done.customized, done.done.discarded], [3, 2])
  assert.equal((await lot.finish()).done.finished, 3)
  const rows = (await lot.rows()).map(lotReport)
  assert.deepEqual(
    rows.map(({ chip, outcome, discarded: thrownAway }) => [chip, outcome, thrownAway]),
    [
      ['1.chip', 'finished', false],
      ['2.chip', 'discarded', true],
      ['3.chip', 'finished', false],
      ['4.chip', 'discarded', true],
      ['5.chip', 'finished', false],
    ],
  )
  assert.match(String(rows[3]!.reason), /scrap: its tries are used up/)
  assert.deepEqual([rows[3]!.serial, rows[3]!.triesLeft], [hex(serialOf(4)), 0])
  const order = parseLotOrder(lot.order)
  for (const number of [1, 3, 5]) {
    const row = rows[number - 1]!
    assert.equal(row.serial, hex(serialOf(number)))
    assert.deepEqual([row.index, row.triesLeft, row.product], [number, unlockTries, 'cash'])
    assert.equal(row.rom, hex(nodeCrypto.sha256(order.mask.rom)))
    assert.equal(row.image, hex(nodeCrypto.sha256(lotChip(order, number).image)))
    const channel = plain(lot.transport(`${number}.chip`))
    const certificate = (await readData(channel, 0xdf21))!
    assert.equal(row.certificate, hex(nodeCrypto.sha256(certificate)))
    const vectors = (await readData(channel, dataTags.vectors))!
    assert.equal(row.vectors, hex(nodeCrypto.sha256(vectors)))
    assert.match(String(row.identity), /^[0-9A-F]{64}$/)
  }
})

for (const at of ['before save', 'after save', 'before records'] as const) {
  for (const phase of ['customize', 'finish'] as const) {
    test(`${phase}: cut ${at}, run again: nothing is lost, nothing is doubled`, async () => {
      const lot = await RamLot.mounted()
      if (phase === 'finish') await lot.customize()
      lot.cut = { at, chip: '2.chip' }
      await assert.rejects(phase === 'customize' ? lot.customize() : lot.finish(), Cut)
      const rest = phase === 'customize' ? await lot.customize() : await lot.finish()
      assert.deepEqual([rest.before, rest.done.customized + rest.done.finished], [1, 2])
      if (phase === 'customize') await lot.finish()
      for (const row of await lot.rows()) assert.equal(row.outcome, 'finished')
      await assertLogged(lot, 3 * 5)
      for (const [i, chip] of lot.names.entries()) {
        const { serial, documentKey } = parseModulePapers(lot.papers.get(hex(serialOf(i + 1)))!)
        assert.deepEqual(serial, serialOf(i + 1))
        assert.equal(documentKey.length, 32)
        assert.equal((await lot.status(chip)).mode, 'user')
      }
    })
  }
}

test('[D11c] all in one go: each chip in user mode, with its certificate, papers and five events in the log', async () => {
  const lot = await RamLot.mounted()
  assert.equal((await lot.complete()).done.finished, 3)
  await assertCompleted(lot)
  const again = await lot.complete()
  assert.deepEqual([again.before, again.done.finished], [3, 0])
})

for (const at of ['before save', 'after save', 'before records'] as const) {
  test(`all in one go, cut ${at}, run again: one certificate for each serial number, and the chip has it`, async () => {
    const lot = await RamLot.mounted()
    lot.cut = { at, chip: '2.chip' }
    await assert.rejects(lot.complete(), Cut)
    assert.equal((await lot.status('2.chip')).mode, at === 'before save' ? 'issuer' : 'user')
    assert.equal((await certificateRecord(lot.manufacturer)).has(serialOf(2)), false)
    if (at !== 'before save') lot.papers.clear()
    const rest = await lot.complete()
    assert.deepEqual([rest.before, rest.done.finished], [1, 2])
    await assertCompleted(lot)
    for (const [i, row] of (await lot.rows()).entries()) assert.equal(row.index, i + 1)
  })
}

for (const [what, input, form] of [
  ['a lot with one key', { kind: 'one-key' }, 'eeprom'],
  ['the RAM form', {}, 'ram'],
] as const) {
  test(`all in one go: ${what} too, and its chip that is in no record is known by its first event`, async () => {
    const lot = await RamLot.mounted(input, form)
    lot.cut = { at: 'after save', chip: '2.chip' }
    await assert.rejects(lot.complete(), Cut)
    assert.equal((await lot.complete()).done.finished, 2)
    await assertCompleted(lot)
    assert.equal((await lot.row('2.chip')).index, form === 'ram' ? 2 : 0)
  })
}

test('in one go goes on with chips that were customized, certified or not', async () => {
  const lot = await RamLot.mounted()
  await lot.customize({ chips: ['1.chip', '2.chip'] })
  const { request } = await lot.row('2.chip')
  const { encoded } = await certifyModule(lot.manufacturer, { request: request! })
  assert.equal((await lot.complete()).done.finished, 3)
  await assertCompleted(lot)
  assert.deepEqual(await (await certificateRecord(lot.manufacturer)).read(serialOf(2)), encoded)
})

test('[D11d] in one go: a blank chip with a serial number that has a certificate already gets no key', async () => {
  const lot = await RamLot.mounted()
  const other = await RamLot.mounted()
  await other.customize({ chips: ['2.chip'] })
  const { request } = await other.row('2.chip')
  await certifyModule(lot.manufacturer, { request: request! })
  const done = await lot.complete()
  assert.deepEqual([done.done.finished, done.done.refused], [2, 1])
  assert.match((await lot.row('2.chip')).reason!, /0000000000000002 was certified already, for another chip/)
  assert.equal(lot.heard.get('2.chip')!.includes(unlockIns), false)
  assert.equal((await lot.status('2.chip')).mode, 'issuer')
})

test('in one go: a finished chip whose certificate is not the one that was issued is refused by name', async () => {
  const lot = await RamLot.mounted()
  lot.cut = { at: 'after save', chip: '1.chip' }
  await assert.rejects(lot.complete(), Cut)
  const other = await RamLot.mounted()
  await other.customize({ chips: ['1.chip'] })
  const { request } = await other.row('1.chip')
  const { encoded } = await certifyModule(lot.manufacturer, { request: request! })
  const done = await lot.complete()
  assert.deepEqual([done.done.finished, done.done.refused], [2, 1])
  assert.match((await lot.row('1.chip')).reason!, /not the one that was issued/)
  assert.deepEqual(await (await certificateRecord(lot.manufacturer)).read(serialOf(1)), encoded)
})

test('in one go: a finished chip with a certificate of another root is refused; nothing of it is recorded', async () => {
  const lot = await RamLot.mounted()
  const stranger = await party('manufacturer', nodeCrypto)
  stranger.entropy.bytes(1)
  const { encoded: manufacturerRoot } = await initRoot(stranger)
  const chip = { mask: 'spring', product: products.cash, programs, manufacturerRoot }
  await unlock(lot.issuer, lot.transport('1.chip'), { mask: 'spring' })
  const { identityRequest } = await customize(lot.issuer, lot.transport('1.chip'), chip)
  const { encoded } = await certifyModule(stranger, { request: identityRequest! })
  await finish(lot.issuer, lot.transport('1.chip'), { mask: 'spring', certificate: encoded })
  const done = await lot.complete()
  assert.deepEqual([done.done.finished, done.done.failed], [2, 1])
  assert.equal((await certificateRecord(lot.manufacturer)).has(serialOf(1)), false)
})

test('in one go: a certificate that is not for this chip is not sent to it; the chip is taken up again', async () => {
  const lot = await RamLot.mounted()
  const other = await RamLot.mounted()
  await other.customize({ chips: ['2.chip'] })
  const { request } = await other.row('2.chip')
  const { encoded } = await certifyModule(lot.manufacturer, { request: request! })
  const done = await lot.complete({ certify: async () => encoded })
  assert.deepEqual([done.done.finished, done.done.failed, done.done.refused], [0, 2, 1])
  for (const chip of ['1.chip', '3.chip']) {
    assert.equal(lot.heard.get(chip)!.includes(commands['STORE IDENTITY'].ins), false)
    assert.equal((await lot.status(chip)).mode, 'customization')
  }
  // What they have their document keys from is with whoever keeps the papers.
  for (const one of [1, 3]) assert.ok(lot.papers.has(hex(serialOf(one))))
  assert.equal((await lot.complete()).done.finished, 2)
})

test('[D11e] in one go: a finished chip that is in no record is refused when its serial number was not delivered', async () => {
  const lot = await RamLot.mounted()
  lot.cut = { at: 'after save', chip: '2.chip' }
  await assert.rejects(lot.complete(), Cut)
  const done = await lot.complete({ serials: [1, 3].map((one) => hex(serialOf(one))) })
  assert.deepEqual([done.before, done.done.finished, done.done.refused], [1, 1, 1])
  assert.match((await lot.row('2.chip')).reason!, /not among those that were delivered/)
})

test('a manufacturer at hand signs for who has the key only, and for chips of his kind; a record keeps a certificate once', async () => {
  const lot = await RamLot.mounted()
  await lot.customize()
  const requests = (await lot.rows()).map((row) => parseIdentityRequest(row.request!))
  const root = parseCertificate(lot.root)
  const [first, second] = requests as [(typeof requests)[0], (typeof requests)[0]]
  const forged = { ...first, signature: second.signature }
  await assert.rejects(certifyPresent(lot.manufacturer, root, forged), { code: 'authentication-failed' })
  const marked = { ...root, test: true }
  await assert.rejects(certifyPresent(lot.manufacturer, marked, first), { code: 'test-mark-differs' })
  const certificate = await certifyPresent(lot.manufacturer, root, first)
  assert.deepEqual(await certifyPresent(lot.manufacturer, root, first, certificate), certificate)
  const theirs = { ...second, serial: first.serial }
  await assert.rejects(certifyPresent(lot.manufacturer, root, theirs, certificate))
  const record = await certificateRecord(lot.manufacturer)
  const one = { serial: first.serial, certificate }
  await record.keep([one])
  await record.keep([one])
  await (await certificateRecord(lot.manufacturer)).keep([one])
  assert.equal((await lot.manufacturer.store.list('lots/')).length, 1)
})

test('in one go: a chip that was finished in another lot is refused', async () => {
  const [lot, other] = [await RamLot.mounted(), await RamLot.mounted()]
  await other.complete()
  lot.chips.set('3.chip', other.chips.get('3.chip')!)
  const done = await lot.complete()
  assert.deepEqual([done.done.finished, done.done.refused], [2, 1])
  assert.match((await lot.row('3.chip')).reason!, /no image of this lot/)
})

test('in one go: serial numbers that were not delivered are left; identical modules need no manufacturer', async () => {
  const lot = await RamLot.mounted()
  const some = await lot.complete({ serials: [1, 3].map((one) => hex(serialOf(one))), identical: true })
  assert.deepEqual([some.done.finished, some.done.refused], [2, 1])
  assert.equal((await lot.status('2.chip')).mode, 'issuer')
  assert.equal((await lot.row('1.chip')).request, undefined)
  assert.equal((await certificateRecord(lot.manufacturer)).has(serialOf(1)), false)
})

async function assertCompleted(lot: RamLot): Promise<void> {
  for (const row of await lot.rows()) assert.equal(row.outcome, 'finished')
  await assertLogged(lot, 3 * 5)
  const record = await certificateRecord(lot.manufacturer)
  for (const [i, chip] of lot.names.entries()) {
    const serial = serialOf(i + 1)
    assert.deepEqual(parseModulePapers(lot.papers.get(hex(serial))!).serial, serial)
    assert.equal((await lot.status(chip)).mode, 'user')
    const held = await readData(plain(lot.transport(chip)), certificateIds.identity.tag)
    assert.deepEqual(held, await record.read(serial))
  }
}

test('entries that were written before their rows are made again and count once', async () => {
  const lot = await RamLot.mounted()
  const { store } = lot.issuer
  const write = store.write.bind(store)
  let armed = true
  store.write = async (name, bytes) => {
    if (armed && name.endsWith('.rows')) throw new Cut()
    await write(name, bytes)
  }
  await assert.rejects(lot.customize(), Cut)
  armed = false
  const first = await readOutbox(lot.issuer)
  assert.equal(first.length, 6)
  assert.equal((await lot.customize()).done.customized, 3)
  assert.deepEqual((await readOutbox(lot.issuer)).map(hex), first.map(hex))
  await lot.finish()
  await assertLogged(lot, 3 * 5)
})

test('the RAM form goes through a lot as well, although power is lost between the two phases', async () => {
  const lot = await RamLot.mounted({}, 'ram')
  assert.equal((await lot.customize()).done.customized, 3)
  assert.equal((await lot.finish()).done.finished, 3)
  for (const chip of lot.names) assert.equal((await lot.status(chip)).mode, 'user')
})

test('a lot and commands for a single chip go together: the papers are the same, no event is told twice', async () => {
  const lot = await RamLot.mounted()
  const input = { mask: 'spring', product: products.cash, programs, manufacturerRoot: lot.root }
  assert.equal((await unlock(lot.issuer, lot.transport('1.chip'), { mask: 'spring' })).already, false)
  const { papers } = await customize(lot.issuer, lot.transport('1.chip'), input)
  assert.equal((await lot.customize()).done.customized, 3)
  assert.deepEqual(lot.papers.get(hex(serialOf(1))), papers)
  const { request } = await lot.row('2.chip')
  const { encoded } = await certifyModule(lot.manufacturer, { request: request! })
  const channel = lot.transport('2.chip')
  assert.equal((await finish(lot.issuer, channel, { mask: 'spring', certificate: encoded })).already, false)
  assert.equal((await lot.finish()).done.finished, 3)
  await assertLogged(lot, 3 * 5)
})

test('papers that got lost are made again, without the chip, and are the same', async () => {
  const lot = await RamLot.mounted()
  await lot.customize()
  await lot.finish()
  const before = new Map(lot.papers)
  lot.papers.clear()
  lot.heard.clear()
  const again = await lot.customize()
  assert.deepEqual([again.before, again.done.customized], [3, 0])
  assert.deepEqual(lot.papers, before)
  assert.equal(lot.heard.size, 0)
})

test('one product and one manufacturer for what is done; another is refused before anything is touched', async () => {
  const lot = await RamLot.mounted()
  await lot.customize({ chips: ['1.chip'] })
  await assert.rejects(lot.customize({ product: 'loader' }), UsageError)
  const stranger = await party('manufacturer', nodeCrypto)
  stranger.entropy.bytes(1)
  const { encoded: root } = await initRoot(stranger)
  await assert.rejects(lot.customize({ root }), UsageError)
  assert.equal((await lot.status('2.chip')).mode, 'issuer')
})

test("a chip that lacks its certificate, or has another one's, stays; the others are finished", async () => {
  const lot = await RamLot.mounted()
  await lot.customize()
  const certificates = await lot.certificates()
  const [one, two] = [hex(serialOf(1)), hex(serialOf(2))]
  const wrong = new Map(certificates)
  wrong.set(one, certificates.get(two)!)
  wrong.delete(two)
  const first = await lot.finish(wrong)
  assert.deepEqual([first.done.finished, first.done.failed], [1, 1])
  assert.match((await lot.row('2.chip')).reason!, /no certificate/)
  for (const chip of ['1.chip', '2.chip']) assert.equal((await lot.status(chip)).mode, 'customization')
  const second = await lot.finish(certificates)
  assert.deepEqual([second.done.finished, second.before], [2, 1])
  await assertLogged(lot, 3 * 5)
})

test('a chip that somebody put in the place of another is not finished as that one', async () => {
  const lot = await RamLot.mounted()
  await lot.customize()
  const certificates = await lot.certificates()
  const [first, second] = [lot.chips.get('1.chip')!, lot.chips.get('2.chip')!]
  lot.chips.set('1.chip', second).set('2.chip', first)
  const done = await lot.finish(certificates)
  assert.deepEqual([done.done.finished, done.done.refused], [1, 2])
  assert.match((await lot.row('1.chip')).reason!, /another chip is here by its name/)
  assert.equal((await lot.row('1.chip')).serial?.at(-1), 1)
  lot.chips.set('1.chip', first).set('2.chip', second)
  assert.equal((await lot.finish(certificates)).done.finished, 2)
})

test('[D9a] the order holds no key, no hash and nothing of the software in the clear; neither does the delivery note', async () => {
  const lot = await RamLot.produced()
  const file = await lot.issuer.vault.useSecret('lots/spring', (bytes) => parseLotFile(bytes.slice()))
  const own = [1, 2, 3].map((index) => lotImageKey(nodeCrypto, file.secret, { lot: file.lot, index }))
  const secrets = [file.secret, file.hash, ...own, programs.customization.subarray(20, 52)]
  for (const bytes of [lot.order, lot.note]) {
    const found = Buffer.from(bytes)
    for (const secret of secrets) assert.equal(found.includes(Buffer.from(secret)), false)
    // The search finds what is there.
    assert.equal(found.includes(Buffer.from(file.lot)), true)
  }
  assert.equal(isLotNote(lot.note), true)
  assert.deepEqual(
    (await lot.manufacturer.vault.list()).map(({ name }) => name),
    ['log-signing', 'root'],
  )
})

test("a lot asked for again is the same order; another one of that name, or of a mask's, is refused", async () => {
  const lot = await RamLot.produced()
  const again = await newLot(lot.issuer, lotInput)
  assert.deepEqual([again.made, equal(again.file, lot.order)], [false, true])
  for (const change of [{ count: 4 }, { kind: 'one-key' as const }, { name: 'fleet' }, { count: 0 }]) {
    await assert.rejects(newLot(lot.issuer, { ...lotInput, ...change }), UsageError)
  }
  await assert.rejects(mask(lot.issuer, maskInput({ name: 'spring' })), UsageError)
  await assert.rejects(newLot(lot.issuer, { ...lotInput, mask: 'none' }), { code: 'wrong-state' })
  await mask(lot.issuer, maskInput({ name: 'other' }))
  await assert.rejects(newLot(lot.issuer, { ...lotInput, mask: 'other' }), UsageError)
  assert.equal(equal((await newLot(lot.issuer, lotInput)).file, lot.order), true)
})

test("mounting: serial numbers that come twice, are another chip's, or are too few are refused before anything is written", async () => {
  const lot = await RamLot.produced()
  await mount(lot.mounter, {
    chip: 'elsewhere.chip',
    power: async () => lot.transport('3.chip'),
    serial: serialOf(7),
    deliveryNote: lot.note,
  })
  lot.chips.delete('3.chip')
  const before = await lot.mounter.store.list()
  const lists = [[1, 1], [1, 7], [1]]
  for (const list of lists) await assert.rejects(lot.mount(list.map(serialOf)), UsageError)
  assert.deepEqual(await lot.mounter.store.list(), before)
  for (const chip of lot.names) assert.equal((await lot.status(chip)).serial, undefined)
})

test('[D9c] mounting a lot: defective chips are discarded and listed, foreign ones named, and their numbers go to the next', async () => {
  const lot = await RamLot.produced({ count: 5 })
  lot.chips.get('1.chip')!.damage(areaOf(lot.chips.get('1.chip')!.geometry, 'eeprom').first + 1)
  lot.chips.set('3.chip', await lot.chipOfAnotherLot())
  const rows = await lot.mount()
  assert.deepEqual(
    rows.map(({ outcome }) => outcome),
    ['discarded', 'mounted', 'refused', 'mounted', 'mounted'],
  )
  const good = rows.filter(({ outcome }) => outcome === 'mounted')
  assert.deepEqual(
    (await discarded(lot.mounter)).map(({ chip }) => chip),
    ['1.chip'],
  )
  assert.deepEqual(
    good.map(({ serial, print }) => [serial!.at(-1), print]),
    good.map((_, i) => [i + 1, `No. ${i + 1}`]),
  )
  // Again: every chip keeps its number, and the discarded one stays discarded.
  assert.deepEqual(
    (await lot.mount()).map(({ chip, outcome, serial }) => [chip, outcome, serial]),
    rows.map(({ chip, outcome, serial }) => [chip, outcome, serial]),
  )
})

test('mounting that breaks off at any command of any chip is run again: each chip one number, each number one chip', async () => {
  for (let at = 1; at < 20; at += 3) {
    const lot = await RamLot.produced()
    let heard = 0
    let armed = true
    const power = lot.transport.bind(lot)
    lot.transport = (chip) => {
      const below = power(chip)
      return {
        ...below,
        transmit: async (command) => {
          const answer = await below.transmit(command)
          if (armed && ++heard === at) throw new Cut()
          return answer
        },
      }
    }
    const broken = await lot.mount().then(
      () => false,
      () => true,
    )
    armed = false
    assert.equal(broken, heard >= at)
    const rows = await lot.mount()
    assert.deepEqual(
      rows.map(({ outcome, serial }) => [outcome, serial]),
      [1, 2, 3].map((number) => ['mounted', serialOf(number)]),
    )
  }
})

test('requests of a lot: one that comes twice is refused, a forged one does not stop the others', async () => {
  const lot = await RamLot.mounted()
  await lot.customize()
  const requests = (await lot.rows()).map(({ request }) => parseIdentityRequest(request!))
  const twice = serializeLotRequests([...requests, requests[0]!])
  await assert.rejects(certifyLot(lot.manufacturer, { requests: twice }), UsageError)
  const forged = requests.map((one, i) =>
    i === 1 ? { ...one, signature: one.signature.map((b) => b ^ 1) } : one,
  )
  const done = await certifyLot(lot.manufacturer, { requests: serializeLotRequests(forged) })
  assert.deepEqual([done.certified, done.refused.map(({ serial }) => serial.at(-1))], [2, [2]])
  const all = await certifyLot(lot.manufacturer, { requests: serializeLotRequests(requests) })
  assert.equal(all.certified, 3)
  assert.deepEqual(
    (await certifyLot(lot.manufacturer, { requests: serializeLotRequests(requests) })).file,
    all.file,
  )
  // One by one they are the same, and no other key is certified for the number.
  const [first] = parseLotCertificates(all.file)
  const single = await certifyModule(lot.manufacturer, { request: serializeIdentityRequest(requests[0]!) })
  assert.deepEqual([first!.serial, single.encoded], [requests[0]!.serial, first!.certificate])
  const pair = nodeCrypto.ecPrivateKey(privateScalar(nodeCrypto, nodeEntropy.bytes(48)))
  const { serial } = requests[0]!
  const signature = pair.sign(identityRequestInput(serial, pair.publicPoint, false))
  const other = { version: 1, serial, point: pair.publicPoint, test: false, signature } as const
  await assert.rejects(
    certifyModule(lot.manufacturer, { request: serializeIdentityRequest(other) }),
    StateError,
  )
  const again = await certifyLot(lot.manufacturer, { requests: serializeLotRequests([other]) })
  assert.deepEqual([again.certified, again.refused.length], [0, 1])
})
