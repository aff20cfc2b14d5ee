/**
 * `npm run check`: format, lint, types, import arrows and circles, the repository's rules, generated tables.
 * `--json` prints one object instead of lines.
 */
import { spawn } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { repositoryFiles, root } from './files.ts'
import { importProblems, type Sources } from './imports.ts'
import { ruleProblems } from './rules.ts'

/** Every TypeScript project of the repository. */
const projects = [
  'packages/core',
  'packages/module',
  'packages/roles',
  'packages/node',
  'packages/cli',
  'tsconfig.test.json',
]

interface Outcome {
  readonly ok: boolean
  readonly output: string
}

interface Check {
  readonly name: string
  readonly run: () => Promise<Outcome>
}

interface Result extends Outcome {
  readonly name: string
  readonly ms: number
}

const atOnce = 2
const linesShown = 60
const json = process.argv.includes('--json')

const checks: Check[] = [
  {
    name: 'format and lint',
    run: () =>
      command('node_modules/@biomejs/biome/bin/biome', [
        'check',
        '--error-on-warnings',
        '--max-diagnostics=50',
        '.',
      ]),
  },
  ...projects.map((project) => ({
    name: `types of ${project}`,
    run: () => command('node_modules/typescript/bin/tsc', ['-p', project, '--pretty', 'false']),
  })),
  { name: 'import arrows and circles', run: () => listing(importProblems(sources())) },
  { name: 'rules of the repository', run: () => listing(ruleProblems(sources())) },
  { name: 'generated tables', run: () => command('tools/docs.ts', ['--check']) },
]

const results = await runAll()
const failed = results.filter((result) => !result.ok)
if (json) {
  process.stdout.write(`${JSON.stringify({ ok: failed.length === 0, checks: results }, null, 2)}\n`)
} else {
  const seconds = (results.reduce((sum, { ms }) => sum + ms, 0) / 1000).toFixed(1)
  const verdict = failed.length === 0 ? 'all good' : `failed: ${failed.map(({ name }) => name).join(', ')}`
  console.log(`\n${results.length} checks, ${seconds} s of work, ${verdict}`)
}
process.exitCode = failed.length === 0 ? 0 : 1

async function runAll(): Promise<Result[]> {
  const waiting = [...checks]
  const done: Result[] = []
  const worker = async (): Promise<void> => {
    for (let check = waiting.shift(); check !== undefined; check = waiting.shift()) {
      const start = performance.now()
      const outcome = await check.run()
      const result = { name: check.name, ms: Math.round(performance.now() - start), ...outcome }
      done.push(result)
      if (!json) report(result)
    }
  }
  await Promise.all(Array.from({ length: atOnce }, worker))
  return checks.map(({ name }) => done.find((result) => result.name === name)!)
}

function report({ name, ok, ms, output }: Result): void {
  console.log(`${ok ? 'ok    ' : 'FAILED'} ${name.padEnd(32)} ${(ms / 1000).toFixed(1).padStart(6)} s`)
  if (ok) return
  const lines = output.trimEnd().split('\n')
  for (const line of lines.slice(0, linesShown)) console.log(`       ${line}`.trimEnd())
  if (lines.length > linesShown)
    console.log(`       … ${lines.length - linesShown} more lines; --json has all`)
}

function command(script: string, args: readonly string[]): Promise<Outcome> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [join(root, script), ...args], { cwd: root })
    let output = ''
    child.stdout.on('data', (chunk) => (output += String(chunk)))
    child.stderr.on('data', (chunk) => (output += String(chunk)))
    child.on('error', (error) => resolve({ ok: false, output: String(error) }))
    child.on('close', (code) => resolve({ ok: code === 0, output }))
  })
}

async function listing(problems: readonly string[]): Promise<Outcome> {
  return { ok: problems.length === 0, output: problems.join('\n') }
}

function sources(): Sources {
  const text = /\.(ts|js|mjs|cjs|json|md|ya?ml|sh|cddl|wat)$|^\.ci\/run$|^\.[a-z]+$/
  return new Map(
    repositoryFiles()
      .filter((path) => text.test(path) && existsSync(join(root, path)))
      .map((path) => [path, readFileSync(join(root, path), 'utf8')]),
  )
}
