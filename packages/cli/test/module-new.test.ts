import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { commandLine, commandLineJson } from './run.ts'

const folder = mkdtempSync(join(tmpdir(), 'sealwright-new-'))
after(() => rmSync(folder, { recursive: true, force: true }))

/** 48 bytes in hex that nobody has published. */
const ownKeys =
  'C3D18A0F5E6B427991A4E7305FB86C2D0E9B7A41D36855F21CC8A9E4730B6DF2481F6A05BE97D23C8E54F1A0672DC9B3'

const make = (...words: readonly string[]) =>
  commandLineJson(folder, ['module', 'new', '--profile', 'globalplatform', ...words])

test('[E2b] two commands make a card and manage it with the published keys', async () => {
  const { status, json } = await make('--test', '--out', 'test.chip', '--root-out', 'root.pem')
  assert.equal(status, 0)
  assert.match(json['serial'], /^[0-9A-F]{16}$/)
  assert.equal(statSync(join(folder, 'test.chip')).mode & 0o777, 0o600)
  const listed = await commandLine(folder, ['gp', 'list', '--module', 'test.chip', '--test-keys'])
  assert.equal(listed.status, 0)
  assert.match(listed.stdout, /op-ready/)
  const root = new X509Certificate(readFileSync(join(folder, 'root.pem')))
  assert.ok(root.verify(root.publicKey))
  // SCP11b is set up under that root; what it is set up for needs a host that is known.
  const words = ['gp', 'list', '--module', 'test.chip', '--scp11', 'b', '--card-ca', 'root.pem']
  assert.match((await commandLine(folder, words)).stderr, /SCP11b proves the card only/)
  await make('--test', '--out', 'other.chip', '--root-out', 'other.pem')
  const foreign = await commandLineJson(folder, [...words.slice(0, -1), 'other.pem'])
  assert.equal(foreign.json['error'].code, 'card-not-trusted')
})

test('[X9a] a card that is no test module has keys of its own, and takes no published ones', async () => {
  writeFileSync(join(folder, 'own.keys'), ownKeys)
  assert.equal((await make('--keys', 'own.keys', '--key-version', '5', '--out', 'own.chip')).status, 0)
  const gp = (...words: readonly string[]) => commandLine(folder, ['gp', ...words, '--module', 'own.chip'])
  assert.equal((await gp('list', '--keys', 'own.keys', '--key-version', '5')).status, 0)
  assert.notEqual((await gp('list', '--test-keys')).status, 0)
  assert.notEqual((await gp('put-keys', '--keys', 'own.keys', '--back-to-test-keys')).status, 0)
  assert.equal((await gp('list', '--keys', 'own.keys')).status, 0)

  writeFileSync(join(folder, 'known.keys'), '404142434445464748494A4B4C4D4E4F'.repeat(3))
  const refused = await make('--keys', 'known.keys', '--out', 'known.chip')
  assert.equal(refused.json['error'].code, 'test-key')
})

test('module new refuses what it cannot make, and leaves nothing behind', async () => {
  const before = readdirSync(folder).sort()
  writeFileSync(join(folder, 'short.keys'), '00'.repeat(47))
  for (const words of [
    ['--out', 'no.chip'],
    ['--test', '--keys', 'own.keys', '--out', 'no.chip'],
    ['--keys', 'short.keys', '--out', 'no.chip'],
    ['--keys', 'own.keys', '--key-version', '0', '--out', 'no.chip'],
    ['--keys', 'own.keys', '--key-version', '255', '--out', 'no.chip'],
    ['--test', '--serial', '0000000000000000', '--out', 'no.chip'],
    ['--test', '--serial', '01', '--out', 'no.chip'],
  ]) {
    assert.equal((await make(...words)).status, 2, words.join(' '))
  }
  const bytes = readFileSync(join(folder, 'test.chip'))
  assert.equal((await make('--test', '--out', 'test.chip')).json['error'].code, 'file-exists')
  assert.deepEqual(readFileSync(join(folder, 'test.chip')), bytes)
  assert.deepEqual(readdirSync(folder).sort(), [...before, 'short.keys'].sort())
})
