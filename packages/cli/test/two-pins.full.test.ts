import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { parsePinHolder } from '@sealwright/roles/two-pins'
import { commandLine, commandLineJson, type JsonObject, sealwright } from './run.ts'

let folder: string
const serial = '0000000000000001'
const root = 'certs/root.pem'
const central = ['--central', 'central.request', '--central-fingerprint-file', 'central.print']
const unit = ['--certificate', 'certs/unit.pem']

async function done(...args: string[]): Promise<void> {
  const ran = await commandLine(folder, args)
  assert.equal(ran.status, 0, `${args.join(' ')}\n${ran.stderr}`)
}

/** A command in a process of its own: a session. */
function session(...args: string[]): { status: number | null; json: JsonObject; all: string } {
  const { status, stdout, stderr } = sealwright(folder, [...args, '--json'])
  return { status, json: JSON.parse(stdout || '{}'), all: stdout + stderr }
}

const pins: Record<string, string> = { anna: '4711-anna', bert: '0815-bert' }
const as = (person: string, pin = person): string[] => ['--person', person, '--pin', `${pin}.pin`]
const personalize = (...more: string[]): string[] => [
  ...['unit', 'personalize', '--module', 'cash.chip', '--serial', serial, '--root', root],
  ...[...unit, ...central, ...more],
]
const ask = (person: string, of = serial): string[] => [
  ...['unit', 'pins', 'request', '--serial', of, ...unit, ...central],
  ...as(person),
]

before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'sealwright-two-pins-'))
  await done('init', '.')
  await done('issuer', 'mask', 'fleet', '--out', 'fleet.mask', '--eeprom', '65536')
  await done('manufacturer', 'init-root', '--out', root)
  await done('manufacturer', 'produce', 'fleet.mask', 'cash.chip', '--delivery-note', 'fleet.note')
  await done('mounter', 'mount', '--module', 'cash.chip', '--serial', serial, '--delivery-note', 'fleet.note')
  await done('issuer', 'unlock', '--module', 'cash.chip', '--mask', 'fleet')
  await done(
    ...['issuer', 'customize', '--module', 'cash.chip', '--mask', 'fleet', '--product', 'cash'],
    ...['--manufacturer-root', root, '--papers', 'cash.papers', '--request', 'cash.request'],
  )
  await done('manufacturer', 'certify-module', 'cash.request', '--out', 'certs/cash.pem')
  await done(
    ...['issuer', 'finish', '--module', 'cash.chip', '--mask', 'fleet'],
    ...['--certificate', 'certs/cash.pem', '--irreversible'],
  )
  await done(
    'unit',
    'request',
    '--customer',
    'Bank',
    '--out',
    'unit.request',
    '--fingerprint-out',
    'unit.print',
  )
  await done(
    ...['manufacturer', 'certify-unit', 'unit.request', '--fingerprint-file', 'unit.print'],
    ...['--out', 'certs/unit.pem'],
  )
  await done('central', 'key', '--out', 'central.request', '--fingerprint-out', 'central.print')
  for (const [name, pin] of Object.entries(pins)) writeFileSync(join(folder, `${name}.pin`), `${pin}\n`)
  writeFileSync(join(folder, 'wrong.pin'), 'wrong-pin\n')
})
after(() => rmSync(folder, { recursive: true }))

test('[R9c] two people with two PINs in two sessions personalize one module, once', async () => {
  await done('unit', 'pins', 'begin', ...central)
  await done('unit', 'pins', 'set', ...as('anna'))
  await done('unit', 'pins', 'set', ...as('bert'))
  const before = readFileSync(join(folder, 'cash.chip'))

  const alone = session(...personalize())
  assert.equal(alone.json['error'].code, 'pins-missing')
  const asked = session(...ask('anna'))
  assert.equal(asked.status, 0, asked.all)
  assert.equal(asked.json['enforcedBy'], 'one machine')
  const request = asked.json['request'] as string
  assert.equal(session(...personalize()).json['error'].code, 'pins-missing')

  const confirm = ['unit', 'pins', 'confirm', request]
  assert.equal(session(...confirm, ...as('anna')).json['error'].code, 'pins-refused')
  const wrong = session(...confirm, ...as('bert', 'wrong'))
  assert.equal(wrong.json['error'].code, 'pin-wrong')
  assert.ok(!wrong.all.includes('wrong-pin'))
  assert.ok(readFileSync(join(folder, 'cash.chip')).length === before.length)
  const agreed = session(...confirm, ...as('bert'))
  assert.equal(agreed.status, 0, agreed.all)
  assert.match(agreed.all, /0000000000000001/, 'who confirms is shown what')

  const signed = session(...personalize('--out', 'certs/cash-operating.pem'))
  assert.equal(signed.status, 0, signed.all)
  assert.deepEqual(signed.json['agreed'], {
    requester: 'anna',
    confirmer: 'bert',
    form: 'two PINs',
    enforcedBy: 'one machine',
    stronger: 'approvals',
  })
  const again = session(...personalize())
  assert.equal(again.json['already'], true, 'settling what is done signs nothing and asks nobody')
  const shown = session('unit', 'pins', 'show').json
  assert.equal(shown['requests'][0].confirmer, 'bert')
  assert.notEqual(shown['requests'][0].used, null)
})

