import assert from 'node:assert/strict'
import { test } from 'node:test'
import { areaOfPage, totalPages } from '../medium/index.ts'
import { SealedChip, smallGeometry } from '../testing/index.ts'

const sealSlot = totalPages(smallGeometry)
const never = 6

/** A chip with a history, at rest: page 6 was never written. */
function chipWithHistory(name = 'one'): SealedChip {
  const chip = new SealedChip({ name })
  chip.commit({ 1: 0x11, 2: 0x22 })
  chip.commit({ 0: 0x01, 3: 0x33 })
  chip.commit({ 1: 0x12, 4: 0x44, 5: 0x55 })
  return chip
}

function place(slot: number): string {
  return slot === sealSlot ? 'seal' : areaOfPage(smallGeometry, slot).name
}

test('[R1b] a changed byte of a slot is refused, its page and area named; in the journal it is dropped', () => {
  const chip = chipWithHistory()
  const before = chip.image()
  const contents = chip.contents()
  for (let slot = 0; slot < chip.slots.count; slot++) {
    for (const at of [0, 11, 12, 19, 20, 23, 24, 150, 279, 280, 295]) {
      const bytes = chip.slots.lend(slot).slice()
      bytes[at]! ^= 0x08
      chip.slots.program(slot, bytes)
      const finding = chip.refusal()
      if (place(slot) === 'journal') {
        assert.equal(finding, undefined)
        assert.deepEqual(chip.contents(), contents)
      } else {
        assert.deepEqual([finding?.kind, finding?.place, finding?.page], ['tampered', place(slot), slot])
      }
      chip.putBack(before)
    }
  }
  assert.equal(chip.refusal(), undefined)
})

test('slots in the places of each other are refused', () => {
  const chip = chipWithHistory()
  const before = chip.image()
  const written = before.slots.written().filter((slot) => place(slot) !== 'journal')
  assert.ok(written.length > 7)
  for (const from of written) {
    for (const to of [...written, never]) {
      if (to === from) continue
      const [a, b] = [before.slots.lend(from), before.slots.lend(to)]
      chip.slots.program(to, a)
      chip.slots.program(from, b)
      const finding = chip.refusal()
      assert.equal(finding?.kind, 'tampered', `${from} and ${to}`)
      assert.ok(finding.page === from || finding.page === to)
      chip.putBack(before)
    }
  }
})

test('a slot of another chip is refused, under the same key and under another', () => {
  const chip = chipWithHistory()
  const before = chip.image()
  const strangers = [chipWithHistory('two'), new SealedChip({ key: new Uint8Array(32).fill(9) })]
  for (const stranger of strangers) {
    for (const slot of stranger.slots.written()) {
      if (place(slot) === 'journal') continue
      chip.slots.program(slot, stranger.slots.lend(slot))
      assert.deepEqual([chip.refusal()?.kind, chip.refusal()?.page], ['tampered', slot])
      chip.putBack(before)
    }
  }
})

test('a slot put back to zeros is stale, for it was written; a missing seal record is tampered with', () => {
  const chip = chipWithHistory()
  const before = chip.image()
  for (const slot of before.slots.written()) {
    chip.slots.program(slot, new Uint8Array(chip.slots.length))
    const finding = chip.refusal()
    if (place(slot) === 'journal') assert.equal(finding, undefined)
    else {
      assert.deepEqual([finding?.kind, finding?.page], [slot === sealSlot ? 'tampered' : 'stale', slot])
    }
    chip.putBack(before)
  }
})

test('the error of a start has a code of its own, says page and area, and no byte of the memory', () => {
  const chip = chipWithHistory()
  const bytes = chip.slots.lend(3).slice()
  bytes[100]! ^= 1
  chip.slots.program(3, bytes)
  assert.throws(() => chip.open(), {
    name: 'SealBroken',
    code: 'memory-tampered',
    details: { area: 'eeprom', page: 3 },
    message: 'page 3 (eeprom) is not what the module wrote: changed, or from elsewhere',
  })
})

test('several changed pages are all found', () => {
  const chip = chipWithHistory()
  for (const slot of [1, 3, 12]) {
    const bytes = chip.slots.lend(slot).slice()
    bytes[200]! ^= 1
    chip.slots.program(slot, bytes)
  }
  assert.deepEqual(
    chip.examine().findings.map(({ kind, page }) => [kind, page]),
    [
      ['tampered', 1],
      ['tampered', 3],
      ['tampered', 12],
    ],
  )
})
