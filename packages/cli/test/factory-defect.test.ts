import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { after, before, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { commandLine, commandLineJson, type JsonObject } from './run.ts'

const work = mkdtempSync(join(tmpdir(), 'sealwright-defect-'))
const launcher = fileURLToPath(new URL('../bin/sealwright.js', import.meta.url))
after(() => rmSync(work, { recursive: true }))

before(async () => {
  const chips = ['good.chip', 'bad.chip', 'worse.chip']
  for (const step of [
    ['init', '.'],
    ['issuer', 'mask', 'first', '--out', 'first.mask'],
    ['manufacturer', 'produce', 'first.mask', ...chips, '--delivery-note', 'first.note'],
  ]) {
    const { status, stderr } = await commandLine(work, step)
    assert.equal(status, 0, stderr)
  }
  for (const chip of chips.slice(1)) {
    const bytes = readFileSync(join(work, chip))
    // In the first page of EEPROM.
    bytes[400]! ^= 0x10
    writeFileSync(join(work, chip), bytes)
  }
})

const mount = (module: string, serial: string): string[] => [
  ...['mounter', 'mount', '--module', module, '--serial', serial, '--delivery-note', 'first.note'],
]

test('[D9c][D12a] a chip that fails its test at power-up is discarded, in a file or behind a line; its serial number is free', async () => {
  const serial = '0000000000000001'
  const inFile = await commandLineJson(work, mount('bad.chip', serial))
  assert.notEqual(inFile.status, 0)
  assert.equal(inFile.json['outcome'], 'discarded')

  const running = spawn(
    process.execPath,
    [launcher, 'module', 'run', 'worse.chip', '--json', '--tcp', '127.0.0.1:0'],
    {
      cwd: work,
      env: { ...process.env, NODE_OPTIONS: '' },
    },
  )
  const events = createInterface({ input: running.stdout })[Symbol.asyncIterator]()
  const next = async (): Promise<JsonObject> => JSON.parse((await events.next()).value!) as JsonObject
  try {
    assert.equal((await next())['event'], 'failed')
    assert.equal((await next())['serial'], undefined)
    const { where } = await next()
    const behind = await commandLineJson(work, mount(`tcp:${where}`, serial))
    assert.equal(behind.json['outcome'], 'discarded')
    assert.match(behind.json['reason'], /^the self-test says: /)
    // Whoever asks something else is told that the memory failed.
    const shown = await commandLineJson(work, ['module', 'show', '--module', `tcp:${where}`])
    assert.equal(shown.json['error'].code, 'module-memory-failure')
  } finally {
    running.kill('SIGTERM')
    await once(running, 'close')
  }
  const good = await commandLineJson(work, mount('good.chip', serial))
  assert.deepEqual([good.status, good.json['outcome']], [0, 'mounted'])
  const { json } = await commandLineJson(work, ['mounter', 'discarded'])
  assert.equal((json['chips'] as unknown[]).length, 2)
})
