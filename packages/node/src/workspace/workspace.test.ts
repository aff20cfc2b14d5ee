import assert from 'node:assert/strict'
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
  assert.throws(() => openWorkspace(top), { code: 'workspace-newer' })
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
