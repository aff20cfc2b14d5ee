import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { encodeHex } from '@sealwright/core/bytes'
import { scriptedEntropy } from '@sealwright/core/testing'
import { answeringProgram } from '@sealwright/module/testing'
import { commandLine, commandLineJson } from './run.ts'

const folder = mkdtempSync(join(tmpdir(), 'sealwright-later-'))
after(() => rmSync(folder, { recursive: true, force: true }))
const script = fileURLToPath(new URL('../../../tools/verify-passport.mjs', import.meta.url))
const path = (name: string) => join(folder, name)
const key = scriptedEntropy('key of a program').bytes(16)
const samSerial = '5A00000000000001'

async function told(...args: string[]) {
  const { status, json, stderr } = await commandLineJson(folder, args)
  assert.equal(status, 0, `${args.join(' ')}\n${stderr}`)
  return json
}

/** Must fail with this code, which has a remedy. */
async function refused(code: string, ...args: string[]): Promise<string> {
  const { status, json } = await commandLineJson(folder, args)
  assert.notEqual(status, 0, args.join(' '))
  assert.equal(json['error'].code, code, `${args.join(' ')}: ${json['error'].message}`)
  assert.ok(json['error'].remedy.length > 0)
  return json['error'].message
}

const customize = (chip: string, product: string, ...more: string[]) => [
  ...['issuer', 'customize', '--module', chip, '--mask', 'fleet', '--product', product],
  ...[
    '--manufacturer-root',
    'root.pem',
    '--papers',
    `${chip}.papers`,
    '--request',
    `${chip}.request`,
    ...more,
  ],
]
const finish = async (chip: string) => {
  await told('manufacturer', 'certify-module', `${chip}.request`, '--out', `${chip}.pem`)
  const certificate = ['--certificate', `${chip}.pem`, '--irreversible']
  await told('issuer', 'finish', '--module', chip, '--mask', 'fleet', ...certificate)
}
const later = (chip: string, ...more: string[]) => [
  ...['issuer', 'later-customize', '--module', chip, '--sam', 'sam.chip', '--change', 'updates/change.json'],
  ...more,
]
const change = {
  format: 1,
  name: 'cash, later',
  software: [
    {
      program: 5,
      wasm: 'answer.wasm',
      interfaces: ['io'],
      budget: 100_000,
      keyPlaces: ['00200901'],
      dataSize: 4,
    },
  ],
  keyPlaces: [{ place: '00200901', kind: 'application', usage: 'M6' }],
  vectors: [{ ins: 'D0', program: 5, function: 1 }],
  natives: ['PREPARE'],
}
const write = (value: unknown) => writeFileSync(path('updates/change.json'), JSON.stringify(value))

before(async () => {
  await told('init', '.')
  await told('issuer', 'mask', 'fleet', '--out', 'fleet.mask', '--eeprom', '65536')
  await told('manufacturer', 'init-root', '--out', 'root.pem')
  const chips = ['sam.chip', 'cash.chip', 'plain.chip', 'other.chip']
  await told('manufacturer', 'produce', 'fleet.mask', ...chips, '--delivery-note', 'fleet.note')
  for (const [i, chip] of chips.entries()) {
    const serial = chip === 'sam.chip' ? samSerial : `000000000000000${i}`
    await told('mounter', 'mount', '--module', chip, '--serial', serial, '--delivery-note', 'fleet.note')
    await told('issuer', 'unlock', '--module', chip, '--mask', 'fleet')
  }
  mkdirSync(path('updates'))
  writeFileSync(path('updates/answer.wasm'), answeringProgram('later'))
  writeFileSync(path('updates/key'), `${encodeHex(key)}\n`)
  write(change)
})

test('[D10a][D10c] by command line: a SAM, a product that takes later customization, and a change in user mode', async () => {
  await told(...customize('sam.chip', 'sam'))
  await finish('sam.chip')
  await refused('usage', 'issuer', 'sam', 'new', '--module', 'sam.chip', '--sessions', 'many')
  const made = await told('issuer', 'sam', 'new', '--module', 'sam.chip', '--sessions', '20')
  assert.deepEqual([made['serial'], made['made'], made['sessionsLeft']], [samSerial, true, 20])
  const again = await told('issuer', 'sam', 'new', '--module', 'sam.chip')
  assert.deepEqual([again['made'], again['sessionsLeft']], [false, 20])
  assert.equal(again['checkValue'], made['checkValue'])

  await refused('usage', ...customize('cash.chip', 'cash', '--later-customization'))
  await refused('usage', ...customize('cash.chip', 'cash', '--sam', 'sam.chip'))
  const on = ['--later-customization', '--sam', 'sam.chip']
  assert.equal((await told(...customize('cash.chip', 'cash', ...on)))['laterCustomization'], true)
  // In customization mode there is another way.
  await refused('wrong-state', ...later('cash.chip'))
  await finish('cash.chip')

  const done = await told(...later('cash.chip', '--key', '00200901=updates/key'))
  assert.deepEqual([done['serial'], done['sam'], done['writes']], ['0000000000000001', samSerial, 2])
  const shown = await told('module', 'show', '--module', 'cash.chip')
  assert.deepEqual(
    [shown['mode'], shown['product'], shown['laterCustomization']],
    ['user', 'cash, later', samSerial],
  )
  assert.deepEqual(
    (shown['places'] as { place: string; checkValue?: string }[]).map(({ place, checkValue }) => [
      place,
      checkValue !== undefined,
    ]),
    [
      ['00200301', false],
      ['00200901', true],
    ],
  )
  assert.equal((await told('issuer', 'sam', 'new', '--module', 'sam.chip'))['sessionsLeft'], 19)
})

