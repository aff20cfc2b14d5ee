import { type Token, tokens } from './source.ts'

export interface TestTitle {
  readonly file: string
  readonly line: number
  /** As written; `${…}` stands for each part that is made at run time. */
  readonly title: string
  readonly ids: readonly string[]
}

export interface Titles {
  readonly titles: readonly TestTitle[]
  readonly problems: readonly string[]
}

/** The tests of one source whose titles are literal, and every misuse of a clause's id in it. */
export function testTitles(file: string, source: string): Titles {
  const row = tokens(source)
  const titles: TestTitle[] = []
  const problems: string[] = []
  for (const [i, token] of row.entries()) {
    if (token.kind !== 'string' && token.kind !== 'template') continue
    const call = testCall(row, i)
    const title = row[i + 1]?.text === '+' ? token.text + made : token.text
    const ids = leadingIds(title)
    const problem = (text: string): unknown => problems.push(`${file}:${token.line} ${text}: ${title}`)
    if (call === undefined) {
      if (ids.length > 0) problem("a clause's id belongs in the literal title of a test")
      continue
    }
    if (anyId.test(title.replace(leading, ''))) problem('ids stand at the beginning of a title')
    if (ids.length > 2) problem('at most two ids a title')
    if (ids.length > 0 && (call === 'inactive' || hasInactiveOption(row, i)))
      problem('a skipped test carries no id')
    titles.push({ file, line: token.line, title, ids })
  }
  return { titles, problems }
}

/** Whether a test that ran under this title is the one that stands in the source. */
export function sameTitle(written: string, ran: string): boolean {
  const parts = written.split(made).map((part) => part.replaceAll(/[\\^$.*+?()[\]{}|]/g, '\\$&'))
  return new RegExp(`^${parts.join('.*')}$`, 's').test(ran)
}

/** Is the literal at `i` the first argument of `test(…)`, `it(…)`, `t.test(…)` or of a switched-off form of it? */
function testCall(row: readonly Token[], i: number): 'active' | 'inactive' | undefined {
  if (row[i - 1]?.kind !== 'mark' || row[i - 1]?.text !== '(') return undefined
  const name = row[i - 2]
  if (name?.kind !== 'word') return undefined
  if (name.text === 'test' || name.text === 'it') return 'active'
  const parent = row[i - 4]?.text
  const off = ['skip', 'todo'].includes(name.text) && row[i - 3]?.text === '.'
  return off && (parent === 'test' || parent === 'it') ? 'inactive' : undefined
}

/** `test('…', { skip: … }, …)` */
function hasInactiveOption(row: readonly Token[], i: number): boolean {
  const brace = row[i + 2]
  if (row[i + 1]?.text !== ',' || brace?.kind !== 'mark' || brace.text !== '{') return false
  for (let at = i + 3, depth = 1; at < row.length && depth > 0; at++) {
    const { kind, text } = row[at]!
    if (kind === 'mark') depth += text === '{' ? 1 : text === '}' ? -1 : 0
    if (kind === 'word' && depth === 1 && ['skip', 'todo'].includes(text)) return true
  }
  return false
}

function leadingIds(title: string): string[] {
  return [...(leading.exec(title)?.[0] ?? '').matchAll(/[A-Z]\d+[a-z]?/g)].map((match) => match[0])
}

const made = '$' + '{…}'
const leading = /^(?:\[[A-Z]\d+[a-z]?\])+/
const anyId = /\[[DBACXEPR]\d+[a-z]?\]/
