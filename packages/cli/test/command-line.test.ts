import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { errorTable } from '@sealwright/core/errors'
import { commandFiles } from '../src/commands/index.ts'
import { commandLine, commandLineJson, sealwright } from './run.ts'

const folder = mkdtempSync(join(tmpdir(), 'sealwright-cli-'))
after(() => rmSync(folder, { recursive: true }))
const work = join(folder, 'work')

test('help lists every command and every exit status', async () => {
  const { status, stdout, stderr } = sealwright(folder, ['--help'])
  assert.equal(status, 0)
  assert.equal(stderr, '')
  for (const name of Object.keys(commandFiles)) assert.match(stdout, new RegExp(`^  ${name} +\\S`, 'm'))
  for (const { exit } of Object.values(errorTable)) assert.match(stdout, new RegExp(`^  ${exit}  \\S`, 'm'))
  assert.equal((await commandLine(folder, [])).stdout, stdout)
})

test('help of a command teaches it: what it does, an example, the common options', async () => {
  const direct = await commandLine(folder, ['log', 'append', '--help'])
  assert.equal(direct.status, 0)
  for (const part of [
    'Takes signed entries',
    'Reads:',
    'Writes:',
    'Example:\n  sealwright log append',
    '--json',
  ]) {
    assert.ok(direct.stdout.includes(part), part)
  }
  assert.equal((await commandLine(folder, ['help', 'log', 'append'])).stdout, direct.stdout)
})

test('init makes a workspace and tells which parties live in it', async () => {
  const { status, json } = await commandLineJson(folder, ['init', 'work'])
  assert.equal(status, 0)
  assert.equal(json['ok'], true)
  assert.equal(json['parties'].length, 12)
})

test('a command finds its workspace from a folder inside it, and by --workspace', async () => {
  const inside = join(work, 'deep', 'er')
  mkdirSync(inside, { recursive: true })
  const found = await commandLineJson(inside, ['keys', 'issuer'])
  assert.equal(found.json['keys'][0].name, 'log-signing')
  const named = await commandLineJson(folder, ['keys', 'issuer', '--workspace', 'work'])
  assert.deepEqual(named.json, found.json)
})

test('as a process of its own: data to stdout, talk to stderr, the documented exit status', () => {
  const done = sealwright(work, ['keys', 'issuer', '--json'])
  assert.equal(done.status, 0)
  assert.equal(done.stderr, '')
  assert.equal(JSON.parse(done.stdout).ok, true)
  const refused = sealwright(work, ['log', 'append', 'nowhere', '--json'])
  assert.equal(refused.status, errorTable['file-missing'].exit)
  assert.equal(JSON.parse(refused.stdout).error.code, 'file-missing')
  assert.match(refused.stderr, /^sealwright: error: there is no file .*nowhere$/m)
})

test('a group without its subcommand is refused and shows the subcommands', async () => {
  const { status, stderr, stdout } = await commandLine(work, ['log'])
  assert.equal(status, errorTable.usage.exit)
  assert.equal(stdout, '')
  assert.match(stderr, /append .* take entries/)
})

test('keys are listed by check value, and no byte of them is printed', async () => {
  const secret = readFileSync(join(work, 'issuer', 'keys', 'log-signing.p256.der'))
    .subarray(36, 68)
    .toString('hex')
  const { stdout, stderr } = await commandLine(work, ['keys', 'issuer'])
  assert.match(stdout, /log-signing +p256 +[0-9A-F]{16}/)
  for (let at = 0; at + 8 <= secret.length; at += 2) {
    assert.ok(!`${stdout}${stderr}`.toLowerCase().includes(secret.slice(at, at + 8)))
  }
})

const refusals: { title: string; args: string[]; code: keyof typeof errorTable; says: RegExp }[] = [
  { title: 'an unknown command', args: ['kyes'], code: 'usage', says: /unknown command 'kyes'/ },
  { title: 'an unknown subcommand', args: ['log', 'apend'], code: 'usage', says: /unknown command 'apend'/ },
  {
    title: 'an unknown option',
    args: ['keys', 'issuer', '--all'],
    code: 'usage',
    says: /unknown option '--all'/,
  },
  {
    title: 'an argument too many',
    args: ['keys', 'issuer', 'unit'],
    code: 'usage',
    says: /too many arguments/,
  },
  { title: 'an argument too few', args: ['keys'], code: 'usage', says: /missing required argument 'party'/ },
  { title: 'an option left out', args: ['module', 'show'], code: 'usage', says: /--module/ },
  { title: 'a party that is none', args: ['keys', 'nobody'], code: 'usage', says: /no party nobody/ },
  {
    title: 'a folder that is no workspace',
    args: ['log', 'show', '--workspace', tmpdir()],
    code: 'workspace-missing',
    says: /no workspace/,
  },
  { title: 'a second init', args: ['init', '.'], code: 'workspace-exists', says: /already/ },
  {
    title: 'a file that is missing',
    args: ['log', 'append', 'nowhere'],
    code: 'file-missing',
    says: /nowhere/,
  },
  {
    title: 'a folder in place of a file',
    args: ['log', 'append', 'log'],
    code: 'file-missing',
    says: /folder/,
  },
  {
    title: 'bytes that are no entries',
    args: ['log', 'append', 'sealwright.json'],
    code: 'bytes-malformed',
    says: /./,
  },
]

