import assert from 'node:assert/strict'
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { commandLine, commandLineJson, type JsonObject } from './run.ts'

const top = mkdtempSync(join(tmpdir(), 'sealwright-lots-'))
const work = join(top, 'work')
after(() => rmSync(top, { recursive: true }))

async function good(...words: string[]): Promise<JsonObject> {
  const { status, stderr, json } = await commandLineJson(work, words)
  assert.equal(status, 0, `${words.join(' ')}\n${stderr}`)
  return json
}

async function bad(status: number, ...words: string[]): Promise<JsonObject> {
  const ran = await commandLineJson(work, words)
  assert.equal(ran.status, status, `${words.join(' ')}\n${ran.stderr}`)
  return ran.json
}

async function refused(message: RegExp, ...words: string[]): Promise<void> {
  const ran = await commandLine(work, words)
  assert.equal(ran.status, 2, `${words.join(' ')}\n${ran.stderr}`)
  assert.match(ran.stderr, message)
}

const mount = (...more: string[]): string[] => [
  ...['mounter', 'mount', '--chips', 'chips', '--delivery-note', 'spring.note'],
  ...more,
]
const customize = (...more: string[]): string[] => [
  ...['issuer', 'lot', 'customize', 'spring', '--chips', 'chips', '--product', 'cash'],
  ...[
    '--manufacturer-root',
    'root.pem',
    '--papers',
    'papers',
    '--requests',
    'spring.requests',
    '--jobs',
    '2',
  ],
  ...more,
]
const finish = (...more: string[]): string[] => [
  ...['issuer', 'lot', 'finish', 'spring', '--chips', 'chips', '--certificates', 'spring.certificates'],
  ...['--jobs', '2', '--irreversible'],
  ...more,
]

before(async () => {
  assert.equal((await commandLine(top, ['init', 'work'])).status, 0)
  await good('manufacturer', 'init-root', '--out', 'root.pem')
  await good('issuer', 'mask', 'fleet', '--out', 'fleet.mask', '--eeprom', '32768')
  await good('issuer', 'lot', 'new', 'spring', '--mask', 'fleet', '--count', '6', '--out', 'spring.order')
})

test('[D9a] the manufacturer counts the chips of an order; what does not fit is refused and nothing is made', async () => {
  const produce = (...more: string[]) => [
    'manufacturer',
    'produce',
    ...more,
    '--delivery-note',
    'spring.note',
  ]
  await refused(/order is for 6 chips/, ...produce('spring.order', '--count', '7', '--out', 'chips'))
  await refused(/are counted/, ...produce('spring.order', 'a.chip'))
  await refused(/name the folder/, ...produce('spring.order', '--count', '2'))
  await refused(
    /either name the chips or count/,
    ...produce('fleet.mask', 'a.chip', '--count', '2', '--out', 'x'),
  )
  await refused(/go with --count/, ...produce('fleet.mask', 'a.chip', '--out', 'x'))
  await refused(/--prefix/, ...produce('fleet.mask', '--count', '2', '--out', 'x', '--prefix', '../y'))
  assert.deepEqual(
    ['chips', 'x', 'spring.note', 'a.chip'].filter((name) => existsSync(join(work, name))),
    [],
  )
  const some = await good(...produce('spring.order', '--count', '4', '--out', 'chips'))
  assert.equal(some['made'].length, 4)
  const all = await good(...produce('spring.order', '--count', '6', '--out', 'chips'))
  assert.deepEqual([all['made'].length, all['kept'].length], [2, 4])
  assert.deepEqual(
    readdirSync(join(work, 'chips')).filter((name) => name.endsWith('.chip')),
    [1, 2, 3, 4, 5, 6].map((number) => `00000${number}.chip`),
  )
  // A mask makes many chips too, with the delivery note of a mask.
  await good(
    'manufacturer',
    'produce',
    'fleet.mask',
    '--count',
    '2',
    '--out',
    'others',
    '--prefix',
    'x-',
    '--delivery-note',
    'fleet.note',
  )
  assert.deepEqual(
    readdirSync(join(work, 'others')).filter((name) => name.endsWith('.chip')),
    ['x-000001.chip', 'x-000002.chip'],
  )
})

