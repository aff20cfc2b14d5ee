import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Journal } from '../journal/index.ts'
import { areaOf, areaOfPage, pageSize, totalPages } from '../medium/index.ts'
import {
  type ChipImage,
  contentOf,
  cutCommit,
  cutCommitOf,
  SealedChip,
  smallGeometry,
} from '../testing/index.ts'

const sealSlot = totalPages(smallGeometry)
const journal = areaOf(smallGeometry, 'journal')

function inJournal(slot: number): boolean {
  return slot >= journal.first && slot < journal.first + journal.pages
}

/** Only the journal's slots of an image. */
function journalOf(chip: SealedChip, image: ChipImage): ChipImage {
  const { slots, cells } = chip.image()
  for (let slot = journal.first; slot < journal.first + journal.pages; slot++) {
    slots.program(slot, image.slots.lend(slot))
  }
  return { slots, cells }
}

/** Writes of a start and of a transaction of one full page, whose record takes two. */
const step = { start: 1, record: 2, counter: 4, page: 5, seal: 6, journal: 7 } as const

test('any slot put back to any of its earlier contents: stale, and named', () => {
  const chip = new SealedChip()
  const history: ChipImage[] = [chip.image()]
  for (let round = 1; round <= 6; round++) {
    chip.commit({ [round]: round, [1 + (round % 3)]: 0x40 + round, ...(round === 3 ? { 0: 1 } : {}) })
    history.push(chip.image())
  }
  const now = chip.image()
  const contents = chip.contents()
  let tried = 0
  for (let slot = 0; slot < chip.slots.count; slot++) {
    for (const { slots } of history) {
      const old = slots.lend(slot)
      if (old.every((byte, i) => byte === now.slots.lend(slot)[i])) continue
      chip.slots.program(slot, old)
      const finding = chip.refusal()
      if (inJournal(slot)) {
        assert.equal(finding, undefined, 'an erased page of the journal in the place of another')
        assert.deepEqual(chip.contents(), contents)
      } else {
        assert.deepEqual([finding?.kind, finding?.page], ['stale', slot], finding?.reason)
        tried++
      }
      chip.putBack(now)
    }
  }
  assert.ok(tried > 20, `${tried} tried`)
})

test('two pages put back together are stale, too many for one name', () => {
  const chip = new SealedChip()
  chip.commit({ 1: 1, 2: 2 })
  const before = chip.image()
  chip.commit({ 1: 3, 2: 4, 3: 5 })
  for (const slot of [1, 2]) chip.slots.program(slot, before.slots.lend(slot))
  const finding = chip.refusal()
  assert.deepEqual([finding?.kind, finding?.page], ['stale', undefined])
})

test('a page of a transaction that never counted, under the same number as the one that did, is stale', () => {
  const chip = new SealedChip()
  chip.commit({ 1: 1 })
  const start = chip.image()
  // One branch: the page is written. It is not the one that the other branch ends with, though both say commit 3.
  chip.commit({ 1: 7 })
  const branch = chip.image()
  chip.putBack(start)
  chip.commit({ 1: 8 })
  chip.slots.program(1, branch.slots.lend(1))
  const finding = chip.refusal()
  assert.deepEqual([finding?.kind, finding?.page], ['stale', undefined])
})

test('the whole memory put back to any earlier state is rolled back, under a counter that went on', () => {
  const chip = new SealedChip()
  const history: ChipImage[] = [chip.image()]
  for (let round = 1; round <= 5; round++) {
    chip.commit({ 1: round })
    history.push(chip.image())
  }
  history.pop()
  for (const { slots } of history) {
    chip.putBack({ slots })
    assert.equal(chip.refusal()?.kind, 'rolled-back')
  }
})

test('a memory from the middle of a transaction is rolled back too, when that one is over', () => {
  for (const cutAt of Object.values(step)) {
    const chip = new SealedChip()
    chip.commit({ 1: 1 })
    assert.ok(cutCommit(chip, { 1: 2 }, cutAt))
    const middle = chip.image()
    chip.contents()
    chip.commit({ 1: 3 })
    chip.putBack({ slots: middle.slots })
    assert.equal(chip.refusal()?.kind, 'rolled-back', `cut at ${cutAt}`)
  }
})

test('the fork: a complete record is torn away, another transaction takes its number, then the whole memory is put back', () => {
  const chip = new SealedChip()
  chip.commit({ 1: 1 })
  const start = chip.image()
  // The record is complete and waits; nothing is told of it yet.
  cutCommit(chip, { 1: 0xaa }, step.counter)
  const waiting = chip.image()
  assert.equal(chip.examine().interrupted?.mark.commit, 3)
  // The attacker tears it away without a start, and the next transaction gets its number.
  chip.putBack({ slots: start.slots })
  chip.commit({ 1: 0xbb })
  assert.equal(chip.examine().sealed?.commit, 3)
  chip.putBack({ slots: waiting.slots })
  assert.deepEqual([chip.refusal()?.kind], ['rolled-back'])
})

