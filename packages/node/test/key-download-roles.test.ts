import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ascii, concat, decodeHex, encodeHex, u16, u32 } from '@sealwright/core/bytes'
import { type CommandName, commands } from '@sealwright/core/catalog'
import { diversify } from '@sealwright/core/crypto'
import { serializeModulePapers } from '@sealwright/core/customization'
import { RefusedError, SealwrightError, StateError, UsageError } from '@sealwright/core/errors'
import {
  type LoaderKeyOrder,
  type Profile,
  parseKeyMessageFile,
  parseKeyReceiptFile,
  parseKeyRequestFile,
  serializeContext,
  serializeKeyReceiptFile,
} from '@sealwright/core/key-download'
import { nextLink } from '@sealwright/core/log'
import { blankRecord, type CardRecord } from '@sealwright/core/loyalty'
import type { Transport } from '@sealwright/core/ports'
import { fixedClock, scriptedEntropy } from '@sealwright/core/testing'
import { memoryImage } from '@sealwright/module/memory-image'
import { fixtureTime } from '@sealwright/module/testing'
import { keepPapers, outbox, parseEvents } from '@sealwright/roles/custody'
import {
  exportKey,
  installTransportKey,
  list,
  makeKey,
  makeSet,
  verifyReceipt,
} from '@sealwright/roles/loader'
import { produce } from '@sealwright/roles/manufacturer'
import { mount } from '@sealwright/roles/mounter'
import { memoryPorts, type PartyPorts } from '@sealwright/roles/ports'
import { book, importKey, prepareKey } from '@sealwright/roles/terminal'
import { nodeCrypto } from '../src/crypto/index.ts'
import {
  party as factoryParty,
  mask,
  maskInput,
  powered as poweredChip,
  ramFactory,
} from './factory-bench.ts'
import {
  type Bench,
  documentKey,
  fuel,
  keyAt,
  loader,
  other,
  otherSerial,
  powered,
  unit,
} from './key-download-bench.ts'

const order: LoaderKeyOrder = {
  ...{ source: fuel.source, set: 1, diversified: false, exportsLeft: undefined },
  attributes: { usage: 'M6', algorithm: 'A', mode: 'C', version: 1, exportability: 'N', keyLength: 16 },
  modules: { rule: 'all-but', serials: [] },
}

/** A loader card without a set, terminals without T, and the two parties. */
interface World {
  readonly custodian: PartyPorts
  readonly station: PartyPorts
  readonly card: Bench
  readonly ei: Bench
}

async function world(): Promise<World> {
  const clock = fixedClock(fixtureTime)
  const custodian = await memoryPorts('loader', {
    clock,
    entropy: scriptedEntropy('custodian'),
    crypto: nodeCrypto,
  })
  const station = await memoryPorts('terminal', {
    clock,
    entropy: scriptedEntropy('station'),
    crypto: nodeCrypto,
  })
  const card = loader({ keys: [] })
  // The set that the bench lays is not the party's: it begins with its own.
  const { nvm, objects } = card.module.parts
  nvm.transaction((tx) => objects.remove(tx, 'key-set', 1))
  const ei = unit({ bare: true })
  await keepPapers(custodian, papersOf(card))
  await keepPapers(custodian, papersOf(ei))
  return { custodian, station, card, ei }
}

function papersOf({ serial }: Bench): Uint8Array {
  return serializeModulePapers({ version: 1, serial, product: 'test', documentKey })
}

/** The same module after it was off: what the parties meet tomorrow. */
function tomorrow(bench: Bench): Transport {
  return powered(bench.fixture, bench.medium, nodeCrypto, scriptedEntropy(`tomorrow ${tick++}`)).transport
}
let tick = 0

/** Loses the answer to one command, or the command itself, and the connection with it. */
function losing(transport: Transport, name: CommandName, what: 'answer' | 'command'): Transport {
  let lost = false
  return {
    async transmit(command) {
      if (lost) throw new StateError('the connection broke', { code: 'transport-failed' })
      lost = command[1] === commands[name].ins
      if (lost && what === 'answer') await transport.transmit(command)
      if (lost) throw new StateError('the connection broke', { code: 'transport-failed' })
      return transport.transmit(command)
    },
    close: () => transport.close(),
  }
}

