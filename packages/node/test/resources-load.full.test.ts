import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { ascii, concat, decodeHex, u16 } from '@sealwright/core/bytes'
import { privateScalar } from '@sealwright/core/crypto'
import type { Transport } from '@sealwright/core/ports'
import {
  draftPackage,
  type LoadBlock,
  loadBlocks,
  type Manifest,
  type Package,
  parseLoadProgress,
  parseLoadReceipt,
  sealPackageKey,
  serializeLoadBlock,
  serializeLoadManifest,
} from '@sealwright/core/resources'
import { type Channel, endChannel } from '@sealwright/roles/channel'
import type { PartyPorts } from '@sealwright/roles/ports'
import * as supplier from '@sealwright/roles/supplier'
import {
  activated,
  bankRequest,
  done,
  program,
  type ResourceWorld,
  repowered,
  resourceWorld,
  supplierChannel,
  unchanged,
} from './resources-world.ts'
import { wat } from './wat.ts'

// Packages on their way into a resource, whole and broken.

/** A program that answers one byte, and how long it is. */
function answering(byte: number, filler = 0): Uint8Array {
  return wat(`(module
    (import "io" "output" (func $output (param i32 i32)))
    (memory (export "memory") 1)
    (data (i32.const 0) "\\${byte.toString(16).padStart(2, '0')}")
    (data (i32.const 1024) "${'x'.repeat(filler)}")
    (func (export "process") (call $output (i32.const 0) (i32.const 1))))`)
}

interface Made extends Package {
  readonly blockList: readonly LoadBlock[]
}

/** A package for the world's module, with whatever of it is wrong. */
async function made(
  world: ResourceWorld,
  input: {
    readonly program?: Uint8Array
    readonly data?: Uint8Array | { readonly size: number }
    readonly manifest?: Partial<Manifest>
    readonly signer?: PartyPorts
    readonly sealedTo?: Uint8Array
    readonly seed?: string
  } = {},
): Promise<Made> {
  const { crypto, fixture } = world
  const { signer = world.supplier, data = { size: 16 }, seed = 'package' } = input
  const supplierPoint = await signer.vault.publicPoint('supplier')
  const key = crypto.sha256(ascii(seed)).slice(0, 16)
  const { document, blocks } = draftPackage(crypto, {
    manifest: {
      ...{ module: fixture.serial, resource: 1, version: 1, blockSize: 64 },
      package: crypto.sha256(ascii(`${seed} id`)).slice(0, 16),
      ...input.manifest,
    },
    ...{ program: input.program ?? answering(0x11, 200), data, key, supplierPoint },
  })
  const manifest = document.finish(await signer.vault.sign('supplier', document.toBeSigned))
  const sealedKey = sealPackageKey(crypto, {
    key,
    modulePoint: input.sealedTo ?? fixture.personalization!.operating.publicPoint,
    manifestDigest: crypto.sha256(manifest),
    ephemeralScalar: privateScalar(crypto, world.supplier.entropy.bytes(48)),
  })
  return { manifest, sealedKey, blocks, blockList: loadBlocks(crypto, { blocks }) }
}

const begin = (channel: Channel, { manifest, sealedKey }: Package) =>
  channel.exchange('LOAD MANIFEST', { data: serializeLoadManifest(manifest, sealedKey) })

const sendBlock = (channel: Channel, block: LoadBlock) =>
  channel.exchange('LOAD BLOCK', { data: serializeLoadBlock(block) })

const doSwitch = (world: ResourceWorld, channel: Channel, { manifest }: Package) =>
  channel.exchange('LOAD SWITCH', { data: world.crypto.sha256(manifest) })

async function whole(world: ResourceWorld, channel: Channel, one: Made): Promise<number> {
  assert.equal((await begin(channel, one)).sw, 0x9000)
  for (const block of one.blockList) assert.equal((await sendBlock(channel, block)).sw, 0x9000)
  return (await doSwitch(world, channel, one)).sw
}

/** An active resource with a program that answers 11, and a channel to it. */
async function running(size = 4096): Promise<{ world: ResourceWorld; channel: Channel; first: Made }> {
  const world = await resourceWorld({ eepromSize: 32 * 1024 })
  await done(world, { type: 'reservation', size })
  await done(world, { type: 'release', number: 2 })
  const channel = await supplierChannel(world)
  const first = await made(world)
  assert.equal(await whole(world, channel, first), 0x9000)
  return { world, channel, first }
}

