import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { type Memory, openMemory } from '@sealwright/module/eeprom'
import { unpackWorkspace } from '../testing/index.ts'
import { backUpChip, ChipDraft, ChipFile, planRestore } from './index.ts'

const folder = mkdtempSync(join(tmpdir(), 'sealwright-'))
after(() => rmSync(folder, { recursive: true }))
let count = 0

/** A chip between UNLOCK and FINISH. */
function customizationChip(): string {
  const work = join(folder, `w${++count}`)
  unpackWorkspace('release-2', work)
  return join(work, 'chips/open.chip')
}

/** What FINISH does to the one-time memory. */
function finish({ nvm }: Memory): void {
  nvm.transaction((tx) => tx.setOtp('wipe-intent'))
  nvm.transaction((tx) => {
    tx.setOtp('wipe-done')
    tx.setOtp('mode-user')
  })
}

function inUserMode(path: string): void {
  const chip = ChipFile.open(path)
  finish(openMemory(chip.medium))
  chip.close()
}

function restore(path: string, backup: Uint8Array): void {
  const plan = planRestore(path, backup)
  try {
    plan.carryOut()
  } finally {
    plan.close()
  }
}

const backwards = { code: 'wrong-state', message: /never left backwards/ }

test('[D8e] a restore never takes one-time memory back: not with the chip file there, lost, cut short or an old one in its place', () => {
  const path = customizationChip()
  const older = readFileSync(path)
  const backup = backUpChip(path)
  inUserMode(path)
  const newer = readFileSync(path)
  const key = readFileSync(`${path}.key`)
  const places: [string, () => void][] = [
    ['there', () => {}],
    ['lost', () => rmSync(path)],
    ['cut short', () => writeFileSync(path, newer.subarray(0, 1000))],
    ['an old one', () => writeFileSync(path, older)],
  ]
  for (const [what, place] of places) {
    place()
    assert.throws(() => restore(path, backup), backwards, what)
  }
  // Nor where the counter is gone as well.
  rmSync(path)
  writeFileSync(`${path}.key`, Buffer.from(key).fill(0, 512))
  assert.throws(() => restore(path, backup), { code: 'wrong-state', message: /without rollback counter/ })
  writeFileSync(`${path}.key`, key)
  writeFileSync(path, newer)
  ChipFile.open(path).close()
})

test('[D8e] nor is it taken back where FINISH was worked in RAM and the file replaced', () => {
  const path = customizationChip()
  const backup = backUpChip(path)
  const draft = ChipDraft.load(path)
  finish(openMemory(draft.medium))
  draft.save()
  draft.close()
  rmSync(path)
  assert.throws(() => restore(path, backup), backwards)
})

test('a backup of the same mode is restored as often as the chip file is lost, and after its counter was lost too', () => {
  const path = customizationChip()
  inUserMode(path)
  const backup = backUpChip(path)
  for (let i = 0; i < 3; i++) {
    rmSync(path)
    restore(path, backup)
    ChipFile.open(path).close()
  }
  const key = readFileSync(`${path}.key`)
  writeFileSync(`${path}.key`, Buffer.from(key).fill(0, 512))
  for (let i = 0; i < 2; i++) {
    restore(path, backup)
    ChipFile.open(path).close()
    rmSync(path)
  }
})
