import type { Sources } from './imports.ts'
import { type Token, tokens } from './source.ts'

/** The repository's own rules; one line per place that breaks one. */
export function ruleProblems(sources: Sources): string[] {
  return [...sources].flatMap(([path, text]) => [
    ...machinePaths(path, text),
    ...(path === 'package-lock.json' ? registryAddresses(path, text) : []),
    ...(/\.(ts|js|mjs)$/.test(path)
      ? [...unfinished(path, text), ...inactiveTests(path, text), ...newerSyntax(path, text)]
      : []),
  ])
}

/** Absolute paths that exist on one machine only. */
function machinePaths(path: string, text: string): string[] {
  return perLine(path, text, machinePath, 'a path of one machine')
}

function registryAddresses(path: string, text: string): string[] {
  return perLine(
    path,
    text,
    /"resolved": "http/,
    'a registry address; set omit-lockfile-registry-resolved=true',
  )
}

function unfinished(path: string, text: string): string[] {
  return perLine(path, text, unfinishedMark, 'an unfinished mark; finish it or write an issue')
}

/** `test.only`, `t.skip()`, `{ todo: true }`: a test that is listed runs, or it is not listed. */
function inactiveTests(path: string, text: string): string[] {
  if (!path.endsWith('.test.ts')) return []
  const row = tokens(text)
  return row.flatMap((token, i) => {
    if (token.kind !== 'word' || !['only', 'skip', 'todo'].includes(token.text)) return []
    return isMethod(row, i) || isOption(row, i)
      ? [`${path}:${token.line} ${token.text}: no test is switched off or alone`]
      : []
  })
}

/** TypeScript lowers nothing here, and Node 22 does not parse `using`: end a handle in `try … finally`. */
function newerSyntax(path: string, text: string): string[] {
  const row = tokens(text)
  return row.flatMap(({ kind, text: word, line }, i) => {
    const declares =
      row[i + 1]?.kind === 'word' && row[i + 1]?.line === line && /^[=:]$/.test(row[i + 2]?.text ?? '')
    const found = kind === 'word' && word === 'using' && declares && row[i - 1]?.text !== '.'
    return found ? [`${path}:${line} using: Node 22 does not parse it; dispose in try … finally`] : []
  })
}

function isMethod(row: readonly Token[], i: number): boolean {
  return row[i - 1]?.text === '.' && testObjects.has(row[i - 2]?.text ?? '')
}

function isOption(row: readonly Token[], i: number): boolean {
  return (
    row[i + 1]?.text === ':' &&
    (row[i - 1]?.text === '{' || row[i - 1]?.text === ',') &&
    row[i - 1]?.kind === 'mark'
  )
}

function perLine(path: string, text: string, pattern: RegExp, what: string): string[] {
  return text.split('\n').flatMap((line, i) => (pattern.test(line) ? [`${path}:${i + 1} ${what}`] : []))
}

const machinePath = /(^|[^A-Za-z0-9._/-])\/(work|farm|root|home|tmp)\/[A-Za-z.]/
// In two pieces, so that this file keeps its own rule.
const unfinishedMark = new RegExp(`\\b(${'TO' + 'DO'}|${'FIX' + 'ME'})\\b|${'not ' + 'implemented'}`)
const testObjects = new Set(['test', 'it', 'describe', 'suite', 't', 'context'])
