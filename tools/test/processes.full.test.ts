import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { test } from 'node:test'
import { type FileRun, runInProcesses } from './processes.ts'

const head = `import { after, beforeEach, test } from 'node:test'\n`

/** Runs sources as files of one process, in their order. */
async function runs(...sources: string[]): Promise<FileRun[]> {
  const folder = mkdtempSync(join(tmpdir(), 'sealwright-tests-'))
  try {
    const files = sources.map((source, i) => {
      const path = join(folder, `${i}.test.mjs`)
      writeFileSync(path, head + source)
      return path
    })
    const ended: FileRun[] = []
    const alone = (path: string): boolean => sources[files.indexOf(path)]!.includes('own process')
    await runInProcesses(files, { cwd: folder, count: 1, alone }, (run) => ended.push(run))
    assert.deepEqual(
      ended.map(({ path }) => basename(path)),
      files.map((path) => basename(path)),
    )
    return ended
  } finally {
    rmSync(folder, { recursive: true })
  }
}

test('every file is told of with its own tests, failures and words on stderr', async () => {
  const [first, second, third] = await runs(
    `test('passes', () => {})
     console.error('said by the first')`,
    `test('fails', () => { throw new Error('because') })
     test('outer', async (t) => { await t.test('inner', () => {}) })
     test.skip('left out', () => {})`,
    `test('passes too', async () => { await new Promise((done) => setTimeout(done, 5)) })`,
  )
  assert.deepEqual(
    first!.tests.map(({ title, ok }) => [title, ok]),
    [['passes', true]],
  )
  assert.equal(first!.stderr, 'said by the first\n')
  assert.deepEqual(
    second!.tests.map(({ title, ok, skipped, top }) => [title, ok, skipped, top]),
    [
      ['fails', false, false, true],
      ['inner', true, false, false],
      ['outer', true, false, true],
      ['left out', false, true, true],
    ],
  )
  assert.match(second!.tests[0]!.error!, /because/)
  assert.equal(second!.stderr, '')
  assert.equal(third!.tests.length, 1)
  for (const { problems } of [first!, second!, third!]) assert.deepEqual(problems, [])
})

test('hooks at the top of a file are for this file alone', async () => {
  const [, second] = await runs(
    `beforeEach(() => { throw new Error('hook of the first') })
     test('passes', () => {})`,
    `test('passes', () => {})`,
  )
  assert.equal(second!.tests[0]!.ok, true)
})

test('a file that ends its process costs itself, not the next', async () => {
  for (const end of [
    'process.exit(0)',
    'process.exit(3)',
    'process.abort()',
    'process.kill(process.pid, 9)',
  ]) {
    const [bad, good] = await runs(
      `test('before', () => {})
       test('ends', async () => { await new Promise(setImmediate); ${end} })`,
      `test('passes', () => {})`,
    )
    assert.match(bad!.problems[0]!, /the process of the tests (ended with status|was ended by SIG)/, end)
    assert.equal(bad!.tests[0]?.title, 'before')
    assert.equal(good!.tests[0]!.ok, true)
    assert.deepEqual(good!.problems, [])
  }
})

test('a file that cannot be read, fails late or never settles is no passed one', async () => {
  const [unreadable, throwing, late, empty, hook, good] = await runs(
    'this is no program',
    `throw new Error('at the top')`,
    `test('passes', () => { setTimeout(() => { throw new Error('too late') }, 5) })`,
    '',
    `test('passes', () => {})
     after(() => { throw new Error('in the hook') })`,
    `test('passes', () => {})`,
  )
  assert.match(unreadable!.problems[0]!, /SyntaxError/)
  assert.match(throwing!.problems[0]!, /at the top/)
  assert.match(late!.problems[0]!, /too late/)
  assert.equal(empty!.tests.length, 0)
  assert.match(hook!.problems[0] ?? '', /in the hook/)
  assert.deepEqual(good!.problems, [])
  const [never, next] = await runs(`test('waits', () => new Promise(() => {}))`, `test('passes', () => {})`)
  // Node 22 fails the test itself.
  assert.match(`${never!.problems[0]} ${never!.tests[0]?.error}`, /nothing is left to do|still pending/)
  assert.equal(next!.tests.length, 1)
})

test('what a file leaves changed in the process is its failure', async () => {
  const changes = {
    "process.chdir('/')": /the working folder/,
    "process.env.LEFT = '1'": /the environment/,
    'Math.random = () => 0': /Math\.random/,
    "process.on('SIGTERM', () => {})": /the listeners of SIGTERM/,
    'process.stderr.write = () => true': /process\.stderr\.write/,
  }
  for (const [change, pattern] of Object.entries(changes)) {
    const [run] = await runs(`test('passes', () => {})\n${change}`)
    assert.match(run!.problems.join('\n'), pattern)
  }
})

test('a file that wants a process of its own has one', async () => {
  const told = `test('passes', () => {})
    console.error(process.pid)`
  const pids = (await runs(told, `${told} // own process`, told, told)).map(({ stderr }) => stderr)
  assert.equal(new Set(pids).size, 3)
  assert.equal(pids[2], pids[3])
})
