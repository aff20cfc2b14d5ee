import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { encodeHex } from '@sealwright/core/bytes'
import { parseDocument } from '@sealwright/core/cbor'
import { errorTable } from '@sealwright/core/errors'
import { type Passport, parseEntry, parsePassport, serializePassport } from '@sealwright/core/log'
import { parseCertificate } from '@sealwright/core/x509'
import { parseEntriesFile, serializeEntriesFile } from '@sealwright/roles/custody'
import { parties } from '@sealwright/roles/ports'
import { scenes } from '../src/demo/index.ts'
import { commandLine, commandLineJson, type JsonObject, type Ran } from './run.ts'
import { certificateFiles, printedLines, wordsOf } from './story.ts'

const launcher = fileURLToPath(new URL('../bin/sealwright.js', import.meta.url))
const script = fileURLToPath(new URL('../../../tools/verify-passport.mjs', import.meta.url))

const work = mkdtempSync(join(tmpdir(), 'sealwright-story-'))
after(() => rmSync(work, { recursive: true }))
const kept = join(work, 'kept')
let told: Ran

before(async () => {
  told = await commandLine(work, ['demo', '--keep', 'kept'])
})

test('the demo tells its scenes and ends well', () => {
  assert.equal(told.status, 0, told.stderr)
  for (const { title } of scenes) assert.ok(told.stdout.includes(title), title)
  assert.match(told.stdout, /^All \d+ stages did what they said, in /m)
  assert.ok(!/FAILED/.test(told.stdout))
})

test('every stage prints at least one command line that does the same', () => {
  const lines = printedLines(told.stdout)
  const stages = scenes.flatMap((scene) => scene.stages)
  assert.deepEqual(
    lines.map(wordsOf),
    stages.flatMap((stage) => stage.commandLines),
  )
  for (const stage of stages) assert.ok(stage.commandLines.length > 0, stage.name)
})

test('at the end stand the memory with its tenants and the findings of the passport', () => {
  const end = told.stdout.slice(told.stdout.indexOf(scenes.at(-1)!.title))
  assert.match(end, /^ +000000 {2}M+/m)
  assert.match(end, /^ +U {2}customer +[\d,]+ {2}/m)
  assert.match(end, /^ +1 {2}resource 1 +[\d,]+ {2}/m)
  assert.match(end, /^ +verified +entries-complete: /m)
  assert.match(end, /^ +verified +head-matches: /m)
  assert.match(end, /^ +unverified +log-witnesses: /m)
})

test('the demo with --json prints one line a stage, then the summary; as a process it leaves no temporary file', () => {
  const temporary = join(work, 'temporary')
  mkdirSync(temporary)
  const env = { ...process.env, TMPDIR: temporary, NODE_OPTIONS: '' }
  const words = [launcher, 'demo', '--json']
  const { status, stdout, stderr } = spawnSync(process.execPath, words, { env, encoding: 'utf8' })
  assert.equal(status, 0)
  assert.equal(stderr, '')
  assert.deepEqual(readdirSync(temporary), [])
  const lines = stdout.trimEnd().split('\n')
  const summary = JSON.parse(lines.pop()!)
  assert.deepEqual([summary.summary, summary.ok, summary.stages], [true, true, lines.length])
  const names = new Set<string>()
  for (const line of lines) {
    const stage = JSON.parse(line)
    assert.equal(
      Object.keys(stage).join(),
      'stage,module,ok,ms,apdus,bytesIn,bytesOut,nvmWrites',
      'keys and their order',
    )
    assert.equal(stage.ok, true)
    assert.ok(stage.module === null || stage.module.endsWith('.chip'))
    for (const name of ['ms', 'apdus', 'bytesIn', 'bytesOut', 'nvmWrites']) {
      assert.ok(Number.isFinite(stage[name]) && stage[name] >= 0, name)
    }
    assert.equal(stage.apdus > 0, stage.bytesIn > 0)
    names.add(stage.stage)
  }
  const wanted =
    'mask produce mount unlock customize finish certify-unit personalize session export-key import-key use-key reserve activate load run block passport'
  assert.deepEqual(
    wanted.split(' ').filter((name) => !names.has(name)),
    [],
  )
})

test('a stage that does not do what it says ends the demo, and its exit status tells', async () => {
  // A program that is no wasm cannot be loaded: the fourth scene breaks off.
  writeFileSync(join(work, 'broken.wasm'), 'no program')
  const { status, stdout, stderr } = await commandLine(work, ['demo', '--json', '--app', 'broken.wasm'])
  const lines = stdout.trimEnd().split('\n')
  const summary = JSON.parse(lines.at(-1)!)
  assert.equal(summary.summary, true)
  assert.equal(summary.ok, false)
  assert.equal(status, errorTable[summary.code as keyof typeof errorTable].exit)
  assert.notEqual(status, 0)
  assert.equal(JSON.parse(lines.at(-2)!).ok, false)
  assert.match(stderr, /^sealwright: error: /m)
})

