import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { decodeHex, equal } from '@sealwright/core/bytes'
import { dataTags, keyPlaces, publicKeyIds } from '@sealwright/core/catalog'
import { parseDocument, prepareDocument } from '@sealwright/core/cbor'
import { withHandle } from '@sealwright/core/crypto'
import {
  agreements,
  parseResourceReceipt,
  parseResourceRoom,
  verifyResourceReceipt,
} from '@sealwright/core/resources'
import { memoryMap } from '@sealwright/module/eeprom'
import { fixtureTime } from '@sealwright/module/testing'
import * as authority from '@sealwright/roles/authority'
import { plain } from '@sealwright/roles/channel'
import { readData } from '@sealwright/roles/custody'
import { customize, products, unlock } from '@sealwright/roles/issuer'
import { initRoot, produce } from '@sealwright/roles/manufacturer'
import { mount } from '@sealwright/roles/mounter'
import { operatorKey } from '@sealwright/roles/operator'
import type { PartyPorts } from '@sealwright/roles/ports'
import { mask, maskInput, party, powered, programs, ramFactory } from './factory-bench.ts'
import {
  bankAid,
  type Draft,
  document,
  done,
  operate,
  type ResourceWorld,
  refused,
  repowered,
  resourceWorld,
  supplierChannel,
  unchanged,
} from './resources-world.ts'

// OPERATE, with documents as an operator signs them, and as one should not.

const otherAid = decodeHex('F053570102')
const thirdAid = decodeHex('F053570103')

function definitions(world: ResourceWorld) {
  return world.fixture.module.parts.definitions
}

function zone(world: ResourceWorld) {
  return world.fixture.module.parts.nvm.zones.resources
}

/** A small module, four entries of DEF, that knows one operator only. */
async function small(): Promise<ResourceWorld> {
  const { operator } = await resourceWorld()
  const operators = [await operator.vault.publicPoint(operatorKey)]
  return resourceWorld({ eepromSize: 32 * 1024, operators })
}

/** Two resources with a gap of 100 bytes between them, numbers 1 and 2. */
async function withGap(): Promise<{ world: ResourceWorld; gap: number }> {
  const world = await small()
  const { start } = zone(world)
  await done(world, { type: 'reservation', start, size: 1000 })
  await done(world, {
    ...{ type: 'reservation', number: 2, resource: 2, aid: otherAid },
    ...{ start: start + 1100, size: 1000 },
  })
  return { world, gap: start + 1000 }
}

suite('initialization', () => {
  test("[C1a] customization puts in the authority's public key, operator keys and the number", async () => {
    const issuer = await party('issuer')
    const manufacturer = await party('manufacturer')
    const chips = ramFactory(issuer.crypto)
    const { file } = await mask(issuer, maskInput())
    const { deliveryNote } = await produce(manufacturer, { mask: file, factory: chips, names: ['a'] })
    const root = await initRoot(manufacturer)
    const medium = chips.chips.get('a')!
    const serial = decodeHex('0102030405060708')
    await mount(await party('mounter'), {
      ...{ chip: 'a', serial, deliveryNote },
      power: async () => powered(medium).transport,
    })
    const { transport, module } = powered(medium)
    await unlock(issuer, transport, { mask: 'fleet' })
    const world = await resourceWorld()
    const { publicPoint } = await authority.authorityCertificate(world.authority)
    const operators = await Promise.all(
      [world.operator, world.second].map(({ vault }) => vault.publicPoint(operatorKey)),
    )
    await customize(issuer, transport, {
      ...{ mask: 'fleet', product: products.phone, programs, manufacturerRoot: root.encoded },
      ...{ authority: publicPoint, operators },
    })
    const { objects } = module.parts
    assert.deepEqual(objects.read('public-key', publicKeyIds.authority), publicPoint)
    assert.deepEqual([objects.read('operator', 1), objects.read('operator', 2)], operators)
    assert.equal(objects.list('operator').length, 2)
    assert.deepEqual(module.parts.serial(), serial)
  })

  test("[C1b] the module's private key is made inside, and its public key goes to the authority", async () => {
    const world = await resourceWorld()
    const { keys } = world.fixture.module.parts
    const entry = await authority.register(world.authority, world.transport)
    assert.deepEqual(entry.operating.publicPoint, keys.point(keyPlaces.operating))
    assert.deepEqual(await authority.findRegistered(world.authority, world.fixture.serial), entry)
  })

  test('[C1d] a second operator key works beside the first, each with numbers of its own', async () => {
    const world = await resourceWorld()
    const first = await document(world, { type: 'reservation', number: 9 })
    const receipt = await operate(world, first)
    await done(world, { type: 'reservation', number: 1, resource: 2, aid: otherAid }, world.second)
    assert.deepEqual(await unchanged(world, () => operate(world, first)), receipt)
    await refused(world, 0x6a89, await document(world, { type: 'release', number: 8 }))
    await done(world, { type: 'release', number: 10 })
    await done(world, { type: 'release', number: 2, resource: 2 }, world.second)
    assert.deepEqual(
      definitions(world)
        .list()
        .map(({ id, state }) => [id, state]),
      [
        [1, 'active'],
        [2, 'active'],
      ],
    )
  })

  test("[C1d] neither touches the other's resources", async () => {
    const world = await resourceWorld()
    await done(world, { type: 'reservation' })
    for (const type of ['release', 'block', 'deletion'] as const) {
      await refused(world, 0x6982, await document(world, { type }, world.second))
    }
  })

  for (const type of ['reservation', 'release', 'block', 'deletion'] as const) {
    test(`[C1c] a ${type} under a key that is not among the operators' is refused`, async () => {
      const world = await resourceWorld()
      if (type !== 'reservation') await done(world, { type: 'reservation' })
      await refused(world, 0x6982, await document(world, { type, number: 2 }, world.stranger))
      await refused(world, 0x6982, await document(world, { type, number: 2 }, world.supplier))
    })
  }
})

