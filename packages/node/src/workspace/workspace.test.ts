import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { logSigningKey, type PartyName, parties } from '@sealwright/roles/ports'
import { findWorkspace, initWorkspace, openParty, openWorkspace, workspaceFile } from './index.ts'

const folder = mkdtempSync(join(tmpdir(), 'sealwright-workspace-'))
after(() => rmSync(folder, { recursive: true }))
let count = 0
const freshFolder = (): string => join(folder, String(count++))
const world = { command: 'a test' }

test('a workspace has every party, each with its own log-signing key', async () => {
  const workspace = await initWorkspace(freshFolder(), world)
  assert.deepEqual(workspace.parties().sort(), Object.keys(parties).sort())
  const keys = new Set<string>()
  for (const party of workspace.parties()) {
    const { ports, close } = openParty(workspace, party, world)
    const [entry] = await ports.vault.list()
    close()
    assert.equal(entry?.name, logSigningKey)
    assert.equal(entry?.kind, party === 'log' ? 'ed25519' : 'p256')
    keys.add(String(entry?.checkValue))
  }
  assert.equal(keys.size, workspace.parties().length)
})

test('a party works where every other party was deleted, or never was', async () => {
  const whole = await initWorkspace(freshFolder(), world)
  for (const party of whole.parties())
    if (party !== 'unit') rmSync(join(whole.folder, party), { recursive: true })
  const alone = await initWorkspace(freshFolder(), world, ['unit'])
  for (const workspace of [whole, alone]) {
    assert.deepEqual(workspace.parties(), ['unit'])
    const { ports, close } = openParty(workspace, 'unit', world)
    await ports.store.write('a', Uint8Array.of(1))
    assert.equal((await ports.vault.sign(logSigningKey, Uint8Array.of(1))).length, 64)
    close()
    assert.throws(() => openParty(workspace, 'issuer', world), { code: 'party-missing' })
  }
})

test('init adds a party to a workspace, and never touches one that is there', async () => {
  const top = freshFolder()
  await initWorkspace(top, world, ['issuer'])
  await initWorkspace(top, world, ['mounter'])
  await assert.rejects(initWorkspace(top, world, ['unit', 'issuer']), { code: 'workspace-exists' })
  await assert.rejects(initWorkspace(top, world), { code: 'workspace-exists' })
  assert.deepEqual(openWorkspace(top).parties().sort(), ['issuer', 'mounter'] satisfies PartyName[])
})

test('what an init that broke off has begun, the next one completes', async () => {
  const top = freshFolder()
  const whole = await initWorkspace(top, world)
  const { ports, close } = openParty(whole, 'issuer', world)
  const [issuer] = await ports.vault.list()
  close()
  // Broken off in the middle of the third party, before the folder was a workspace.
  rmSync(join(top, workspaceFile))
  for (const party of whole.parties().slice(3)) rmSync(join(top, party), { recursive: true })
  rmSync(join(top, whole.parties().find((party) => party !== 'issuer')!, 'keys'), { recursive: true })
  assert.throws(() => openWorkspace(top), { code: 'workspace-missing' })
  let last = 0
  const again = await initWorkspace(top, world, undefined, async (made) => {
    last = made.parties().length
    assert.ok(!existsSync(join(top, workspaceFile)))
  })
  assert.equal(last, Object.keys(parties).length)
  for (const party of again.parties()) {
    const opened = openParty(again, party, world)
    const [entry] = await opened.ports.vault.list()
    opened.close()
    assert.equal(entry?.name, logSigningKey)
    if (party === 'issuer') assert.deepEqual(entry, issuer)
  }
  await assert.rejects(initWorkspace(top, world), { code: 'workspace-exists' })
})

test("a folder of somebody else that is named like a party is not taken for one's own", async () => {
  const top = freshFolder()
  mkdirSync(join(top, 'log'), { recursive: true })
  writeFileSync(join(top, 'log', 'server.log'), 'text')
  await assert.rejects(initWorkspace(top, world), { code: 'workspace-exists' })
  assert.ok(!existsSync(join(top, 'issuer')))
})

test('drafts of a process that was killed are removed by whoever comes after it', async () => {
  const { folder: top } = await initWorkspace(freshFolder(), world, ['issuer'])
  const draft = join(top, 'issuer', 'keys', '.client.p256.der.0123456789ab.tmp')
  writeFileSync(draft, 'half a key')
  openParty(openWorkspace(top), 'issuer', world).close()
  assert.ok(existsSync(draft), 'whoever may still be writing is left alone')
  const script = `
    const { openParty, openWorkspace } = await import(process.argv[1])
    openParty(openWorkspace(process.argv[2]), 'issuer', { command: 'killed' })
    process.kill(process.pid, 'SIGKILL')
  `
  const module = new URL('./index.ts', import.meta.url).href
  spawnSync(process.execPath, ['--input-type=module', '-e', script, module, top])
  assert.ok(existsSync(join(top, 'issuer', 'lock')))
  openParty(openWorkspace(top), 'issuer', world).close()
  assert.ok(!existsSync(draft))
})

test('a workspace is found from any folder inside it', async () => {
  const { folder: top } = await initWorkspace(freshFolder(), world, ['issuer'])
  const inside = join(top, 'a', 'b')
  mkdirSync(inside, { recursive: true })
  assert.equal(findWorkspace(inside).folder, top)
  assert.throws(() => findWorkspace(folder), { code: 'workspace-missing' })
  assert.throws(() => openWorkspace(folder), { code: 'workspace-missing' })
})

test('a workspace of a newer format, or a damaged one, is refused', async () => {
  const { folder: top } = await initWorkspace(freshFolder(), world, ['issuer'])
  const marker = join(top, workspaceFile)
  writeFileSync(marker, '{"format":2}')
  assert.throws(() => openWorkspace(top), { code: 'format-newer' })
  for (const text of ['', '{', '[]', 'null', '{"format":"1"}', '{"format":0}', '{}']) {
    writeFileSync(marker, text)
    assert.throws(() => openWorkspace(top), { code: 'bytes-malformed' }, text)
  }
})

test('a party that is open is held, also against its own process', async () => {
  const workspace = await initWorkspace(freshFolder(), world, ['issuer', 'mounter'])
  const first = openParty(workspace, 'issuer', { command: 'the first command' })
  assert.throws(() => openParty(workspace, 'issuer', world), { code: 'held', message: /the first command/ })
  openParty(workspace, 'mounter', world).close()
  first.close()
  openParty(workspace, 'issuer', world).close()
  assert.ok(!existsSync(join(workspace.folder, 'issuer', 'lock')))
})
