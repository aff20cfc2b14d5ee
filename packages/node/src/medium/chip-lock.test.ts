import assert from 'node:assert/strict'
import * as files from 'node:fs'
import {
  copyFileSync,
  existsSync,
  lstatSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { hostname, tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { encodeHex } from '@sealwright/core/bytes'
import { openNvm } from '@sealwright/module/eeprom'
import { geometryFor, RamMedium } from '@sealwright/module/medium'
import { unpackWorkspace } from '../testing/index.ts'
import {
  backUpChip,
  ChipDraft,
  ChipFile,
  type ChipOptions,
  createChip,
  keyProtection,
  parseChipHeader,
  planRestore,
  protectChip,
} from './index.ts'

const folder = mkdtempSync(join(tmpdir(), 'sealwright-'))
after(() => rmSync(folder, { recursive: true }))

const geometry = geometryFor(32 * 1024)

/** A chip in a folder of its own. */
function newChip(options: ChipOptions = {}): string {
  const path = join(mkdtempSync(join(folder, 'w')), 'one.chip')
  createChip(path, { geometry, pages: new RamMedium(geometry).snapshot().pages }, options)
  return path
}

test('copies of a chip with one key are never held at once: key beside one of them, or in a folder of keys', () => {
  const path = newChip()
  const copy = `${path}.copy`
  copyFileSync(path, copy)
  const named = { keys: { file: `${path}.key` } }
  for (const [first, second] of [
    [path, copy],
    [copy, path],
  ] as const) {
    const chip = ChipFile.open(first, named)
    assert.throws(() => ChipFile.open(second, named), { code: 'memory-held' })
    assert.throws(() => ChipDraft.load(second, named), { code: 'memory-held' })
    chip.close()
    ChipFile.open(second, named).close()
  }
  // Without the name it is the same key.
  const chip = ChipFile.open(path)
  assert.throws(() => ChipFile.open(copy, named), { code: 'memory-held' })
  chip.close()

  const keys = mkdtempSync(join(folder, 'keys'))
  const inFolder = { keys: { folder: keys } }
  const other = newChip(inFolder)
  copyFileSync(other, `${other}.copy`)
  const backup = backUpChip(other, inFolder)
  const held = ChipFile.open(other, inFolder)
  assert.throws(() => ChipFile.open(`${other}.copy`, inFolder), { code: 'memory-held' })
  assert.throws(() => planRestore(`${other}.elsewhere`, backup, inFolder), { code: 'memory-held' })
  held.close()
  assert.deepEqual(
    readdirSync(keys).filter((name) => name.endsWith('.lock')),
    [],
  )
})

test('a link to a chip file is that file: held with it, and replaced behind the link', () => {
  const path = newChip()
  const alias = join(mkdtempSync(join(folder, 'a')), 'alias.chip')
  symlinkSync(path, alias)
  const held = ChipFile.open(path)
  assert.throws(() => ChipFile.open(alias), { code: 'memory-held' })
  held.close()
  const other = ChipFile.open(alias)
  assert.throws(() => ChipFile.open(path), { code: 'memory-held' })
  other.close()
  const draft = ChipDraft.load(alias)
  openNvm(draft.medium).transaction((tx) => tx.write(20_000, Uint8Array.of(7)))
  draft.save()
  draft.close()
  assert.ok(lstatSync(alias).isSymbolicLink())
  const chip = ChipFile.open(path)
  assert.equal(openNvm(chip.medium).read(20_000, 1)[0], 7)
  chip.close()
})

test('a link to a key file is that file: the passphrase goes where the key lies', () => {
  const path = newChip()
  const stick = join(mkdtempSync(join(folder, 'stick')), 'one.key')
  files.renameSync(`${path}.key`, stick)
  symlinkSync(stick, `${path}.key`)
  protectChip(path, new TextEncoder().encode('some words'))
  assert.ok(lstatSync(`${path}.key`).isSymbolicLink())
  assert.equal(keyProtection(stick, files), 'passphrase')
})

test('[R6a] a draft of a key file that a killed process left is removed by whoever takes its lock over', () => {
  const path = newChip()
  const words = new TextEncoder().encode('some words')
  const bare = readFileSync(`${path}.key`)
  protectChip(path, words)
  // `protect --off` was killed before its draft got its name.
  writeFileSync(`${path}.key.new`, bare)
  const lock = { pid: 999_999_999, started: null, command: 'sealwright module protect', host: hostname() }
  writeFileSync(`${path}.lock`, JSON.stringify({ format: 1, ...lock, since: '2026-01-01T00:00:00Z' }))
  ChipFile.open(path, { keys: { passphrase: words } }).close()
  assert.equal(existsSync(`${path}.key.new`), false)
})

test('[D8e] a file of format 1 does not take the place of a sealed chip: its key lies there', () => {
  const work = mkdtempSync(join(folder, 'w'))
  unpackWorkspace('release-1', work)
  const path = join(work, 'chips/cash.chip')
  ChipFile.open(path).close()
  const sealed = readFileSync(path)
  for (const old of [`${path}.v1`, join(work, 'chips/open.chip')]) {
    copyFileSync(old, path)
    const before = readdirSync(join(work, 'chips')).sort()
    const said: string[] = []
    assert.throws(() => ChipFile.open(path, { say: (text) => said.push(text) }), {
      code: 'memory-rolled-back',
      message: /not sealed, and the key of a sealed chip lies there already/,
    })
    assert.deepEqual(said, [])
    assert.deepEqual(readFileSync(path), readFileSync(old))
    assert.deepEqual(readdirSync(join(work, 'chips')).sort(), before)
  }
  writeFileSync(path, sealed)
  ChipFile.open(path).close()
})

test('a chip made new by a process that was killed with its key in place opens, and the key is that key', () => {
  const work = mkdtempSync(join(folder, 'w'))
  unpackWorkspace('release-1', work)
  const path = join(work, 'chips/cash.chip')
  assert.throws(() =>
    ChipFile.open(path, {
      files: {
        ...files,
        renameSync: (from, to) => {
          if (to === path) throw new Error('killed')
          files.renameSync(from, to)
        },
        rmSync: (name, how) => {
          if (!String(name).endsWith('.new')) files.rmSync(name, how)
        },
      },
    }),
  )
  assert.ok(existsSync(`${path}.new`) && existsSync(`${path}.key`))
  const lock = { pid: 999_999_999, started: null, command: 'sealwright module show', host: hostname() }
  writeFileSync(`${path}.lock`, JSON.stringify({ format: 1, ...lock, since: '2026-01-01T00:00:00Z' }))
  ChipFile.open(path).close()
  const { chipId } = parseChipHeader(new Uint8Array(readFileSync(path)).subarray(0, 64))
  assert.equal(encodeHex(new Uint8Array(readFileSync(`${path}.key`)).subarray(5, 21)), encodeHex(chipId))
  assert.equal(existsSync(`${path}.key.1`), false)
})
