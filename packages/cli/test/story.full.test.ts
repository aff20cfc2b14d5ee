import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { main } from '../src/main.ts'
import { outcomeOf } from './story.ts'

const launcher = fileURLToPath(new URL('../bin/sealwright.js', import.meta.url))
const work = mkdtempSync(join(tmpdir(), 'sealwright-story-full-'))
after(() => rmSync(work, { recursive: true }))

/** What the demo prints on a terminal of this width; undefined: into a file. */
async function told(
  folder: string,
  columns: number | undefined,
  ...more: readonly string[]
): Promise<string> {
  const out: string[] = []
  const status = await main(['demo', '--keep', folder, ...more], {
    cwd: work,
    print: (line) => out.push(line),
    say: (text) => out.push(text),
    readInput: () => new Uint8Array(),
    readDescriptor: () => new Uint8Array(),
    ...(columns === undefined ? {} : { columns }),
  })
  assert.equal(status, 0, out.join('\n'))
  return out.join('\n')
}

/** The command lines as a person copies them, those that were broken for a narrow terminal with all their parts. */
function copied(text: string): string[] {
  return [...text.matchAll(/^ +\$ (sealwright (?:.*\\\n)*.*)$/gm)].map(([, lines]) => lines!)
}

for (const columns of [undefined, 60]) {
  const width = columns === undefined ? 'a file' : `a terminal of ${columns} columns`
  test(`the command lines printed into ${width}, run by sh in a new workspace, end as the demo does`, async () => {
    const kept = `kept-${columns}`
    const lines = copied(await told(kept, columns))
    assert.ok(lines.length > 60)
    const script = [
      'set -eu',
      'sealwright() { "$NODE" "$LAUNCHER" "$@"; }',
      `sealwright init again-${columns} && cd again-${columns}`,
      ...lines,
    ].join('\n')
    const { status, stderr } = spawnSync('sh', ['-c', script], {
      cwd: work,
      encoding: 'utf8',
      env: { ...process.env, NODE: process.execPath, LAUNCHER: launcher, NODE_OPTIONS: '' },
    })
    assert.equal(status, 0, stderr)
    assert.deepEqual(await outcomeOf(join(work, `again-${columns}`)), await outcomeOf(join(work, kept)))
  })
}

test('on a narrow terminal no line of the demo is wider than it', async () => {
  const text = await told('narrow', 70)
  // A word that is wider by itself stays whole.
  const wide = text.split('\n').filter((line) => line.length > 70 && !/\S{40,}/.test(line))
  assert.deepEqual(wide, [])
})

test('programs that were not written here, compiled from C and Rust, are loaded in the place of the bank', async () => {
  for (const name of ['calculator', 'median']) {
    const file = fileURLToPath(new URL(`../../../programs/elsewhere/${name}.wasm`, import.meta.url))
    const text = (await told(name, undefined, '--app', file)).replaceAll(/\s+/g, ' ')
    assert.ok(text.includes(`supplier load exchange/bank.activation --program ${file}`))
    assert.ok(text.includes('supplier run --module chips/phone.chip --command 01'))
    assert.match(text, /stages did what they said/)
  }
})
