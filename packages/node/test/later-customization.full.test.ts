import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { ascii, decodeHex, encodeHex, fromAscii } from '@sealwright/core/bytes'
import { dataTags, eventTypeOf } from '@sealwright/core/catalog'
import { type LaterChange, type Product, parseChipStatus } from '@sealwright/core/customization'
import { PeerError } from '@sealwright/core/errors'
import type { Transport } from '@sealwright/core/ports'
import { scriptedEntropy } from '@sealwright/core/testing'
import { answeringProgram } from '@sealwright/module/testing'
import { plain } from '@sealwright/roles/channel'
import { parseEvents, readData } from '@sealwright/roles/custody'
import { customize, finish, laterCustomize, makeSam, mask, products, unlock } from '@sealwright/roles/issuer'
import { certifyModule, initRoot, produce } from '@sealwright/roles/manufacturer'
import { mount } from '@sealwright/roles/mounter'
import type { PartyPorts } from '@sealwright/roles/ports'
import { maskInput, party, powered, programs, ramFactory } from './factory-bench.ts'

const samSerial = decodeHex('5A00000000000001')
const chipSerial = decodeHex('0102030405060708')
const ins = 0xd0

const change: LaterChange = {
  name: 'cash 2',
  software: [{ program: 5, wasm: 'answer', interfaces: ['io'], budget: 100_000, keyPlaces: [], dataSize: 8 }],
  vectors: [{ ins, program: 5, function: 1 }],
}
const changed = { answer: answeringProgram('later') }

interface World {
  readonly issuer: PartyPorts
  /** Each call powers up. */
  sam(): Transport
  chip(): Transport
  make(name: string, serial: Uint8Array, product: Product, sam?: Transport): Promise<() => Transport>
  /** Up to the customization mode. */
  unlocked(name: string, serial: Uint8Array): Promise<() => Transport>
  customized(chip: Transport, product: Product, sam?: Transport): ReturnType<typeof customize>
}

/** An issuer with a SAM, and a cash machine that takes later customization with it. */
async function world(product: Partial<Product> = { laterCustomization: true }): Promise<World> {
  const issuer = await party('issuer')
  const manufacturer = await party('manufacturer')
  const mounter = await party('mounter')
  const factory = ramFactory(issuer.crypto)
  const { file } = await mask(issuer, maskInput())
  const names = ['sam', 'chip', 'other', 'second sam']
  const { deliveryNote } = await produce(manufacturer, { mask: file, factory, names })
  const { encoded: root } = await initRoot(manufacturer)
  let powerUps = 0
  const unlocked: World['unlocked'] = async (name, serial) => {
    const on = () =>
      powered(factory.chips.get(name)!, issuer.crypto, scriptedEntropy(`${name} ${powerUps++}`)).transport
    const mounted = await mount(mounter, { chip: name, power: async () => on(), serial, deliveryNote })
    assert.equal(mounted.outcome, 'mounted')
    await unlock(issuer, on(), { mask: 'fleet' })
    return on
  }
  const customized: World['customized'] = (chip, made, sam) =>
    customize(issuer, chip, {
      ...{ mask: 'fleet', product: made, programs, manufacturerRoot: root },
      ...(sam === undefined ? {} : { sam }),
    })
  const make: World['make'] = async (name, serial, made, sam) => {
    const on = await unlocked(name, serial)
    const { identityRequest } = await customized(on(), made, sam)
    const { encoded: certificate } = await certifyModule(manufacturer, { request: identityRequest! })
    await finish(issuer, on(), { mask: 'fleet', certificate })
    return on
  }
  const sam = await make('sam', samSerial, products.sam)
  await makeSam(issuer, sam())
  const wanted = { ...products.cash, ...product }
  const chip = await make('chip', chipSerial, wanted, wanted.laterCustomization === true ? sam() : undefined)
  return { issuer, sam, chip, make, unlocked, customized }
}

const run = ({ issuer, sam, chip }: World, made: LaterChange = change) =>
  laterCustomize(issuer, chip(), { change: made, programs: changed, sam: sam() })

