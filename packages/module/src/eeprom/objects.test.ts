import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ascii, concat } from '@sealwright/core/bytes'
import { DecodeError } from '@sealwright/core/errors'
import fc from 'fast-check'
import { geometryFor, RamMedium } from '../medium/index.ts'
import { memoryImage } from '../memory-image/index.ts'
import { Ram } from '../ram/index.ts'
import {
  memoryMap,
  type ObjectKind,
  Objects,
  objectKinds,
  openNvm,
  parseControlPage,
  parseObjectEntry,
  type Segment,
  StorageFull,
  serializeControlPage,
  serializeObjectEntry,
  zonesOf,
} from './index.ts'

const geometry = geometryFor(32 * 1024)
const kinds = Object.keys(objectKinds) as ObjectKind[]

test('object kinds have numbers of their own from 1 to 255', () => {
  const numbers = Object.values(objectKinds).map((row) => row.number)
  assert.equal(new Set(numbers).size, numbers.length)
  assert.ok(numbers.every((number) => number >= 1 && number <= 255))
})

test('zones cover EEPROM without gap: DEF holds 4 entries in 32 KiB and 16 in 256 KiB, resources get half', () => {
  for (let size = 32 * 1024; size <= 4 * 1024 * 1024; size *= 2) {
    const { control, directory, definition, heap, resources } = zonesOf(size)
    const zones = [control, directory, definition, heap, resources]
    assert.equal(zones[0]!.start, 0)
    for (const [i, zone] of zones.entries()) assert.equal(zone.end, zones[i + 1]?.start ?? size)
    assert.equal(definition.end - definition.start, 512 * definition.entries)
    assert.ok(resources.end - resources.start >= size / 2)
    assert.ok(heap.end - heap.start > size / 4)
  }
  assert.equal(zonesOf(32 * 1024).definition.entries, 4)
  assert.equal(zonesOf(256 * 1024).definition.entries, 16)
})

test('directory entry and control page: the four laws', () => {
  const u32 = fc.nat(0xffff_ffff)
  fc.assert(
    fc.property(fc.constantFrom(...kinds), u32, u32, u32, (kind, id, address, length) => {
      laws({ kind, id, address, length }, serializeObjectEntry, parseObjectEntry)
    }),
    { numRuns: 20 },
  )
  const mark = fc.uint8Array({ minLength: 32, maxLength: 32 })
  fc.assert(
    fc.property(u32, mark, (eepromSize, modeMark) => {
      laws({ version: 1, eepromSize, modeMark }, serializeControlPage, parseControlPage)
    }),
    { numRuns: 10 },
  )
  assert.throws(() => parseObjectEntry(new Uint8Array(16)), DecodeError)
  assert.throws(() => parseObjectEntry(Uint8Array.of(1, ...new Uint8Array(14), 1)), DecodeError)
})

test('an object is created, read, replaced by a longer and a shorter one, and removed', () => {
  const medium = new RamMedium(geometry)
  const objects = new Objects(openNvm(medium))
  const { nvm } = objects
  assert.equal(objects.read('key', 1), undefined)
  for (const text of ['first', 'a much longer one', 'short', '']) {
    nvm.transaction((tx) => objects.put(tx, 'key', 1, ascii(text)))
    assert.deepEqual(objects.read('key', 1), ascii(text))
    assert.deepEqual(new Objects(openNvm(medium)).read('key', 1), ascii(text))
  }
  assert.equal(objects.has('key', 1), true)
  assert.equal(
    nvm.transaction((tx) => objects.remove(tx, 'key', 1)),
    true,
  )
  assert.equal(objects.has('key', 1), false)
  assert.equal(
    nvm.transaction((tx) => objects.remove(tx, 'key', 1)),
    false,
  )
  assert.deepEqual(objects.entries(), { used: 0, all: 128 })
})

