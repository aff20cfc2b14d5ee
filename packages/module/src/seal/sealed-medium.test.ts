import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ascii, encodeHex } from '@sealwright/core/bytes'
import { portableCrypto } from '@sealwright/core/crypto'
import { StateError } from '@sealwright/core/errors'
import { scriptedEntropy } from '@sealwright/core/testing'
import { openNvm } from '../eeprom/index.ts'
import { Journal } from '../journal/index.ts'
import { type Geometry, geometryFor, RamSlots, romPages, type Slots } from '../medium/index.ts'
import { contentOf, cutCommit, mediumContract, SealedChip } from '../testing/index.ts'
import {
  type ChipKey,
  chipKeyCheck,
  counterCellLength,
  counterCells,
  RollbackCounter,
  SealedMedium,
  sealedSlotLength,
  slotCount,
} from './index.ts'

const chip: ChipKey = {
  crypto: portableCrypto,
  key: new Uint8Array(32).fill(7),
  chipId: ascii('chip of the test'),
}
const entropy = scriptedEntropy('sealed medium')

function make(geometry: Geometry, rom: Uint8Array = new Uint8Array()) {
  const slots = new RamSlots(slotCount(geometry), sealedSlotLength)
  const cells = new RamSlots(counterCells, counterCellLength)
  const counter = new RollbackCounter(chip, cells)
  const parts = { geometry, slots, counter, chip, entropy }
  return { ...parts, cells, medium: SealedMedium.create(parts, { pages: romPages(geometry, rom) }) }
}

for (const { title, check } of mediumContract) {
  test(`sealed medium: ${title}`, () => {
    const made = new Map<unknown, ReturnType<typeof make>>()
    check({
      make: (size, rom) => {
        const one = make(size, rom)
        made.set(one.medium, one)
        return one.medium
      },
      reopen: (medium) => {
        const { geometry, slots, cells } = made.get(medium)!
        return SealedMedium.open({
          geometry,
          slots,
          counter: new RollbackCounter(chip, cells),
          chip,
          entropy,
        })
      },
    })
  })
}

/** Slots that keep a copy of everything that was ever written to them. */
class WatchedSlots implements Slots {
  readonly programs: { readonly slot: number; readonly bytes: Uint8Array }[] = []
  readonly #inner: RamSlots
  /** Refuses the n-th program from now on, as a full disk does. */
  failAt = Number.POSITIVE_INFINITY

  constructor(inner: RamSlots) {
    this.#inner = inner
  }

  get count(): number {
    return this.#inner.count
  }

  get length(): number {
    return this.#inner.length
  }

  get revision(): number {
    return this.#inner.revision
  }

  lend(slot: number): Uint8Array {
    return this.#inner.lend(slot)
  }

  program(slot: number, bytes: Uint8Array): void {
    if (--this.failAt === 0) throw new StateError('full', { code: 'memory-unwritable' })
    this.programs.push({ slot, bytes: bytes.slice() })
    this.#inner.program(slot, bytes)
  }

  sync(): void {}
}

test('no nonce comes twice, and no plaintext is ever in a slot, the journal and a recovery included', () => {
  const canary = ascii('canary: a key nobody may see')
  const chip = new SealedChip({ geometry: geometryFor(32 * 1024) })
  const slots = new WatchedSlots(chip.slots)
  for (let round = 0; round < 12; round++) {
    if (round % 3 === 2) cutCommit(chip, { 3: round }, 3 + (round % 4))
    const medium = chip.open({ slots })
    const nvm = openNvm(medium)
    nvm.transaction((tx) => tx.write(20_000 + round, canary))
    nvm.transaction((tx) => tx.write(24_000, Uint8Array.of(round)))
    medium.close()
  }
  assert.ok(slots.programs.length > 100)
  const nonces = slots.programs.map(({ bytes }) => encodeHex(bytes.subarray(0, 12)))
  assert.equal(new Set(nonces).size, nonces.length)
  const hex = encodeHex(canary)
  assert.ok(slots.programs.every(({ bytes }) => !encodeHex(bytes).includes(hex)))
  const opened = chip.open()
  assert.ok(
    encodeHex(opened.read(1 + Math.floor(20_000 / 256))).includes(hex),
    'the canary is there for who has the key',
  )
})

test('the same content is other bytes every time', () => {
  const chip = new SealedChip()
  const seen = new Set<string>()
  for (let i = 0; i < 5; i++) {
    chip.commit({ 1: 7 })
    seen.add(encodeHex(chip.slots.lend(1).subarray(24)))
  }
  assert.equal(seen.size, 5)
})

