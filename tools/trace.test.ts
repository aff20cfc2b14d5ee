import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { root } from './files.ts'
import { allRows, parseRequirements } from './requirements.ts'
import type { TestResult } from './results.ts'
import { sameTitle, testTitles } from './titles.ts'
import { type TraceInput, trace, traceJson } from './trace.ts'

// Ids are written «A1a» here: a real one in brackets would count as this file's own.
function source(...lines: string[]): string {
  return lines.join('\n').replaceAll('«', '[').replaceAll('»', ']')
}

const page = [
  '# Requirements',
  '## A. Keys',
  '### A1 · First',
  '- [x] A1a it works',
  '- [ ] A1b it refuses',
  '### A2 · Second',
  '- [x] A2a it is done',
  '## Narrower than the text',
  '- [x] any list',
].join('\n')
const both = source("test('«A1a»«A2a» both', run)")

function traced(change: Partial<TraceInput> & { test?: string }): ReturnType<typeof trace> {
  const sources = new Map([['a.test.ts', change.test ?? both]])
  return trace({ page, sources, expectedRows: ['A1', 'A2'], ran: undefined, ...change })
}

function result(title: string, change: Partial<TestResult> = {}): TestResult {
  return { title: source(title), file: 'a.test.ts', ok: true, skipped: false, ms: 1, ...change }
}

test('rows, clauses and their tests come together', () => {
  const found = traced({})
  assert.deepEqual(found.problems, [])
  assert.deepEqual(traceJson(found), {
    A1: { done: false, clauses: { A1a: [source('«A1a»«A2a» both')], A1b: [] } },
    A2: { done: true, clauses: { A2a: [source('«A1a»«A2a» both')] } },
  })
})

test('a clause said to be done without a test fails', () => {
  assert.deepEqual(traced({ test: source("test('«A1a» one', run)") }).problems, [
    'A2a is said to be done and has no test',
  ])
})

test('a title with an id that does not exist fails', () => {
  for (const id of ['A1c', 'A9a', 'A1', 'Z1a']) {
    const found = traced({ test: `${both}\n${source(`test('«${id}» x', run)`)}` })
    assert.match(found.problems.join(), new RegExp(`there is no clause ${id}:`))
  }
})

test('a row that is missing fails', () => {
  assert.deepEqual(traced({ expectedRows: ['A1', 'A2', 'A3'] }).problems, ['row A3 is missing'])
})

test('more than two ids, ids elsewhere, ids on a suite or on a skipped test fail', () => {
  const wrong = {
    'at most two ids': "test('«A1a»«A1b»«A2a» x', run)",
    'at the beginning': "test('x «A1a»', run)",
    'literal title': "describe('«A1a» x', run)",
    'skipped test carries no id': "test('«A1a» x', { timeout: 5, skip: !tool }, run)",
    'carries no id': "it.todo('«A1a» x')",
  }
  for (const [message, line] of Object.entries(wrong)) {
    assert.match(testTitles('a.test.ts', source(line)).problems.join(), new RegExp(message), line)
  }
  assert.match(
    testTitles('a.test.ts', source("const title = '«A1a» x'\ntest(title, run)")).problems.join(),
    /literal title/,
  )
})

test('subtests and titles made in part at run time are seen, comments are not', () => {
  const written = source(
    "test('outer', async (t) => {",
    "  await t.test('«A1a» inner', run)",
    '  for (const c of cases) it(`«A1b» case ${c.name} of ${c.set}`, run)',
    "  test('«A2a» ' + c.name, run)",
    '})',
    "// test('«A9a» old', run)",
  )
  const { titles, problems } = testTitles('a.test.ts', written)
  assert.deepEqual(problems, [])
  assert.deepEqual(
    titles.map(({ ids, line }) => [line, ...ids]),
    [[1], [2, 'A1a'], [3, 'A1b'], [4, 'A2a']],
  )
  assert.ok(sameTitle(titles[2]!.title, source('«A1b» case (x) of *')))
  assert.ok(!sameTitle(titles[2]!.title, source('«A1b» another')))
  assert.ok(sameTitle(titles[3]!.title, source('«A2a» whatever')))
})

test('with results: the tests behind a done clause must have run and passed', () => {
  const title = '«A1a»«A2a» both'
  assert.deepEqual(traced({ ran: [result(title)] }).problems, [])
  const failing: [RegExp, TestResult[]][] = [
    [/did not run/, []],
    [/did not run/, [result('another')]],
    [/did not run/, [result(title, { skipped: true, ok: false })]],
    [/did not run/, [result(title, { file: 'b.test.ts' })]],
    [/failed/, [result(title, { ok: false })]],
    [/failed/, [result(title), result(title, { ok: false })]],
  ]
  for (const [message, ran] of failing) {
    const { problems } = traced({ ran })
    assert.equal(problems.length, 2)
    assert.match(problems.join(), message)
  }
})

test('an open clause may have a failing test', () => {
  const tests = `${both}\n${source("test('«A1b» later', run)")}`
  assert.deepEqual(traced({ test: tests, ran: [result('«A1a»«A2a» both')] }).problems, [])
})

test('a page that is not well formed fails', () => {
  const wrong = {
    'the next clause of A1 is A1a': '## A. K\n### A1 · x\n- [ ] A1b y',
    'A2a stands under A1': '## A. K\n### A1 · x\n- [ ] A2a y',
    'stands twice': '## A. K\n### A1 · x\n- [ ] A1a y\n### A1 · x\n- [ ] A1b y',
    'stands in section': '## B. K\n### A1 · x\n- [ ] A1a y',
    'has no clause': '## A. K\n### A1 · x',
    'a clause is': '## A. K\n### A1 · x\n- [X] A1a y',
    'a row is': '## A. K\n### A1: x',
  }
  for (const [message, text] of Object.entries(wrong)) {
    assert.match(parseRequirements(text).problems.join(), new RegExp(message), text)
  }
})

test('docs/requirements.md is well formed and has every row', () => {
  const { rows, problems } = parseRequirements(readFileSync(join(root, 'docs/requirements.md'), 'utf8'))
  assert.deepEqual(problems, [])
  assert.deepEqual(
    rows.map(({ id }) => id),
    allRows(),
  )
})