test('a record that a start dropped cannot be put back: the counter waits for another one', () => {
  const chip = new SealedChip()
  chip.commit({ 1: 1 })
  cutCommit(chip, { 1: 0xaa }, step.counter)
  const waiting = chip.image()
  const torn = chip.slots.lend(journal.first).slice()
  torn[100]! ^= 1
  chip.slots.program(journal.first, torn)
  assert.equal(chip.contents()[1], 1, 'the old state, and the record is gone')
  // Into the journal only: with no transaction in between, and with one.
  for (const round of [0, 1]) {
    const now = chip.image()
    chip.putBack(journalOf(chip, waiting))
    assert.deepEqual([chip.refusal()?.kind, chip.refusal()?.place], ['stale', 'journal'])
    // The whole memory.
    chip.putBack({ slots: waiting.slots })
    assert.equal(chip.refusal()?.kind, round === 0 ? 'stale' : 'rolled-back')
    chip.putBack(now)
    if (round === 0) chip.commit({ 2: 2 })
  }
})

test('a record that was hidden during a start does not count after it, with nothing to show that it was there', () => {
  const chip = new SealedChip()
  chip.commit({ 1: 1 })
  const start = chip.image()
  cutCommit(chip, { 1: 0xaa }, step.counter)
  const waiting = chip.image()
  assert.equal(chip.refusal(), undefined)
  chip.putBack({ slots: start.slots })
  assert.equal(chip.contents()[1], 1, 'a start that finds nothing')
  chip.putBack({ slots: waiting.slots })
  assert.deepEqual([chip.refusal()?.kind, chip.refusal()?.place], ['stale', 'journal'])
})

test('a record that a cut left half written, put back later, is dropped again and changes nothing', () => {
  const chip = new SealedChip()
  chip.commit({ 1: 1 })
  cutCommit(chip, { 1: 2, 2: 2, 3: 2 }, step.record + 1)
  chip.commit({ 4: 4 })
  const contents = chip.contents()
  const now = chip.image()
  const record = new Journal(chip.open())
  assert.equal(record.recover(), 'clean')
  chip.slots.program(journal.first, new Uint8Array(chip.slots.length).fill(3))
  assert.equal(chip.refusal(), undefined)
  assert.deepEqual(chip.contents(), contents)
  chip.putBack(now)
})

test('the record of an earlier transaction in the journal is stale; the last one again does nothing', () => {
  const chip = new SealedChip()
  const records: ChipImage[] = []
  for (let round = 1; round <= 3; round++) {
    // Committed, carried out, and the journal not yet erased.
    assert.ok(cutCommit(chip, { 1: round }, step.journal))
    records.push(chip.image())
    assert.equal(chip.contents()[1], round)
  }
  const now = chip.image()
  for (const [i, record] of records.entries()) {
    chip.putBack(now)
    chip.putBack(journalOf(chip, record))
    if (i < 2) assert.deepEqual([chip.refusal()?.kind, chip.refusal()?.place], ['stale', 'journal'])
    else {
      assert.equal(chip.refusal(), undefined)
      assert.equal(chip.contents()[1], 3)
    }
  }
})

test('while a transaction is interrupted only its pages may be anything; all others must hold', () => {
  const chip = new SealedChip()
  chip.commit({ 1: 1, 2: 2, 3: 3 })
  const earlier = chip.image()
  chip.commit({ 1: 4, 2: 5, 3: 6 })
  // The counter knows of it, and no page is programmed.
  assert.ok(cutCommit(chip, { 1: 0x77 }, step.page))
  const interrupted = chip.image()
  const after = [0, 0x77, 5, 6, 0, 0, 0, 0x5a, 0x5a]
  const garbage = new Uint8Array(chip.slots.length).fill(0xee)
  const zeros = new Uint8Array(chip.slots.length)
  for (const bytes of [garbage, zeros, earlier.slots.lend(1)]) {
    chip.slots.program(1, bytes)
    assert.equal(chip.refusal(), undefined)
    assert.deepEqual(chip.contents(), after)
    chip.putBack(interrupted)
  }
  for (const slot of [0, 2, 3, 12]) {
    chip.slots.program(slot, garbage)
    assert.deepEqual([chip.refusal()?.kind, chip.refusal()?.page], ['tampered', slot])
    chip.putBack(interrupted)
  }
  for (const [slot, bytes] of [
    [2, earlier.slots.lend(2)],
    [3, zeros],
  ] as const) {
    chip.slots.program(slot, bytes)
    assert.deepEqual([chip.refusal()?.kind, chip.refusal()?.page], ['stale', slot])
    chip.putBack(interrupted)
  }
  // The seal record is about to be replaced: torn it is healed, from long ago it is stale.
  chip.slots.program(sealSlot, garbage)
  assert.equal(chip.refusal(), undefined)
  assert.deepEqual(chip.contents(), after)
  chip.putBack(interrupted)
  chip.slots.program(sealSlot, earlier.slots.lend(sealSlot))
  assert.deepEqual([chip.refusal()?.kind, chip.refusal()?.page], ['stale', sealSlot])
})

