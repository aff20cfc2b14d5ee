import assert from 'node:assert/strict'
import { test } from 'node:test'
import { crc32 } from 'node:zlib'
import { ascii, concat } from '@sealwright/core/bytes'
import { DecodeError } from '@sealwright/core/errors'
import fc from 'fast-check'
import {
  areaOf,
  CountingMedium,
  geometryFor,
  pageSize,
  RamMedium,
  StorageFull,
  transactionPages,
} from '../medium/index.ts'
import { checksum, Journal, parseRecord, serializeRecord } from './index.ts'

const content = fc.oneof(
  fc.uint8Array({ minLength: pageSize, maxLength: pageSize }),
  // Mostly zeros with short gaps, where runs begin and end.
  fc
    .array(fc.constantFrom(0, 0, 0, 1), { minLength: pageSize, maxLength: pageSize })
    .map((list) => Uint8Array.from(list)),
)
const record = fc
  .array(fc.tuple(fc.nat(65_535), content), { maxLength: 4 })
  .map((entries) => new Map(entries.sort(([a], [b]) => a - b)))

test('the checksum is CRC-32 as zlib computes it, then CRC-32C', () => {
  const sum = checksum(ascii('123456789'))
  // Check values of the CRC catalogue for CRC-32/ISO-HDLC and CRC-32/ISCSI.
  assert.deepEqual(sum, Uint8Array.of(0xcb, 0xf4, 0x39, 0x26, 0xe3, 0x06, 0x92, 0x83))
  fc.assert(
    fc.property(fc.uint8Array(), (bytes) => {
      const sum = checksum(bytes)
      assert.equal(new DataView(sum.buffer).getUint32(0), crc32(bytes))
    }),
  )
})

test('journal record: round trip and canonical', () => {
  fc.assert(
    fc.property(record, (value) => {
      const bytes = serializeRecord(value)
      const parsed = parseRecord(bytes)
      assert.deepEqual(parsed.pages, value)
      assert.equal(parsed.attachment.length, 0)
      assert.deepEqual(serializeRecord(parsed.pages), bytes)
      // The record stands at the front of a larger area and ends by itself.
      assert.deepEqual(parseRecord(concat(bytes, Uint8Array.of(0xff))), parsed)
    }),
  )
})

test('journal record: every proper prefix and every changed byte is refused as DecodeError', () => {
  const bytes = serializeRecord(
    new Map([
      [7, new Uint8Array(pageSize).fill(3)],
      [9, new Uint8Array(pageSize)],
    ]),
  )
  for (let length = 0; length < bytes.length; length++) {
    assert.throws(() => parseRecord(bytes.subarray(0, length)), DecodeError)
  }
  for (let i = 0; i < bytes.length; i++) {
    const changed = bytes.slice()
    changed[i]! ^= 0x10
    assert.throws(() => parseRecord(changed), DecodeError)
  }
})

test('a page of zeros costs 3 bytes, one of random bytes at most 261', () => {
  const length = (bytes: Uint8Array): number => serializeRecord(new Map([[1, bytes]])).length - 20
  assert.equal(length(new Uint8Array(pageSize)), 3)
  fc.assert(fc.property(content, (bytes) => length(bytes) <= 261))
})

test('a small change costs one journal page: three programs and three syncs', () => {
  const medium = new CountingMedium(new RamMedium(geometryFor()))
  const page = new Uint8Array(pageSize)
  page.set([1, 2, 3, 4], 40)
  new Journal(medium).commit(new Map([[5, page]]))
  assert.deepEqual([medium.programs, medium.syncs], [3, 3])
})

test('64 KiB of incompressible change fit into the journal of a 256 KiB EEPROM, one page more is refused unwritten', () => {
  for (const size of [32 * 1024, 256 * 1024]) {
    const geometry = geometryFor(size)
    const pages = transactionPages(geometry.eepromPages)
    if (size === 256 * 1024) assert.equal(pages * pageSize, 64 * 1024)
    const medium = new CountingMedium(new RamMedium(geometry))
    const change = new Map(
      Array.from({ length: pages }, (_, i) => [i + 1, new Uint8Array(pageSize).fill(1 + (i % 255))] as const),
    )
    new Journal(medium).commit(change)
    for (const [page, bytes] of change) assert.deepEqual(medium.read(page), bytes)
    medium.programs = 0
    for (let i = 0; i < 3; i++) change.set(pages + 1 + i, new Uint8Array(pageSize).fill(9))
    assert.throws(() => new Journal(medium).commit(change), StorageFull)
    assert.equal(medium.programs, 0)
  }
})

test('the whole of a 4 MiB EEPROM can be erased in one transaction', () => {
  const geometry = geometryFor(4 * 1024 * 1024)
  const medium = new RamMedium(geometry)
  const { first, pages } = areaOf(geometry, 'eeprom')
  const zeros = new Map(
    Array.from({ length: pages }, (_, i) => [first + i, new Uint8Array(pageSize)] as const),
  )
  medium.program(first + 5, new Uint8Array(pageSize).fill(1))
  new Journal(medium).commit(zeros)
  assert.deepEqual(medium.read(first + 5), new Uint8Array(pageSize))
})

test('recovery of a clean journal writes nothing, of rubbish clears it', () => {
  const medium = new CountingMedium(new RamMedium(geometryFor(32 * 1024)))
  const journal = new Journal(medium)
  assert.equal(journal.recover(), 'clean')
  assert.equal(medium.programs, 0)
  medium.program(areaOf(medium.geometry, 'journal').first + 2, new Uint8Array(pageSize).fill(7))
  assert.equal(journal.recover(), 'dropped')
  assert.equal(journal.recover(), 'clean')
})
