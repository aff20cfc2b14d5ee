import assert from 'node:assert/strict'
import { copyFileSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { runDemo } from '../src/demo/index.ts'
import { scenes } from '../src/demo/scenes.ts'
import { commandLine, commandLineJson } from './run.ts'

const work = mkdtempSync(join(tmpdir(), 'sealwright-keys-'))
after(() => rmSync(work, { recursive: true }))
const chips = ['chips/loader.chip', 'chips/terminal.chip']
const [loader, terminal] = chips as [string, string]
const place = '0x00200101'

before(async () => {
  // A finished loader card and a personalized terminal, as the scenes before the filling station leave them.
  const wanted = scenes
    .slice(
      0,
      scenes.findIndex(({ name }) => name === 'filling-station'),
    )
    .map((scene) => ({
      ...scene,
      stages: scene.stages.filter(
        ({ module, name }) => name !== 'session' && (module === undefined || chips.includes(module)),
      ),
    }))
  const done = await runDemo({
    folder: work,
    scenes: wanted,
    columns: 100,
    onScene: () => {},
    onStage: () => {},
  })
  assert.equal(done.failure, undefined)
})

async function run(...words: string[]) {
  const ran = await commandLineJson(work, words)
  assert.equal(ran.status, 0, ran.stdout + ran.stderr)
  return ran.json
}

async function refused(...words: string[]) {
  const { status, json } = await commandLineJson(work, words)
  assert.notEqual(status, 0)
  return [json['error'].code, status]
}

test('a key goes from the loader to a terminal and is used, command by command', async () => {
  const set = await run('loader', 'set', 'new', '--module', loader, '--papers', 'exchange/loader.papers')
  assert.deepEqual([set['profile'], set['suite'], set['generation']], ['diversified', 'A101', 1])
  const installed = await run(
    'module',
    'install-t',
    '--module',
    terminal,
    '--papers',
    'exchange/terminal.papers',
  )
  assert.notEqual(installed['checkValue'], set['transportCheck'], 'TU is another key than T')
  const key = await run(
    'loader',
    'key',
    'new',
    '--module',
    loader,
    '--reference',
    '0x00010A01',
    '--exports',
    '3',
  )
  assert.deepEqual([key['usage'], key['mode'], key['exportsLeft']], ['M6', 'C', 3])
  await run('module', 'prepare', '--module', terminal, '--place', place, '--out', 'request')
  const sent = await run('loader', 'key', 'export', 'request', '--module', loader, '--out', 'message')
  assert.equal(sent['counter'], 1)
  assert.equal(statSync(join(work, 'message')).size, 143)
  const taken = await run('module', 'import-key', 'message', '--module', terminal, '--out', 'receipt')
  assert.deepEqual([taken['checkValue'], taken['already']], [key['checkValue'], false])
  const again = await run('module', 'import-key', 'message', '--module', terminal, '--out', 'receipt-2')
  assert.equal(again['already'], true)
  assert.deepEqual(readFileSync(join(work, 'receipt-2')), readFileSync(join(work, 'receipt')))
  const checked = await run('loader', 'key', 'verify-receipt', 'receipt', '--module', loader)
  assert.equal(checked['holds'], true)
  const listed = await run('loader', 'key', 'list', '--module', loader)
  assert.deepEqual(
    [listed['sets'].length, listed['keys'].map((one: { exportsLeft: number }) => one.exportsLeft)],
    [1, [2]],
  )
  const begun = ['--card', 'card', '--points', '120', '--new-card', '0000000000000042']
  assert.equal((await run('terminal', 'credit', '--module', terminal, ...begun))['balance'], 120)
  copyFileSync(join(work, 'card'), join(work, 'before'))
  const paid = await run('terminal', 'debit', '--module', terminal, '--card', 'card', '--points', '50')
  assert.equal(paid['balance'], 70)
  // The new record was lost on its way to the card: the same again counts once.
  const same = await run('terminal', 'debit', '--module', terminal, '--card', 'before', '--points', '50')
  assert.deepEqual([same['balance'], same['receipt']], [70, paid['receipt']])
})

test('what goes wrong is told with its code and exit status', async () => {
  await run('module', 'prepare', '--module', terminal, '--place', place, '--out', 'request')
  const sending = ['loader', 'key', 'export', 'request', '--module', loader, '--out', 'message']
  assert.deepEqual(await refused(...sending, '--previous'), ['loader-key-missing', 7])
  await run(...sending)
  await run('module', 'prepare', '--module', terminal, '--place', place, '--out', 'request-2')
  assert.deepEqual(await refused('module', 'import-key', 'message', '--module', terminal, '--out', 'x'), [
    'module-check-failed',
    6,
  ])
  assert.deepEqual(await refused('module', 'import-key', 'message', '--module', loader, '--out', 'x'), [
    'wrong-module',
    7,
  ])
  assert.deepEqual(
    await refused('module', 'prepare', '--module', terminal, '--place', '0x00200201', '--out', 'x'),
    ['key-place-missing', 2],
  )
  assert.deepEqual(
    await refused('terminal', 'debit', '--module', terminal, '--card', 'card', '--points', '71'),
    ['points-missing', 2],
  )
  const credit = ['terminal', 'credit', '--module', terminal, '--points', '1', '--card']
  assert.deepEqual(await refused(...credit, 'card', '--new-card', '0000000000000042'), ['file-exists', 2])
  assert.deepEqual(await refused(...credit, 'receipt'), ['bytes-malformed', 3])
  const make = ['loader', 'key', 'new', '--module', loader, '--reference']
  assert.deepEqual(await refused(...make, '0x00010A01', '--diversified'), ['module-already-there', 6])
  assert.deepEqual(await refused(...make, '0x00010A02', '--usage', 'xx'), ['usage', 2])
  const serial = '0000000000000003'
  assert.deepEqual(await refused(...make, '0x00010A02', '--block', serial, '--only', serial), ['usage', 2])
  assert.deepEqual(await refused(...make, '0x00010A02', '--block', serial, '--block', serial), ['usage', 2])
  assert.deepEqual(await refused(...make, '0x00010A02', '--set', '9'), ['module-reference-not-found', 6])
  const set = ['loader', 'set', 'new', '--module', loader]
  assert.deepEqual(await refused(...set, '--profile', 'shared'), ['usage', 2])
  assert.deepEqual(await refused('module', 'install-t', '--module', terminal, '--set', '9'), [
    'key-missing',
    7,
  ])
})

test('a set gets new keys, and a terminal in the field takes a key under the old ones', async () => {
  const set = await run('loader', 'set', 'new', '--module', loader, '--replace')
  assert.equal(set['generation'], 2)
  await run('module', 'prepare', '--module', terminal, '--place', place, '--out', 'request', '--replace')
  await run('loader', 'key', 'export', 'request', '--module', loader, '--out', 'message', '--previous')
  await run('module', 'import-key', 'message', '--module', terminal, '--out', 'receipt')
  await run('loader', 'key', 'verify-receipt', 'receipt', '--module', loader)
  const listed = await run('loader', 'key', 'list', '--module', loader)
  assert.deepEqual(
    listed['sets'].map(({ generation }: { generation: string }) => generation),
    ['present', 'previous'],
  )
  assert.deepEqual(
    await refused('loader', 'key', 'export', 'request', '--module', loader, '--out', 'message'),
    ['loader-key-withheld', 7],
    'three exports were allowed',
  )
})

test('the files of key download are explained by inspect, and none of them shows a key', async () => {
  for (const [file, kind] of [
    ['request', 'key request'],
    ['message', 'key message'],
    ['receipt', 'key receipt'],
    ['card', "customer's card"],
  ] as const) {
    const { status, stdout } = await commandLine(work, ['inspect', file])
    assert.equal(status, 0)
    assert.ok(stdout.startsWith(kind), stdout)
  }
})
