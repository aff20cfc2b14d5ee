import assert from 'node:assert/strict'
import { encodeHex } from '@sealwright/core/bytes'
import { certificateIds, keyPlaces, publicKeyIds } from '@sealwright/core/catalog'
import { serializeKeyPlace, serializeKeyRecord } from '@sealwright/core/key-download'
import { scriptedEntropy } from '@sealwright/core/testing'
import { parseCertificate } from '@sealwright/core/x509'
import type { Module } from '@sealwright/module'
import { memoryImage } from '@sealwright/module/memory-image'
import { depersonalize as erase } from '@sealwright/module/personalization'
import type { Definition } from '@sealwright/module/resources'
import { fixtureKey } from '@sealwright/module/testing'
import { depersonalize } from '@sealwright/roles/central'
import { depersonalizeByHand } from '@sealwright/roles/custody'
import { memoryPorts } from '@sealwright/roles/ports'
import { requestPayment } from '@sealwright/roles/terminal'
import { nodeCrypto as crypto } from '../src/crypto/index.ts'
import {
  personalizationWorld,
  personalized,
  speak,
  transportOf,
  type World,
} from './personalization-world.ts'

// A module at work, and what the end of its personalization takes from it.

/** A place whose key was downloaded, and one whose key customization laid. */
export const loadedPlace = 0x0020_0101
export const laidPlace = 0x0020_0102
export const operatorKey = fixtureKey(crypto, 'operator').publicPoint

export const resource: Definition = {
  id: 1,
  state: 'active',
  rights: 0,
  agreement: 1,
  budget: 1000,
  aid: Uint8Array.of(0xf0, 1, 2, 3, 4),
  supplier: fixtureKey(crypto, 'supplier').publicPoint,
  operator: crypto.sha256(operatorKey).slice(0, 16),
  start: 0,
  end: 0,
  places: [],
  reservation: new Uint8Array(32),
}

/** A module at work: personalized, with keys downloaded and laid, R held, a transport key, resources. */
export async function atWork(seed = 'fixture'): Promise<World> {
  const canary = scriptedEntropy(`${seed} keys`)
  const world = await personalizationWorld({
    seed,
    operators: [operatorKey],
    prepare({ tx, objects, keys }) {
      for (const place of [loadedPlace, laidPlace]) {
        objects.put(
          tx,
          'key-place',
          place,
          serializeKeyPlace({ kind: 'application', usage: 'M6', source: 1 }),
        )
        keys.putAes(tx, place, canary.bytes(16))
      }
      keys.putAes(tx, keyPlaces.transport, canary.bytes(16))
      const attributes = {
        usage: 'M6',
        algorithm: 'A',
        mode: 'C',
        version: 3,
        exportability: 'N',
        keyLength: 16,
      } as const
      const record = {
        attributes,
        counter: 7,
        checkValue: canary.bytes(5),
        acknowledgement: canary.bytes(16),
      }
      objects.put(tx, 'receipt', loadedPlace, serializeKeyRecord(record))
    },
  })
  await personalized(world)
  const { nvm, definitions } = world.fixture.module.parts
  const { start } = nvm.zones.resources
  nvm.transaction((tx) => {
    definitions.put(tx, { ...resource, start, end: start + 512 })
    definitions.put(tx, {
      ...resource,
      id: 2,
      state: 'reserved',
      aid: Uint8Array.of(0xf0, 1, 2, 3, 5),
      start: start + 512,
      end: start + 1024,
    })
    tx.write(start, Uint8Array.of(1, 2, 3))
  })
  assert.equal((await speak(world.fixture.module, 'PREPARE', Uint8Array.of(0, 0x20, 1, 1), 0, 1)).sw, 0x9000)
  await requestPayment(transportOf(world), { account: 'DE02', amount: 1, currency: 'EUR' })
  return world
}

export function unitOf({ unitCertificate }: World) {
  const { publicPoint, customer } = parseCertificate(unitCertificate)
  return { point: publicPoint, customer: customer! }
}

export function end(world: World, transport = transportOf(world)) {
  return depersonalize(world.central, transport, { unit: unitOf(world), serial: world.fixture.serial })
}

export function byHand(world: World) {
  const terminal = memoryPorts('terminal', { clock: world.clock, entropy: scriptedEntropy('t'), crypto })
  return terminal.then((ports) =>
    depersonalizeByHand(ports, {
      transport: transportOf(world),
      serial: world.fixture.serial,
      carryOut: () => erase(world.fixture.module.parts),
    }).then((done) => ({ ...done, ports })),
  )
}

export const imageOf = (world: World, module: Module = world.fixture.module) =>
  memoryImage({ medium: world.fixture.medium, ram: module.parts.ram })

/** Every key that is to go, by the name of what it is. */
export function goingKeys({ fixture }: World): Record<string, Uint8Array> {
  const { objects, ram } = fixture.module.parts
  const read = (place: number) => objects.read('key', place)!.slice(1)
  return {
    operating: read(keyPlaces.operating),
    loaded: read(loadedPlace),
    R: objects.read('nonce', 1)!.slice(0, 16),
    'central key': objects.read('public-key', publicKeyIds.central)!.slice(1, 33),
    payment: ram.view('payment asked for')!.slice(0, 8),
  }
}

export function requireErased(
  world: World,
  before: Record<string, Uint8Array>,
  module = world.fixture.module,
): void {
  const { parts } = module
  const { objects, keys, life } = parts
  assert.equal(life.state(), 'awaiting-personalization')
  for (const place of [keyPlaces.operating, keyPlaces.pending, loadedPlace])
    assert.equal(keys.has(place), false)
  for (const { id } of [certificateIds.operating, certificateIds.unit, certificateIds.central]) {
    assert.equal(objects.find('certificate', id), undefined)
  }
  assert.equal(objects.find('public-key', publicKeyIds.central), undefined)
  const image = imageOf(world, module)
  for (const [name, value] of Object.entries(before)) assert.deepEqual(image.search(value), [], name)
}

/** What stays, byte for byte. */
export function staying({ fixture }: World, module = fixture.module) {
  const { objects, nvm } = module.parts
  const read = (kind: Parameters<typeof objects.read>[0], ids: number[]) =>
    ids.map((id) => [kind, id, encodeHex(objects.read(kind, id) ?? new Uint8Array(0))])
  return [
    read('key', [keyPlaces.identity, keyPlaces.document, keyPlaces.document + 1, keyPlaces.document + 2]),
    read('key', [keyPlaces.transport, laidPlace]),
    read('certificate', [certificateIds.identity.id]),
    read('public-key', [publicKeyIds.manufacturer]),
    read('operator', [1]),
    read('authority-time', [1]),
    read('receipt', [loadedPlace]),
    read('key-place', [loadedPlace, laidPlace]),
    read('product-data', [5]),
    encodeHex(nvm.read(nvm.zones.resources.start, 1024)),
  ]
}
