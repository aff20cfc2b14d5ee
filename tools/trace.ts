/**
 * `npm run trace`: every row and clause of docs/requirements.md with the tests that carry its id. Fails when a clause said to
 * be done has no test, a title names an id that does not exist, or a row is missing.
 * `--json` prints one object; `--results FILE` (repeatable) also demands that every test behind a done clause ran and passed;
 * `--rows FILE` compares with a table of rows; other words name the rows to print.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { parseArgs } from 'node:util'
import { repositoryFiles, root } from './files.ts'
import { allRows, parseRequirements, type Row, tableRows } from './requirements.ts'
import { parseResults, type TestResult } from './results.ts'
import { sameTitle, type TestTitle, testTitles } from './titles.ts'

export interface TraceInput {
  /** The text of docs/requirements.md. */
  readonly page: string
  /** Test sources by path. */
  readonly sources: ReadonlyMap<string, string>
  /** Rows that must be there. */
  readonly expectedRows: readonly string[]
  /** What ran; undefined: do not ask. */
  readonly ran: readonly TestResult[] | undefined
}

export interface Trace {
  readonly rows: readonly Row[]
  readonly tests: ReadonlyMap<string, readonly TestTitle[]>
  readonly problems: readonly string[]
}

export function trace({ page, sources, expectedRows, ran }: TraceInput): Trace {
  const { rows, problems: pageProblems } = parseRequirements(page)
  const found = [...sources].map(([file, source]) => testTitles(file, source))
  const problems = [...pageProblems, ...found.flatMap((one) => one.problems)]
  const titles = found.flatMap((one) => one.titles)
  const clauses = rows.flatMap((row) => row.clauses)
  const tests = new Map(clauses.map(({ id }) => [id, titles.filter((title) => title.ids.includes(id))]))

  for (const row of expectedRows)
    if (!rows.some(({ id }) => id === row)) problems.push(`row ${row} is missing`)
  for (const { file, line, ids, title } of titles) {
    for (const id of ids)
      if (!tests.has(id)) problems.push(`${file}:${line} there is no clause ${id}: ${title}`)
  }
  for (const { id, done } of clauses) {
    if (!done) continue
    const own = tests.get(id)!
    if (own.length === 0) problems.push(`${id} is said to be done and has no test`)
    for (const title of ran === undefined ? [] : own) {
      const state = outcome(title, ran!)
      if (state !== 'passed')
        problems.push(`${id} is said to be done, and ${title.file}:${title.line} ${state}: ${title.title}`)
    }
  }
  return { rows, tests, problems }
}

/** Row id → done and its clauses with the titles of their tests. */
export function traceJson({
  rows,
  tests,
}: Trace): Record<string, { done: boolean; clauses: Record<string, string[]> }> {
  return Object.fromEntries(
    rows.map((row) => [
      row.id,
      {
        done: row.clauses.every((clause) => clause.done),
        clauses: Object.fromEntries(
          row.clauses.map(({ id }) => [id, tests.get(id)!.map(({ title }) => title)]),
        ),
      },
    ]),
  )
}

function outcome(test: TestTitle, ran: readonly TestResult[]): 'passed' | 'failed' | 'did not run' {
  const own = ran.filter(
    ({ file, title, skipped }) => !skipped && file === test.file && sameTitle(test.title, title),
  )
  if (own.length === 0) return 'did not run'
  return own.every(({ ok }) => ok) ? 'passed' : 'failed'
}

function print({ rows, tests, problems }: Trace, words: readonly string[]): void {
  let section = ''
  for (const row of rows) {
    if (words.length > 0 && !words.includes(row.id)) continue
    if (row.section !== section) console.log(`\n${row.section}`)
    section = row.section
    const done = row.clauses.filter((clause) => clause.done).length
    console.log(`\n${row.id} · ${row.title} (${done} of ${row.clauses.length})`)
    for (const clause of row.clauses) {
      console.log(`  ${clause.done ? '[x]' : '[ ]'} ${clause.id} ${clause.text}`)
      for (const { file, line, title } of tests.get(clause.id)!)
        console.log(`        ${file}:${line} ${title}`)
    }
  }
  const clauses = rows.flatMap((row) => row.clauses)
  const rowsDone = rows.filter((row) => row.clauses.every((clause) => clause.done)).length
  const ready = clauses.filter(({ id, done }) => !done && tests.get(id)!.length > 0).map(({ id }) => id)
  console.log(
    `\n${rowsDone} of ${rows.length} rows done, ${clauses.filter(({ done }) => done).length} of ${clauses.length} clauses`,
  )
  if (ready.length > 0) console.log(`open, with tests: ${ready.join(' ')}`)
  for (const problem of problems) console.log(`FAILED ${problem}`)
}

function main(): void {
  const { values: options, positionals: words } = parseArgs({
    options: {
      json: { type: 'boolean', default: false },
      results: { type: 'string', multiple: true },
      rows: { type: 'string' },
    },
    allowPositionals: true,
  })
  const text = (path: string): string => readFileSync(path, 'utf8')
  const found = trace({
    page: text(join(root, 'docs/requirements.md')),
    sources: new Map(
      repositoryFiles()
        .filter((path) => path.endsWith('.test.ts'))
        .map((path) => [path, text(join(root, path))]),
    ),
    expectedRows:
      options.rows === undefined ? allRows() : [...new Set([...allRows(), ...tableRows(text(options.rows))])],
    ran: options.results?.flatMap((path) => parseResults(text(path)).tests),
  })
  if (options.json) {
    console.log(JSON.stringify(traceJson(found)))
    for (const problem of found.problems) console.error(problem)
  } else print(found, words)
  process.exitCode = found.problems.length === 0 ? 0 : 1
}

if (process.argv[1] !== undefined && pathToFileURL(process.argv[1]).href === import.meta.url) main()