test('a record taken away or cut short when the counter knows of it does not give the old state back', () => {
  for (const cutAt of [step.page, step.seal]) {
    const chip = new SealedChip()
    chip.commit({ 1: 1 })
    const start = chip.image()
    assert.ok(cutCommit(chip, { 1: 2 }, cutAt))
    chip.slots.program(journal.first, new Uint8Array(chip.slots.length))
    assert.ok(['stale', 'rolled-back'].includes(chip.refusal()!.kind))
    chip.putBack({ slots: start.slots })
    assert.equal(chip.refusal()?.kind, 'rolled-back')
  }
})

/**
 * Two records of one number whose checksums agree although their pages differ: the attacker chose the content. Both CRCs are linear, so a
 * difference that is a multiple of both polynomials does not show in them. The counter is put back too: only the root stands in the way.
 */
test('a record put together from two of the same number is refused, although its checksum holds', () => {
  const chip = new SealedChip()
  chip.commit({ 1: 1 })
  const start = chip.image()
  const content = new Uint8Array(pageSize).fill(0x31)
  const other = content.slice()
  const product = multiplied(0x1_04c1_1db7n, 0x1_1edc_6f41n)
  for (let i = 0; i < 65; i++) {
    // CRCs take the lowest bit of a byte first.
    if (((product >> BigInt(64 - i)) & 1n) === 1n) other[220 + (i >> 3)]! ^= 1 << (i & 7)
  }
  const waiting = (bytes: Uint8Array): ChipImage => {
    chip.putBack(start)
    // Both pages of the record are written, and the power is lost before the counter is.
    const pages = new Map([[1, bytes]])
    cutCommitOf(chip, pages, step.counter)
    return chip.image()
  }
  const [first, second] = [waiting(content), waiting(other)]
  chip.putBack(second)
  assert.equal(chip.refusal(), undefined)
  assert.equal(chip.examine().interrupted?.mark.commit, 3)
  chip.slots.program(journal.first + 1, first.slots.lend(journal.first + 1))
  const finding = chip.refusal()
  assert.deepEqual([finding?.kind], ['stale'], 'the checksum holds, the seal does not')
})

test('what recovery is asked for is what was checked', () => {
  const chip = new SealedChip()
  cutCommit(chip, { 1: 2 }, step.page)
  const medium = chip.open()
  assert.throws(() => medium.program(2, new Uint8Array(pageSize)), { code: 'internal' })
  assert.throws(() => new Journal(medium).commit(contentOf({ 2: 2 })), { code: 'internal' })
  assert.throws(() => medium.seal.resume(new Uint8Array(64), [1]), { code: 'internal' })
})

test('pages outside a transaction, or before its record is durable, are not programmed', () => {
  const chip = new SealedChip()
  const medium = chip.open()
  medium.seal.begin([1, 2], new Uint8Array(0))
  assert.throws(() => medium.program(1, new Uint8Array(pageSize)), { code: 'internal' })
  medium.seal.durable()
  assert.throws(() => medium.program(3, new Uint8Array(pageSize)), { code: 'internal' })
  medium.program(1, new Uint8Array(pageSize).fill(1))
  assert.throws(() => medium.seal.end(), { code: 'internal', message: /page 2/ })
  assert.throws(() => medium.seal.begin([], new Uint8Array(0)), { code: 'internal' })
})

test('areas of the small memory are where the tests say', () => {
  assert.deepEqual(
    [0, 1, 6, 7, 10, 11, 12].map((page) => areaOfPage(smallGeometry, page).name),
    ['otp', 'eeprom', 'eeprom', 'journal', 'journal', 'rom', 'rom'],
  )
})

/** Polynomials over GF(2). */
function multiplied(a: bigint, b: bigint): bigint {
  let product = 0n
  for (let i = 0n; i < 33n; i++) if (((b >> i) & 1n) === 1n) product ^= a << i
  return product
}
