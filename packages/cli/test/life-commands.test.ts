import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { commandLine, commandLineJson, type JsonObject } from './run.ts'

// Two identical modules of one stock, with credentials of their customer, from the mask to the end of their work.

const serials = { a: '0000000000000001', b: '0000000000000002' }
type Name = keyof typeof serials
let folder: string

async function done(...args: string[]): Promise<JsonObject> {
  const ran = await commandLineJson(folder, args)
  assert.equal(ran.status, 0, `${args.join(' ')}\n${ran.stderr}`)
  return ran.json
}

async function refused(...args: string[]): Promise<[number | null, string]> {
  const { status, json } = await commandLineJson(folder, args)
  return [status, json['error']?.code]
}

const chip = (name: Name) => ['--module', `${name}.chip`]
const personalize = (name: Name, ...more: string[]) => [
  ...['unit', 'personalize', ...chip(name), '--serial', serials[name]],
  ...['--certificate', 'unit.pem', '--root', 'root.pem', '--central', 'central.request'],
  ...['--central-fingerprint-file', 'central.print', '--out', `${name}-operating.pem`, ...more],
]
const anonymous = [
  '--insecure-no-identity',
  '--channel',
  'ephemeral',
  '--insecure-least-channel',
  'unauthenticated',
]
const withUnit = ['--unit', 'unit.pem']

before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'sealwright-life-'))
  await done('init', '.')
  await done('issuer', 'mask', 'fleet', '--out', 'fleet.mask', '--eeprom', '65536')
  await done('manufacturer', 'init-root', '--out', 'root.pem')
  await done('manufacturer', 'produce', 'fleet.mask', 'a.chip', 'b.chip', '--delivery-note', 'fleet.note')
  writeFileSync(join(folder, 'bought.serials'), `${Object.values(serials).join('\n')}\n`)
  await done('unit', 'credentials', 'bought.serials', '--out', 'bought.credentials')
  for (const name of ['a', 'b'] as const) {
    await done('mounter', 'mount', ...chip(name), '--serial', serials[name], '--delivery-note', 'fleet.note')
    await done('issuer', 'unlock', ...chip(name), '--mask', 'fleet')
    const customize = ['issuer', 'customize', ...chip(name), '--mask', 'fleet', '--product', 'cash']
    const identical = ['--manufacturer-root', 'root.pem', '--insecure-identical']
    assert.deepEqual(await refused(...customize, ...identical, '--request', 'x.request'), [2, 'usage'])
    await done(...customize, ...identical, '--credentials', 'bought.credentials')
    await done('issuer', 'finish', ...chip(name), '--mask', 'fleet', '--irreversible')
  }
  await done(
    ...['unit', 'request', '--customer', 'Example Bank', '--out', 'unit.request'],
    ...['--fingerprint-out', 'unit.print'],
  )
  await done(
    ...['manufacturer', 'certify-unit', 'unit.request', '--fingerprint-file', 'unit.print'],
    ...['--out', 'unit.pem'],
  )
  await done('central', 'key', '--out', 'central.request', '--fingerprint-out', 'central.print')
})

after(() => rmSync(folder, { recursive: true, force: true }))

test('[B22b][B23a] an identical module says what it has; a unit takes it only when told to, and has the credential proven', async () => {
  const shown = await done('module', 'show', ...chip('a'))
  assert.equal(shown['proof'], 'credential')
  const [status] = await refused(...personalize('a'))
  assert.equal(status, 7)
  for (const name of ['a', 'b'] as const) {
    const { proof } = await done(...personalize(name, ...anonymous, '--credential'))
    assert.equal(proof, 'credential')
  }
  await done('central', 'session', ...chip('a'), ...withUnit)
})

test('[B14a] central limited-key gives a key that ends; a key without an end is refused', async () => {
  const give = ['central', 'limited-key', ...chip('a'), '--serial', serials.a, ...withUnit]
  assert.deepEqual(await refused(...give), [2, 'usage'])
  assert.deepEqual(await refused(...give, '--hours', '1'), [2, 'usage'])
  assert.deepEqual(await refused(...give, '--uses', '0'), [2, 'usage'])
  const given = await done(...give, '--hours', '1', '--uses', '10', '--uses-unheard', '5')
  assert.equal(given['already'], false)
  const { time } = await done('central', 'tell-time', ...chip('a'), ...withUnit)
  assert.ok(given['notAfter'] - time <= 3600)
})

test('[B16a] central disable, disabled and enable', async () => {
  assert.deepEqual(await refused('central', 'disable'), [2, 'usage'])
  assert.deepEqual(await refused('central', 'disable', ...withUnit, '--serial', serials.a), [2, 'usage'])
  await done('central', 'disable', '--operating', 'a-operating.pem', '--reason', 'broken open')
  assert.deepEqual(await refused('central', 'session', ...chip('a'), ...withUnit), [7, 'key-disabled'])
  await done('central', 'session', ...chip('b'), ...withUnit)
  await done('central', 'disable', ...withUnit)
  assert.deepEqual(await refused('central', 'session', ...chip('b'), ...withUnit), [7, 'key-disabled'])
  await done('central', 'enable', ...withUnit)
  await done('central', 'session', ...chip('b'), ...withUnit)
  const { disabled, decisions } = await done('central', 'disabled')
  assert.deepEqual([disabled.length, decisions.length], [1, 3])
  const { stdout } = await commandLine(folder, ['central', 'disabled'])
  assert.match(stdout, /broken open/)
  await done('central', 'enable', '--operating', 'a-operating.pem')
})

test('[B12c][B12d] central depersonalize and module depersonalize need consent, name the module, and leave it awaiting', async () => {
  const end = ['central', 'depersonalize', ...chip('a'), '--serial', serials.a, ...withUnit]
  assert.deepEqual(await refused(...end), [2, 'usage'])
  const other = end.map((word) => (word === serials.a ? serials.b : word))
  assert.deepEqual(await refused(...other, '--irreversible'), [7, 'wrong-module'])
  assert.equal((await done(...end, '--irreversible'))['already'], false)
  const hand = ['module', 'depersonalize', 'b.chip', '--party', 'terminal', '--irreversible']
  const before = readFileSync(join(folder, 'b.chip'))
  assert.deepEqual(await refused(...hand, '--serial', serials.a), [7, 'wrong-module'])
  assert.deepEqual(await refused(...hand.slice(0, -1), '--serial', serials.b), [2, 'usage'])
  assert.deepEqual(readFileSync(join(folder, 'b.chip')), before)
  assert.equal((await done(...hand, '--serial', serials.b))['state'], 'awaiting-personalization')
  assert.deepEqual(await refused(...hand, '--serial', serials.b), [7, 'wrong-state'])
  for (const name of ['a', 'b'] as const) {
    rmSync(join(folder, `${name}-operating.pem`))
    assert.equal((await done(...personalize(name, ...anonymous, '--credential')))['already'], false)
    await done('central', 'session', ...chip(name), ...withUnit)
  }
})
