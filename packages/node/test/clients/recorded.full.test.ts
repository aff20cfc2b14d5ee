import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { nodeCrypto, nodeEntropy } from '@sealwright/node/crypto'
import { type ModuleFile, openModuleFile } from '@sealwright/node/transport'
import { launcher } from '../readers/readers.ts'
import { root } from './installed.ts'
import { RecordedClient, type Recording } from './recorded.ts'

const folder = mkdtempSync(join(tmpdir(), 'sealwright-recorded-'))
after(() => rmSync(folder, { recursive: true, force: true }))

for (const [name, run] of sessions('globalplatformpro'))
  test(`[E1e] GlobalPlatformPro, as recorded: ${name}`, run)
for (const [name, run] of sessions('pysim')) test(`[E1d] pySim, as recorded: ${name}`, run)
for (const [name, run] of sessions('gpshell3')) test(`[E1d] gpshell3, as recorded: ${name}`, run)

/** The sessions of a recording, one life of one card: each finds what those before it left. */
function sessions(client: string): [string, () => Promise<void>][] {
  const recording = JSON.parse(
    readFileSync(join(root, `vectors/clients/${client}.json`), 'utf8'),
  ) as Recording
  let module: ModuleFile | undefined
  after(() => module?.close())
  return recording.sessions.map((session) => [
    session.name,
    async () => {
      module ??= openModuleFile(newCard(client))
      await new RecordedClient(recording, module, { crypto: nodeCrypto, entropy: nodeEntropy }).run(session)
    },
  ])
}

function newCard(name: string): string {
  const file = join(folder, `${name}.chip`)
  const words = [launcher, 'module', 'new', '--profile', 'globalplatform', '--test', '--out', file]
  const { status, stderr } = spawnSync(process.execPath, words, { encoding: 'utf8' })
  assert.equal(status, 0, stderr)
  return file
}
