import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { statusWords } from '@sealwright/core/catalog'
import { errorTable } from '@sealwright/core/errors'
import { openModuleFile } from '@sealwright/node/transport'
import { commandLine, commandLineJson, type JsonObject } from './run.ts'

const work = mkdtempSync(join(tmpdir(), 'sealwright-module-'))
after(() => rmSync(work, { recursive: true }))
const serial = '00000000000000A1'

before(async () => {
  for (const folder of ['exchange', 'chips']) mkdirSync(join(work, folder))
  for (const line of [
    'init .',
    'issuer mask fleet --out exchange/fleet.mask',
    'manufacturer produce exchange/fleet.mask chips/a.chip chips/b.chip --delivery-note exchange/fleet.note',
    `mounter mount --module chips/a.chip --serial ${serial} --delivery-note exchange/fleet.note`,
    'issuer unlock --module chips/a.chip --mask fleet --trace trace.txt',
  ]) {
    const { status, stderr } = await commandLine(work, line.split(' '))
    assert.equal(status, 0, `${line}\n${stderr}`)
  }
})

test('module list shows every chip of a folder', async () => {
  const { json } = await commandLineJson(work, ['module', 'list', 'chips'])
  assert.deepEqual(
    json['modules'],
    [
      { file: join('chips', 'a.chip'), serial, mode: 'customization', state: undefined, product: undefined },
      { file: join('chips', 'b.chip'), mode: 'issuer' },
    ].map((row) => JSON.parse(JSON.stringify(row))),
  )
})

test('module show tells mode, events and the commands in force', async () => {
  const { json } = await commandLineJson(work, ['module', 'show', '--module', 'chips/a.chip'])
  assert.equal(json['serial'], serial)
  assert.equal(json['mode'], 'customization')
  assert.equal(json['events'], 2)
  assert.ok(json['vectors'].some(({ name }: JsonObject) => name === 'GET DATA'))
  const text = await commandLine(work, ['module', 'show', '--module', 'chips/a.chip'])
  assert.match(text.stdout, /^mode +customization$/m)
})

test('module map attributes every byte of EEPROM, in order and without a gap', async () => {
  const args = ['module', 'map', '--module', 'chips/a.chip']
  const { json } = await commandLineJson(work, args)
  let at = 0
  for (const { start, end } of json['segments']) {
    assert.equal(start, at)
    at = end
  }
  assert.equal(at, json['size'])
  const { stdout } = await commandLine(work, args)
  assert.match(stdout, /^000000 {2}M+/m)
  assert.match(stdout, /encrypted-image 0/)
})

test('module apdu sends what it is given and explains the answers', async () => {
  const args = ['module', 'apdu', '00CA004500', '80FE0000', '--module', 'chips/a.chip']
  const { json } = await commandLineJson(work, args)
  assert.deepEqual(json['exchanges'][0], { command: '00CA004500', data: serial, sw: '9000' })
  const { stdout } = await commandLine(work, args)
  assert.match(stdout, /GET DATA 00 CA 00 45/)
})

test('[X8b] a refusal by the module names command, status word, meaning and remedy', async () => {
  // In customization mode, before MAKE IDENTITY, there is no key that could sign the head.
  const args = ['passport', serial, '--module', 'chips/a.chip', '--out', 'exchange/none.passport']
  const { status, json, stderr } = await commandLineJson(work, args)
  const { culprit, exit, remedy } = errorTable['module-conditions-not-satisfied']
  assert.equal(status, exit)
  const { message, ...told } = json['error']
  const details = { command: 'PASSPORT HEAD', statusWord: '6985' }
  assert.deepEqual(told, { code: 'module-conditions-not-satisfied', culprit, remedy, exit, details })
  assert.equal(
    message,
    `PASSPORT HEAD was refused with 6985: ${statusWords['conditions-not-satisfied'].meaning}`,
  )
  assert.ok(stderr.includes(`sealwright: hint: ${remedy}`))
})

test('a module that another process holds is named with its holder', async () => {
  const held = openModuleFile(join(work, 'chips/a.chip'), { command: 'sealwright something' })
  try {
    const { status, json, stderr } = await commandLineJson(work, [
      'module',
      'show',
      '--module',
      'chips/a.chip',
    ])
    assert.equal(status, errorTable['memory-held'].exit)
    assert.equal(json['error'].details.pid, process.pid)
    assert.match(stderr, /held by sealwright something/)
    const list = await commandLineJson(work, ['module', 'list', 'chips'])
    assert.match(list.json['modules'][0].problem, /held by sealwright something/)
    assert.equal(list.json['modules'][1].mode, 'issuer')
  } finally {
    await held.close()
  }
})

test('a trace names the commands, masks the unlocking key, and is readable by its owner only', async () => {
  const trace = readFileSync(join(work, 'trace.txt'), 'utf8')
  assert.match(trace, /^\d+ > UNLOCK 80 36 00 00 \[64 bytes masked\]$/m)
  assert.match(trace, /^\d+ < 9000 done$/m)
  assert.equal(statSync(join(work, 'trace.txt')).mode & 0o777, 0o600)
})

test('entries go from the outboxes through the log into a passport', async () => {
  for (const party of ['issuer', 'mounter']) {
    await commandLine(work, ['outbox', party, '--out', `exchange/${party}.entries`])
  }
  const early = await commandLineJson(work, ['log', 'append', 'exchange/issuer.entries'])
  assert.deepEqual([early.status, early.json['waiting']], [0, 1])
  const { json } = await commandLineJson(work, ['log', 'append', 'exchange/mounter.entries'])
  assert.equal(json['appended'], 1)
  const shown = await commandLineJson(work, ['log', 'show', '--serial', serial])
  assert.deepEqual(
    shown.json['leaves'].map(({ number, event, party }: JsonObject) => [number, event, party]),
    [
      [1, 'serial-written', 'mounter'],
      [2, 'unlocked', 'issuer'],
    ],
  )
  assert.equal((await commandLine(work, ['log', 'verify'])).status, 0)
  const made = await commandLineJson(work, ['passport', serial, '--out', 'exchange/a.passport'])
  assert.equal(made.json['entries'], 2)
  const explained = await commandLineJson(work, ['inspect', 'exchange/a.passport'])
  assert.deepEqual([explained.json['kind'], explained.json['serial']], ['passport', serial])
})

test('[X8c] an entry that the log refuses fails the command and stands in the log', async () => {
  const other = join(work, 'other')
  mkdirSync(other)
  await commandLine(other, ['init', '.', '--party', 'log'])
  const { status, json, stderr } = await commandLineJson(other, [
    'log',
    'append',
    '../exchange/mounter.entries',
  ])
  assert.equal(status, errorTable['log-refused'].exit)
  assert.deepEqual([json['ok'], json['code'], json['refused']], [false, 'log-refused', 1])
  assert.ok(stderr.includes(`hint: ${errorTable['log-refused'].remedy}`))
  const shown = await commandLine(other, ['log', 'show'])
  assert.match(shown.stdout, /refused: no party is enrolled/)
})

test('files of the factory are explained without a key', async () => {
  const kinds = {
    'exchange/fleet.mask': 'mask file',
    'exchange/fleet.note': 'delivery note',
    'exchange/mounter.entries': 'entries for the log',
    'chips/a.chip': 'chip file',
  }
  for (const [file, kind] of Object.entries(kinds)) {
    assert.equal((await commandLineJson(work, ['inspect', file])).json['kind'], kind)
  }
})