test('a put that is rolled back leaves neither entry nor bytes', () => {
  const objects = new Objects(openNvm(new RamMedium(geometry)))
  assert.throws(() =>
    objects.nvm.transaction((tx) => {
      objects.put(tx, 'event', 4, ascii('x'))
      assert.deepEqual(objects.read('event', 4), ascii('x'))
      throw new RangeError('refused')
    }),
  )
  assert.equal(objects.read('event', 4), undefined)
  assert.deepEqual(objects.list(), [])
})

test('any sequence of puts and removes does what a Map does, in transactions kept and dropped', () => {
  const step = fc.record({
    kind: fc.constantFrom<ObjectKind>('key', 'event', 'operator'),
    id: fc.nat(3),
    bytes: fc.option(fc.uint8Array({ maxLength: 700 }), { nil: undefined }),
  })
  const transaction = fc.record({ steps: fc.array(step, { maxLength: 4 }), kept: fc.boolean() })
  fc.assert(
    fc.property(fc.array(transaction, { maxLength: 12 }), (transactions) => {
      const medium = new RamMedium(geometry)
      const objects = new Objects(openNvm(medium))
      let model = new Map<string, Uint8Array>()
      for (const { steps, kept } of transactions) {
        const draft = new Map(model)
        try {
          objects.nvm.transaction((tx) => {
            for (const { kind, id, bytes } of steps) {
              if (bytes === undefined) {
                assert.equal(objects.remove(tx, kind, id), draft.delete(`${kind} ${id}`))
              } else {
                objects.put(tx, kind, id, bytes)
                draft.set(`${kind} ${id}`, bytes)
              }
            }
            if (!kept) throw new RangeError('dropped')
          })
          model = draft
        } catch (error) {
          assert.ok(error instanceof RangeError)
        }
        assert.deepEqual(contentOf(objects), sorted(model))
        checkMap(objects)
      }
      assert.deepEqual(contentOf(new Objects(openNvm(medium))), sorted(model))
    }),
    { numRuns: 60 },
  )
})

test('first fit: the gap of a removed object is used again', () => {
  const objects = new Objects(openNvm(new RamMedium(geometry)))
  const { nvm } = objects
  for (let id = 0; id < 3; id++)
    nvm.transaction((tx) => objects.put(tx, 'event', id, new Uint8Array(100).fill(1)))
  const { address } = objects.find('event', 1)!
  nvm.transaction((tx) => objects.remove(tx, 'event', 1))
  nvm.transaction((tx) => objects.put(tx, 'event', 9, new Uint8Array(60).fill(2)))
  assert.equal(objects.find('event', 9)!.address, address)
})

test('no room in the heap or the directory is StorageFull, and nothing changed', () => {
  const objects = new Objects(openNvm(new RamMedium(geometry)))
  const { nvm } = objects
  const { heap } = nvm.zones
  const size = heap.end - heap.start
  nvm.transaction((tx) => objects.put(tx, 'software', 1, new Uint8Array(size - 10)))
  assert.throws(
    () => nvm.transaction((tx) => objects.put(tx, 'software', 2, new Uint8Array(11))),
    StorageFull,
  )
  assert.equal(objects.has('software', 2), false)
  nvm.transaction((tx) => objects.put(tx, 'software', 2, new Uint8Array(10)))
  assert.deepEqual(objects.free(), [])
  nvm.transaction((tx) => objects.put(tx, 'software', 1, new Uint8Array(size - 10).fill(1, 0, 5)))
  for (let id = 2; id < 128; id++) nvm.transaction((tx) => objects.put(tx, 'nonce', id, new Uint8Array()))
  assert.throws(() => nvm.transaction((tx) => objects.put(tx, 'nonce', 128, new Uint8Array())), StorageFull)
  assert.equal(objects.entries().used, 128)
})

