/**
 * Reads TypeScript as a row of tokens: enough to see imports and literal test titles, and never fooled by
 * comments or by text inside strings.
 */
export interface Token {
  readonly kind: 'word' | 'string' | 'template' | 'mark'
  /** Word or mark as written; a string's value; a template's text with `${…}` for each substitution. */
  readonly text: string
  readonly line: number
}

export function tokens(source: string): Token[] {
  const found: Token[] = []
  let at = 0
  let line = 1

  const push = (kind: Token['kind'], text: string, from: number): void => {
    found.push({ kind, text, line: from })
  }

  const quoted = (quote: string): string => {
    let text = ''
    at++
    while (at < source.length && source[at] !== quote && source[at] !== '\n') {
      if (source[at] === '\\') text += escaped()
      else text += source[at++]
    }
    at++
    return text
  }

  const escaped = (): string => {
    const next = source[at + 1] ?? ''
    at += 2
    if (next === '\n') line++
    if (next === 'u' && source[at] === '{') {
      const end = source.indexOf('}', at)
      const code = Number.parseInt(source.slice(at + 1, end), 16)
      at = end + 1
      return String.fromCodePoint(code)
    }
    const digits = next === 'u' ? 4 : next === 'x' ? 2 : 0
    if (digits > 0) {
      const code = Number.parseInt(source.slice(at, at + digits), 16)
      at += digits
      return String.fromCharCode(code)
    }
    return simpleEscapes[next] ?? next
  }

  /** Consumes code up to the closing brace of a substitution, keeping its tokens. */
  const template = (): void => {
    const from = line
    let text = ''
    at++
    const inner: Token[] = []
    while (at < source.length && source[at] !== '`') {
      if (source[at] === '\\') text += escaped()
      else if (source[at] === '$' && source[at + 1] === '{') {
        text += '$' + '{…}'
        at += 2
        const before = found.length
        code('}')
        inner.push(...found.splice(before))
      } else {
        if (source[at] === '\n') line++
        text += source[at++]
      }
    }
    at++
    push('template', text, from)
    found.push(...inner)
  }

  const expression = (): void => {
    const from = line
    let inClass = false
    at++
    while (at < source.length && source[at] !== '\n' && (inClass || source[at] !== '/')) {
      if (source[at] === '\\') at++
      else if (source[at] === '[') inClass = true
      else if (source[at] === ']') inClass = false
      at++
    }
    at++
    while (at < source.length && wordCharacter.test(source[at]!)) at++
    push('mark', '/…/', from)
  }

  const code = (until?: string): void => {
    let depth = 0
    while (at < source.length) {
      const c = source[at]!
      if (c === '\n') {
        line++
        at++
      } else if (/\s/.test(c)) at++
      else if (source.startsWith('//', at)) {
        const end = source.indexOf('\n', at)
        at = end < 0 ? source.length : end
      } else if (source.startsWith('/*', at)) {
        const end = source.indexOf('*/', at + 2)
        const stop = end < 0 ? source.length : end + 2
        line += source.slice(at, stop).split('\n').length - 1
        at = stop
      } else if (c === "'" || c === '"') {
        const from = line
        push('string', quoted(c), from)
      } else if (c === '`') template()
      else if (c === '/' && startsExpression(found.at(-1))) expression()
      else if (wordCharacter.test(c)) {
        const start = at
        while (at < source.length && wordCharacter.test(source[at]!)) at++
        push('word', source.slice(start, at), line)
      } else {
        if (c === until && depth === 0) {
          at++
          return
        }
        if (c === '{') depth++
        if (c === '}') depth--
        push('mark', c, line)
        at++
      }
    }
  }

  if (source.startsWith('#!')) {
    const end = source.indexOf('\n')
    at = end < 0 ? source.length : end
  }
  code()
  return found
}

/** A slash after a value divides; anywhere else it begins a regular expression. */
function startsExpression(before: Token | undefined): boolean {
  if (before === undefined) return true
  if (before.kind === 'word') return beforeExpression.has(before.text)
  return before.kind === 'mark' && before.text !== ')' && before.text !== ']' && before.text !== '}'
}

export interface Import {
  readonly specifier: string
  readonly line: number
}

/** Every static import, re-export, `import('…')` and `require('…')`, types included. */
export function imports(source: string): Import[] {
  const row = tokens(source)
  const found: Import[] = []
  for (let i = 0; i < row.length; i++) {
    const token = row[i]!
    if (token.kind !== 'word' || row[i - 1]?.text === '.') continue
    if (token.text === 'import' || token.text === 'require') {
      const parenthesis = row[i + 1]?.kind === 'mark' && row[i + 1]?.text === '('
      const literal = row[i + (parenthesis ? 2 : 1)]
      if (literal?.kind === 'string' && (parenthesis || token.text === 'import')) {
        found.push({ specifier: literal.text, line: literal.line })
        continue
      }
    }
    if (token.text === 'import' || token.text === 'export') {
      const from = fromClause(row, i + 1)
      if (from !== undefined) found.push(from)
    }
  }
  return found
}

/** `import a, { b as c } from '…'`, `export * from '…'`: names and braces only up to `from`. */
function fromClause(row: readonly Token[], start: number): Import | undefined {
  for (let i = start; i < row.length; i++) {
    const { kind, text } = row[i]!
    if (kind === 'word' && text === 'from' && row[i + 1]?.kind === 'string') {
      return { specifier: row[i + 1]!.text, line: row[i + 1]!.line }
    }
    if (kind === 'word' ? declarations.has(text) : kind !== 'mark' || !/^[{},*]$/.test(text)) return undefined
  }
  return undefined
}

const simpleEscapes: Record<string, string> = { n: '\n', t: '\t', r: '\r', '0': '\0', '\n': '' }
const wordCharacter = /[\p{L}\p{N}_$#]/u
const declarations = new Set(['const', 'let', 'var', 'function', 'class', 'interface', 'default', 'async'])
const beforeExpression = new Set([
  'return',
  'typeof',
  'case',
  'in',
  'of',
  'new',
  'delete',
  'void',
  'throw',
  'else',
])