test('[D10a] the passports of module and SAM tell it, and a script of others agrees', async () => {
  for (const party of ['mounter', 'issuer']) {
    await told('outbox', party, '--out', `${party}.entries`)
    await told('log', 'append', `${party}.entries`)
  }
  const logKey = (await told('log', 'key'))['key'] as string
  for (const [chip, serial, event] of [
    ['cash.chip', '0000000000000001', 'customized-later'],
    ['sam.chip', samSerial, 'session-keys-given'],
  ] as const) {
    const passport = `${chip}.passport`
    await told('passport', serial, '--module', chip, '--out', passport)
    const leaves = (await told('log', 'show'))['leaves'] as { module: string; event: string }[]
    assert.ok(
      leaves.some((leaf) => leaf.module === serial && leaf.event === event),
      serial,
    )
    const checked = spawnSync(
      process.execPath,
      [script, '--log-key', logKey, '--root', 'root.pem', passport],
      { cwd: folder, encoding: 'utf8' },
    )
    assert.equal(checked.status, 0, `${checked.stdout}${checked.stderr}`)
  }
})

test('[D10b][D10d] refused by command line, each with its next step: no later customization, the wrong SAM, no SAM', async () => {
  assert.equal((await told(...customize('plain.chip', 'cash')))['laterCustomization'], false)
  await finish('plain.chip')
  assert.match(
    await refused('later-customization-off', ...later('plain.chip')),
    /takes no later customization/,
  )
  const named = ['issuer', 'later-customize', '--module', 'cash.chip', '--change', 'updates/change.json']
  assert.match(
    await refused('sam-differs', ...named, '--sam', 'plain.chip'),
    new RegExp(`the SAM ${samSerial} opens`),
  )
  assert.notEqual((await commandLine(folder, named)).status, 0)
  await refused('module-instruction-not-supported', 'issuer', 'sam', 'new', '--module', 'plain.chip')
  await refused(
    'sam-not-ready',
    ...customize('other.chip', 'cash', '--later-customization', '--sam', 'plain.chip'),
  )
})

test('a SAM in a reader is looked for as a module in one is', async () => {
  const code = async (...args: string[]) => (await commandLineJson(folder, args)).json['error'].code
  const wanted = await code('issuer', 'sam', 'new', '--reader', 'no reader of this name')
  const named = ['issuer', 'later-customize', '--module', 'cash.chip', '--change', 'updates/change.json']
  assert.equal(await code(...named, '--sam', 'reader:no reader of this name'), wanted)
  assert.notEqual(wanted, 'usage')
})

test('inspect tells what a change file changes, and where one goes wrong', async () => {
  write(change)
  const { stdout } = await commandLine(folder, ['inspect', 'updates/change.json'])
  for (const line of [
    /change file/,
    /product name cash, later/,
    /software 5: answer\.wasm, may use io, keys 00200901, new data area of 4 bytes/,
    /place 00200901: application, usage M6/,
    /instruction D0: function 1 of program 5/,
    /native command PREPARE/,
  ]) {
    assert.match(stdout, line)
  }
  write({ ...change, vectors: [{ ins: 'D', program: 5, function: 1 }] })
  assert.match(
    await refused('bytes-malformed', 'inspect', 'updates/change.json'),
    /ins: expected 2 hexadecimal/,
  )
  write(change)
})

test('a change file that is none, and keys that are none, are refused before the SAM is asked', async () => {
  const left = async () => (await told('issuer', 'sam', 'new', '--module', 'sam.chip'))['sessionsLeft']
  const before = await left()
  const cases: [code: string, value: unknown][] = [
    ['format-newer', { ...change, format: 2 }],
    ['bytes-malformed', { ...change, format: 0 }],
    ['bytes-malformed', { ...change, more: 1 }],
    ['bytes-malformed', [change]],
    ['usage', { format: 1 }],
  ]
  for (const [code, value] of cases) {
    write(value)
    await refused(code, ...later('cash.chip'))
  }
  write({ ...change, software: [{ ...change.software[0], wasm: 'missing.wasm' }] })
  assert.notEqual((await commandLine(folder, later('cash.chip'))).status, 0)
  write(change)
  await refused('usage', ...later('cash.chip', '--key', 'updates/key'))
  writeFileSync(path('updates/test-key'), '404142434445464748494A4B4C4D4E4F')
  await refused('test-key', ...later('cash.chip', '--key', '00200901=updates/test-key'))
  assert.equal(await left(), before)
})

test('no key is printed, traced or kept in a file that is not its own', async () => {
  const { stdout, stderr } = await commandLine(
    folder,
    later('cash.chip', '--key', '00200901=updates/key', '--trace', 'trace.txt'),
  )
  const trace = readFileSync(path('trace.txt'), 'utf8')
  assert.match(trace, /CUSTOMIZE 84 42/)
  assert.match(trace, /SESSION KEYS 84 7E/)
  for (const text of [stdout, stderr, trace]) {
    assert.equal(text.toUpperCase().includes(encodeHex(key)), false)
  }
})
