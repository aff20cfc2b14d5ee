import assert from 'node:assert/strict'
import { test } from 'node:test'
import { concat } from '@sealwright/core/bytes'
import { DecodeError } from '@sealwright/core/errors'
import fc from 'fast-check'
import { areaOf, geometryFor, RamMedium } from '../medium/index.ts'
import { layOutRom, parseRom, parseVectors, readRom, serializeRom, serializeVectors } from './index.ts'

const byte = fc.nat(255)
const ascending = (options: { min?: number; maxLength: number }) =>
  fc
    .uniqueArray(fc.integer({ min: options.min ?? 0, max: 255 }), { maxLength: options.maxLength })
    .map((list) => list.sort((a, b) => a - b))
const vectors = ascending({ maxLength: 6 }).chain((list) =>
  fc.tuple(
    ...list.map((ins) => fc.tuple(byte, byte).map(([program, entry]) => ({ ins, program, function: entry }))),
  ),
)
const name = fc.string({ minLength: 1, maxLength: 32, unit: fc.constantFrom(...'abc -.9') })
const rom = fc
  .tuple(
    fc.uint8Array({ minLength: 65, maxLength: 65 }),
    vectors,
    ascending({ maxLength: 10 }),
    ascending({ min: 1, maxLength: 3 }).chain((ids) =>
      fc.tuple(
        ...ids.map((id) =>
          fc.tuple(name, fc.uint8Array({ maxLength: 600 })).map(([n, code]) => ({ id, name: n, code })),
        ),
      ),
    ),
    fc.boolean(),
  )
  .map(([clientKey, bootVectors, nativeEntries, programs, test]) =>
    layOutRom({ test, eepromSize: 262_144, clientKey, bootVectors, nativeEntries, programs }),
  )

test('ROM image: round trip, canonical, every extra byte refused', () => {
  fc.assert(
    fc.property(rom, (image) => {
      const bytes = serializeRom(image)
      const parsed = parseRom(bytes)
      assert.deepEqual(parsed, { ...image, bytes })
      assert.deepEqual(serializeRom(parsed), bytes)
      for (const { address, code } of parsed.programs) {
        assert.equal(address % 256, 0)
        assert.deepEqual(bytes.slice(address, address + code.length), code)
      }
      assert.throws(() => parseRom(concat(bytes, Uint8Array.of(0))), DecodeError)
    }),
  )
})

test('ROM image: every proper prefix and every changed byte outside programs and free fields is refused or parsed alike', () => {
  const bytes = serializeRom(sample())
  for (let length = 0; length < bytes.length; length++) {
    assert.throws(() => parseRom(bytes.subarray(0, length)), DecodeError)
  }
  for (let i = 0; i < bytes.length; i++) {
    const changed = bytes.slice()
    changed[i]! ^= 0x81
    try {
      assert.deepEqual(serializeRom(parseRom(changed)), changed)
    } catch (error) {
      assert.ok(error instanceof DecodeError)
    }
  }
})

test('ROM image: a gap that is not zero, a program at another address, an unknown version are refused', () => {
  const image = sample()
  const bytes = serializeRom(image)
  const gap = bytes.slice()
  gap[image.programs[0]!.address - 1] = 1
  assert.throws(() => parseRom(gap), /gap not zero/)
  assert.throws(
    () =>
      parseRom(
        serializeRom({
          ...image,
          programs: image.programs.map((one) => ({ ...one, address: one.address + 256 })),
        }),
      ),
    DecodeError,
  )
  const version = bytes.slice()
  version[4] = 2
  assert.throws(() => parseRom(version), { code: 'format-newer', message: /ROM image: format version 2/ })
})

test('a chip reads the ROM it was made with', () => {
  const bytes = serializeRom(sample())
  const medium = new RamMedium(geometryFor(32 * 1024, bytes.length), bytes)
  assert.deepEqual(readRom(medium), parseRom(bytes))
  assert.throws(() => readRom(new RamMedium(geometryFor(32 * 1024))), DecodeError)
  assert.throws(() => readRom(new RamMedium(geometryFor(32 * 1024, 300))), DecodeError)
})

test('no page of ROM can be programmed, not even with what it holds', () => {
  const bytes = serializeRom(sample())
  const medium = new RamMedium(geometryFor(32 * 1024, bytes.length), bytes)
  const { first, pages } = areaOf(medium.geometry, 'rom')
  for (let page = first; page < first + pages; page++) {
    assert.throws(() => medium.program(page, medium.read(page)), { code: 'internal' })
  }
})

test('vectors: round trip, canonical, a cut vector and two for one instruction are refused', () => {
  fc.assert(
    fc.property(vectors, (list) => {
      const bytes = serializeVectors(list)
      assert.deepEqual(parseVectors(bytes), list)
      assert.deepEqual(serializeVectors(parseVectors(bytes)), bytes)
    }),
  )
  // A list ends where its bytes end: every prefix that is whole vectors is a list too.
  assert.throws(() => parseVectors(Uint8Array.of(1, 0, 1, 2)), DecodeError)
  assert.throws(() => parseVectors(Uint8Array.of(1, 0, 1, 2, 0)), DecodeError)
  assert.throws(() => parseVectors(Uint8Array.of(1, 0, 1, 1, 0, 2)), DecodeError)
  assert.throws(() => parseVectors(Uint8Array.of(2, 0, 1, 1, 0, 2)), DecodeError)
})

function sample() {
  return layOutRom({
    test: false,
    eepromSize: 262_144,
    clientKey: new Uint8Array(65).fill(4),
    bootVectors: [
      { ins: 0x30, program: 0, function: 1 },
      { ins: 0x36, program: 0, function: 2 },
    ],
    nativeEntries: [1, 2, 7],
    programs: [
      { id: 1, name: 'masked', code: new Uint8Array(300).fill(0xaa) },
      { id: 9, name: 'second', code: new Uint8Array(20).fill(0xbb) },
    ],
  })
}
