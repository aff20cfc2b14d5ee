/**
 * `npm test`: every test file of packages/ and tools/ but `*.full.test.ts`, in two processes. `--full` runs those too, in three, since many of them
 * wait for lines and readers, and then the whole of `npm run fault`. Words after it keep only files whose path contains one of them.
 * The results go to node_modules/.cache/sealwright/ (`--results FILE`: there as well) for `npm run trace`.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { join, relative, sep } from 'node:path'
import { text } from 'node:stream/consumers'
import { parseArgs } from 'node:util'
import { repositoryFiles, root } from './files.ts'
import { parseResults, saveResults, type TestResult } from './results.ts'
import { runInProcesses } from './test/processes.ts'

const { values: options, positionals: words } = parseArgs({
  options: { full: { type: 'boolean', default: false }, results: { type: 'string' } },
  allowPositionals: true,
})
/** Seconds on 2 cores; what takes longer belongs in `*.full.test.ts`. */
const limit = 60
/** Such a file shares its process with no other, as no `*.full.test.ts` does. The reason follows. */
const ownProcess = '\n// A process of its own: '
const start = performance.now()
const files = repositoryFiles().filter(
  (path) =>
    /^(packages\/[^/]+\/(src|test)|tools)\/.*\.test\.ts$/.test(path) &&
    (options.full || !path.endsWith('.full.test.ts')) &&
    (words.length === 0 || words.some((word) => path.includes(word))),
)

interface FileOutcome {
  tests: number
  failed: number
  ms: number
}

const results: TestResult[] = []
const outcomes = new Map<string, FileOutcome>(files.map((path) => [path, { tests: 0, failed: 0, ms: 0 }]))
/** What each file wrote to stderr. */
const talk = new Map<string, string>()
let failures = 0
const cache = join(root, 'node_modules/.cache/sealwright')
const lastTimes = readLastTimes()

// Every process reads the same sources: what was compiled once serves them all.
process.env['NODE_COMPILE_CACHE'] ??= join(cache, 'compiled')
console.log(`${files.length} test files on Node ${process.versions.node}`)
await runFiles()
for (const path of files) {
  const { tests, failed } = outcomes.get(path)!
  if (tests > 0 || failed > 0) continue
  fail(path, 'the file holds no test, or it ended before its first one', undefined)
}
printPackages()
printSlowest()
printNotRun()
if (words.length === 0) save()
const faulty = options.full && words.length === 0 && !(await faults())
const seconds = ((performance.now() - start) / 1000).toFixed(1)
if (!options.full && Number(seconds) > limit)
  console.log(`\nslower than the ${limit} s that npm test may take`)
const passed = results.filter((result) => result.ok).length
console.log(`\n${passed} tests passed, ${failures} failed, ${seconds} s`)
process.exitCode = failures > 0 || faulty || results.length === 0 ? 1 : 0

async function runFiles(): Promise<void> {
  const order = [...files].sort((a, b) => expected(b) - expected(a))
  const alone = (path: string): boolean =>
    path.endsWith('.full.test.ts') || readFileSync(path, 'utf8').includes(ownProcess)
  await runInProcesses(order.map(inMachine), { cwd: root, count: options.full ? 3 : 2, alone }, (run) => {
    const path = inRepository(run.path)
    if (run.stderr !== '') talk.set(path, run.stderr)
    const outcome = { tests: run.tests.length, failed: 0, ms: run.ms }
    outcomes.set(path, outcome)
    for (const { title, ok, skipped, ms, error } of run.tests) {
      results.push({ title, file: path, ok, skipped, ms: Math.round(ms) })
      if (ok) continue
      outcome.failed++
      fail(path, title, skipped ? 'skipped; every test runs' : error)
    }
    for (const problem of run.problems) {
      outcome.failed++
      fail(path, 'the file failed', problem)
    }
  })
}

function readLastTimes(): Map<string, number> {
  const times = new Map<string, number>()
  for (const name of ['results-full.json', 'results.json']) {
    if (!existsSync(join(cache, name))) continue
    try {
      const { tests } = parseResults(readFileSync(join(cache, name), 'utf8'))
      for (const file of new Set(tests.map((one) => one.file))) times.delete(file)
      for (const { file, ms } of tests) times.set(file, (times.get(file) ?? 0) + ms)
    } catch {
      // Only the order comes from it.
    }
  }
  return times
}

/** Milliseconds that a file took the last time; those that nobody knows come first, those of a whole life before others. */
function expected(path: string): number {
  const ran = lastTimes.get(path)
  return ran ?? (path.includes('/src/') ? 1e6 : 2e6)
}

function fail(path: string, title: string, error: string | undefined): void {
  failures++
  console.log(`\nFAILED ${path}\n       ${title}`)
  const lines = (error ?? '').split('\n').filter((line) => line !== '' && !/^\s+at .*node:/.test(line))
  for (const line of lines.slice(0, 40)) console.log(`         ${line}`)
}

function printPackages(): void {
  const groups = new Map<string, FileOutcome & { files: number }>()
  for (const [path, outcome] of outcomes) {
    const name = /^packages\/[^/]+\/(?:src\/[^/]+|test)/.exec(path)?.[0] ?? 'tools'
    const group = groups.get(name) ?? { tests: 0, failed: 0, ms: 0, files: 0 }
    groups.set(name, {
      tests: group.tests + outcome.tests,
      failed: group.failed + outcome.failed,
      ms: group.ms + outcome.ms,
      files: group.files + 1,
    })
  }
  console.log('')
  for (const [name, { tests, failed, ms, files: count }] of groups) {
    const state = failed === 0 ? 'ok    ' : 'FAILED'
    const numbers = `${tests} tests in ${count} files`
    console.log(`${state} ${name.padEnd(40)} ${numbers.padEnd(24)} ${(ms / 1000).toFixed(1).padStart(6)} s`)
  }
}

/** What to look at when the whole takes too long. */
function printSlowest(): void {
  const slow = results.filter((result) => result.ms >= 1000).sort((a, b) => b.ms - a.ms)
  if (slow.length > 0) console.log('\nslowest')
  for (const { title, file, ms } of slow.slice(0, 8)) {
    console.log(`${(ms / 1000).toFixed(1).padStart(6)} s ${file}: ${title}`)
  }
}

/** What the machine lacks for tests that stand in no result: a file says `NOT RUN: …` on stderr. */
function printNotRun(): void {
  const lines = [...talk.values()]
    .flatMap((text) => text.split('\n'))
    .filter((line) => line.startsWith('NOT RUN'))
  if (lines.length > 0) console.log(`\n${lines.join('\n')}`)
}

function save(): void {
  const all = { version: 1, node: process.versions.node, full: options.full, tests: results } as const
  const name = options.full ? 'results-full.json' : 'results.json'
  saveResults(join(cache, name), all)
  if (options.results !== undefined) saveResults(options.results, all)
}

/** All of `npm run fault -- --all`, what it takes at depth 1 beside what it takes at depth 2. */
async function faults(): Promise<boolean> {
  console.log('\npower cuts, all')
  const script = join(root, 'tools/fault.ts')
  const halves = [['--depth', '1'], ['--restarts']].map(async (depth) => {
    const child = spawn(process.execPath, [script, '--all', ...depth], {
      cwd: root,
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    const output = text(child.stdout)
    const [status] = await once(child, 'close')
    console.log(await output)
    return status === 0
  })
  return (await Promise.all(halves)).every((good) => good)
}

function inMachine(path: string): string {
  return join(root, path)
}

function inRepository(path: string): string {
  return relative(root, path).replaceAll(sep, '/')
}