test('[D9c] the mounter refuses bad lists, discards a broken chip, and leaves test report, print orders and serial numbers', async () => {
  writeFileSync(join(work, 'twice'), '0000000000000001\n# a note\n\n0000000000000002\n0000000000000001\n')
  await refused(/0000000000000001 stands in lines 1 and 5/, ...mount('--serials', 'twice'))
  writeFileSync(join(work, 'odd'), '0000000000000001\n123\n')
  await refused(/odd, line 2/, ...mount('--serials', 'odd'))
  writeFileSync(join(work, 'few'), '0000000000000001\n')
  await refused(/1 free serial numbers for 6 chips/, ...mount('--serials', 'few'))
  await refused(/either --serials FILE or --first-serial/, ...mount())
  await refused(/no 6 serial numbers/, ...mount('--first-serial', 'FFFFFFFFFFFFFFFE'))
  await refused(/\.csv or a \.json/, ...mount('--first-serial', '0000000000000001', '--report', 'report.txt'))
  await refused(/takes the place of/, ...mount('--first-serial', '0000000000000001', '--module', 'a.chip'))
  await refused(
    /goes with --chips/,
    'mounter',
    'mount',
    '--module',
    'a',
    '--serial',
    '0000000000000001',
    '--delivery-note',
    'spring.note',
    '--report',
    'x.csv',
  )
  const broken = join(work, 'chips', '000003.chip')
  const bytes = readFileSync(broken)
  bytes[5000]! ^= 0xff
  writeFileSync(broken, bytes)
  const words = mount(
    ...['--first-serial', '0000000000000001', '--print', 'No. {serial}', '--print-orders', 'print.csv'],
    ...['--report', 'test.csv', '--mounted', 'serials'],
  )
  const done = await bad(7, ...words)
  assert.deepEqual([done['mounted'], done['discarded'], done['refused']], [5, 1, 0])
  assert.equal(done['code'], 'lot-incomplete')
  const report = readFileSync(join(work, 'test.csv'), 'utf8').trim().split('\r\n')
  assert.equal(report.length, 7)
  assert.match(report[3]!, /^chips\/000003\.chip,discarded,/)
  assert.deepEqual(readFileSync(join(work, 'print.csv'), 'utf8').trim().split('\r\n').slice(0, 2), [
    'serial,print',
    '0000000000000001,No. 0000000000000001',
  ])
  const serials = readFileSync(join(work, 'serials'), 'utf8').trim().split('\n')
  assert.deepEqual(serials.length, 5)
  // Run again it is the same.
  const before = ['test.csv', 'print.csv', 'serials'].map((name) => readFileSync(join(work, name), 'utf8'))
  const again = await bad(7, ...words)
  assert.deepEqual([again['mounted'], again['before']], [5, 5])
  const same = ['print.csv', 'serials'].map((name) => readFileSync(join(work, name), 'utf8'))
  assert.deepEqual(same, before.slice(1))
  assert.deepEqual(
    (await good('mounter', 'discarded'))['chips'].map(({ chip }: JsonObject) => chip),
    ['chips/000003.chip'],
  )
})