/** What the application answers. Ends the channel. */
async function answer(world: ResourceWorld): Promise<number | undefined> {
  const select = concat(Uint8Array.of(0x00, 0xa4, 0x04, 0x00, bankRequest.aid.length), bankRequest.aid)
  const selected = await world.transport.transmit(select)
  assert.deepEqual([...selected.slice(-2)], [0x90, 0x00])
  const response = await world.transport.transmit(decodeHex('8001000000'))
  await endChannel(world.transport)
  return response.length === 3 ? response[0] : undefined
}

function resource(world: ResourceWorld) {
  return world.fixture.module.parts.definitions.find(1)!
}

async function refusedAs(
  world: ResourceWorld,
  sw: number,
  send: () => Promise<{ sw: number }>,
): Promise<void> {
  assert.equal((await unchanged(world, send)).sw.toString(16), sw.toString(16))
}

suite('what is refused', () => {
  for (const [what, sw, wrong] of [
    ['for another module', 0x6a80, { manifest: { module: decodeHex('0102030405060709') } }],
    ['for another resource', 0x6a80, { manifest: { resource: 2 } }],
    ['of a version that is not higher', 0x6a89, { manifest: { version: 1 }, seed: 'another' }],
    ['that resizes the data area it keeps', 0x6a80, { data: { size: 17 } }],
  ] as const) {
    test(`[C8d] a package ${what} is refused; the old application stays`, async () => {
      const { world, channel } = await running()
      const input = { ...wrong, manifest: { version: 2, ...('manifest' in wrong ? wrong.manifest : {}) } }
      const one = await made(world, input)
      await refusedAs(world, sw, () => begin(channel, one))
      assert.equal(await answer(world), 0x11)
    })
  }

  test('[C8d] a package that another supplier signed is refused; the old application stays', async () => {
    const { world, channel } = await running()
    const one = await made(world, { signer: world.rival, manifest: { version: 2 } })
    await refusedAs(world, 0x6982, () => begin(channel, one))
    assert.equal(await answer(world), 0x11)
  })

  test('[C8d] a package whose key is sealed to another module is refused', async () => {
    const { world, channel } = await running()
    const sealedTo = await world.rival.vault.publicPoint('supplier')
    const one = await made(world, { sealedTo, manifest: { version: 2 } })
    await refusedAs(world, 0x6982, () => begin(channel, one))
  })

  test('[C8d] a manifest changed at any byte is refused', async () => {
    const { world, channel } = await running()
    const one = await made(world, { manifest: { version: 2 } })
    const data = serializeLoadManifest(one.manifest, one.sealedKey)
    await unchanged(world, async () => {
      for (let i = 0; i < data.length; i += 3) {
        const changed = data.slice()
        changed[i]! ^= 1 << (i & 7)
        const { sw } = await channel.exchange('LOAD MANIFEST', { data: changed })
        assert.ok([0x6a80, 0x6982].includes(sw), `byte ${i}: ${sw.toString(16)}`)
      }
    })
  })

  test('[C8d] a block changed anywhere, misplaced, or of another package is refused', async () => {
    const { world, channel } = await running()
    const one = await made(world, { manifest: { version: 2 }, program: answering(0x22, 200) })
    const other = await made(world, {
      manifest: { version: 3 },
      program: answering(0x33, 200),
      seed: 'other',
    })
    assert.equal((await begin(channel, one)).sw, 0x9000)
    const right = one.blockList[1]!
    await unchanged(world, async () => {
      const data = serializeLoadBlock(right)
      for (let i = 0; i < data.length; i++) {
        const changed = data.slice()
        changed[i]! ^= 1 << (i & 7)
        assert.equal((await channel.exchange('LOAD BLOCK', { data: changed })).sw, 0x6a80, `byte ${i}`)
      }
      for (const wrong of [
        { ...right, index: 2 },
        { ...right, index: 0xffff },
        { ...right, proof: right.proof.slice(1) },
        { ...right, proof: [...right.proof, right.proof[0]!] },
        { ...right, block: one.blockList[2]!.block },
        other.blockList[1]!,
      ]) {
        assert.equal((await sendBlock(channel, wrong)).sw, 0x6a80)
      }
    })
    assert.equal(await answer(world), 0x11)
  })

  for (const [what, sw, wrong] of [
    ['is no program', 0x6a80, new Uint8Array(300).fill(7)],
    ['imports what was not granted', 0x6982, program('bank')],
    ['answers no command', 0x6a80, wat('(module (func (export "f1")))')],
    [
      'wants other software',
      0x6a80,
      wat('(module (import "added" "f1" (func (result i32))) (func (export "process") (drop (call 0))))'),
    ],
  ] as const) {
    test(`[C8d] a program that ${what} is refused at the switch; the old one stays`, async () => {
      const { world, channel } = await running(16_384)
      const one = await made(world, { manifest: { version: 2 }, program: wrong })
      assert.equal((await begin(channel, one)).sw, 0x9000)
      for (const block of one.blockList) assert.equal((await sendBlock(channel, block)).sw, 0x9000)
      await refusedAs(world, sw, () => doSwitch(world, channel, one))
      assert.equal(await answer(world), 0x11)
      const next = await made(world, { manifest: { version: 2 }, program: answering(0x22), seed: 'right' })
      const again = await supplierChannel(world)
      assert.equal(await whole(world, again, next), 0x9000)
      assert.equal(await answer(world), 0x22)
    })
  }

  test('[C9b] a program that imports an interface it was not granted is refused', async () => {
    const world = await resourceWorld()
    const { activation } = await activated(world, { interfaces: ['io', 'data'] })
    await assert.rejects(
      supplier.load(world.supplier, world.transport, {
        ...{ activation, program: program('bank'), data: { size: 96 } },
      }),
      { code: 'module-security-not-satisfied' },
    )
    assert.equal(world.fixture.module.parts.definitions.find(1)!.loaded, undefined)
  })

  test('a package that does not fit beside the program that runs is refused', async () => {
    const { world, channel } = await running(1000)
    const room = 1000 - 16 - resource(world).loaded!.program.length
    const fits = answering(0x22, 200)
    const one = await made(world, {
      manifest: { version: 2 },
      program: concat(fits, Uint8Array.of(0), customSize(room - fits.length)),
    })
    assert.ok(one.blocks.reduce((sum, block) => sum + block.length - 16, 0) > room)
    await refusedAs(world, 0x6a84, () => begin(channel, one))
  })

  test('loading commands outside the channel of a supplier are refused', async () => {
    const { world } = await running()
    const { transport } = repowered(world)
    for (const ins of [0xa8, 0xaa, 0xac]) {
      const sw = (await transport.transmit(Uint8Array.of(0x80, ins, 0, 0, 0))).slice(-2)
      assert.deepEqual([...sw], [0x69, 0x82])
    }
  })

  test('blocks before a manifest, in this channel, are refused', async () => {
    const { world, channel } = await running()
    const one = await made(world, { manifest: { version: 2 }, program: answering(0x22) })
    await refusedAs(world, 0x6985, () => sendBlock(channel, one.blockList[0]!))
    await begin(channel, one)
    await sendBlock(channel, one.blockList[0]!)
    const next = await supplierChannel(world)
    await refusedAs(world, 0x6985, () => sendBlock(next, one.blockList[1]!))
    await refusedAs(world, 0x6985, () => doSwitch(world, next, one))
    assert.equal(await whole(world, next, one), 0x9000)
  })
})

