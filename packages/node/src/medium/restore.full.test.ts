import assert from 'node:assert/strict'
import * as files from 'node:fs'
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { decodeHex } from '@sealwright/core/bytes'
import { openMemory } from '@sealwright/module/eeprom'
import { Events } from '@sealwright/module/events'
import { nodeCrypto as crypto } from '../crypto/index.ts'
import { deadAfter, unpackWorkspace } from '../testing/index.ts'
import { backUpChip, ChipFile, planRestore, protectChip } from './index.ts'

const folder = mkdtempSync(join(tmpdir(), 'sealwright-restore-'))
after(() => rmSync(folder, { recursive: true }))
unpackWorkspace('release-2', join(folder, 'w'))

let count = 0
/** A copy of the cash machine's chip with its key, in a folder of its own. */
function newChip(): string {
  const path = join(mkdtempSync(join(folder, `${count++}-`)), 'one.chip')
  for (const ending of ['', '.key']) cpSync(join(folder, `w/chips/cash.chip${ending}`), `${path}${ending}`)
  return path
}

function headOf(path: string): { number: number; types: number[] } {
  const chip = ChipFile.open(path)
  try {
    const events = new Events(crypto, openMemory(chip.medium).objects)
    return { number: events.head()!.number, types: events.list(1).map(({ type }) => type) }
  } finally {
    chip.close()
  }
}

/** One more transaction, as work would do it. */
function work(path: string, byte: number): void {
  const chip = ChipFile.open(path)
  const { nvm } = openMemory(chip.medium)
  nvm.transaction((tx) => tx.write(nvm.size / 2 + 20_000, Uint8Array.of(byte)))
  chip.close()
}

function byteIn(path: string): number {
  const chip = ChipFile.open(path)
  const { nvm } = openMemory(chip.medium)
  const [byte] = nvm.read(nvm.size / 2 + 20_000, 1)
  chip.close()
  return byte!
}

test('[R1a] a restore that is cut at any step leaves the memory that was there, or the restored one with its event', () => {
  const restored = 0x21
  const seen = new Set<string>()
  for (let step = 1; ; step++) {
    const path = newChip()
    work(path, 1)
    const backup = backUpChip(path)
    work(path, 2)
    const before = headOf(path).number
    const { files: dying, steps } = deadAfter(step)
    const plan = planRestore(path, backup, { files: dying })
    steps.count = 0
    let done = false
    try {
      plan.carryOut()
      done = true
    } catch {}
    steps.count = Number.NEGATIVE_INFINITY
    plan.close()
    const { number, types } = headOf(path)
    const outcome = byteIn(path) === 2 ? 'old' : 'new'
    seen.add(outcome)
    assert.equal(number, outcome === 'old' ? before : before + 1)
    assert.equal(types.at(-1) === restored, outcome === 'new')
    // The other of the two is refused from now on, and the chip goes on.
    work(path, 3)
    assert.equal(byteIn(path), 3)
    // A process that is killed leaves its lock, by which the next one knows that a draft may lie about.
    const left = readdirSync(join(path, '..')).filter((name) => name !== 'one.chip.new')
    assert.deepEqual(left.sort(), ['one.chip', 'one.chip.key'])
    if (done) {
      assert.equal(outcome, 'new')
      assert.ok(step > 6, `${step} steps`)
      break
    }
  }
  assert.deepEqual([...seen].sort(), ['new', 'old'])
})

test('[D8e] no file of the time that a restore undid is accepted later, whatever number the new time has reached', () => {
  const path = newChip()
  work(path, 1)
  const backup = backUpChip(path)
  const undone: Buffer[] = []
  for (let byte = 2; byte < 6; byte++) {
    work(path, byte)
    undone.push(readFileSync(path))
  }
  const plan = planRestore(path, backup)
  plan.carryOut()
  plan.close()
  for (let byte = 20; byte < 25; byte++) {
    work(path, byte)
    const now = readFileSync(path)
    for (const old of undone) {
      files.writeFileSync(path, old)
      assert.throws(() => ChipFile.open(path), { code: 'memory-rolled-back' })
    }
    files.writeFileSync(path, now)
  }
  assert.equal(byteIn(path), 24)
})

test('a passphrase that is put on and cut at any step leaves the key bare or under the passphrase, and the counter as it was', () => {
  const passphrase = decodeHex('0102030405')
  const seen = new Set<string>()
  for (let step = 1; ; step++) {
    const path = newChip()
    work(path, 1)
    const { files: dying } = deadAfter(step)
    let done = false
    try {
      protectChip(path, passphrase, { files: dying })
      done = true
    } catch {}
    rmSync(`${path}.lock`, { force: true })
    const bare = readFileSync(`${path}.key`)[21] === 0
    seen.add(bare ? 'bare' : 'passphrase')
    ChipFile.open(path, bare ? {} : { keys: { passphrase } }).close()
    if (!bare) assert.throws(() => ChipFile.open(path), { code: 'chip-passphrase-missing' })
    assert.equal(existsSync(`${path}.lock`), false)
    if (done) break
  }
  assert.deepEqual([...seen].sort(), ['bare', 'passphrase'])
})
