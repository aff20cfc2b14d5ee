import assert from 'node:assert/strict'
import { test } from 'node:test'
import { imports, tokens } from './source.ts'

function specifiers(source: string): string[] {
  return imports(source).map(({ specifier }) => specifier)
}

test('every form of import and re-export is seen, types too', () => {
  const source = [
    "import a from './a.ts'",
    "import type { B } from './b.ts'",
    'import {',
    '  c as d,',
    '  type E,',
    "} from './c.ts'",
    "import * as f from './f.ts'",
    "import './g.ts'",
    "export { h } from './h.ts'",
    "export * as i from './i.ts'",
    "export type { J } from './j.ts'",
    "const k = await import('./k.ts')",
    "type L = import('./l.ts').L",
    "const m = require('./m.js')",
  ].join('\n')
  const names = ['a', 'b', 'c', 'f', 'g', 'h', 'i', 'j', 'k', 'l'].map((name) => `./${name}.ts`)
  assert.deepEqual(specifiers(source), [...names, './m.js'])
})

test('comments, strings, templates and regular expressions hide no import and make none', () => {
  const source = [
    "// import './comment.ts'",
    "/* import './block.ts'",
    "import './block2.ts' */",
    'const a = "import \'./string.ts\'"',
    "const b = `import './template.ts' ${await import('./inside.ts')} from './c.ts'`",
    "const c = /['\"`/]+[/']/g.test(a)",
    'const d = 4 / 2',
    "import './after.ts'",
  ].join('\n')
  assert.deepEqual(specifiers(source), ['./inside.ts', './after.ts'])
})

test('a declaration that is exported is no import', () => {
  assert.deepEqual(specifiers("export const from = 'x'\nexport default 'y'\nArray.from('z')"), [])
})

test('strings have their value, templates their substitutions marked, lines are counted', () => {
  const found = tokens("'a\\'\\u{1f600}\\x41'\n\n`b${1 + 2}c`")
  assert.deepEqual(found[0], { kind: 'string', text: "a'\u{1f600}A", line: 1 })
  assert.equal(found[1]?.text, `b${'$'}{…}c`)
  assert.equal(found[1]?.line, 3)
})