suite('a load that is broken off', () => {
  test('[C8e] it ends at any block, goes on there, and switches once at the end', async () => {
    const total = (await made(await resourceWorld(), { program: answering(0x22, 200) })).blocks.length
    const { world } = await running()
    for (let end = 0; end < total; end++) {
      const one = await made(world, {
        manifest: { version: 2 + end },
        program: answering(0x30 + end, 200),
        seed: `${end}`,
      })
      const before = resource(world).loaded!.version
      const events = world.fixture.module.parts.events.head()!.number
      const channel = await supplierChannel(world)
      await begin(channel, one)
      for (const block of one.blockList.slice(0, end)) await sendBlock(channel, block)
      await refusedAs(world, 0x6985, () => doSwitch(world, channel, one))
      assert.equal(resource(world).loaded!.version, before)

      const off = repowered(world)
      const again = await supplierChannel(off)
      const { have } = parseLoadProgress((await begin(again, one)).data)
      assert.deepEqual(
        have,
        one.blocks.map((_, i) => i < end),
      )
      for (const block of one.blockList.slice(end)) await sendBlock(again, block)
      const { sw, data } = await doSwitch(off, again, one)
      assert.equal(sw, 0x9000)
      assert.equal(parseLoadReceipt(data).version, 2 + end)
      assert.equal(resource(world).pending, undefined)
      assert.equal(await answer(off), 0x30 + end)
      assert.equal(openedEvents(world), events + 1)
    }
  })

  test('[C8e] the blocks come in any order, and one twice', async () => {
    const { world, channel } = await running()
    const one = await made(world, { manifest: { version: 2 }, program: answering(0x22, 200) })
    await begin(channel, one)
    const order = [...one.blockList].reverse()
    for (const [i, block] of order.entries()) {
      const { data } = await sendBlock(channel, block)
      assert.deepEqual(data, u16(order.length - 1 - i))
      const twice = await unchanged(world, () => sendBlock(channel, block))
      assert.deepEqual(twice.data, data)
    }
    assert.equal((await doSwitch(world, channel, one)).sw, 0x9000)
    assert.equal(await answer(world), 0x22)
  })

  test('[C8e] the switch made again gives the stored receipt', async () => {
    const { world, channel, first: one } = await running()
    const again = await unchanged(world, () => doSwitch(world, channel, one))
    assert.equal(again.sw, 0x9000)
    const off = await supplierChannel(repowered(world))
    assert.deepEqual((await doSwitch(world, off, one)).data, again.data)
    const { have } = parseLoadProgress((await begin(off, one)).data)
    assert.ok(have.every((there) => there))
  })

  test('[C8e] the supplier goes on where the line died, whatever command was lost', async () => {
    const world = await resourceWorld()
    const { activation } = await activated(world)
    const input = { activation, program: program('bank'), data: { size: 96 }, blockSize: 300 }
    let total = 0
    for (let cut = 6; ; cut += 3) {
      let count = 0
      const line: Transport = {
        transmit: async (command) => {
          if (++count > cut) throw new Error('the line is dead')
          const answered = await world.transport.transmit(command)
          if (count === cut) throw new Error('the line is dead')
          return answered
        },
        close: async () => {},
      }
      try {
        total += (await supplier.load(world.supplier, line, input)).sent
        break
      } catch {
        assert.ok(cut < 200)
      }
    }
    assert.ok(total < 9, 'some blocks were sent before')
    assert.equal(resource(world).loaded!.version, 1)
    assert.equal((await world.supplier.store.list('outbox/')).length, 1)
  })

  test('another package gives up what was loaded, and leaves nothing of it', async () => {
    const { world, channel } = await running()
    const canary = ascii('a canary in the program')
    const marked = concat(answering(0x22), Uint8Array.of(0, canary.length + 2, 1), ascii('c'), canary)
    const first = await made(world, { manifest: { version: 2 }, program: marked })
    await begin(channel, first)
    for (const block of first.blockList) await sendBlock(channel, block)
    const { nvm } = world.fixture.module.parts
    const holds = () => Buffer.from(nvm.read(0, nvm.size)).includes(Buffer.from(canary))
    assert.ok(holds())
    const second = await made(world, { manifest: { version: 2 }, program: answering(0x33), seed: 'second' })
    await begin(channel, second)
    assert.ok(!holds())
    for (const block of second.blockList) await sendBlock(channel, block)
    assert.equal((await doSwitch(world, channel, second)).sw, 0x9000)
    assert.equal(await answer(world), 0x33)
  })

  test("the package's key is in RAM while the channel is open, and nowhere after", async () => {
    const { world, channel } = await running()
    const one = await made(world, { manifest: { version: 2 }, program: answering(0x22, 200) })
    const key = Buffer.from(world.crypto.sha256(ascii('package')).subarray(0, 16))
    const { ram, nvm } = world.fixture.module.parts
    await begin(channel, one)
    assert.ok(Buffer.from(ram.image()).includes(key))
    await sendBlock(channel, one.blockList[0]!)
    assert.ok(!Buffer.from(nvm.read(0, nvm.size)).includes(key))
    await supplierChannel(world)
    assert.ok(!Buffer.from(ram.image()).includes(key))
  })

  test('new data take the place of the old at the switch and not before', async () => {
    const { world, channel } = await running()
    const { nvm } = world.fixture.module.parts
    const data = new Uint8Array(40).fill(0xd1)
    const one = await made(world, { manifest: { version: 2 }, program: answering(0x22), data })
    const old = resource(world).loaded!.data
    await begin(channel, one)
    for (const block of one.blockList) await sendBlock(channel, block)
    assert.deepEqual(resource(world).loaded!.data, old)
    await doSwitch(world, channel, one)
    const area = resource(world).loaded!.data
    assert.deepEqual(nvm.read(area.start, area.length), data)
    assert.notEqual(area.start, old.start)
  })
})

function openedEvents(world: ResourceWorld): number {
  return world.fixture.power().parts.events.head()!.number
}

/** A custom section of so many bytes in all, behind its id. */
function customSize(length: number): Uint8Array {
  const content = length + 10
  return concat(
    Uint8Array.of((content & 0x7f) | 0x80, content >> 7, 1),
    ascii('x'),
    new Uint8Array(content - 2),
  )
}