async function settled(w: World, profile: Profile = 'diversified') {
  await makeSet(w.custodian, tomorrow(w.card), { set: 1, profile })
  await installTransportKey(w.custodian, tomorrow(w.ei), { set: 1 })
  return makeKey(w.custodian, tomorrow(w.card), order)
}

async function code(action: Promise<unknown>): Promise<string> {
  const error = await action.then(
    () => assert.fail('it was not refused'),
    (reason) => reason,
  )
  assert.ok(error instanceof SealwrightError, String(error))
  return error.code
}

for (const profile of ['shared', 'diversified'] as const) {
  test(`[A14a] the loader is a module like the others; each step on another day, modules off between: ${profile}`, async () => {
    const w = await world()
    const { entry } = await settled(w, profile)
    const { file: request } = await prepareKey(tomorrow(w.ei), { place: fuel.place, held: true })
    const exported = await exportKey(w.custodian, tomorrow(w.card), { request })
    const imported = await importKey(w.station, tomorrow(w.ei), exported.file)
    assert.equal(imported.already, false)
    const claim = await verifyReceipt(w.custodian, tomorrow(w.card), imported.file)
    assert.deepEqual(claim.checkValue, entry.checkValue)
    assert.deepEqual(await keyAt(powered(w.ei.fixture, w.ei.medium), fuel.place), entry.checkValue)
    // What each did stands in its outbox.
    const told = async ({ store }: PartyPorts) => (await store.list('outbox/')).length
    assert.deepEqual([await told(w.custodian), await told(w.station)], [4, 1])
  })

  test(`[A3a][A3e] T1 and the keys from it are in no file, outbox or store of any party: ${profile}`, async () => {
    const w = await world()
    await settled(w, profile)
    const { file: request } = await prepareKey(tomorrow(w.ei), { place: fuel.place, held: true })
    const exported = await exportKey(w.custodian, tomorrow(w.card), { request })
    const imported = await importKey(w.station, tomorrow(w.ei), exported.file)
    await verifyReceipt(w.custodian, tomorrow(w.card), imported.file)
    const { message } = parseKeyMessageFile(exported.file)
    const context = { ...parseKeyRequestFile(request), counter: message.header.counter }
    const T = await w.custodian.vault.useSecret('sets/1/1/transport', (key) => key.slice())
    const label = (text: string) => concat(context.serial, ascii(text))
    const stored = profile === 'shared' ? T : diversify(nodeCrypto, T, label('ESM-TU01'))
    const T1 = diversify(nodeCrypto, stored, label('ESM-KDL1'))
    const derived = ['KDL-ENC', 'KDL-MAC', 'KDL-ACK'].map((text) =>
      nodeCrypto
        .aes(T1)
        .cmac(
          Uint8Array.of(1),
          ascii(text),
          Uint8Array.of(0),
          serializeContext(context),
          Uint8Array.of(0, 0x80),
        ),
    )
    const cas = nodeCrypto.aes(derived[1]!).cmac(exported.file.subarray(39, 39 + 24), message.cryptogram)
    assert.deepEqual(cas, message.certificate, 'these are the keys that were used')
    const files = [request, exported.file, imported.file]
    for (const { store } of [w.custodian, w.station])
      for (const name of await store.list()) files.push((await store.read(name))!)
    assert.ok(files.length >= 10, String(files.length))
    const all = encodeHex(concat(...files))
    assert.ok(all.includes(encodeHex(context.random)), 'the search finds what is there')
    for (const key of [T1, ...derived, T, stored]) assert.equal(all.includes(encodeHex(key)), false)
    for (const bench of [w.card, w.ei]) {
      const image = memoryImage({ medium: bench.medium, ram: bench.module.parts.ram })
      for (const key of [T1, ...derived]) assert.deepEqual(image.search(key), [])
    }
  })
}