test('[D11c][D11e] a lot with a broken chip and one that was not delivered: the others are done, the report names all', async () => {
  const serials = readFileSync(join(work, 'serials'), 'utf8').trim().split('\n')
  writeFileSync(join(work, 'delivered'), `${serials.slice(0, -1).join('\n')}\n`)
  writeFileSync(join(work, 'twice'), `${serials[0]}\n${serials[0]}\n`)
  await refused(/stands in lines 1 and 2/, ...customize('--serials', 'twice'))
  await refused(/no \.chip files/, ...customize('--chips', '.'))
  await refused(/--jobs/, ...customize('--jobs', '0'))
  assert.equal(existsSync(join(work, 'papers')), false)
  cpSync(work, join(top, 'before'), { recursive: true })
  const done = await bad(7, ...customize('--serials', 'delivered', '--report', 'report.csv'))
  assert.deepEqual([done['customized'], done['discarded'], done['refused']], [4, 1, 1])
  const lines = readFileSync(join(work, 'report.csv'), 'utf8').trim().split('\r\n')
  assert.equal(lines.length, 7)
  assert.match(lines.find((line) => line.startsWith('000003'))!, /,discarded,true,/)
  assert.match(
    lines.find((line) => line.startsWith('000006'))!,
    /0000000000000005,refused,false,.*not among those/,
  )
  assert.equal(readdirSync(join(work, 'papers')).length, 4)
  // The one that was left is delivered after all.
  const rest = await bad(7, ...customize('--serials', 'serials', '--report', 'report.csv'))
  assert.deepEqual([rest['customized'], rest['before'], rest['discarded']], [1, 4, 1])
  await good('manufacturer', 'certify-lot', 'spring.requests', '--out', 'spring.certificates')
  await refused(/add --irreversible/, ...finish().filter((word) => word !== '--irreversible'))
  const finished = await bad(7, ...finish('--report', 'report.json'))
  assert.deepEqual([finished['finished'], finished['missed']], [5, 1])
  const rows = JSON.parse(readFileSync(join(work, 'report.json'), 'utf8')) as JsonObject[]
  assert.deepEqual(rows.map(({ outcome }) => outcome).sort(), [
    'discarded',
    ...Array.from({ length: 5 }, () => 'finished'),
  ])
  for (const row of rows.filter(({ outcome }) => outcome === 'finished')) {
    for (const digest of ['rom', 'image', 'identity', 'certificate', 'vectors']) {
      assert.match(String(row[digest]), /^[0-9A-F]{64}$/)
    }
  }
  const shown = await good('issuer', 'lot', 'show', 'spring')
  assert.deepEqual([shown['finished'], shown['discarded']], [5, 1])
  const again = await bad(7, ...finish())
  assert.deepEqual([again['before'], again['finished']], [5, undefined])
  for (const name of ['000001', '000006']) {
    assert.equal((await good('module', 'show', '--module', `chips/${name}.chip`))['mode'], 'user')
  }
  // The log takes the mounter's and the issuer's entries.
  const issuer = await good('outbox', 'issuer', '--out', 'issuer.entries')
  assert.equal(issuer['entries'].length, 5 * 4)
})

test('[D11d] a copy of a chip file beside it is refused by its serial number, whichever came first is done', async () => {
  const work2 = join(top, 'before')
  cpSync(join(work2, 'chips', '000001.chip'), join(work2, 'chips', 'copy.chip'))
  for (const name of readdirSync(join(work2, 'chips'))) {
    if (name === '000001.chip.key') cpSync(join(work2, 'chips', name), join(work2, 'chips', 'copy.chip.key'))
  }
  mkdirSync(join(work2, 'papers'), { recursive: true })
  const { status, json, stderr } = await commandLineJson(work2, customize('--report', 'report.json'))
  assert.equal(status, 7, stderr)
  assert.deepEqual([json['customized'], json['refused'], json['discarded']], [5, 1, 1])
  const rows = JSON.parse(readFileSync(join(work2, 'report.json'), 'utf8')) as JsonObject[]
  const twins = rows.filter(({ serial }) => serial === '0000000000000001')
  assert.deepEqual(twins.map(({ outcome }) => outcome).sort(), ['customized', 'refused'])
  assert.match(
    String(twins.find(({ outcome }) => outcome === 'refused')!['reason']),
    /has the serial number 0000000000000001 too/,
  )
})
