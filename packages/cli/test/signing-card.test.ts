import assert from 'node:assert/strict'
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { commandLineJson } from './run.ts'

// A signing card on the real commands, from the factory to a personalized module, a full log and a stolen folder.

const serials = { card: 'CA00000000000001', cash: '0000000000000001', second: '0000000000000002' } as const
const products = { card: 'signing-card', cash: 'cash', second: 'cash' } as const
const names = Object.keys(serials) as (keyof typeof serials)[]
const trust = ['--module', 'card.chip', '--root', 'root.pem']
let folder: string

async function ran(cwd: string, args: readonly string[]) {
  const { status, json, stderr } = await commandLineJson(cwd, args)
  return { status, json, stderr }
}

async function done(...args: string[]) {
  const { status, json, stderr } = await ran(folder, args)
  assert.equal(status, 0, `${args.join(' ')}\n${stderr}\n${JSON.stringify(json)}`)
  return json
}

async function refused(code: string, ...args: string[]) {
  const { status, json } = await ran(folder, args)
  assert.notEqual(status, 0, args.join(' '))
  assert.equal(json['error'].code, code, `${args.join(' ')}: ${json['error'].message}`)
  return json['error']
}

function personalize(name: 'cash' | 'second', ...more: string[]): string[] {
  return [
    ...['unit', 'personalize', '--module', `${name}.chip`, '--serial', serials[name]],
    ...['--card', 'card.chip', '--root', 'root.pem', ...more],
  ]
}

/** Order at the card, asked by anna, approved by berta: the options of both approvals. */
async function approved(name: 'cash' | 'second'): Promise<string[]> {
  const files = [`${name}.approval-request`, `${name}.asked`, `${name}.approved`] as const
  await done('unit', 'card', 'order', '--module', 'card.chip', '--serial', serials[name], '--out', files[0])
  for (const file of files.slice(1)) rmSync(join(folder, file), { force: true })
  await done('person', 'request', files[0], '--out', files[1], '--workspace', 'device-of-anna')
  const source = ['--roster', 'people.roster', '--central', 'central.request']
  const told = ['--central-fingerprint-file', 'central.print', '--workspace', 'device-of-berta']
  await done('person', 'approve', files[1], '--out', files[2], ...source, ...told)
  return ['--approval', files[1], '--approval', files[2]]
}

async function ticket(count: number): Promise<void> {
  await done(
    ...['central', 'ticket', 'issue', '--unit', 'unit.pem', '--unit-fingerprint-file', 'unit.print'],
    ...['--count', String(count), '--until', '2099-12-31', '--out', `${count}.ticket`],
  )
}

before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'sealwright-signing-card-'))
  await done('init', '.')
  await done('issuer', 'mask', 'fleet', '--out', 'fleet.mask', '--eeprom', '65536')
  await done('manufacturer', 'init-root', '--out', 'root.pem')
  const chips = names.map((name) => `${name}.chip`)
  await done('manufacturer', 'produce', 'fleet.mask', ...chips, '--delivery-note', 'fleet.note')
  for (const name of names) {
    const chip = ['--module', `${name}.chip`]
    const mask = ['--mask', 'fleet']
    await done('mounter', 'mount', ...chip, '--serial', serials[name], '--delivery-note', 'fleet.note')
    await done('issuer', 'unlock', ...chip, ...mask)
    const files = ['--papers', `${name}.papers`, '--request', `${name}.request`]
    const product = ['--product', products[name], '--manufacturer-root', 'root.pem']
    await done('issuer', 'customize', ...chip, ...mask, ...product, ...files)
    await done('manufacturer', 'certify-module', `${name}.request`, '--out', `${name}.pem`)
    await done('issuer', 'finish', ...chip, ...mask, '--certificate', `${name}.pem`, '--irreversible')
  }
  await done('central', 'key', '--out', 'central.request', '--fingerprint-out', 'central.print')
  for (const [id, duty] of [
    ['anna', 'request'],
    ['berta', 'approve'],
  ] as const) {
    await done('init', `device-of-${id}`, '--party', 'person')
    const out = ['--out', `${id}.enrolment`, '--fingerprint-out', `${id}.print`]
    await done('person', 'init', '--id', id, '--workspace', `device-of-${id}`, ...out)
    const told = ['--fingerprint-file', `${id}.print`, '--duty', duty, '--out', 'people.roster']
    await done('central', 'enrol', `${id}.enrolment`, ...told)
  }
})

after(() => rmSync(folder, { recursive: true, force: true }))

test('[B24a][B3a] the central system issues a card, whose key was made in it; the manufacturer certifies it', async () => {
  await refused('card-not-issued', 'unit', 'card', 'show', '--module', 'card.chip')
  const issue = [
    ...['central', 'issue-card', ...trust, '--customer', 'Example Bank', '--capacity', '6'],
    ...['--out', 'unit.request', '--fingerprint-out', 'unit.print'],
  ]
  await refused('papers-missing', ...issue)
  await refused('wrong-module', ...issue, '--papers', 'cash.papers')
  const issued = await done(...issue, '--papers', 'card.papers')
  assert.deepEqual([issued['card'], issued['made']], [serials.card, true])
  assert.equal((await done(...issue))['made'], false)
  const print = ['--fingerprint-file', 'unit.print', '--out', 'unit.pem']
  await done('manufacturer', 'certify-unit', 'unit.request', ...print)
  const shown = await done('unit', 'card', 'show', '--module', 'card.chip')
  assert.deepEqual([shown['certified'], shown['ready']], [false, false])
  await refused(
    'card-not-ready',
    ...['unit', 'card', 'order', '--module', 'card.chip', '--serial', serials.cash, '--out', 'x'],
  )
  const ready = await done('unit', 'card', 'init', ...trust, '--certificate', 'unit.pem')
  assert.deepEqual([ready['certified'], ready['enforcedBy']], [true, 'card'])
})