test('the answer to IMPORT KEY was lost: run again, the receipt is fetched and the event recorded once', async () => {
  const w = await world()
  await settled(w)
  for (const what of ['answer', 'command'] as const) {
    const { file: request } = await prepareKey(tomorrow(w.ei), { place: fuel.place, held: true })
    const { file } = await exportKey(w.custodian, tomorrow(w.card), { request })
    assert.equal(
      await code(importKey(w.station, losing(tomorrow(w.ei), 'IMPORT KEY', what), file)),
      'transport-failed',
    )
    const again = await importKey(w.station, tomorrow(w.ei), file)
    assert.equal(again.already, what === 'answer')
    assert.equal(again.entries.length, 1)
    await verifyReceipt(w.custodian, tomorrow(w.card), again.file)
    // And once more, when nothing is pending.
    const third = await importKey(w.station, tomorrow(w.ei), file)
    assert.deepEqual([third.already, third.file, third.entries.length], [true, again.file, 0])
  }
  assert.equal((await w.station.store.list('outbox/')).length, 2)
})

test('EXPORT KEY again after a crash gives another message; each opens once for its request, and no harm is done', async () => {
  const w = await world()
  await settled(w)
  const { file: request } = await prepareKey(tomorrow(w.ei), { place: fuel.place, held: true })
  const lost = losing(tomorrow(w.card), 'EXPORT KEY', 'answer')
  assert.equal(await code(exportKey(w.custodian, lost, { request })), 'transport-failed')
  const [first, second] = [
    await exportKey(w.custodian, tomorrow(w.card), { request }),
    await exportKey(w.custodian, tomorrow(w.card), { request }),
  ]
  assert.deepEqual([first.message.header.counter, second.message.header.counter], [2, 3])
  // The export whose message was lost stands in the record too.
  assert.equal((await w.custodian.store.list('outbox/')).length, 3 + 3)
  // Of the two the module takes one, whichever comes first.
  const imported = await importKey(w.station, tomorrow(w.ei), second.file)
  await verifyReceipt(w.custodian, tomorrow(w.card), imported.file)
  assert.equal(await code(importKey(w.station, tomorrow(w.ei), first.file)), 'key-request-void')
})

test('MAKE SET, MAKE KEY and PUT TRANSPORT KEY whose answers were lost are done once, whenever they are run again', async () => {
  for (const what of ['answer', 'command'] as const) {
    const w = await world()
    const broken = makeSet(w.custodian, losing(tomorrow(w.card), 'MAKE SET', what), { set: 1 })
    assert.equal(await code(broken), 'transport-failed')
    const made = await makeSet(w.custodian, tomorrow(w.card), { set: 1 })
    const again = await makeSet(w.custodian, tomorrow(w.card), { set: 1 })
    assert.deepEqual(again.entry, made.entry)
    const install = installTransportKey(w.custodian, losing(tomorrow(w.ei), 'PUT TRANSPORT KEY', what), {
      set: 1,
    })
    assert.equal(await code(install), 'transport-failed')
    await installTransportKey(w.custodian, tomorrow(w.ei), { set: 1 })
    const told = await w.custodian.store.list(`outbox/${encodeHex(w.ei.serial).toLowerCase()}`)
    assert.equal(told.length, what === 'answer' ? 2 : 1)
    assert.equal(
      await code(makeKey(w.custodian, losing(tomorrow(w.card), 'MAKE KEY', what), order)),
      'transport-failed',
    )
    const key = await makeKey(w.custodian, tomorrow(w.card), order)
    assert.deepEqual((await makeKey(w.custodian, tomorrow(w.card), order)).entry, key.entry)
    const { sets, keys } = await list(w.custodian, tomorrow(w.card))
    assert.deepEqual([sets, keys], [[made.entry], [key.entry]])
  }
})

