import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { openNvm } from '@sealwright/module/eeprom'
import { geometryFor } from '@sealwright/module/medium'
import { backUpChip, ChipFile, createChip, verifyChip } from '../src/medium/index.ts'

const folder = mkdtempSync(join(tmpdir(), 'sealwright-killed-'))
after(() => rmSync(folder, { recursive: true }))

/**
 * Works on a chip without end: transactions over two far places that always hold the same number, reopening, replacing the whole file. It
 * says each number after it is durable.
 */
const worker = `
  const { ChipDraft, ChipFile } = await import('@sealwright/node/medium')
  const { openNvm } = await import('@sealwright/module/eeprom')
  const { writeSync } = await import('node:fs')
  const [path, first] = [process.argv[1], Number(process.argv[2])]
  const number = (n) => Uint8Array.of(n >>> 24, n >>> 16, n >>> 8, n)
  for (let n = first; ; ) {
    const draft = n % 3 === 0
    const chip = draft ? ChipDraft.load(path) : ChipFile.open(path)
    const nvm = openNvm(chip.medium)
    for (let i = 0; i < 7; i++, n++) {
      nvm.transaction((tx) => {
        tx.write(16000, number(n))
        tx.write(30000, number(n))
      })
      if (!draft) writeSync(1, n + '\\n')
    }
    if (draft) {
      chip.save()
      writeSync(1, (n - 1) + '\\n')
    }
    chip.close()
  }
`

test('[R1a] a process that is killed at any moment of its work leaves a chip that starts, at the last number it said or a later one', async () => {
  const path = join(folder, 'one.chip')
  createChip(path, { geometry: geometryFor(32 * 1024), pages: [] })
  let next = 1
  for (let round = 0; round < 30; round++) {
    const child = spawn(process.execPath, ['--input-type=module', '-e', worker, path, String(next)], {
      cwd: import.meta.dirname,
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    let said = ''
    child.stdout.on('data', (chunk) => {
      said += chunk
    })
    await once(child.stdout, 'data')
    // Times that walk through the work: nothing in it lasts as long as the steps between them.
    await new Promise((done) => setTimeout(done, (round * 37) % 211))
    child.kill('SIGKILL')
    await once(child, 'exit')
    const last = Number(said.trim().split('\n').at(-1))
    // Nothing but what a power cut does: torn at most, never tampered, stale or rolled back.
    const { findings } = verifyChip(path)
    const bad = findings.filter(({ check, verdict }) => verdict === 'failed' && check !== 'rom')
    assert.deepEqual(bad, [])
    const chip = ChipFile.open(path)
    const nvm = openNvm(chip.medium)
    const [a, b] = [nvm.read(16_000, 4), nvm.read(30_000, 4)]
    chip.close()
    assert.deepEqual(a, b)
    const found = new DataView(a.buffer).getUint32(0)
    assert.ok(found >= last && found <= last + 7, `said ${last}, found ${found}`)
    assert.equal(existsSync(`${path}.new`), false)
    backUpChip(path)
    next = found + 1
  }
  assert.ok(next > 100, `${next} transactions`)
})
