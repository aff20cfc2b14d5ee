/**
 * `npm test`: every test file of packages/ and tools/ but `*.full.test.ts`, two at a time. `--full` runs those too and then
 * the whole of `npm run fault`. Words after it keep only files whose path contains one of them.
 * The results go to node_modules/.cache/sealwright/ (`--results FILE`: there as well) for `npm run trace`.
 */
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join, relative, sep } from 'node:path'
import { run } from 'node:test'
import { inspect, parseArgs } from 'node:util'
import { repositoryFiles, root } from './files.ts'
import { saveResults, type TestResult } from './results.ts'

const { values: options, positionals: words } = parseArgs({
  options: { full: { type: 'boolean', default: false }, results: { type: 'string' } },
  allowPositionals: true,
})
/** Seconds on 2 cores; what takes longer belongs in `*.full.test.ts`. */
const limit = 60
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

// Every file is a process of its own that reads the same sources: what was compiled once serves them all.
process.env['NODE_COMPILE_CACHE'] ??= join(root, 'node_modules', '.cache', 'sealwright', 'compiled')
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
const faulty = options.full && words.length === 0 && !faults()
const seconds = ((performance.now() - start) / 1000).toFixed(1)
if (!options.full && Number(seconds) > limit)
  console.log(`\nslower than the ${limit} s that npm test may take`)
const passed = results.filter((result) => result.ok).length
console.log(`\n${passed} tests passed, ${failures} failed, ${seconds} s`)
process.exitCode = failures > 0 || faulty || results.length === 0 ? 1 : 0

async function runFiles(): Promise<void> {
  if (files.length === 0) return
  const stream = run({ files: files.map((path) => join(root, path)), concurrency: 2, cwd: root })
  for await (const event of stream) {
    if (event.type === 'test:stderr') {
      const path = inRepository(event.data.file)
      talk.set(path, (talk.get(path) ?? '') + event.data.message)
    }
    if (event.type !== 'test:pass' && event.type !== 'test:fail') continue
    const { name, file, details, skip, todo } = event.data
    const path = file === undefined ? name : inRepository(file)
    // A file that crashed or could not be read is reported as a test with the file's path for a name.
    const whole = inRepository(name) === path || join(root, path) === name
    if (whole) {
      const outcome = outcomes.get(path)
      if (outcome !== undefined) {
        outcome.ms = details.duration_ms
        if (event.type === 'test:fail') outcome.failed++
      }
      if (event.type === 'test:fail')
        fail(path, 'the file failed', talk.get(path)?.trimEnd() ?? details.error)
      continue
    }
    if (details.type === 'suite') continue
    const skipped = skip !== undefined || todo !== undefined
    const ok = event.type === 'test:pass' && !skipped
    results.push({ title: name, file: path, ok, skipped, ms: Math.round(details.duration_ms) })
    const outcome = outcomes.get(path) ?? { tests: 0, failed: 0, ms: 0 }
    outcomes.set(path, outcome)
    outcome.tests++
    outcome.ms += event.data.nesting === 0 ? details.duration_ms : 0
    if (event.type === 'test:fail') {
      outcome.failed++
      fail(path, name, event.data.details.error)
    } else if (skipped) {
      outcome.failed++
      fail(path, name, 'skipped; every test runs')
    }
  }
}

function fail(path: string, title: string, error: unknown): void {
  failures++
  console.log(`\nFAILED ${path}\n       ${title}`)
  if (error === undefined) return
  const cause = error instanceof Error && error.cause !== undefined ? error.cause : error
  const text =
    cause instanceof Error
      ? (cause.stack ?? cause.message)
      : typeof cause === 'string'
        ? cause
        : inspect(cause)
  const lines = text.split('\n').filter((line) => !/^\s+at .*node:/.test(line))
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
  saveResults(join(root, 'node_modules/.cache/sealwright', name), all)
  if (options.results !== undefined) saveResults(options.results, all)
}

function faults(): boolean {
  const script = join(root, 'tools/fault.ts')
  if (!existsSync(script)) return true
  console.log('\npower cuts, all')
  return spawnSync(process.execPath, [script, '--all'], { cwd: root, stdio: 'inherit' }).status === 0
}

function inRepository(path: string): string {
  return relative(root, path).replaceAll(sep, '/')
}