test('a demo that is broken off leaves nothing behind', async () => {
  const temporary = join(work, 'broken-off')
  mkdirSync(temporary)
  for (const [signal, status] of [
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const) {
    const env = { ...process.env, TMPDIR: temporary, NODE_OPTIONS: '' }
    const child = spawn(process.execPath, [launcher, 'demo', '--json'], { env })
    const ended = new Promise((end) => child.on('close', end))
    // The first stage is done: there is a folder, and more to come.
    await Promise.race([ended, new Promise((seen) => child.stdout.once('data', seen))])
    assert.equal(readdirSync(temporary).length, 1)
    child.kill(signal)
    assert.equal(await ended, status)
    assert.deepEqual(readdirSync(temporary), [])
  }
})

test('module list without a path finds the chips of a kept workspace', async () => {
  const { json } = await commandLineJson(kept, ['module', 'list'])
  assert.deepEqual(
    json['modules'].map(({ file, state }: JsonObject) => [file, state]),
    [
      ['chips/cash.chip', 'operating'],
      ['chips/loader.chip', 'awaiting-personalization'],
      ['chips/phone.chip', 'operating'],
      ['chips/terminal.chip', 'operating'],
    ],
  )
})

test('demo --until ends after that scene', async () => {
  const { status, stdout } = await commandLine(work, ['demo', '--json', '--until', 'network'])
  assert.equal(status, 0)
  const { stages } = JSON.parse(stdout.trimEnd().split('\n').at(-1)!)
  assert.equal(stages, scenes[0]!.stages.length)
})

test('a folder that is not empty is not taken', async () => {
  const { status, json } = await commandLineJson(work, ['demo', '--keep', 'kept'])
  assert.equal(status, errorTable['file-exists'].exit)
  assert.equal(json['error'].code, 'file-exists')
})

test('every certificate of a kept workspace stands under certs/ as PEM', () => {
  const pem = new Set(certificateFiles(kept).map(({ certificate }) => encodeHex(certificate.encoded)))
  const found = new Set<string>()
  for (const path of readdirSync(kept, { recursive: true, encoding: 'utf8' })) {
    const file = join(kept, path)
    if (!statSync(file).isFile()) continue
    for (const der of certificatesIn(readFileSync(file))) found.add(encodeHex(der))
  }
  assert.ok(found.size >= 10)
  assert.deepEqual(
    [...found].filter((der) => !pem.has(der)).map((der) => nameOf(der)),
    [],
  )
})

test('[E4a] certificates of a kept workspace pass openssl verify, from a root that is signed by itself', () => {
  const all = certificateFiles(kept)
  const same = (a: object, b: object): boolean => JSON.stringify(a) === JSON.stringify(b)
  const roots = all.filter(({ certificate: { subject, issuer } }) => same(subject, issuer))
  assert.ok(roots.length >= 1 && roots.length < all.length)
  const openssl = (name: string, chain: readonly string[], root: string) =>
    spawnSync(
      'openssl',
      [
        ...['verify', '-x509_strict', '-CAfile', root],
        ...chain.flatMap((file) => ['-untrusted', file]),
        name,
      ],
      { cwd: join(kept, 'certs'), encoding: 'utf8' },
    )
  for (const { name, certificate } of all) {
    const chain: string[] = []
    let top = { name, certificate }
    while (!roots.some((root) => root.name === top.name)) {
      const above = all.find((one) => same(one.certificate.subject, top.certificate.issuer))
      assert.ok(above !== undefined && chain.length < 4, `${name} chains to no root`)
      chain.push(above.name)
      top = above
    }
    const { status, stdout, stderr } = openssl(name, chain.slice(0, -1), top.name)
    assert.equal(status, 0, `${name}: ${stderr}`)
    assert.equal(stdout, `${name}: OK\n`)
    const other = roots.find((root) => root.name !== top.name)
    if (other !== undefined) assert.notEqual(openssl(name, chain.slice(0, -1), other.name).status, 0)
  }
})

test('[X1e] the passports of a kept workspace verify offline, with key and root from the command line', async () => {
  for (const name of ['cash', 'terminal', 'phone']) {
    const { status, lines } = verify(join(kept, 'exchange', `${name}.passport`), await logKey(kept))
    assert.equal(status, 0, lines.join('\n'))
    assert.ok(lines.includes('verified\tentries-complete'))
    assert.ok(lines.includes('verified\thead-signature'))
    assert.ok(lines.includes('unverified\tlog-witnesses'))
  }
})

test('[X1g] a real passport with an entry left out fails', async () => {
  const { entries } = good()
  for (let i = 0; i < entries.length - 1; i++) {
    await fails({ entries: entries.toSpliced(i, 1) }, 'entries-complete')
  }
})

test('[X1h] a real passport of a foreign log fails', async () => {
  await commandLine(work, ['init', 'other', '--party', 'log'])
  await fails({}, 'log-checkpoint', await logKey(join(work, 'other')))
})

test('[X1i] a real passport with its tail cut fails, by the head of the module', async () => {
  const { entries, head } = good()
  for (let length = 1; length < entries.length; length++) {
    await fails({ entries: entries.slice(0, length) }, 'head-matches')
  }
  await fails({ head: { ...head!, number: 1 } }, 'head-matches')
})

test('[X1e] a real passport with a changed checkpoint fails', async () => {
  await fails({ checkpoint: good().checkpoint!.replace(/\n\d+\n/, '\n5\n') }, 'log-checkpoint')
})

test('[X1j] a log that its owner tells again without an event, and signs, does not agree with the module', async () => {
  const owner = join(work, 'rewritten')
  cpSync(kept, owner, { recursive: true })
  rmSync(join(owner, 'log', 'store'), { recursive: true })
  const serial = '0000000000000004'
  for (const party of Object.keys(parties).filter((name) => name !== 'log')) {
    const entries = join(owner, 'exchange', `${party}.entries`)
    const told = parseEntriesFile(readFileSync(entries)).filter((document) => {
      const entry = parseEntry(parseDocument(document))
      return encodeHex(entry.serial) !== serial || entry.number < 6
    })
    writeFileSync(entries, serializeEntriesFile(told))
    await commandLine(owner, ['keys', party, '--public', `${party}.pub`])
    const enrolled = await commandLine(owner, ['log', 'enroll', party, `${party}.pub`])
    assert.equal(enrolled.status, 0, enrolled.stderr)
  }
  for (const line of [
    `log append ${Object.keys(parties)
      .filter((name) => name !== 'log')
      .map((party) => `exchange/${party}.entries`)
      .join(' ')}`,
    'log checkpoint',
    'log verify',
    `passport ${serial} --module chips/phone.chip --out rewritten.passport`,
  ]) {
    const { status, stderr } = await commandLine(owner, line.split(' '))
    assert.equal(status, 0, `${line}\n${stderr}`)
  }
  const { status, lines } = verify(join(owner, 'rewritten.passport'), await logKey(kept))
  assert.equal(status, 1)
  for (const check of [
    'log-checkpoint',
    'log-inclusion',
    'entries-complete',
    'entries-linked',
    'head-signature',
  ]) {
    assert.ok(lines.includes(`verified\t${check}`), check)
  }
  assert.ok(lines.includes('failed\thead-matches'), lines.join(' '))
})

function good(): Passport {
  return parsePassport(readFileSync(join(kept, 'exchange', 'phone.passport')))
}

async function logKey(workspace: string): Promise<string> {
  return (await commandLine(workspace, ['log', 'key'])).stdout.trim()
}

async function fails(changes: Partial<Passport>, check: string, key?: string): Promise<void> {
  const file = join(work, 'changed.passport')
  writeFileSync(file, serializePassport({ ...good(), ...changes }))
  const { status, lines } = verify(file, key ?? (await logKey(kept)))
  assert.equal(status, 1)
  assert.ok(lines.includes(`failed\t${check}`), lines.join(' '))
}

/** The verdicts of the script that imports nothing of ours: `verdict TAB check`. */
function verify(passport: string, logKey: string) {
  const root = join(kept, 'certs', 'manufacturer-root.pem')
  const { status, stdout } = spawnSync(
    process.execPath,
    [script, '--log-key', logKey, '--root', root, passport],
    {
      encoding: 'utf8',
    },
  )
  return { status, lines: stdout.split('\n').map((line) => line.replace(/: .*$/, '')) }
}

/** Every run of bytes that parses as a certificate. */
function certificatesIn(bytes: Uint8Array): Uint8Array[] {
  const found: Uint8Array[] = []
  for (let at = 0; at + 4 < bytes.length; at++) {
    if (bytes[at] !== 0x30 || bytes[at + 1] !== 0x82) continue
    const der = bytes.subarray(at, at + 4 + bytes[at + 2]! * 256 + bytes[at + 3]!)
    try {
      parseCertificate(der)
    } catch {
      continue
    }
    found.push(der)
  }
  return found
}

function nameOf(hex: string): string {
  const { subject, issuer } = parseCertificate(Uint8Array.from(Buffer.from(hex, 'hex')))
  return `${subject.commonName} by ${issuer.commonName}`
}
