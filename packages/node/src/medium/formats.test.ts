import assert from 'node:assert/strict'
import { test } from 'node:test'
import { concat } from '@sealwright/core/bytes'
import { scriptedEntropy } from '@sealwright/core/testing'
import { geometryFor, RamSlots } from '@sealwright/module/medium'
import { chipKeyCheck, sealedSlotLength, slotCount } from '@sealwright/module/seal'
import fc from 'fast-check'
import { nodeCrypto as crypto } from '../crypto/index.ts'
import { checkBackup, parseBackup, serializeBackup } from './backup-file.ts'
import { parseHeader, serializeHeader } from './chip-header.ts'
import { type KeyHead, keyHeadStart, parseKeyHead, serializeKeyHead } from './key-file.ts'
import { unwrapKey, wrapKey } from './passphrase.ts'

const octets = (length: number): fc.Arbitrary<Uint8Array> =>
  fc.uint8Array({ minLength: length, maxLength: length })
const chipId = octets(16)
/** As a literal makes it: records without a prototype are equal to none that is read. */
const record = <T>(parts: { [K in keyof T]: fc.Arbitrary<T[K]> }): fc.Arbitrary<T> =>
  fc.record<T>(parts, { noNullPrototype: true })
const bearable = record({
  logN: fc.integer({ min: 10, max: 15 }),
  r: fc.integer({ min: 1, max: 8 }),
  p: fc.integer({ min: 1, max: 4 }),
})

const keyHead: fc.Arbitrary<KeyHead> = fc.oneof(
  record({ chipId, protection: fc.constant('bare' as const), key: octets(32) }),
  record({
    chipId,
    protection: fc.constant('passphrase' as const),
    wrapped: record({ cost: bearable, salt: octets(16), nonce: octets(12), sealed: octets(48) }),
  }),
)

const header = record({
  geometry: fc.constantFrom(geometryFor(32 * 1024), geometryFor(256 * 1024, 5000)),
  chipId,
  keyCheck: octets(8),
})

function refused(work: () => unknown): void {
  assert.throws(work, { name: 'DecodeError' })
}

test('key file: round trip, one form, every prefix, one byte more and every flipped bit refused', () => {
  fc.assert(
    fc.property(keyHead, (head) => {
      const bytes = serializeKeyHead(head)
      const parsed = parseKeyHead(bytes)
      assert.deepEqual(parsed, head)
      assert.deepEqual(serializeKeyHead(parsed), bytes)
    }),
  )
  for (const [head] of [
    fc.sample(keyHead, { numRuns: 1, seed: 1 }),
    fc.sample(keyHead, { numRuns: 1, seed: 4 }),
  ]) {
    const bytes = serializeKeyHead(head!)
    for (let length = 0; length < bytes.length; length++)
      refused(() => parseKeyHead(bytes.subarray(0, length)))
    refused(() => parseKeyHead(concat(bytes, Uint8Array.of(0))))
    for (let bit = 0; bit < 8 * bytes.length; bit++) {
      const other = bytes.slice()
      other[bit >> 3]! ^= 1 << (bit & 7)
      refused(() => parseKeyHead(other))
    }
  }
})

test('key file: scrypt parameters that nobody should compute are refused', () => {
  const [head] = fc.sample(
    keyHead.filter(({ protection }) => protection === 'passphrase'),
    1,
  )
  if (head?.protection !== 'passphrase') throw new Error('no sample')
  for (const cost of [
    { logN: 9, r: 8, p: 1 },
    { logN: 21, r: 1, p: 1 },
    { logN: 20, r: 16, p: 1 },
    { logN: 15, r: 0, p: 1 },
    { logN: 15, r: 8, p: 0 },
    { logN: 15, r: 8, p: 5 },
    { logN: 255, r: 255, p: 255 },
  ]) {
    refused(() => parseKeyHead(serializeKeyHead({ ...head, wrapped: { ...head.wrapped, cost } })))
  }
})

test('a wrapped key opens with its passphrase for its chip only, and never twice the same', () => {
  const entropy = scriptedEntropy('wrapped keys')
  const world = { crypto, entropy }
  const cost = { logN: 10, r: 1, p: 1 }
  const [key, words, id] = [entropy.bytes(32), entropy.bytes(9), entropy.bytes(16)]
  const start = keyHeadStart(id, 'passphrase')
  const wrapped = wrapKey(world, key, words, start, cost)
  assert.deepEqual(unwrapKey(crypto, wrapped, words, start), key)
  assert.notDeepEqual(wrapKey(world, key, words, start, cost).sealed, wrapped.sealed)
  const wrong = { code: 'chip-passphrase-wrong' }
  assert.throws(() => unwrapKey(crypto, wrapped, words.subarray(1), start), wrong)
  assert.throws(
    () => unwrapKey(crypto, wrapped, words, keyHeadStart(new Uint8Array(16), 'passphrase')),
    wrong,
  )
  assert.throws(() => unwrapKey(crypto, { ...wrapped, salt: new Uint8Array(16) }, words, start), wrong)
  assert.throws(() => wrapKey(world, key, new Uint8Array(0), start, cost), { code: 'usage' })
})

test('header of a chip file: round trip, one form, every prefix and one byte more refused', () => {
  fc.assert(
    fc.property(header, (value) => {
      const bytes = serializeHeader(value)
      assert.deepEqual(parseHeader(bytes), value)
      assert.deepEqual(serializeHeader(parseHeader(bytes)), bytes)
      for (let length = 0; length < bytes.length; length++)
        refused(() => parseHeader(bytes.subarray(0, length)))
      refused(() => parseHeader(concat(bytes, Uint8Array.of(0))))
    }),
    { numRuns: 20 },
  )
})

test('backup: round trip, one form, every prefix, one byte more and every changed byte refused', () => {
  const entropy = scriptedEntropy('backups')
  const geometry = geometryFor(32 * 1024)
  const chip = { crypto, key: entropy.bytes(32), chipId: entropy.bytes(16) }
  const slots = new RamSlots(slotCount(geometry), sealedSlotLength)
  for (const slot of [0, 7, slots.count - 1]) slots.program(slot, entropy.bytes(sealedSlotLength))
  const made = { geometry, chipId: chip.chipId, keyCheck: chipKeyCheck(chip) }
  const bytes = serializeBackup(made, slots, chip)
  const parsed = parseBackup(bytes)
  assert.deepEqual(parsed.header, made)
  assert.deepEqual(parsed.slots.written(), [0, 7, slots.count - 1])
  for (const slot of parsed.slots.written()) assert.deepEqual(parsed.slots.lend(slot), slots.lend(slot))
  assert.deepEqual(serializeBackup(parsed.header, parsed.slots, chip), bytes)
  checkBackup(bytes, chip)
  for (let length = 0; length < bytes.length; length++) refused(() => parseBackup(bytes.subarray(0, length)))
  refused(() => parseBackup(concat(bytes, Uint8Array.of(0))))
  for (let at = 0; at < bytes.length; at++) {
    const other = bytes.slice()
    other[at]! ^= 0x81
    refused(() => {
      parseBackup(other)
      checkBackup(other, chip)
    })
  }
  assert.throws(() => checkBackup(bytes, { ...chip, key: entropy.bytes(32) }), { code: 'backup-changed' })
})