/** Tells, outside channels, another digest in the last event, and a chain that follows from it. */
function lying(bench: Bench, transport: Transport): Transport {
  return {
    close: () => transport.close(),
    async transmit(command) {
      const answer = await transport.transmit(command)
      const plainly = command[0] === 0x80 && command[1] === commands['GET EVENTS'].ins
      if (!plainly || answer.length < 2 + 2 * 69) return answer
      const told = parseEvents(answer.subarray(0, -2))
      const last = told.pop()!
      const lie = { ...last, serial: bench.serial, digest: new Uint8Array(32).fill(0xee) }
      told.push({ ...lie, chain: nextLink(nodeCrypto, { ...lie, previous: told.at(-1)!.chain }) })
      const records = told.map(({ number, type, digest, chain }) =>
        concat(u32(number), Uint8Array.of(type), digest, chain),
      )
      return concat(...records, u16(0x9000))
    },
  }
}

test('no event of a key download is stated as somebody on the line tells it', async () => {
  const w = await world()
  const { custodian, station, card, ei } = w
  const refused = async (ports: PartyPorts, step: Promise<unknown>) => {
    const before = await ports.store.list(outbox)
    assert.equal(await code(step), 'peer-broke-protocol')
    assert.deepEqual(await ports.store.list(outbox), before)
  }
  await refused(custodian, makeSet(custodian, lying(card, tomorrow(card)), { set: 1 }))
  await makeSet(custodian, tomorrow(card), { set: 1 })
  await refused(custodian, installTransportKey(custodian, lying(ei, tomorrow(ei)), { set: 1 }))
  await installTransportKey(custodian, tomorrow(ei), { set: 1 })
  await refused(custodian, makeKey(custodian, lying(card, tomorrow(card)), order))
  await makeKey(custodian, tomorrow(card), order)
  const { file: request } = await prepareKey(tomorrow(ei), { place: fuel.place, held: true })
  await refused(custodian, exportKey(custodian, lying(card, tomorrow(card)), { request }))
  const { file } = await exportKey(custodian, tomorrow(card), { request })
  await refused(station, importKey(station, lying(ei, tomorrow(ei)), file))
  const imported = await importKey(station, tomorrow(ei), file)
  assert.ok(imported.already)
  assert.equal(imported.entries.length, 1)
})

test('[A1g] a set gets new keys: modules in the field take downloads under the previous T, others under the new', async () => {
  const w = await world()
  await settled(w)
  const renewed = await makeSet(w.custodian, tomorrow(w.card), { set: 1, replace: true })
  assert.equal(renewed.generation, 2)
  const { file: request } = await prepareKey(tomorrow(w.ei), { place: fuel.place, held: true })
  const wrong = await exportKey(w.custodian, tomorrow(w.card), { request })
  assert.equal(await code(importKey(w.station, tomorrow(w.ei), wrong.file)), 'module-check-failed')
  const right = await exportKey(w.custodian, tomorrow(w.card), { request, generation: 'previous' })
  const imported = await importKey(w.station, tomorrow(w.ei), right.file)
  await verifyReceipt(w.custodian, tomorrow(w.card), imported.file)
  await installTransportKey(w.custodian, tomorrow(w.ei), { set: 1, next: true })
  const next = await prepareKey(tomorrow(w.ei), { place: fuel.place, held: true })
  const under = await exportKey(w.custodian, tomorrow(w.card), { request: next.file })
  await importKey(w.station, tomorrow(w.ei), under.file)
  const last = await prepareKey(tomorrow(w.ei), { place: fuel.place, held: true })
  const old = await exportKey(w.custodian, tomorrow(w.card), { request: last.file, generation: 'previous' })
  assert.equal(await code(importKey(w.station, tomorrow(w.ei), old.file)), 'module-check-failed')
})

test('[A11a] a key whose entry says so is another one in every module, and its receipt is checked as such', async () => {
  const w = await world()
  await makeSet(w.custodian, tomorrow(w.card), { set: 1 })
  const { entry } = await makeKey(w.custodian, tomorrow(w.card), { ...order, diversified: true })
  const seen = [encodeHex(entry.checkValue)]
  for (const serial of [w.ei.serial, otherSerial, decodeHex('1111111111111111')]) {
    const ei = unit({ serial, bare: true })
    await keepPapers(w.custodian, papersOf(ei))
    await installTransportKey(w.custodian, tomorrow(ei), { set: 1 })
    const { file: request } = await prepareKey(tomorrow(ei), { place: fuel.place, held: true })
    const { file } = await exportKey(w.custodian, tomorrow(w.card), { request })
    const imported = await importKey(w.station, tomorrow(ei), file)
    await verifyReceipt(w.custodian, tomorrow(w.card), imported.file)
    seen.push(encodeHex(imported.receipt.checkValue))
  }
  assert.equal(new Set(seen).size, 4)
})