test('[B17a][X6b] a module is personalized with two approvals and a ticket, which the card checks', async () => {
  await ticket(10)
  const taken = await done('unit', 'card', 'take', 'people.roster', '10.ticket', ...trust)
  assert.deepEqual([taken['ready'], taken['ticket'].left], [true, 10])
  await refused('approval-missing', ...personalize('cash'))
  const approvals = await approved('cash')
  await refused('approval-refused', ...personalize('cash', ...approvals.slice(0, 2)))
  await refused('usage', ...personalize('cash', ...approvals, '--certificate', 'unit.pem'))
  await refused('usage', ...personalize('cash', ...approvals, '--bare-signature'))
  const made = await done(...personalize('cash', ...approvals, '--out', 'cash-operating.pem'))
  assert.deepEqual([made['already'], made['enforcedBy'], made['ticket'].number], [false, 'card', 1])
  assert.equal((await done('unit', 'card', 'show', '--module', 'card.chip'))['ticket'].left, 9)
  const { keys } = await done('keys', 'unit')
  // What the unit has without the card signs entries of the log.
  assert.deepEqual(
    (keys as { name: string }[]).map(({ name }) => name),
    ['log-signing'],
  )
})

test('[B3d] a copy of the disk without the card signs nothing', async () => {
  const stolen = mkdtempSync(join(tmpdir(), 'sealwright-stolen-'))
  try {
    cpSync(folder, stolen, { recursive: true })
    for (const file of readdirSync(stolen)) if (file.startsWith('card.chip')) rmSync(join(stolen, file))
    const approvals = ['--approval', 'cash.asked', '--approval', 'cash.approved']
    const { status, json } = await ran(stolen, personalize('second', ...approvals))
    assert.notEqual(status, 0)
    assert.equal(json['error'].code, 'file-missing')
    assert.match(json['error'].message, /card\.chip/)
    const own = ['--certificate', 'unit.pem', '--root', 'root.pem', '--central', 'central.request']
    const told = ['--central-fingerprint-file', 'central.print', '--serial', serials.second]
    const without = await ran(stolen, ['unit', 'personalize', '--module', 'second.chip', ...own, ...told])
    assert.equal(without.json['error'].code, 'key-missing')
  } finally {
    rmSync(stolen, { recursive: true, force: true })
  }
})

test('[B15b][B15d] the log gives every certificate byte for byte; a full card goes on when the central system has taken it', async () => {
  await done(...personalize('second', ...(await approved('second'))))
  await ticket(11)
  await refused('card-log-full', 'unit', 'card', 'take', '11.ticket', ...trust)
  const log = ['--out', 'card.log', '--rebuild', 'rebuilt', '--ticket-record', 'card.record']
  const read = await done('unit', 'card', 'log', ...trust, ...log)
  assert.deepEqual([read['entries'], read['kept'], read['capacity']], [6, 6, 6])
  const files = readdirSync(join(folder, 'rebuilt'))
  assert.deepEqual(files.sort(), [
    '0000000000000001-00005.pem',
    '0000000000000002-00006.pem',
    'central-00002.pem',
  ])
  const file = (name: string) => readFileSync(join(folder, name), 'utf8')
  assert.equal(file('rebuilt/0000000000000001-00005.pem'), file('cash-operating.pem'))
  const merged = await done('central', 'ticket', 'merge', 'card.record')
  assert.equal(JSON.stringify(merged).includes('double'), true)
  const cut = readFileSync(join(folder, 'card.log'))
  cut[cut.length - 20]! ^= 1
  writeFileSync(join(folder, 'changed.log'), cut)
  await refused('card-log-broken', 'central', 'acknowledge-log', 'changed.log', '--out', 'card.ack')
  assert.equal((await done('inspect', 'card.log'))['holds'], true)
  assert.equal((await done('inspect', 'changed.log'))['holds'], false)
  await done('central', 'acknowledge-log', 'card.log', '--out', 'card.ack')
  const after = await done('unit', 'card', 'take', 'card.ack', '11.ticket', ...trust)
  assert.deepEqual([after['log'].kept, after['ticket'].left], [4, 11])
})

test('[X6b] a backup of the card that is put back signs nothing more', async () => {
  await done('module', 'backup', 'card.chip', '--out', 'card.backup')
  await done(
    'module',
    'restore',
    'card.backup',
    '--module',
    'card.chip',
    '--party',
    'terminal',
    '--irreversible',
  )
  const order = ['--serial', serials.cash, '--out', 'again.approval-request']
  await refused('card-restored', 'unit', 'card', 'order', '--module', 'card.chip', ...order)
})
