import assert from 'node:assert/strict'
import * as files from 'node:fs'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { openNvm } from '@sealwright/module/eeprom'
import { geometryFor, RamMedium } from '@sealwright/module/medium'
import { ChipDraft, ChipFile, createChip, type Files } from './index.ts'

const folder = mkdtempSync(join(tmpdir(), 'sealwright-'))
after(() => rmSync(folder, { recursive: true }))
let count = 0

const geometry = geometryFor(32 * 1024)
const place = 20_000

function newChip(): string {
  const path = join(folder, `chip-${++count}`)
  createChip(path, { geometry, pages: new RamMedium(geometry).snapshot().pages })
  const chip = ChipFile.open(path)
  openNvm(chip.medium).transaction((tx) => tx.write(place, Uint8Array.of(1)))
  chip.close()
  return path
}

/** Works on a chip in RAM and puts it back; the process dies before the rename of its draft, or just after. */
function replace(path: string, value: number, dies?: 'before rename' | 'after rename'): void {
  let dead = false
  const die = (): never => {
    dead = true
    throw new Error('the process was killed')
  }
  const alive =
    <A extends unknown[], R>(work: (...args: A) => R) =>
    (...args: A): R =>
      dead ? die() : work(...args)
  const dying: Files = {
    ...files,
    writeSync: alive(files.writeSync as (...args: unknown[]) => number) as Files['writeSync'],
    rmSync: alive(files.rmSync),
    renameSync: (from, to) => {
      if (dies === 'before rename') die()
      files.renameSync(from, to)
      if (dies === 'after rename') die()
    },
  }
  const draft = ChipDraft.load(path, { files: dying })
  try {
    openNvm(draft.medium).transaction((tx) => tx.write(place, Uint8Array.of(value)))
    draft.save()
  } catch (error) {
    if (!dead) throw error
  } finally {
    draft.close()
  }
}

function valueIn(path: string): number {
  const chip = ChipFile.open(path)
  try {
    return openNvm(chip.medium).read(place, 1)[0]!
  } finally {
    chip.close()
  }
}

const cuts = [undefined, 'before rename', 'after rename'] as const

for (const first of cuts) {
  for (const second of cuts) {
    test(`[R1a] a chip replaced twice, cut ${first ?? 'never'}, then ${second ?? 'never'}, is one of the two`, () => {
      const path = newChip()
      replace(path, 2, first)
      replace(path, 3, second)
      const afterFirst = first === 'before rename' ? 1 : 2
      assert.equal(valueIn(path), second === 'before rename' ? afterFirst : 3)
    })
  }
}

test('[D8e] a draft that is read after a replacement that was cut off ends it: the memory before is refused', () => {
  const path = newChip()
  const before = readFileSync(path)
  replace(path, 2, 'after rename')
  ChipDraft.load(path).close()
  writeFileSync(path, before)
  assert.throws(() => ChipFile.open(path), { code: 'memory-rolled-back' })
})

test('a draft whose saving failed is not saved again: nobody knows which memory lies in the file', () => {
  const path = newChip()
  let failing = true
  const draft = ChipDraft.load(path, {
    files: {
      ...files,
      fsyncSync: (file) => {
        if (failing) throw Object.assign(new Error('drive'), { code: 'EIO' })
        files.fsyncSync(file)
      },
    },
  })
  openNvm(draft.medium).transaction((tx) => tx.write(place, Uint8Array.of(2)))
  assert.throws(() => draft.save(), { code: 'memory-unwritable' })
  failing = false
  assert.throws(() => draft.save(), { code: 'wrong-state', message: /opened again/ })
  draft.close()
  assert.equal(valueIn(path), 1)
})

test('[D8e] what a draft replaced is refused at once, and what an opening found instead of a replacement too', () => {
  const path = newChip()
  const before = readFileSync(path)
  replace(path, 2)
  const after = readFileSync(path)
  writeFileSync(path, before)
  assert.throws(() => ChipFile.open(path), { code: 'memory-rolled-back' })
  writeFileSync(path, after)
  replace(path, 3, 'after rename')
  // Opened, and no module started on it.
  ChipFile.open(path).close()
  writeFileSync(path, after)
  assert.throws(() => ChipFile.open(path), { code: 'memory-rolled-back' })
})

test('the new name of a draft is durable before the counter forgets the memory that was there', () => {
  const path = newChip()
  const steps: string[] = []
  const draft = ChipDraft.load(path, {
    files: {
      ...files,
      writeSync: ((file: number, bytes: Uint8Array, ...rest: number[]) => {
        steps.push('write')
        return files.writeSync(file, bytes, ...(rest as [number, number, number]))
      }) as Files['writeSync'],
      renameSync: (from, to) => {
        steps.push('rename')
        files.renameSync(from, to)
      },
      fsyncSync: (file) => {
        steps.push(files.fstatSync(file).isDirectory() ? 'sync folder' : 'sync file')
        files.fsyncSync(file)
      },
      fdatasyncSync: (file) => {
        steps.push('sync counter')
        files.fdatasyncSync(file)
      },
    },
  })
  openNvm(draft.medium).transaction((tx) => tx.write(place, Uint8Array.of(2)))
  draft.save()
  draft.close()
  const renamed = steps.indexOf('rename')
  assert.deepEqual(steps.slice(renamed - 2), [
    'write',
    'sync counter',
    'rename',
    'sync folder',
    'write',
    'sync counter',
  ])
  assert.ok(steps.lastIndexOf('sync file') < renamed - 2)
})
