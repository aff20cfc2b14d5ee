import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { encodeCanonical } from '@sealwright/core/cbor'
import { StateError } from '@sealwright/core/errors'
import { nextLink } from '@sealwright/core/log'
import { readOutbox, recordRestore } from '@sealwright/roles/custody'
import type { PartyPorts } from '@sealwright/roles/ports'
import { nodeCrypto as crypto } from '../src/crypto/index.ts'
import { backUpChip, ChipFile, planRestore } from '../src/medium/index.ts'
import { unpackWorkspace } from '../src/testing/index.ts'
import { openParty, openWorkspace } from '../src/workspace/index.ts'

const folder = mkdtempSync(join(tmpdir(), 'sealwright-restore-step-'))
after(() => rmSync(folder, { recursive: true }))
let count = 0

/** The loader's ports and chip, with a backup of it, in a workspace of their own. */
function world(): { ports: PartyPorts; path: string; backup: Uint8Array; close(): void } {
  const work = join(folder, `${count++}`)
  unpackWorkspace('release-2', work)
  const { ports, close } = openParty(openWorkspace(work), 'loader', { command: 'test' })
  const path = join(work, 'chips/loader.chip')
  return { ports, path, backup: backUpChip(path), close }
}

const cut = new StateError('the disk is full', { code: 'file-inaccessible' })

test('a restore that was cut off before its entry was written is found in the chain and stated by the next run, once', async () => {
  const { ports, path, backup, close } = world()
  const entries = (await readOutbox(ports)).length
  const broken: PartyPorts = { ...ports, vault: { ...ports.vault, sign: () => Promise.reject(cut) } }
  const first = planRestore(path, backup)
  await assert.rejects(recordRestore(broken, first), cut)
  first.close()
  assert.equal((await readOutbox(ports)).length, entries)
  assert.equal((await ports.store.list('intents/')).length, 1)

  const second = planRestore(path, backup)
  const { entry, before } = await recordRestore(ports, second)
  second.close()
  assert.equal(before, true)
  assert.equal(entry.number, first.event.number)
  assert.deepEqual(entry.digest, crypto.sha256(backup))
  assert.deepEqual(await ports.store.list('intents/'), [])
  assert.equal((await readOutbox(ports)).length, entries + 1)
  // Nothing was restored a second time: asked again, it would be the next event.
  const third = planRestore(path, backup)
  assert.equal(third.event.number, first.event.number + 1)
  assert.deepEqual(third.event.previous, nextLink(crypto, first.event))
  third.close()
  close()
})

test('a restore that was cut off before anything was replaced is done by the next run', async () => {
  const { ports, path, backup, close } = world()
  const plan = planRestore(path, backup)
  const before = readFileSync(path)
  await assert.rejects(
    recordRestore(ports, {
      ...plan,
      carryOut: () => {
        throw cut
      },
    }),
    cut,
  )
  plan.close()
  assert.deepEqual(readFileSync(path), before)
  const again = planRestore(path, backup)
  const done = await recordRestore(ports, again)
  again.close()
  assert.equal(done.before, false)
  assert.equal(done.entry.number, plan.event.number)
  ChipFile.open(path).close()
  close()
})

test('what another broken-off step did is recorded before the memory that tells it is gone', async () => {
  const { ports, path, backup, close } = world()
  const plan = planRestore(path, backup)
  const { serial, number } = plan.event
  // As a step of the loader writes it down: it had begun before the last event.
  const intent = encodeCanonical({
    since: number - 2,
    types: ['transport-key-installed', 'set-made', 'key-made'],
  })
  const file = `intents/${Buffer.from(serial).toString('hex')}`
  await ports.store.write(
    file,
    encodeCanonical({
      v: 1,
      format: 'sealwright intent',
      name: 'loader set new',
      subject: 'x',
      at: 1,
      intent,
    }),
  )
  await ports.store.remove(
    `outbox/${Buffer.from(serial).toString('hex')}-${String(number - 1).padStart(8, '0')}.entry`,
  )
  const entries = (await readOutbox(ports)).length
  await recordRestore(ports, plan)
  plan.close()
  assert.equal((await readOutbox(ports)).length, entries + 2)
  assert.deepEqual(await ports.store.list('intents/'), [])
  close()
})

test('where the present memory cannot be read, another broken-off step does not stand in the way', async () => {
  const { ports, path, backup, close } = world()
  const bytes = readFileSync(path)
  bytes[64 + 3 * 296 + 30]! ^= 1
  writeFileSync(path, bytes)
  const plan = planRestore(path, backup)
  assert.match(plan.unreadable!, /page 3 /)
  const intent = encodeCanonical({ since: 3, types: ['set-made'] })
  await ports.store.write(
    `intents/${Buffer.from(plan.event.serial).toString('hex')}`,
    encodeCanonical({
      v: 1,
      format: 'sealwright intent',
      name: 'loader set new',
      subject: 'x',
      at: 1,
      intent,
    }),
  )
  await recordRestore(ports, plan)
  plan.close()
  ChipFile.open(path).close()
  close()
})