test('[R9c] wherever two PINs are spoken of it is said that they are one machine, and what is stronger', async () => {
  const help = sealwright(folder, ['unit', 'pins', '--help']).stdout.replace(/\s+/g, ' ')
  assert.match(help, /two PINs on one machine/)
  assert.match(help, /approvals that two people sign with devices of their own are stronger/)
  const shown = await commandLine(folder, ['unit', 'pins', 'show'])
  assert.match(shown.stdout, /two PINs on one machine: nothing but this program asks for them/)
  const json = (await commandLineJson(folder, ['unit', 'pins', 'show'])).json
  assert.equal(json['enforcedBy'], 'one machine')
  assert.equal(json['stronger'], 'approvals')
})

test('[R9c] a process that is killed while it compares has spent a try; five lock, and the central system unlocks', async () => {
  const tries = () =>
    (session('unit', 'pins', 'show').json['people'] as { id: string; triesLeft: number }[]).find(
      ({ id }) => id === 'bert',
    )!.triesLeft
  const launcher = fileURLToPath(new URL('../bin/sealwright.js', import.meta.url))
  const holder = join(folder, 'unit', 'store', 'pins', 'holders', 'bert')
  const before = readFileSync(holder)
  const child = spawn(
    process.execPath,
    [launcher, 'unit', 'pins', 'request', '--serial', serial, ...unit, ...central, ...as('bert')],
    {
      cwd: folder,
      stdio: 'ignore',
    },
  )
  // The count is on the disk before the hash, which takes a quarter of a second, is computed.
  while (readFileSync(holder).equals(before) && child.exitCode === null) {
    await new Promise((next) => setTimeout(next, 2))
  }
  child.kill('SIGKILL')
  await new Promise((ended) => child.on('close', ended))
  assert.equal(tries(), 4)
  for (let left = 3; left >= 0; left--) {
    const ran = session(
      'unit',
      'pins',
      'request',
      '--serial',
      serial,
      ...unit,
      ...central,
      ...as('bert', 'wrong'),
    )
    assert.equal(ran.json['error'].code, left === 0 ? 'pin-locked' : 'pin-wrong')
    assert.equal(tries(), left)
  }
  assert.equal(session(...ask('bert')).json['error'].code, 'pin-locked')
  await done('unit', 'pins', 'ask-reset', '--person', 'bert', '--out', 'bert.pin-request')
  const other = session(
    'central',
    'reset-pin',
    'bert.pin-request',
    '--fingerprint-file',
    'central.print',
    '--out',
    'x',
  )
  assert.equal(other.json['error'].code, 'fingerprint-differs')
  await done(
    'central',
    'reset-pin',
    'bert.pin-request',
    '--fingerprint-file',
    'unit.print',
    '--out',
    'bert.pin-reset',
  )
  await done('unit', 'pins', 'reset', 'bert.pin-reset')
  assert.equal(tries(), 5)
  assert.equal(session('unit', 'pins', 'reset', 'bert.pin-reset').json['error'].code, 'not-trusted')
  assert.equal(session(...ask('bert')).status, 0)
})

test('inspect tells who has a PIN and how requests stand, and not what a PIN is compared with', async () => {
  const holder = 'unit/store/pins/holders/anna'
  const shown = await commandLine(folder, ['inspect', holder])
  assert.match(shown.stdout, /person anna/)
  const kept = readFileSync(join(folder, holder))
  const verifier = parsePinHolder(new Uint8Array(kept)).verifier
  const all = `${shown.stdout}${(await commandLineJson(folder, ['inspect', holder])).stdout}`.toLowerCase()
  assert.ok(!all.includes(Buffer.from(verifier).toString('hex').slice(0, 12)))
  const request = readdirSync(join(folder, 'unit/store/pins/requests'))[0]!
  const told = (await commandLine(folder, ['inspect', `unit/store/pins/requests/${request}`])).stdout
  assert.match(told, /asked for by (anna|bert)/)
})

test('no PIN lies in a file of the workspace but those it was typed in from', () => {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter(
    (entry) => entry.isFile() && !entry.name.endsWith('.pin'),
  )
  assert.ok(files.length > 20)
  for (const entry of files) {
    const bytes = readFileSync(join(entry.parentPath, entry.name))
    for (const pin of Object.values(pins)) assert.ok(!bytes.includes(pin), entry.name)
  }
})
