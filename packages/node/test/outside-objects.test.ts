import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { certificateIds, productDataIds, publicKeyIds } from '@sealwright/core/catalog'
import { parseOutsideObjects, serializeOutsideObjects } from '@sealwright/core/personalization'
import { parseCertificate } from '@sealwright/core/x509'
import { depersonalize, session } from '@sealwright/roles/central'
import { plain } from '@sealwright/roles/channel'
import { presentOutside, readOutsideDigests } from '@sealwright/roles/custody'
import { nodeCrypto as crypto } from '../src/crypto/index.ts'
import {
  cutLine,
  memoryOf,
  personalizationWorld,
  personalized,
  speak,
  transportOf,
  type World,
} from './personalization-world.ts'

const flags = (bits: number, seed = 'fixture') =>
  personalizationWorld({
    seed,
    prepare: ({ tx, objects }) => objects.put(tx, 'product-data', productDataIds.flags, Uint8Array.of(bits)),
  })

const unitOf = ({ unitCertificate }: World) => ({ point: parseCertificate(unitCertificate).publicPoint })
const open = (world: World, outside?: Uint8Array) =>
  session(
    world.central,
    transportOf(world),
    { unit: unitOf(world), ...(outside && { outside }) },
    async () => {},
  )

const places = [
  ['certificate', certificateIds.operating.id],
  ['certificate', certificateIds.unit.id],
  ['certificate', certificateIds.central.id],
  ['public-key', publicKeyIds.central],
] as const

describe('inside', () => {
  test('[B21a] certificates and public keys lie in the key memory, each with its hash', async () => {
    const world = await flags(0)
    await personalized(world)
    const { objects } = world.fixture.module.parts
    for (const [kind, id] of places) assert.ok(objects.has(kind, id), `${kind} ${id}`)
    assert.equal(objects.list('digest').length, 4)
    await open(world)
    assert.deepEqual(await readOutsideDigests(plain(transportOf(world))), [])
    const file = serializeOutsideObjects([{ kind: 'public-key', id: 2, bytes: new Uint8Array(65) }])
    await assert.rejects(presentOutside(plain(transportOf(world)), file), {
      code: 'module-reference-not-found',
    })
  })
})

describe('outside', () => {
  test('[B21b] the module keeps the hashes alone, and works from what the apparatus presents', async () => {
    const world = await flags(2)
    const { outside } = await personalized(world)
    const { objects } = world.fixture.module.parts
    const kept = parseOutsideObjects(outside)
    for (const [kind, id] of places) assert.equal(objects.has(kind, id), false, `${kind} ${id}`)
    const told = await readOutsideDigests(plain(transportOf(world)))
    assert.deepEqual(
      told.map(({ kind, id, digest }) => [kind, id, digest]),
      kept.map(({ kind, id, bytes }) => [kind, id, crypto.sha256(bytes)]),
    )
    for (const [tag, kind] of [
      [0x22, 1],
      [0x23, 1],
      [0x24, 1],
    ] as const) {
      assert.equal(
        (await speak(world.fixture.module, 'GET DATA', undefined, 0xdf, tag)).sw,
        0x6a88,
        `${kind}`,
      )
    }
    await assert.rejects(open(world), { code: 'wrong-state' })
    await open(world, outside)
    // Until the next reset; then it is presented again.
    await open(world)
    world.fixture.module.reset()
    await assert.rejects(open(world))
    await open(world, outside)
    assert.equal((await personalized(world)).already, true)
  })

  test('[B21c] one changed bit anywhere outside is noticed when it is presented, and the module goes on without', async () => {
    const world = await flags(2)
    const { outside } = await personalized(world)
    const before = memoryOf(world.fixture.medium)
    for (const [at, object] of parseOutsideObjects(outside).entries()) {
      for (let bit = 0; bit < 8 * object.bytes.length; bit += 251) {
        const bytes = object.bytes.with(bit >> 3, object.bytes[bit >> 3]! ^ (1 << (bit & 7)))
        const bent = parseOutsideObjects(outside).map((one, i) => (i === at ? { ...one, bytes } : one))
        world.fixture.module.reset()
        await assert.rejects(open(world, serializeOutsideObjects(bent)), { code: 'outside-differs' })
        await assert.rejects(open(world), `${object.kind} ${object.id}, bit ${bit}`)
      }
      const short = parseOutsideObjects(outside).map((one, i) =>
        i === at ? { ...one, bytes: one.bytes.slice(1) } : one,
      )
      await assert.rejects(open(world, serializeOutsideObjects(short)), { code: 'outside-differs' })
    }
    assert.deepEqual(memoryOf(world.fixture.medium), before)
    await open(world, outside)
  })

  test('[B21c] and at each use after it: a bit that changes while it lies in volatile memory', async () => {
    const world = await flags(2)
    const { outside } = await personalized(world)
    const { ram } = world.fixture.module.parts
    for (const [kind, id] of places) {
      world.fixture.module.reset()
      await presentOutside(plain(transportOf(world)), outside)
      const view = ram.view(`outside ${kind} ${id}`)!
      view[7]! ^= 0x10
      const use =
        kind === 'certificate'
          ? await speak(world.fixture.module, 'GET DATA', undefined, 0xdf, 0x20 + id)
          : await speak(world.fixture.module, 'EXTERNAL AUTHENTICATE', undefined, 1, 0x41)
      assert.deepEqual([use.sw, use.data.length], [0x6581, 0], `${kind} ${id}`)
      view[7]! ^= 0x10
    }
    await open(world)
  })

  test("[B21c] another module's file, another id, another kind", async () => {
    const world = await flags(2)
    const { outside } = await personalized(world)
    const other = await flags(2, 'another')
    const theirs = await personalized(other)
    await assert.rejects(open(world, theirs.outside), { code: 'outside-differs' })
    const [operating] = parseOutsideObjects(outside)
    for (const [p1, p2, sw] of [
      [1, 3, 0x6a80],
      [1, 1, 0x6a88],
      [2, 1, 0x6a88],
      [3, 2, 0x6a86],
      [2, 2, 0x6a80],
    ] as const) {
      assert.equal(
        (await speak(world.fixture.module, 'PRESENT OBJECT', operating!.bytes, p1, p2)).sw,
        sw,
        `${p1} ${p2}`,
      )
    }
  })

  test('[B12d] depersonalized, the hashes are gone, and what was presented with them', async () => {
    const world = await flags(2)
    const { outside } = await personalized(world)
    const input = { unit: unitOf(world), serial: world.fixture.serial, outside }
    await depersonalize(world.central, transportOf(world), input)
    const { objects, ram } = world.fixture.module.parts
    assert.equal(objects.list('digest').length, 0)
    assert.deepEqual(
      ram.list().filter(({ name }) => name.startsWith('outside')),
      [],
    )
    assert.equal((await personalized(world)).already, false)
  })

  test('[R2a] personalization cut at every command, run again: the apparatus gets its file all the same', async () => {
    for (let at = 12; ; at++) {
      const world = await flags(2)
      const cut = await personalized(world, cutLine(transportOf(world), at, 'after')).then(
        () => false,
        () => true,
      )
      const { outside } = await personalized(world)
      await open(world, outside)
      if (!cut) return
    }
  })
})