suite('reservations', () => {
  test('[C5a] a reservation creates the resource with key, parameters, rights and area', async () => {
    const world = await resourceWorld()
    const draft: Draft = {
      type: 'reservation',
      interfaces: ['io', 'data', 'sign'],
      start: zone(world).start + 7,
    }
    const bytes = await document(world, draft)
    const receipt = parseResourceReceipt((await operate(world, bytes)).data)
    const definition = definitions(world).find(1)!
    assert.deepEqual(definition.supplier, await world.supplier.vault.publicPoint('supplier'))
    assert.deepEqual(agreements[definition.agreement], agreements[1])
    assert.deepEqual(definition.aid, bankAid)
    assert.equal(definition.rights, 0x23)
    assert.deepEqual(
      [definition.start, definition.end],
      [zone(world).start + 7, zone(world).start + 7 + 8192],
    )
    assert.equal(definition.state, 'reserved')
    const { crypto, fixture } = world
    const holds = withHandle(crypto.ecPublicKey(fixture.personalization!.operating.publicPoint), (key) =>
      verifyResourceReceipt(key, fixture.serial, crypto.sha256(bytes), receipt),
    )
    assert.ok(holds)
    assert.deepEqual(
      [receipt.start, receipt.end, receipt.state],
      [definition.start, definition.end, 'reserved'],
    )
    const head = fixture.module.parts.events.head()!
    assert.deepEqual([receipt.number, receipt.chain], [head.number, head.chain])
  })

  test('[C5b] the parameters stay with the resource: set-up names neither them nor the key', async () => {
    const world = await resourceWorld()
    await done(world, { type: 'reservation' })
    await done(world, { type: 'release', number: 2 })
    const sent: Uint8Array[] = []
    const watched: ResourceWorld = {
      ...repowered(world),
      transport: {
        transmit: (command) => {
          sent.push(command)
          return world.transport.transmit(command)
        },
        close: () => world.transport.close(),
      },
    }
    const channel = await supplierChannel(watched)
    assert.equal(channel.kind, 'scp11a')
    const own = await world.supplier.vault.publicPoint('supplier')
    for (const command of sent) {
      assert.ok(!Buffer.from(command).includes(Buffer.from(own)))
      assert.ok(!Buffer.from(command).includes(agreements[1].curve))
    }
    assert.equal(definitions(world).find(1)!.agreement, 1)
  })

  for (const [what, agreement] of [
    ['a curve of 192 bits', { ...agreements[1], curve: 'P-192' }],
    ['a modulus of 1024 bits', { ...agreements[1], curve: 'MODP-1024' }],
    ['SHA-1', { ...agreements[1], kdf: 'X9.63-SHA-1' }],
    ['DES', { ...agreements[1], cipher: 'DES' }],
  ] as const) {
    test(`[C5c] the module refuses weak parameters: ${what}`, async () => {
      const world = await resourceWorld()
      const right = parseDocument(await document(world, { type: 'reservation' }))
      const { v: _, ...fields } = Object.fromEntries(right.payload) as Record<string, never>
      await refused(world, 0x6a80, await resigned(world, 'reservation', { ...fields, agreement }))
    })
  }

  test('[C5c] the module refuses a key that is no point of the curve, its own, or an operator’s', async () => {
    const world = await resourceWorld()
    const { keys } = world.fixture.module.parts
    const offCurve = (await world.supplier.vault.publicPoint('supplier')).slice()
    offCurve[64]! ^= 1
    for (const supplier of [
      offCurve,
      keys.point(keyPlaces.operating),
      keys.point(keyPlaces.identity),
      await world.second.vault.publicPoint(operatorKey),
    ]) {
      await refused(world, 0x6a80, await document(world, { type: 'reservation', supplier }))
    }
  })

  test('[C5e] areas that overlap by one byte are refused, areas that touch are not', async () => {
    const { world, gap } = await withGap()
    const draft = { type: 'reservation', number: 3, resource: 3, aid: thirdAid } as const
    for (const [start, size] of [
      [gap - 1, 100],
      [gap, 101],
      [gap - 1, 1],
      [gap + 100, 1],
      [gap - 1, 102],
      [gap - 1000, 2100],
      [gap - 900, 10],
    ] as const) {
      await refused(world, 0x6a89, await document(world, { ...draft, start, size }))
    }
    await done(world, { ...draft, start: gap, size: 100 })
  })

  test('[C5e] a number or an AID that is taken is refused', async () => {
    const world = await resourceWorld()
    await done(world, { type: 'reservation' })
    await refused(world, 0x6a89, await document(world, { type: 'reservation', number: 2, aid: otherAid }))
    await refused(world, 0x6a89, await document(world, { type: 'reservation', number: 2, resource: 2 }))
  })

  test('[C5f] an area that leaves the zone by one byte is refused, one that fills it is not', async () => {
    const world = await resourceWorld({ eepromSize: 32 * 1024 })
    const { start, end } = zone(world)
    for (const [from, size] of [
      [start - 1, 100],
      [end - 99, 100],
      [start, end - start + 1],
      [end, 1],
      [0, end],
      [0xffff_ffff, 1],
      [start, 0xffff_ffff],
    ] as const) {
      await refused(world, 0x6a84, await document(world, { type: 'reservation', start: from, size }))
    }
    await refused(world, 0x6a84, await document(world, { type: 'reservation', size: end - start + 1 }))
    await done(world, { type: 'reservation', start, size: end - start })
  })

  test('[C5f] a definition zone that is full takes no more', async () => {
    const world = await small()
    const aids = [bankAid, otherAid, thirdAid]
    for (const [i, aid] of aids.entries()) {
      await done(world, { type: 'reservation', number: i + 1, resource: i + 1, aid, size: 10 })
    }
    const one = {
      type: 'reservation',
      number: 4,
      resource: 4,
      aid: decodeHex('F053570104'),
      size: 10,
    } as const
    await refused(world, 0x6a84, await document(world, one))
    const room = parseResourceRoom((await readData(plain(world.transport), dataTags.memory))!)
    assert.deepEqual([room.entries, room.free], [4, 0])
  })

  test('[C1d] no reservation takes the last entry of an operator that has not spoken yet', async () => {
    const world = await resourceWorld({ eepromSize: 32 * 1024 })
    const reservation = { type: 'reservation', size: 10 } as const
    await done(world, reservation)
    await done(world, { ...reservation, number: 2, resource: 2, aid: otherAid })
    const third = { ...reservation, number: 3, resource: 3, aid: thirdAid }
    await refused(world, 0x6a84, await document(world, third))
    // Its own first reservation takes two entries.
    const first = await document(world, { ...reservation, resource: 3, aid: thirdAid }, world.second)
    await refused(world, 0x6a84, first)
    await done(world, { type: 'deletion', number: 3, resource: 2 })
    assert.equal((await operate(world, first)).sw, 0x9000)
    await done(world, { type: 'release', number: 2, resource: 3 }, world.second)
    await done(world, { type: 'block', number: 3, resource: 3 }, world.second)
    await refused(world, 0x6a84, await document(world, { ...third, number: 4, resource: 4, aid: otherAid }))
  })

  test('[C5g] the module picks the first place that fits, and the receipt tells it', async () => {
    const { world, gap } = await withGap()
    const place = async (number: number, size: number, aid: Uint8Array) =>
      parseResourceReceipt(await done(world, { type: 'reservation', number, resource: number, aid, size }))
    const fits = await place(3, 100, thirdAid)
    assert.deepEqual([fits.start, fits.end], [gap, gap + 100])
    assert.deepEqual(definitions(world).find(3)!.start, gap)
    const { world: again, gap: hole } = await withGap()
    const larger = parseResourceReceipt(
      await done(again, { type: 'reservation', number: 3, resource: 3, aid: thirdAid, size: 101 }),
    )
    assert.equal(larger.start, hole + 1100)
  })

  test('[C5h] the same document again gives the stored receipt and changes nothing', async () => {
    const world = await resourceWorld()
    const bytes = await document(world, { type: 'reservation' })
    const first = await operate(world, bytes)
    const again = await unchanged(world, () => operate(world, bytes))
    assert.deepEqual(again, first)
    const later = await unchanged(world, () => operate(repowered(world), bytes))
    assert.deepEqual(later, first)
  })

  test('[C5h] a lower number, and another document of the same number, are refused', async () => {
    const world = await resourceWorld()
    await done(world, { type: 'reservation', number: 5 })
    const other = { type: 'reservation', resource: 2, aid: otherAid } as const
    await refused(world, 0x6a89, await document(world, { ...other, number: 4 }))
    await refused(world, 0x6a89, await document(world, { ...other, number: 5 }))
    await refused(world, 0x6a89, await document(world, { type: 'release', number: 5 }))
    await done(world, { ...other, number: 6 })
  })

  test('[C5h] numbers survive deletion: an old reservation does not come back', async () => {
    const world = await resourceWorld()
    const first = await document(world, { type: 'reservation', number: 1 })
    assert.equal((await operate(world, first)).sw, 0x9000)
    await done(world, { type: 'deletion', number: 2 })
    assert.deepEqual(definitions(world).list(), [])
    await refused(world, 0x6a89, first)
    await refused(repowered(world), 0x6a89, first)
  })

  test('[C5h] a document that was refused does not use up its number', async () => {
    const world = await resourceWorld()
    await refused(world, 0x6a88, await document(world, { type: 'block', number: 1 }))
    await done(world, { type: 'reservation', number: 1 })
  })

  test('[C5i] a document for another module is refused', async () => {
    const world = await resourceWorld()
    const module = decodeHex('0102030405060709')
    await refused(world, 0x6a80, await document(world, { type: 'reservation', module }))
  })

  test('[C5i] a document changed at any byte is refused', async () => {
    const world = await resourceWorld({ eepromSize: 32 * 1024 })
    const bytes = await document(world, { type: 'reservation' })
    await unchanged(world, async () => {
      for (let i = 0; i < bytes.length; i++) {
        const changed = bytes.slice()
        changed[i]! ^= 1 << (i & 7)
        const { sw } = await operate(world, changed)
        assert.ok([0x6a80, 0x6982].includes(sw), `byte ${i}: ${sw.toString(16)}`)
      }
    })
  })

  test('[C5i] a document without an operator’s signature is refused', async () => {
    const world = await resourceWorld()
    const bytes = await document(world, { type: 'reservation' })
    await refused(world, 0x6a80, bytes.subarray(0, -1))
    const unsigned = bytes.slice()
    unsigned.fill(1, -64)
    await refused(world, 0x6982, unsigned)
  })

  test('a key place that does not exist, or is none for applications, is refused', async () => {
    const world = await resourceWorld()
    const draft = { type: 'reservation', interfaces: ['io', 'mac'] } as const
    for (const place of [0x0020_0101, keyPlaces.operating, keyPlaces.document]) {
      await refused(world, 0x6a88, await document(world, { ...draft, places: [place] }))
    }
  })

  test('operator time does not go back, nor 400 days on at once', async () => {
    const world = await resourceWorld()
    await done(world, { type: 'reservation', time: fixtureTime })
    const release = { type: 'release', number: 2 } as const
    await refused(world, 0x6a80, await document(world, { ...release, time: fixtureTime - 1 }))
    await refused(world, 0x6a80, await document(world, { ...release, time: fixtureTime + 400 * 86_400 + 1 }))
    await done(world, { ...release, time: fixtureTime + 400 * 86_400 })
  })

  test('orders out of order are refused', async () => {
    const world = await resourceWorld()
    for (const type of ['block', 'release', 'deletion'] as const) {
      await refused(world, 0x6a88, await document(world, { type }))
    }
    await done(world, { type: 'reservation' })
    await done(world, { type: 'release', number: 2 })
    await refused(world, 0x6985, await document(world, { type: 'release', number: 3 }))
    await done(world, { type: 'block', number: 3 })
    await refused(world, 0x6985, await document(world, { type: 'block', number: 4 }))
    await done(world, { type: 'release', number: 4 })
  })

  test('every byte of the memory has an owner, resources and their definitions included', async () => {
    const { world } = await withGap()
    const { objects, definitions: def, nvm } = world.fixture.module.parts
    const map = memoryMap(objects, def.segments())
    assert.equal(map.at(0)!.start, 0)
    assert.equal(map.at(-1)!.end, nvm.size)
    for (const [i, segment] of map.entries()) {
      if (i > 0) assert.equal(segment.start, map[i - 1]!.end)
    }
    const names = map.map(({ name }) => name)
    for (const name of [
      'definition of resource 1',
      'definition of resource 2',
      'operator 1, last document',
    ]) {
      assert.ok(names.includes(name), name)
    }
    assert.equal(map.filter(({ owner }) => owner === 'resource 2').length, 1)
  })

  test('deletion overwrites the area and the key', async () => {
    const world = await resourceWorld({ eepromSize: 32 * 1024 })
    const supplier = await world.supplier.vault.publicPoint('supplier')
    const { nvm } = world.fixture.module.parts
    await done(world, { type: 'reservation', start: zone(world).start })
    nvm.transaction((tx) => tx.write(zone(world).start + 3, supplier))
    await done(world, { type: 'deletion', number: 2 })
    const image = nvm.read(0, nvm.size)
    assert.ok(!Buffer.from(image).includes(Buffer.from(supplier.subarray(1, 33))))
    assert.ok(equal(nvm.read(zone(world).start, 8192), new Uint8Array(8192)))
  })
})