test('replaced and removed bytes are nowhere in the memory image, which finds them before', () => {
  const medium = new RamMedium(geometry)
  const objects = new Objects(openNvm(medium))
  const places = (canary: Uint8Array) => memoryImage({ medium, ram: new Ram() }).search(canary)
  const canaries = ['first canary, 0123456789', 'second and longer canary, abcdefghijklmnop', 'third'].map(
    ascii,
  )
  const [first, second, third] = canaries as [Uint8Array, Uint8Array, Uint8Array]
  const put = (bytes: Uint8Array): void => objects.nvm.transaction((tx) => objects.put(tx, 'key', 7, bytes))
  put(first)
  // A neighbour, so that a longer value has to move.
  objects.nvm.transaction((tx) => objects.put(tx, 'event', 1, ascii('neighbour')))
  assert.deepEqual(places(first), [{ section: 'eeprom', offset: objects.find('key', 7)!.address }])
  put(second)
  for (const part of [first, first.subarray(0, 8), first.subarray(-8)]) assert.deepEqual(places(part), [])
  put(third)
  for (const part of [second, second.subarray(0, 8), second.subarray(-8)]) assert.deepEqual(places(part), [])
  assert.equal(places(third).length, 1)
  objects.nvm.transaction((tx) => objects.remove(tx, 'key', 7))
  assert.deepEqual(places(third), [])
})

test('a directory that points outside the heap or names an object twice is refused', () => {
  for (const entries of [
    [{ kind: 'key', id: 1, address: 0, length: 8 }],
    [{ kind: 'key', id: 1, address: 16_380, length: 8 }],
    [
      { kind: 'key', id: 1, address: 8192, length: 8 },
      { kind: 'key', id: 1, address: 8200, length: 8 },
    ],
  ] as const) {
    const nvm = openNvm(new RamMedium(geometry))
    nvm.transaction((tx) => tx.write(nvm.zones.directory.start, concat(...entries.map(serializeObjectEntry))))
    assert.throws(() => new Objects(nvm).list(), { code: 'memory-damaged' })
  }
})

test('the map attributes every byte, with what others know of DEF and resources', () => {
  const objects = new Objects(openNvm(new RamMedium(geometry)))
  const { definition, resources } = objects.nvm.zones
  objects.nvm.transaction((tx) => objects.put(tx, 'certificate', 3, new Uint8Array(300)))
  const inside = [
    { start: resources.start + 100, end: resources.start + 200, owner: 'bank', name: 'resource 1' },
    { start: definition.start, end: definition.start + 512, owner: 'operator', name: 'DEF entry 0' },
  ]
  const map = checkMap(objects, inside)
  const named = (name: string): Segment => map.find((segment) => segment.name === name)!
  assert.equal(named('certificate 3').owner, 'customer')
  assert.equal(named('certificate 3').end - named('certificate 3').start, 300)
  assert.deepEqual([named('resource 1').owner, named('DEF entry 0').owner], ['bank', 'operator'])
  assert.throws(() => memoryMap(objects, [...inside, { ...inside[0]!, start: resources.start + 150 }]), {
    code: 'internal',
  })
})

function checkMap(objects: Objects, inside: readonly Segment[] = []): Segment[] {
  const map = memoryMap(objects, inside)
  let at = 0
  for (const { start, end } of map) {
    assert.equal(start, at)
    assert.ok(end > start)
    at = end
  }
  assert.equal(at, objects.nvm.size)
  return map
}

function contentOf(objects: Objects): [string, Uint8Array][] {
  return sorted(
    new Map(
      objects
        .list()
        .map(({ kind, id }) => [`${kind} ${id}`, objects.read(kind, id)!] as [string, Uint8Array]),
    ),
  )
}

function sorted(map: Map<string, Uint8Array>): [string, Uint8Array][] {
  return [...map].sort(([a], [b]) => (a < b ? -1 : 1))
}

function laws<T>(value: T, serialize: (value: T) => Uint8Array, parse: (bytes: Uint8Array) => T): void {
  const bytes = serialize(value)
  assert.deepEqual(parse(bytes), value)
  assert.deepEqual(serialize(parse(bytes)), bytes)
  for (let length = 0; length < bytes.length; length++) {
    assert.throws(() => parse(bytes.subarray(0, length)), DecodeError)
  }
  assert.throws(() => parse(concat(bytes, Uint8Array.of(0))), DecodeError)
}
