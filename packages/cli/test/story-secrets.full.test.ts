import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { encodeHex } from '@sealwright/core/bytes'
import { parseUnlockingFile } from '@sealwright/core/customization'
import { objectKinds } from '@sealwright/module/eeprom'
import { openModuleFile } from '@sealwright/node/transport'
import { commandFiles } from '../src/commands/index.ts'
import { scenes } from '../src/demo/index.ts'
import { commandLine } from './run.ts'

const folder = mkdtempSync(join(tmpdir(), 'sealwright-secrets-'))
after(() => rmSync(folder, { recursive: true }))
const work = join(folder, 'work')

/** What any command printed, said or traced, by what it was. */
const said = new Map<string, string>()
/** Every secret of every party and of every module, after each command that may have made or erased one. */
const secrets = new Map<string, string>()

before(async () => {
  await commandLine(folder, ['init', 'work'])
  gatherSecrets()
  for (const words of scenes.flatMap((scene) => scene.stages.flatMap((stage) => stage.commandLines))) {
    for (const form of words.includes('--module') ? [['--trace', join(folder, 'trace')]] : [[]]) {
      await remember([...words, ...form])
    }
    gatherSecrets()
  }
  said.set('trace', readFileSync(join(folder, 'trace'), 'utf8'))
  for (const chip of chips()) {
    for (const look of ['show', 'map']) {
      await remember(['module', look, '--module', chip])
      await remember(['module', look, '--module', chip, '--json'])
    }
  }
  const papers = ['--module', 'chips/phone.chip', '--papers', 'exchange/phone.papers']
  await remember(['gp', 'list', ...papers, '--trace', join(folder, 'card-trace')])
  const made = ['--new-keys', 'card.keys', '--new-version', '2', '--trace', join(folder, 'card-trace')]
  await remember(['gp', 'put-keys', ...papers, ...made])
  gatherSecrets()
  said.set('card-trace', readFileSync(join(folder, 'card-trace'), 'utf8'))
  for (const party of readdirSync(work).filter((name) => statSync(join(work, name)).isDirectory())) {
    if (party === 'chips' || party === 'exchange' || party === 'certs') continue
    await remember(['keys', party])
    await remember(['keys', party, '--json'])
  }
  await remember(['person', 'init', '--id', 'anna', '--out', 'exchange/anna.enrolment'])
  const words = join(folder, 'words')
  writeFileSync(words, 'zvFq2-81mPw-Lk0sd-QQr9e\n')
  keep(new TextEncoder().encode('zvFq2-81mPw-Lk0sd-QQr9e'), 'passphrase')
  await remember(['protect-keys', 'mounter', '--new-passphrase', words])
  await remember(['protect-keys', 'mounter', '--new-passphrase', words, '--keys-secret', words, '--json'])
  await remember(['keys', 'mounter', '--keys-secret', words])
  // Every file there is, also those that hold keys: inspect shows what they are, and no key.
  for (const path of readdirSync(work, { recursive: true, encoding: 'utf8' })) {
    if (!statSync(join(work, path)).isFile() || path.endsWith('.chip')) continue
    if (/^(log|[a-z]+)\/store\//.test(path) && !path.includes('personalizations')) continue
    await remember(['inspect', path])
    await remember(['inspect', path, '--json'])
  }
})

test('[R6a] no byte of a secret stands in what any command prints, says or traces', () => {
  assert.ok(secrets.size >= 40, `${secrets.size} secrets`)
  assert.ok(said.size > 100)
  const leaks: string[] = []
  for (const [secret, name] of secrets) {
    for (const [what, text] of said) if (holds(text, secret)) leaks.push(`${name} in: ${what}`)
  }
  assert.deepEqual(leaks, [])
})

test('[R6a] the same search finds a planted secret in every form, whole or in part', () => {
  const secret = [...secrets.keys()].at(-1)!
  const bytes = Buffer.from(secret, 'hex')
  const trace = said.get('trace')!
  const planted = [
    secret,
    secret.toLowerCase(),
    secret.slice(10, 10 + 2 * windowLength),
    secret.replace(/(..)(?=.)/g, '$1 '),
    secret.toLowerCase().replace(/(..)(?=.)/g, '$1:'),
    bytes.toString('base64'),
    Buffer.concat([Buffer.of(1), bytes]).toString('base64'),
    Buffer.concat([Buffer.of(1, 2), bytes]).toString('base64url'),
    JSON.stringify([...bytes]),
    [...bytes].join(', '),
    bytes.toString('latin1'),
  ]
  for (const [i, form] of planted.entries()) {
    assert.ok(holds(`${trace.slice(0, 500)}${form}${trace.slice(500)}`, secret), `form ${i}`)
  }
  assert.ok(!holds(trace, secret))
})

test('every command ran: what is searched is not short of one', () => {
  const ran = [...said.keys()].map((line) => line.split(' ')[0])
  // Two that look at the machine and at no secret.
  const others = ['demo', 'init', 'doctor', 'reader']
  assert.deepEqual(
    Object.keys(commandFiles).filter((name) => !ran.includes(name) && !others.includes(name)),
    [],
  )
})

async function remember(words: readonly string[]): Promise<void> {
  const { status, stdout, stderr } = await commandLine(work, words)
  assert.ok(status === 0 || words[0] === 'inspect', `${words.join(' ')}\n${stderr}`)
  said.set(words.join(' '), stdout + stderr)
}

function chips(): string[] {
  return readdirSync(join(work, 'chips'))
    .filter((name) => name.endsWith('.chip'))
    .map((name) => join('chips', name))
}

/** Private scalars and secrets of the parties' vaults, papers on their way, and every object of a module that must stay inside. */
function gatherSecrets(): void {
  for (const path of readdirSync(work, { recursive: true, encoding: 'utf8' })) {
    const file = join(work, path)
    if (path.endsWith('.p256.der')) keep(readFileSync(file).subarray(36, 68), path)
    else if (path.endsWith('.ed25519.der')) keep(readFileSync(file).subarray(16), path)
    else if (path.includes('/unlocking/')) {
      // The hash code is told by the event `unlocked`, as what was unlocked; without the key it opens nothing.
      keep(parseUnlockingFile(readFileSync(file).subarray(1)).unlocking.key, path)
    } else if (path.endsWith('.secret')) keep(readFileSync(file).subarray(1), path)
  }
  if (!readdirSync(work).includes('chips')) return
  for (const chip of chips()) {
    const { module, close } = openModuleFile(join(work, chip))
    const { objects } = module.parts
    for (const { kind, id } of objects.list()) {
      if (!objectKinds[kind].secret || kind === 'customization-software') continue
      // The first byte tells how long the key is or what it is for.
      keep(objects.read(kind, id)!.slice(1), `${chip} ${kind} ${id.toString(16)}`)
    }
    void close()
  }
}

function keep(bytes: Uint8Array, name: string): void {
  if (bytes.length >= 16) secrets.set(encodeHex(bytes), name)
}

/** Whether a text holds any run of `windowLength` bytes of a secret, as hex, decimal numbers, base64 or raw. */
function holds(text: string, secret: string): boolean {
  const forms = formsOf(text)
  for (let at = 0; at + windowLength <= secret.length / 2; at++) {
    const window = secret.slice(2 * at, 2 * (at + windowLength))
    // Fillings such as zeros say nothing.
    if (new Set(window.match(/../g)).size <= 3) continue
    if (forms.some((form) => form.includes(window))) return true
  }
  return false
}

/** A text as hex of what it may spell: hex digits with blanks or colons, decimal bytes, base64 at any place, its own bytes. */
function formsOf(text: string): readonly string[] {
  const known = forms.get(text)
  if (known !== undefined) return known
  const digits = text.toUpperCase().replace(/(?<=[0-9A-F]{2})[ :,-](?=[0-9A-F]{2})/g, '')
  const decimals = [...text.matchAll(/(?:\b\d{1,3},? ?\b){8,}/g)].map(([list]) =>
    list
      .split(/[, ]+/)
      .filter((number) => number !== '')
      .map((number) => Number(number).toString(16).toUpperCase().padStart(2, '0'))
      .join(''),
  )
  const base64 = [...text.matchAll(/[A-Za-z0-9+/_-]{12,}/g)].flatMap(([run]) =>
    [0, 1, 2, 3].map((skip) => Buffer.from(run.slice(skip), 'base64').toString('hex').toUpperCase()),
  )
  const raw = Buffer.from(text, 'latin1').toString('hex').toUpperCase()
  const all = [digits, raw, ...decimals, ...base64]
  forms.set(text, all)
  return all
}

const forms = new Map<string, readonly string[]>()
const windowLength = 6