test('[A11b] diversification is fixed with the key: nothing that a caller of EXPORT KEY says changes it', async () => {
  const w = await world()
  const { entry } = await settled(w)
  for (const diversified of [false, true]) {
    const same = { ...order, diversified }
    if (diversified)
      assert.equal(await code(makeKey(w.custodian, tomorrow(w.card), same)), 'module-already-there')
  }
  const { file: request } = await prepareKey(tomorrow(w.ei), { place: fuel.place, held: true })
  const { file } = await exportKey(w.custodian, tomorrow(w.card), { request })
  const { receipt } = await importKey(w.station, tomorrow(w.ei), file)
  assert.deepEqual(receipt.checkValue, entry.checkValue)
})

test('refusals say what is wrong and whose fault it is', async () => {
  const w = await world()
  await settled(w)
  assert.equal(await code(prepareKey(tomorrow(w.ei), { place: 0x0020_0999 })), 'key-place-missing')
  assert.equal(
    await code(prepareKey(tomorrow(w.ei), { place: fuel.place, replace: true })),
    'key-place-missing',
  )
  const unknown = await prepareKey(tomorrow(w.ei), { place: other.place, held: true })
  assert.equal(
    await code(exportKey(w.custodian, tomorrow(w.card), { request: unknown.file })),
    'loader-key-missing',
  )
  const { file: request } = await prepareKey(tomorrow(w.ei), { place: fuel.place, held: true })
  const asked = { request, generation: 'previous' } as const
  assert.equal(await code(exportKey(w.custodian, tomorrow(w.card), asked)), 'loader-key-missing')
  const { file } = await exportKey(w.custodian, tomorrow(w.card), { request })
  const stranger = unit({ serial: otherSerial })
  assert.equal(await code(importKey(w.station, stranger.transport, file)), 'wrong-module')
  await prepareKey(tomorrow(w.ei), { place: fuel.place, held: false })
  assert.equal(await code(importKey(w.station, tomorrow(w.ei), file)), 'key-request-void')
  assert.equal(await code(list(w.station, tomorrow(w.card))), 'papers-missing')
  assert.equal(await code(installTransportKey(w.custodian, stranger.transport, { set: 1 })), 'papers-missing')
  assert.equal(await code(installTransportKey(w.custodian, tomorrow(w.ei), { set: 2 })), 'key-missing')
  const suite = { set: 1, suite: 0xa201 } as const
  await assert.rejects(makeSet(w.custodian, tomorrow(w.card), suite), UsageError)
  await assert.rejects(makeSet(w.custodian, tomorrow(w.card), { set: 256 }), UsageError)
  await assert.rejects(makeSet(w.custodian, tomorrow(w.card), { set: 2, suite: 0xa103 }), UsageError)
  const withheld = {
    ...order,
    source: 0x00010a04,
    modules: { rule: 'all-but', serials: [w.ei.serial] },
  } as const
  await makeKey(w.custodian, tomorrow(w.card), withheld)
  const renamed = concat(request.subarray(0, 13), decodeHex('00010A04'), request.subarray(17))
  assert.equal(
    await code(exportKey(w.custodian, tomorrow(w.card), { request: renamed })),
    'loader-key-withheld',
  )
})

test('a receipt that was changed does not hold at the loader', async () => {
  const w = await world()
  await settled(w)
  const { file: request } = await prepareKey(tomorrow(w.ei), { place: fuel.place, held: true })
  const { file } = await exportKey(w.custodian, tomorrow(w.card), { request })
  const imported = await importKey(w.station, tomorrow(w.ei), file)
  const claim = parseKeyReceiptFile(imported.file)
  const wrong = serializeKeyReceiptFile({ ...claim, checkValue: claim.checkValue.map((byte) => byte ^ 1) })
  assert.equal(await code(verifyReceipt(w.custodian, tomorrow(w.card), wrong)), 'authentication-failed')
  assert.deepEqual(await w.custodian.store.list('receipts/'), [])
})

