import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { root } from './files.ts'

const folder = mkdtempSync(join(tmpdir(), 'fuzz-'))
test.after(() => rmSync(folder, { recursive: true }))

function run(...words: string[]) {
  return spawnSync(process.execPath, [join(root, 'tools/fuzz.ts'), ...words], { encoding: 'utf8', cwd: root })
}

test('[R3a][R3b] the command fuzzes both targets, prints its seed and what it covered, and keeps its corpus', () => {
  const corpus = join(folder, 'corpus')
  const words = [
    '--seconds',
    '6',
    '--seed',
    'test',
    '--out',
    join(folder, 'found'),
    '--corpus',
    corpus,
    '--json',
  ]
  const { status, stdout, stderr } = run(...words)
  assert.equal(status, 0, stdout + stderr)
  const lines = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, never>)
  assert.equal(lines[0]!['seed'], 'test')
  const summary = lines.at(-1)! as unknown as {
    ok: boolean
    dispatcher: { runs: number; kept: number }
    parser: { runs: number; kept: number }
    coverage: Record<string, { covered: number; blocks: number }>
  }
  assert.equal(summary.ok, true)
  for (const name of ['dispatcher', 'parser'] as const) {
    assert.ok(summary[name].runs > 0 && summary[name].kept > 0, name)
    assert.ok(readdirSync(join(corpus, name)).length > 0, name)
  }
  const { covered, blocks } = summary.coverage['module/dispatch']!
  assert.ok(covered > 10 && covered <= blocks)
})

test('[R3a] a finding replayed says whether the law is broken still; what cannot be fuzzed is refused', () => {
  const file = join(folder, 'finding.json')
  const defect = { kind: 'throws', subject: 'parseNote', detail: 'TypeError', text: '' }
  const finding = { version: 1, target: 'parser', defect, input: { parser: 'parseNote', bytes: '00' } }
  writeFileSync(file, JSON.stringify(finding))
  const { status, stdout } = run('--replay', file)
  assert.equal(status, 0)
  assert.match(stdout, /the laws hold/)
  writeFileSync(file, JSON.stringify({ ...finding, version: 9 }))
  assert.notEqual(run('--replay', file).status, 0)
  assert.notEqual(run('--seconds', '0').status, 0)
  assert.notEqual(run('--target', 'nothing').status, 0)
})
