import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { test } from 'node:test'
import { needReaders, tellWhyNoReaders } from '../../packages/node/test/readers/index.ts'
import { root } from '../files.ts'

const missing = tellWhyNoReaders(import.meta.url, ['java', 'mvn'])

test('readers, Java and Maven are here, or this is not CI', () => needReaders(missing))

if (missing === undefined) {
  test('[P8b] the bench measures a program in our card and one in jCardSim in one run: one pcscd, the cure on for both', () => {
    const { status, stdout, stderr } = spawnSync(
      process.execPath,
      ['tools/bench.ts', 'round', '--rounds', '1', '--json'],
      { cwd: root, encoding: 'utf8', env: { ...process.env, NODE_OPTIONS: '' } },
    )
    assert.equal(status, 0, stderr)
    const rows = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { carrier: string; command: string; median?: number })
    for (const carrier of ['pcscd and vpcd with the cure', 'jCardSim, pcscd and vpcd with the cure']) {
      const row = rows.find((one) => one.carrier === carrier && one.command === 'hello')
      assert.ok(row?.median !== undefined && row.median > 0, `${carrier}: ${stdout}`)
    }
  })
}
