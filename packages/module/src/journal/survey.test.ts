import assert from 'node:assert/strict'
import { test } from 'node:test'
import { areaOf, geometryFor, pageSize, RamMedium } from '../medium/index.ts'
import { cutCommit, SealedChip } from '../testing/index.ts'
import { Journal, surveyJournal } from './index.ts'

const expected = { clean: 'empty', finished: 'committed', dropped: 'incomplete' } as const

test('what the journal is said to hold is what the next power-up makes of it, wherever the power was cut', () => {
  const seen = new Set<string>()
  const pages = { 2: 7, 5: 9 }
  for (let cut = 1; ; cut++) {
    const chip = new SealedChip()
    chip.commit({ 2: 1 })
    if (!cutCommit(chip, pages, cut)) break
    const before = chip.image()
    const medium = chip.open()
    const { state, used, pages: found } = surveyJournal(medium)
    assert.deepEqual(chip.image(), before)
    assert.equal(state, expected[new Journal(medium).recover()], `cut ${cut}`)
    assert.equal(used.length === 0, state === 'empty')
    assert.deepEqual(found, state === 'committed' ? [2, 5] : [])
    seen.add(state)
  }
  assert.deepEqual([...seen].sort(), ['committed', 'empty', 'incomplete'])
})

test('a journal page of anything else is an incomplete transaction', () => {
  const medium = new RamMedium(geometryFor(32 * 1024))
  const { first } = areaOf(medium.geometry, 'journal')
  assert.deepEqual(surveyJournal(medium), { state: 'empty', used: [], pages: [] })
  medium.program(first + 3, new Uint8Array(pageSize).fill(0xa5))
  assert.deepEqual(surveyJournal(medium), { state: 'incomplete', used: [3], pages: [] })
})
