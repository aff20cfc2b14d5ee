import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { initWorkspace } from '@sealwright/node/workspace'
import { scenes } from '../src/demo/index.ts'
import { commandLine, commandLineJson, type JsonObject } from './run.ts'

// The supplier's own computer after the operator has activated the resource: nobody else is there any more.

const chip = 'chips/phone.chip'
let folder = ''

before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'sealwright-'))
  await initWorkspace(folder, { command: 'test' })
  const stages = scenes.flatMap((scene) => scene.stages)
  const last = stages.findIndex(({ name }) => name === 'activate')
  for (const stage of stages.slice(0, last + 1)) {
    if (stage.module !== undefined && stage.module !== chip) continue
    for (const line of stage.commandLines) {
      const { status, stderr } = await commandLine(folder, line)
      if (stage.module === chip || scenes[0]!.stages.includes(stage)) assert.equal(status, 0, stderr)
    }
  }
  for (const party of [
    'authority',
    'operator',
    'issuer',
    'manufacturer',
    'mounter',
    'unit',
    'central',
    'log',
  ]) {
    rmSync(join(folder, party), { recursive: true, force: true })
  }
})

after(() => rmSync(folder, { recursive: true, force: true }))

async function run(...commands: string[]): Promise<JsonObject> {
  const words = commands.flatMap((command) => ['--command', command])
  return (await commandLineJson(folder, ['supplier', 'run', '--module', chip, ...words])).json
}

/** Limit 255, account number 12345, PIN 4711. */
const account = `${'00'.repeat(7)}FF05313233343534373131`

test('[C8a] the supplier loads and runs with the folders of operator and authority deleted', async () => {
  const load = ['supplier', 'load', 'exchange/bank.activation', '--program', 'bank', '--module', chip]
  const { json } = await commandLineJson(folder, load)
  assert.deepEqual([json['ok'], json['version'], json['sent']], [true, 1, json['blocks']])
  const { answers } = await run(`10:${account}`, '12:34373131', '14')
  assert.deepEqual(
    answers.map(({ sw }: { sw: string }) => sw),
    ['9000', '9000', '9000'],
  )
})

test('[C8b] and updates it; what the program kept is still there', async () => {
  const bank = readFileSync(new URL('../../../programs/bank/bank.wasm', import.meta.url))
  const custom = Uint8Array.of(0, 5, 1, 0x78, 0x61, 0x62, 0x63)
  writeFileSync(join(folder, 'bank-2.wasm'), Buffer.concat([bank, custom]))
  const load = ['supplier', 'load', 'exchange/bank.activation', '--program', 'bank-2.wasm', '--module', chip]
  const { json } = await commandLineJson(folder, load)
  assert.deepEqual([json['ok'], json['version']], [true, 2])
  const { answers } = await run('12:34373131', '14')
  assert.equal(answers[1].data, `05${Buffer.from('*2345').toString('hex').toUpperCase()}${'00'.repeat(12)}`)
})

test('a wrong PIN is told with the status word of the program, and the command fails', async () => {
  const words = ['supplier', 'run', '--module', chip, '--command', '12:30303030']
  const { status, json } = await commandLineJson(folder, words)
  assert.equal(json['answers'][0].sw, '63C2')
  assert.equal(json['ok'], false)
  assert.notEqual(status, 0)
})

test('[C9b] a program with an import that no module has is refused before anything is sent', async () => {
  const wasm = Uint8Array.of(
    ...[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0, 1, 4, 1, 0x60, 0, 0],
    ...[2, 7, 1, 1, 0x78, 1, 0x79, 0, 0],
  )
  writeFileSync(join(folder, 'foreign.wasm'), wasm)
  const load = ['supplier', 'load', 'exchange/bank.activation', '--program', 'foreign.wasm', '--module', chip]
  const { status, json } = await commandLineJson(folder, load)
  assert.equal(json['error'].code, 'program-refused')
  assert.equal(status, 3)
})