test('what was open is overwritten at close, and nothing is read or written after it', () => {
  const chip = new SealedChip()
  chip.commit({ 2: 0x77 })
  const medium = chip.open()
  const lent = medium.lend(2)
  const { revision } = medium
  assert.equal(lent[9], 0x77)
  medium.close()
  medium.close()
  assert.ok(lent.every((byte) => byte === 0))
  assert.notEqual(medium.revision, revision)
  for (const work of [
    () => medium.read(2),
    () => medium.program(2, new Uint8Array(256)),
    () => medium.sync(),
    () => medium.seal.begin([2], new Uint8Array(0)),
  ]) {
    assert.throws(work, { code: 'usage' })
  }
})

test('a write that fails leaves a memory that must be opened again, old or new', () => {
  for (let failAt = 1; failAt <= 12; failAt++) {
    const chip = new SealedChip()
    chip.commit({ 1: 1, 2: 1 })
    const slots = new WatchedSlots(chip.slots)
    const cells = new WatchedSlots(chip.cells)
    const medium = chip.open({ slots, cells })
    slots.failAt = failAt
    cells.failAt = failAt === 12 ? 1 : Number.POSITIVE_INFINITY
    const journal = new Journal(medium)
    let failed = false
    try {
      journal.commit(contentOf({ 1: 2, 2: 2 }))
    } catch (error) {
      failed = true
      assert.equal((error as { code?: unknown }).code, 'memory-unwritable')
      assert.throws(() => medium.read(1), { code: 'wrong-state' })
      assert.throws(() => medium.program(1, new Uint8Array(256)), { code: 'wrong-state' })
    }
    const [, first, second] = chip.contents()
    assert.equal(first, second)
    assert.equal(failed, failAt < 10 || failAt === 12)
    if (!failed) assert.equal(first, 2)
  }
})

test('programs outside a transaction, as the factory makes them, are sealed by the next sync, and one cut off before it is noticed', () => {
  const chip = new SealedChip()
  const medium = chip.open()
  medium.program(3, new Uint8Array(256).fill(9))
  const unsynced = chip.image()
  medium.sync()
  assert.equal(chip.contents()[3], 9)
  chip.putBack(unsynced)
  assert.ok(['stale', 'rolled-back'].includes(chip.refusal()!.kind))
})

test('the count of writes of each page goes on over starts', () => {
  const chip = new SealedChip()
  for (let i = 0; i < 3; i++) chip.commit({ 1: i, [2 + i]: 1 })
  const medium = chip.open()
  assert.deepEqual(
    [0, 1, 2, 5, 11].map((page) => medium.writes(page)),
    [0, 3, 1, 0, 1],
  )
  assert.ok(medium.writes(7) > 0, 'the journal too')
  assert.deepEqual(chip.examine().writes.slice(0, 6), [0, 3, 1, 1, 1, 0])
  assert.throws(() => medium.writes(13), { code: 'usage' })
})

test('slots of another number or length, and a counter in use, are refused before anything is written', () => {
  const geometry = geometryFor(32 * 1024)
  const { cells } = make(geometry)
  const parts = { geometry, chip, entropy, counter: new RollbackCounter(chip, cells) }
  const blank = new RamSlots(slotCount(geometry), sealedSlotLength)
  assert.throws(() => SealedMedium.create({ ...parts, slots: blank }), { code: 'usage' })
  assert.deepEqual(blank.written(), [])
  const short = new RamSlots(slotCount(geometry) - 1, sealedSlotLength)
  assert.throws(() => SealedMedium.open({ ...parts, slots: short }), { code: 'usage' })
  assert.throws(() => chipKeyCheck({ ...chip, key: new Uint8Array(16) }), { code: 'usage' })
})

test('the check value tells chip keys and chips apart', () => {
  const values = [
    chipKeyCheck(chip),
    chipKeyCheck({ ...chip, key: new Uint8Array(32).fill(8) }),
    chipKeyCheck({ ...chip, chipId: new Uint8Array(16) }),
  ].map(encodeHex)
  assert.equal(new Set(values).size, 3)
  assert.deepEqual(chipKeyCheck(chip), chipKeyCheck(chip))
})

test('transactions are there after the memory was opened again', () => {
  const { geometry, slots, cells, medium } = make(geometryFor(32 * 1024))
  const nvm = openNvm(medium)
  for (let i = 0; i < 5; i++) nvm.transaction((tx) => tx.write(20_000 + 300 * i, ascii(`round ${i}`)))
  medium.close()
  const again = SealedMedium.open({
    geometry,
    slots,
    counter: new RollbackCounter(chip, cells),
    chip,
    entropy,
  })
  const reopened = openNvm(again)
  for (let i = 0; i < 5; i++) assert.deepEqual(reopened.read(20_000 + 300 * i, 7), ascii(`round ${i}`))
})