test('papers of another key than before are refused; the same again are taken', async () => {
  const w = await world()
  await keepPapers(w.custodian, papersOf(w.card))
  const forged = serializeModulePapers({
    ...{ version: 1, serial: w.card.serial, product: 'test' },
    documentKey: documentKey.map((byte) => byte ^ 1),
  })
  await assert.rejects(keepPapers(w.custodian, forged), UsageError)
  await list(w.custodian, tomorrow(w.card))
})

test('[A15b] loyalty points are credited and debited between the terminal’s module and the customer’s card', async () => {
  const w = await world()
  await settled(w)
  await bring(w, fuel.place)
  let card = blankRecord(decodeHex('0000000000000042'))
  const once = async (kind: 'credit' | 'debit', points: number, transport = tomorrow(w.ei)) => {
    const done = await book(transport, { kind, record: card, points, place: fuel.place })
    return done.record
  }
  card = await once('credit', 120)
  assert.equal(card.balance, 120)
  // The answer was lost: the same again counts once.
  const twice = [await once('debit', 50), await once('debit', 50)]
  assert.deepEqual(twice[0], twice[1])
  card = twice[0]!
  assert.equal(card.balance, 70)
  assert.equal(
    await code(book(tomorrow(w.ei), { kind: 'debit', record: card, points: 71, place: fuel.place })),
    'points-missing',
  )
  const forged: CardRecord = { ...card, balance: 1000 }
  const refused = book(tomorrow(w.ei), { kind: 'debit', record: forged, points: 500, place: fuel.place })
  await assert.rejects(refused, RefusedError)
  const begun = book(tomorrow(w.ei), {
    kind: 'debit',
    record: blankRecord(card.number),
    points: 1,
    place: fuel.place,
  })
  await assert.rejects(begun, UsageError)
})

test('[A15c] points of one fuel are refused under the key of another', async () => {
  const w = await world()
  await settled(w)
  await makeKey(w.custodian, tomorrow(w.card), { ...order, source: other.source })
  await bring(w, fuel.place)
  await bring(w, other.place)
  const record = blankRecord(decodeHex('0000000000000042'))
  const first = await book(tomorrow(w.ei), { kind: 'credit', record, points: 10, place: fuel.place })
  const wrong = { kind: 'credit', record: first.record, points: 10, place: other.place } as const
  await assert.rejects(book(tomorrow(w.ei), wrong), RefusedError)
  const right = await book(tomorrow(w.ei), { ...wrong, place: fuel.place })
  assert.equal(right.record.balance, 20)
})

async function bring(w: World, place: number): Promise<void> {
  const { file: request } = await prepareKey(tomorrow(w.ei), { place, held: true })
  const { file } = await exportKey(w.custodian, tomorrow(w.card), { request })
  await importKey(w.station, tomorrow(w.ei), file)
}

test('[A2c] a serial number that was given to a chip is refused to a second one', async () => {
  const [issuer, manufacturer, mounter] = [
    await factoryParty('issuer'),
    await factoryParty('manufacturer'),
    await factoryParty('mounter'),
  ]
  const factory = ramFactory(issuer.crypto)
  const { file } = await mask(issuer, maskInput())
  const { deliveryNote } = await produce(manufacturer, { mask: file, factory, names: ['a', 'b'] })
  const mounted = (chip: string, serial: Uint8Array) => {
    const power = async () => poweredChip(factory.chips.get(chip)!).transport
    return mount(mounter, { chip, power, serial, deliveryNote })
  }
  await mounted('a', otherSerial)
  await assert.rejects(mounted('b', otherSerial), UsageError)
  const again = await mounted('a', otherSerial)
  assert.equal(again.outcome, 'mounted')
})