suite('sessions', () => {
  test('[C6c] before activation the resource takes no session', async () => {
    const world = await resourceWorld()
    await assert.rejects(
      unchanged(world, () => supplierChannel(world)),
      { code: 'module-reference-not-found' },
    )
    await done(world, { type: 'reservation' })
    await assert.rejects(
      unchanged(world, () => supplierChannel(world)),
      { code: 'module-reference-not-found' },
    )
    await done(world, { type: 'release', number: 2 })
    await supplierChannel(world)
  })

  test('a supplier of another resource, or with another key, opens nothing', async () => {
    const world = await resourceWorld()
    await done(world, { type: 'reservation' })
    await done(world, {
      ...{ type: 'reservation', number: 2, resource: 2, aid: otherAid },
      supplier: await world.rival.vault.publicPoint('supplier'),
    })
    await done(world, { type: 'release', number: 3 })
    await done(world, { type: 'release', number: 4, resource: 2 })
    await assert.rejects(supplierChannel(world, 1, world.rival), { code: 'module-security-not-satisfied' })
    await assert.rejects(supplierChannel(world, 2, world.supplier), { code: 'module-security-not-satisfied' })
    await assert.rejects(supplierChannel(world, 3), { code: 'module-reference-not-found' })
    await supplierChannel(world, 2, world.rival)
  })

  test('blocking ends the open session; the key opens none until the release', async () => {
    const world = await resourceWorld()
    await done(world, { type: 'reservation' })
    await done(world, { type: 'release', number: 2 })
    const channel = await supplierChannel(world)
    await done(world, { type: 'block', number: 3 })
    await assert.rejects(channel.send('LOAD SWITCH', { data: new Uint8Array(32) }), {
      code: 'module-security-not-satisfied',
    })
    await assert.rejects(supplierChannel(world), { code: 'module-reference-not-found' })
    await done(world, { type: 'release', number: 4 })
    await supplierChannel(world)
  })

  test("blocking one resource leaves another's session open", async () => {
    const world = await resourceWorld()
    await done(world, { type: 'reservation' })
    await done(world, { type: 'reservation', number: 2, resource: 2, aid: otherAid })
    await done(world, { type: 'release', number: 3, resource: 2 })
    const channel = await supplierChannel(world, 2)
    await done(world, { type: 'block', number: 4 })
    await assert.rejects(channel.send('LOAD SWITCH', { data: new Uint8Array(32) }), {
      code: 'module-conditions-not-satisfied',
    })
  })
})

/** Payload fields signed by the world's operator, whatever they are. */
async function resigned(
  world: ResourceWorld,
  type: 'reservation',
  fields: Parameters<typeof prepareDocument>[1],
  signer: PartyPorts = world.operator,
): Promise<Uint8Array> {
  const point = await signer.vault.publicPoint(operatorKey)
  const unsigned = prepareDocument(type, fields, point, world.crypto)
  return unsigned.finish(await signer.vault.sign(operatorKey, unsigned.toBeSigned))
}