suite('later customization through a SAM', () => {
  test('[D10a][D10c] the issuer changes a finished module with its SAM; the module stays in user mode and says what was done', async () => {
    const one = await world()
    assert.equal((await plain(one.chip()).exchange({ name: 'new', ins })).sw, 0x6d00)
    const done = await run(one)
    assert.deepEqual([done.serial, done.sam, done.writes], [chipSerial, samSerial, 2])
    const channel = plain(one.chip())
    assert.equal(fromAscii(await channel.send({ name: 'new', ins })), 'later')
    assert.equal(parseChipStatus(await channel.send('CHIP STATUS')).mode, 'user')
    assert.equal(fromAscii((await readData(channel, dataTags.product))!), 'cash 2')
  })

  test('[D10a] the same change again, as after an answer that was lost, leaves the same module', async () => {
    const one = await world()
    const place = 0x0020_0901
    const whole: LaterChange = {
      ...change,
      keyPlaces: [{ place, kind: 'application', usage: 'M6', source: 0 }],
      keys: [{ place, key: scriptedEntropy('own key').bytes(16) }],
      natives: ['PREPARE'],
    }
    await run(one, whole)
    const places = await readData(plain(one.chip()), dataTags.places)
    const vectors = await readData(plain(one.chip()), dataTags.vectors)
    await run(one, whole)
    assert.deepEqual(await readData(plain(one.chip()), dataTags.places), places)
    assert.deepEqual(await readData(plain(one.chip()), dataTags.vectors), vectors)
    assert.equal(fromAscii(await plain(one.chip()).send({ name: 'new', ins })), 'later')
  })

  test('[D10e] module and SAM each tell the log what they did, and the chains agree with it', async () => {
    const one = await world()
    const { entries } = await run(one)
    assert.deepEqual(
      entries.map(({ type }) => eventTypeOf(type)),
      ['customized-later'],
    )
    const names = (await one.issuer.store.list('outbox/')).map((name) => name.slice('outbox/'.length))
    const of = (serial: Uint8Array) =>
      names.filter((name) => name.startsWith(encodeHex(serial).toLowerCase()))
    // Unlocked, identity made, key stored, certified, finished, customized later.
    assert.equal(of(chipSerial).length, 6)
    // Unlocked, identity made, certified, finished, master key made, key sealed, session keys given.
    assert.equal(of(samSerial).length, 7)
    const told = async (transport: Transport, from: string) =>
      parseEvents(await plain(transport).send('GET EVENTS', { data: decodeHex(from) })).map(({ type }) =>
        eventTypeOf(type),
      )
    assert.deepEqual(await told(one.chip(), '00000007'), ['customized-later'])
    assert.deepEqual(await told(one.sam(), '00000006'), [
      'master-key-made',
      'customization-key-sealed',
      'session-keys-given',
    ])
  })

  test('[D10d] a module of the same product without it is refused before the SAM is asked for anything', async () => {
    const one = await world({})
    const events = (await one.issuer.store.list('outbox/')).length
    await assert.rejects(run(one), { code: 'later-customization-off' })
    assert.equal((await one.issuer.store.list('outbox/')).length, events)
    assert.equal(await readData(plain(one.chip()), dataTags.sealedCustomizationKey), undefined)
  })

  test('later customization without a SAM, a SAM without it, and identical modules are refused before anything is written', async () => {
    const one = await world()
    const other = { ...products.cash, laterCustomization: true }
    await assert.rejects(one.make('other', decodeHex('0000000000000009'), other), { code: 'usage' })
    const issuer = one.issuer
    const input = { mask: 'fleet', programs, manufacturerRoot: new Uint8Array(0) }
    for (const [product, sam] of [
      [products.cash, one.sam()],
      [{ ...other, identical: true }, one.sam()],
    ] as const) {
      await assert.rejects(customize(issuer, one.chip(), { ...input, product, sam }), { code: 'usage' })
    }
  })

  test('[D10e] another SAM is named before it is asked; one that says its name and has another master key is refused', async () => {
    const one = await world()
    const second = await one.make('second sam', decodeHex('5A00000000000002'), products.sam)
    await makeSam(one.issuer, second())
    await assert.rejects(
      laterCustomize(one.issuer, one.chip(), { change, programs: changed, sam: second() }),
      { code: 'sam-differs', message: /5A00000000000001/ },
    )
  })

  test('a module that is no SAM, and a SAM without a master key, say so', async () => {
    const one = await world()
    await assert.rejects(makeSam(one.issuer, one.chip()), { code: 'module-instruction-not-supported' })
    const blank = await one.make('second sam', decodeHex('5A00000000000002'), products.sam)
    const other = { ...products.cash, laterCustomization: true }
    await assert.rejects(one.make('other', decodeHex('0000000000000009'), other, blank()), {
      code: 'sam-not-ready',
    })
  })

  test('a SAM makes its master key once, and keeps the limit that it was given', async () => {
    const one = await world()
    const again = await makeSam(one.issuer, one.sam(), { sessions: 3 })
    assert.equal(again.made, false)
    assert.equal(again.sessionsLeft, undefined)
    const limited = await one.make('second sam', decodeHex('5A00000000000002'), products.sam)
    const made = await makeSam(one.issuer, limited(), { sessions: 1 })
    assert.deepEqual([made.made, made.sessionsLeft], [true, 1])
    const product = { ...products.cash, laterCustomization: true }
    const chip = await one.make('other', decodeHex('0000000000000009'), product, limited())
    const input = { change, programs: changed }
    await laterCustomize(one.issuer, chip(), { ...input, sam: limited() })
    await assert.rejects(laterCustomize(one.issuer, chip(), { ...input, sam: limited() }), {
      code: 'sam-not-ready',
    })
  })

  test('a change that the module does not take is refused, and what ran before runs', async () => {
    const one = await world()
    await run(one)
    const software = [{ program: 5, wasm: 'answer', interfaces: ['io'], budget: 1, keyPlaces: [] }] as const
    for (const [wrong, code] of [
      [{ software }, 'module-wrong-data'],
      [{ vectors: [{ ins: 0xd1, program: 9, function: 1 }] }, 'module-reference-not-found'],
      [{ vectors: [{ ins: 0xca, program: 5, function: 1 }] }, 'module-security-not-satisfied'],
      [
        { keys: [{ place: 0xff03_0001, key: scriptedEntropy('k').bytes(16) }] },
        'module-security-not-satisfied',
      ],
      [{ keys: [{ place: 0x0020_0901, key: new Uint8Array(16) }] }, 'test-key'],
    ] as const) {
      const input = { change: wrong as LaterChange, programs: { answer: ascii('no wasm') } }
      await assert.rejects(laterCustomize(one.issuer, one.chip(), { ...input, sam: one.sam() }), { code })
      assert.equal(fromAscii(await plain(one.chip()).send({ name: 'new', ins })), 'later')
    }
  })

  test('customized again before FINISH the chip keeps the key that it was given, and the SAM seals no second one', async () => {
    const one = await world()
    const product = { ...products.cash, laterCustomization: true }
    const chip = await one.unlocked('other', decodeHex('0000000000000009'))
    const sealed = () => readData(plain(chip()), dataTags.sealedCustomizationKey)
    await one.customized(chip(), product, one.sam())
    const first = await sealed()
    const sealings = (await one.issuer.store.list('outbox/')).length
    await one.customized(chip(), product, one.sam())
    assert.ok(first)
    assert.deepEqual(await sealed(), first)
    assert.equal((await one.issuer.store.list('outbox/')).length, sealings)
  })

  test('[D10a] a line to module or SAM that is cut before or after any command leaves the old module or the new one, and run again it is the new one', async () => {
    const one = await world()
    await run(one)
    let [cuts, before] = [0, 'later']
    for (const side of ['chip', 'sam'] as const) {
      for (let at = 1; ; at++) {
        const text = `${side} ${at}`
        const broken = cutting(one[side](), at, at % 2 === 0)
        const input = { change, programs: { answer: answeringProgram(text) } }
        await laterCustomize(one.issuer, side === 'chip' ? broken : one.chip(), {
          ...{ ...input, sam: side === 'sam' ? broken : one.sam() },
        }).catch(() => {})
        if (!broken.cut) {
          before = text
          break
        }
        cuts++
        const answer = async () => fromAscii(await plain(one.chip()).send({ name: 'new', ins }))
        assert.ok([before, text].includes(await answer()), text)
        await laterCustomize(one.issuer, one.chip(), { ...input, sam: one.sam() })
        assert.equal(await answer(), text)
        before = text
      }
    }
    assert.ok(cuts > 20, String(cuts))
  })
})

/** A line that breaks at one command, before it or, heard by the module, after it. */
function cutting(below: Transport, at: number, heard: boolean): Transport & { cut: boolean } {
  let count = 0
  const line = {
    cut: false,
    async transmit(bytes: Uint8Array) {
      if (line.cut) throw new PeerError('the line is cut')
      if (++count < at) return below.transmit(bytes)
      line.cut = true
      if (heard) await below.transmit(bytes)
      throw new PeerError('the line is cut')
    },
    close: () => below.close(),
  }
  return line
}
