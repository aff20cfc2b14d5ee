import assert from 'node:assert/strict'
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { commandLine, commandLineJson } from './run.ts'

// Approvals and tickets on the real commands, each person in a workspace of her own.

const serials = ['0000000000000001', '0000000000000002', '0000000000000003'] as const
const central = ['--central', 'central.request', '--central-fingerprint-file', 'central.print']
let folder: string

async function done(...args: string[]) {
  const { status, json, stderr } = await commandLineJson(folder, args)
  assert.equal(status, 0, `${args.join(' ')}\n${stderr}\n${JSON.stringify(json)}`)
  return json
}

async function refused(code: string, ...args: string[]) {
  const { status, json } = await commandLineJson(folder, args)
  assert.notEqual(status, 0, args.join(' '))
  assert.equal(json['error'].code, code, `${args.join(' ')}: ${json['error'].message}`)
  return json['error']
}

async function words(...args: string[]): Promise<string> {
  const { status, stdout, stderr } = await commandLine(folder, args)
  assert.equal(status, 0, `${args.join(' ')}\n${stderr}`)
  return stdout
}

function personalize(module: number, ...more: string[]): string[] {
  return [
    ...['unit', 'personalize', '--module', `${module}.chip`, '--serial', serials[module - 1]!],
    ...['--certificate', 'unit.pem', '--root', 'root.pem', ...central, ...more],
  ]
}

function issueTicket(count: number, out: string): string[] {
  return [
    ...['--unit', 'unit.pem', '--unit-fingerprint-file', 'unit.print'],
    ...['--count', String(count), '--until', '2099-12-31', '--out', out],
  ]
}

/** Anna's key lies in a file, Berta's under a passphrase. */
const kept = {
  anna: ['--keys', 'file'],
  berta: ['--keys', 'passphrase', '--keys-secret', 'berta.secret'],
}

function device(id: 'anna' | 'berta'): string[] {
  return ['--workspace', `device-of-${id}`, ...kept[id].slice(2)]
}

before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'sealwright-two-people-'))
  writeFileSync(join(folder, 'berta.secret'), 'a long passphrase of her own\n')
  await done('init', '.')
  await done('issuer', 'mask', 'fleet', '--out', 'fleet.mask', '--eeprom', '65536')
  await done('manufacturer', 'init-root', '--out', 'root.pem')
  const chips = serials.map((_, i) => `${i + 1}.chip`)
  await done('manufacturer', 'produce', 'fleet.mask', ...chips, '--delivery-note', 'fleet.note')
  for (const [i, serial] of serials.entries()) {
    const name = String(i + 1)
    const chip = ['--module', `${name}.chip`]
    await done('mounter', 'mount', ...chip, '--serial', serial, '--delivery-note', 'fleet.note')
    await done('issuer', 'unlock', ...chip, '--mask', 'fleet')
    await done(
      ...[
        'issuer',
        'customize',
        ...chip,
        '--mask',
        'fleet',
        '--product',
        'cash',
        '--manufacturer-root',
        'root.pem',
      ],
      ...['--papers', `${name}.papers`, '--request', `${name}.request`],
    )
    await done('manufacturer', 'certify-module', `${name}.request`, '--out', `${name}.pem`)
    const finish = ['--mask', 'fleet', '--certificate', `${name}.pem`, '--irreversible']
    await done('issuer', 'finish', ...chip, ...finish)
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
  for (const [id, duty] of [
    ['anna', 'request'],
    ['berta', 'approve'],
  ] as const) {
    await done('init', `device-of-${id}`, '--party', 'person', ...kept[id])
    await done(
      ...['person', 'init', '--id', id, ...device(id)],
      ...['--out', `${id}.enrolment`, '--fingerprint-out', `${id}.print`],
    )
    await done(
      ...['central', 'enrol', `${id}.enrolment`, '--fingerprint-file', `${id}.print`],
      ...['--duty', duty, '--out', 'people.roster'],
    )
  }
})

after(() => rmSync(folder, { recursive: true, force: true }))