for (const { title, args, code, says } of refusals) {
  test(`[X8b] ${title} is refused with code, culprit and remedy`, async () => {
    const { exit, culprit, remedy } = errorTable[code]
    const text = await commandLine(work, args)
    assert.equal(text.status, exit)
    assert.equal(text.stdout, '')
    assert.match(text.stderr, /^sealwright: error: /m)
    assert.match(text.stderr, says)
    assert.ok(text.stderr.includes(`sealwright: hint: ${remedy}\n`))
    assert.ok(text.stderr.includes(`sealwright: code: ${code} (`))
    const { status, json } = await commandLineJson(work, args)
    assert.equal(status, exit)
    assert.equal(json['ok'], false)
    const { message, details, ...told } = json['error']
    assert.deepEqual(told, { code, culprit, remedy, exit })
    assert.match(message, says)
    assert.equal(typeof details, 'object')
  })
}

test('[X8a] every error code has culprit, exit status and remedy', async () => {
  const culprits = new Set(['caller', 'peer', 'bytes', 'module', 'state', 'environment', 'us'])
  for (const [code, { culprit, exit, remedy }] of Object.entries(errorTable)) {
    assert.match(code, /^[a-z]+(-[a-z0-9]+)*$/)
    assert.ok(culprits.has(culprit), code)
    assert.ok(Number.isInteger(exit) && exit >= 1 && exit <= 63, code)
    assert.ok(remedy.length > 15, code)
  }
})

test('every command that a remedy names exists', async () => {
  for (const [code, { remedy }] of Object.entries(errorTable)) {
    for (const [, first] of remedy.matchAll(/`sealwright ([a-z][a-z-]*)/g)) {
      assert.ok(first! in commandFiles, `${code}: ${remedy}`)
    }
  }
})

test('what a command writes for others never replaces another file', async () => {
  writeFileSync(join(work, 'taken.pub'), 'other')
  const { status, json } = await commandLineJson(work, ['keys', 'issuer', '--public', 'taken.pub'])
  assert.equal(status, errorTable['file-exists'].exit)
  assert.equal(json['error'].code, 'file-exists')
  assert.equal(readFileSync(join(work, 'taken.pub'), 'utf8'), 'other')
  const twice = ['keys', 'issuer', '--public', 'issuer.pub']
  assert.equal((await commandLine(work, twice)).status, 0)
  assert.equal((await commandLine(work, twice)).status, 0)
})

test('a party on a machine of its own is enrolled by its public key, and nothing else of it', async () => {
  const alone = join(folder, 'alone')
  assert.equal((await commandLine(folder, ['init', 'alone', '--party', 'mounter'])).status, 0)
  assert.deepEqual(readdirSync(alone).sort(), ['mounter', 'sealwright.json'])
  assert.equal((await commandLine(alone, ['keys', 'mounter', '--public', 'mounter.pub'])).status, 0)
  const enrolled = await commandLineJson(work, ['log', 'enroll', 'second mounter', '../alone/mounter.pub'])
  assert.equal(enrolled.status, 0)
  const { json } = await commandLineJson(work, ['log', 'parties'])
  assert.ok(json['parties'].some(({ party }: { party: string }) => party === 'second mounter'))
})

test('inspect explains what is asked about, and shows no secret', async () => {
  const cases: [args: string[], kind: string, says: RegExp][] = [
    [['80B6000004', '00000001'], 'command APDU', /GET EVENTS/],
    [['6A88'], 'response APDU', /does not exist/],
    [['6F108408A000000151000000A5049F6501FF'], 'BER-TLV', /A000000151000000/],
    [[join('issuer', 'keys', 'log-signing.p256.der')], 'private key', /not shown/],
  ]
  for (const [args, kind, says] of cases) {
    const { stdout, status } = await commandLine(work, ['inspect', ...args])
    assert.equal(status, 0)
    assert.ok(stdout.startsWith(`${kind}, `), stdout)
    assert.match(stdout, says)
  }
  assert.equal(
    (await commandLine(work, ['inspect', 'nothing-of-that-name'])).status,
    errorTable['file-missing'].exit,
  )
  assert.equal((await commandLine(work, ['inspect', '00'])).status, errorTable['bytes-malformed'].exit)
})

test('[R6a] inspect shows nothing of a secret that looks like a command, nor of keys in hex', async () => {
  // 01 ‖ 32 bytes, whose fifth byte is by chance the length of what follows.
  const secret = Uint8Array.from({ length: 32 }, (_, i) => (i === 3 ? 28 : 0xa0 + i))
  writeFileSync(join(work, 'vault.secret'), Uint8Array.of(0x01, ...secret))
  writeFileSync(join(work, 'card.keys'), `${'9F'.repeat(16)}\n${'A7'.repeat(16)}\n${'B3'.repeat(16)}\n`)
  for (const [name, shown] of [
    ['vault.secret', 'A4A5A6'],
    ['card.keys', '9F9F'],
  ] as const) {
    const { status, stdout } = await commandLine(work, ['inspect', name])
    assert.equal(status, 0)
    assert.match(stdout, /secret/)
    assert.ok(!stdout.includes(shown))
  }
})
