import assert from 'node:assert/strict'
import * as files from 'node:fs'
import {
  copyFileSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { openMemory } from '@sealwright/module/eeprom'
import { unpackWorkspace } from '../testing/index.ts'
import { parseFirstFormat } from './first-format.ts'
import { ChipFile, type Files } from './index.ts'

const folder = mkdtempSync(join(tmpdir(), 'sealwright-migration-'))
after(() => rmSync(folder, { recursive: true }))
unpackWorkspace('release-1', folder)
const old = (name: string): string => join(folder, 'chips', `${name}.chip`)

let count = 0
/** A copy of an old chip in a folder of its own. */
function copyOf(name: string): string {
  const path = join(mkdtempSync(join(folder, `${count++}-`)), 'one.chip')
  copyFileSync(old(name), path)
  return path
}

function eepromOf(path: string): Uint8Array {
  const chip = ChipFile.open(path)
  try {
    const { nvm } = openMemory(chip.medium)
    return nvm.read(0, nvm.size)
  } finally {
    chip.close()
  }
}

test('a file of format 1 that is made new holds the same pages, its journal carried out', () => {
  for (const name of ['cash', 'open', 'blank', 'loader']) {
    const path = copyOf(name)
    const { geometry, pages } = parseFirstFormat(new Uint8Array(readFileSync(path)))
    const chip = ChipFile.open(path)
    const { medium } = chip
    assert.deepEqual(medium.geometry, geometry)
    for (const [page, bytes] of pages) assert.deepEqual(medium.read(page), bytes, `${name} page ${page}`)
    chip.close()
    assert.equal(readFileSync(path).includes(Buffer.from('SWEE')), false)
    assert.equal(readFileSync(`${path}.v1`).includes(Buffer.from('SWEE')), true)
  }
})

test('made new and cut at any step, the chip is the old file or the new one with its key, and opens', () => {
  const expected = eepromOf(copyOf('loader'))
  const seen = new Set<number>()
  for (let step = 1; ; step++) {
    const path = copyOf('loader')
    let steps = 0
    const dying =
      <A extends unknown[], R>(work: (...args: A) => R) =>
      (...args: A): R => {
        if (++steps >= step) throw new Error('the machine stopped')
        return work(...args)
      }
    const stopping: Files = {
      ...files,
      writeSync: dying(files.writeSync as (...args: unknown[]) => number) as Files['writeSync'],
      fsyncSync: dying(files.fsyncSync),
      ftruncateSync: dying(files.ftruncateSync),
      linkSync: dying(files.linkSync),
      renameSync: dying(files.renameSync),
      rmSync: dying(files.rmSync),
    }
    let done = false
    try {
      ChipFile.open(path, { files: stopping }).close()
      done = true
    } catch {}
    rmSync(`${path}.lock`, { force: true })
    const version = readFileSync(path)[7]!
    seen.add(version)
    if (version === 2) assert.deepEqual(readFileSync(`${path}.v1`), readFileSync(old('loader')))
    assert.deepEqual(eepromOf(path), expected, `step ${step}`)
    assert.deepEqual(readFileSync(`${path}.v1`), readFileSync(old('loader')))
    if (done) {
      assert.ok(step > 10, `${step} steps`)
      break
    }
  }
  assert.deepEqual([...seen].sort(), [1, 2])
})

test('an old file that was changed, cut or lengthened is refused and left as it is', () => {
  const whole = new Uint8Array(readFileSync(old('cash')))
  const path = copyOf('cash')
  const refused = (bytes: Uint8Array): void => {
    writeFileSync(path, bytes)
    assert.throws(() => ChipFile.open(path), { code: 'memory-damaged' })
    assert.deepEqual(new Uint8Array(readFileSync(path)), bytes)
    assert.deepEqual(readdirSync(join(path, '..')), ['one.chip'])
  }
  for (const at of [9, 12, 40, 62, 64 + 264 + 5, 64 + 264 + 262]) {
    const bytes = whole.slice()
    bytes[at]! ^= 1
    refused(bytes)
  }
  refused(whole.subarray(0, whole.length - 1))
  refused(Uint8Array.of(...whole, 0))
})

test('a copy under the same name with other content is kept beside the new one', () => {
  const path = copyOf('cash')
  writeFileSync(`${path}.v1`, 'something of mine')
  ChipFile.open(path).close()
  assert.equal(readFileSync(`${path}.v1`, 'utf8'), 'something of mine')
  assert.deepEqual(readFileSync(`${path}.v1.1`), readFileSync(old('cash')))
  assert.ok(existsSync(`${path}.key`))
})