test('[R9a][B17a] from enrolment to a personalized module, by people who each have only their own folder', async () => {
  const taken = await done('unit', 'roster', 'people.roster', ...central)
  assert.deepEqual(taken['persons'], ['anna', 'berta'])
  assert.equal(taken['enforcedBy'], 'host')
  await refused('approval-missing', ...personalize(1))
  const ask = ['--certificate', 'unit.pem', '--out', '1.approval-request']
  const asked = await done('unit', 'request-approval', '--serial', serials[0], ...ask)
  assert.equal(asked['object'].module, serials[0])

  // Nothing is signed before a file for the signature is named.
  const anna = device('anna')
  const shown = await words('person', 'request', '1.approval-request', ...anna)
  assert.match(shown, /personalize: certify the operating key/)
  assert.ok(shown.includes(serials[0]))
  assert.match(shown, /signed +no/)
  const meant = (serial: string, customer: string) => [
    ...['person', 'request', '1.approval-request', '--out', '1.asked'],
    ...['--serial', serial, '--customer', customer, ...anna],
  ]
  await refused('approval-refused', ...meant(serials[1], 'Example Bank'))
  await refused('approval-refused', ...meant(serials[0], 'Another Bank'))
  await done(...meant(serials[0], 'Example Bank'))
  assert.match(await words('inspect', '1.approval-request'), /nobody has signed it/)
  const approve = ['person', 'approve', '1.asked', '--roster', 'people.roster', ...central]
  const before_ = await words(...approve, ...device('berta'))
  assert.match(before_, /asked for by +anna/)
  assert.match(before_, /signed +no/)
  await refused('approval-refused', ...approve, '--out', '1.own', ...device('anna'))
  await done(...approve, '--out', '1.approved', ...device('berta'))

  await refused('approval-refused', ...personalize(1, '--approval', '1.asked'))
  const other = await refused(
    'approval-refused',
    ...personalize(2, '--approval', '1.asked', '--approval', '1.approved'),
  )
  assert.match(other.message, /another action, or the action on another object/)
  const made = await done(...personalize(1, '--approval', '1.asked', '--approval', '1.approved'))
  assert.deepEqual(made['approved'], { requester: 'anna', approver: 'berta' })
  assert.equal(made['enforcedBy'], 'host')
  // A copy of Berta's device signs nothing without what only she knows.
  await refused('keys-secret-missing', ...approve, '--workspace', 'device-of-berta', '--out', '1.stolen')
  const inspected = await words('inspect', '1.approved')
  assert.match(inspected, /one person's consent/)
  assert.match(inspected, /approves what another person asks/)
  assert.match(await words('inspect', '1.asked'), /the signer asks/)
  assert.ok(inspected.includes(serials[0]))
})

test('the approvals are asked for in words, and the label says that no card keeps the rule', async () => {
  await done(
    'unit',
    'request-approval',
    '--serial',
    serials[1],
    '--certificate',
    'unit.pem',
    '--out',
    '2.ask',
  )
  await done('person', 'request', '2.ask', '--out', '2.asked', ...device('anna'))
  await done(
    ...['person', 'approve', '2.asked', '--roster', 'people.roster', ...central],
    ...['--out', '2.approved', ...device('berta')],
  )
  const printed = await words(...personalize(2, '--approval', '2.asked', '--approval', '2.approved'))
  assert.match(printed, /asked for by +anna/)
  assert.match(printed, /approved by +berta/)
  assert.match(printed, /This computer keeps this rule, no card does/)
  const { stdout } = await commandLine(folder, ['unit', 'roster', '--help'])
  assert.match(stdout, /no card does/)
})

test('[X6a][X6d] a ticket on the commands: counted, shown, merged; a copied store is found out', async () => {
  // A unit without a roster, so that only the ticket stands in the way.
  rmSync(join(folder, 'unit/store/approvals/roster'))
  const first = await done('central', 'ticket', 'issue', ...issueTicket(1, 'first.ticket'))
  await done('unit', 'ticket', 'issue', ...issueTicket(2, 'second.ticket'))
  const take = (file: string) => ['unit', 'ticket', 'take', file, '--certificate', 'unit.pem', ...central]
  await done(...take('second.ticket'))
  const older = await refused('ticket-refused', ...take('first.ticket'))
  assert.match(older.message, /newer/)
  await refused('ticket-refused', ...take('people.roster'))
  cpSync(join(folder, 'unit'), join(folder, 'copy/unit'), { recursive: true })
  writeFileSync(join(folder, 'copy/sealwright.json'), readFileSync(join(folder, 'sealwright.json')))

  const made = await done(...personalize(3))
  assert.equal(made['ticket'].number, 1)
  const shown = await done('unit', 'ticket', 'show')
  assert.deepEqual([shown['used'], shown['left'], shown['enforcedBy']], [1, 1, 'host'])
  await done('unit', 'ticket', 'record', '--certificate', 'unit.pem', '--out', 'unit.record')
  // The two modules of the tests before were personalized without a ticket.
  const { status, json } = await commandLineJson(folder, ['central', 'ticket', 'merge', 'unit.record'])
  assert.equal(status, 7)
  assert.equal(json['code'], 'tickets-differ')
  assert.equal(json['without'].length, 2)
  const [one, two] = json['tickets']
  assert.deepEqual([one.ticket, one.found, two.found, two.gaps, two.doubles], [first['ticket'], 0, 1, [], []])
  const listed = await done('central', 'ticket', 'list')
  assert.equal(listed['tickets'].length, 2)
})

test('revoked on the commands: who is revoked counts no more, and shows so', async () => {
  await done('central', 'revoke', 'berta', '--out', 'people.roster')
  const { persons } = (await done('central', 'roster')) as never as {
    persons: { id: string; revoked?: string }[]
  }
  assert.deepEqual(
    persons.map(({ id, revoked }) => [id, revoked !== undefined]),
    [
      ['anna', false],
      ['berta', true],
    ],
  )
  await done('unit', 'roster', 'people.roster', ...central)
  await refused(
    'enrolment-refused',
    ...['central', 'enrol', 'berta.enrolment', '--fingerprint-file', 'berta.print', '--out', 'people.roster'],
  )
})

test('what people type wrong is refused by what is wrong', async () => {
  await refused('usage', 'person', 'init', '--id', 'Anna', '--out', 'x', ...device('anna'))
  await refused(
    'enrolment-refused',
    'person',
    'init',
    '--id',
    'ann',
    '--out',
    'x',
    '--workspace',
    'device-of-anna',
  )
  const wrong = issueTicket(1, 'x.ticket').map((arg) => (arg === '2099-12-31' ? '2099-02-30' : arg))
  await refused('usage', 'central', 'ticket', 'issue', ...wrong)
  await refused('usage', 'central', 'ticket', 'issue', ...issueTicket(0, 'x.ticket'))
  await refused('bytes-malformed', 'person', 'request', 'people.roster', ...device('anna'))
})
