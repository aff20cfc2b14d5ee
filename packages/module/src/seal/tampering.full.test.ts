import assert from 'node:assert/strict'
import { test } from 'node:test'
import { areaOfPage, totalPages } from '../medium/index.ts'
import { SealedChip, smallGeometry } from '../testing/index.ts'

test('[R1b] every byte of every slot changed, and of both cells of the counter: refused, or healed without a trace', () => {
  const chip = new SealedChip()
  chip.commit({ 1: 0x11, 2: 0x22 })
  chip.commit({ 0: 0x01, 3: 0x33, 4: 0x44 })
  const before = chip.image()
  const contents = chip.contents()
  const counts: Record<string, number> = {}
  for (let slot = 0; slot < chip.slots.count; slot++) {
    const place = slot === totalPages(smallGeometry) ? 'seal' : areaOfPage(smallGeometry, slot).name
    for (let at = 0; at < chip.slots.length; at++) {
      const bytes = chip.slots.lend(slot).slice()
      bytes[at]! ^= 1 << ((at + slot) % 8)
      chip.slots.program(slot, bytes)
      const finding = chip.refusal()
      const expected = place === 'journal' ? undefined : { kind: 'tampered', place, page: slot }
      assert.deepEqual(
        finding && { ...finding, reason: undefined },
        expected && { ...expected, reason: undefined },
      )
      if (finding === undefined) assert.deepEqual(chip.contents(), contents)
      counts[place] = (counts[place] ?? 0) + 1
      chip.putBack(before)
    }
  }
  for (const cell of [0, 1]) {
    for (let at = 0; at < chip.cells.length; at++) {
      const bytes = chip.cells.lend(cell).slice()
      bytes[at]! ^= 1 << (at % 8)
      chip.cells.program(cell, bytes)
      const finding = chip.refusal()
      // The newest cell gone: what the other says is older than the memory.
      assert.equal(finding?.kind, cell === 0 ? 'counter-rolled-back' : undefined)
      chip.putBack(before)
    }
  }
  assert.deepEqual(counts, { otp: 296, eeprom: 6 * 296, journal: 4 * 296, rom: 2 * 296, seal: 296 })
})
