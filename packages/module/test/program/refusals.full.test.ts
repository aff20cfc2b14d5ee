import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import type * as CheckModule from '../../src/program/check.ts'
import { type Edit, TestBuild } from './hostile/test-build.ts'
import { lowLimits, refusals } from './refusals.ts'

/** Files in which a program is refused before it is compiled. */
const files = ['program/check.ts', 'program/instructions.ts', 'program/binary.ts']

test('each refusal is taken out in turn, and some program is no longer refused as it should be', async () => {
  const survivors: string[] = []
  let tried = 0
  for (const file of files) {
    for (const { line, edit } of withoutThrows(file)) {
      tried++
      const { checkProgram } = await new TestBuild(edit).import<typeof CheckModule>('program/check.ts')
      const noticed = refusals.some(([check, message, bytes]) => {
        try {
          checkProgram(bytes, lowLimits)
        } catch (error) {
          const { check: by, message: text } = error as { check?: string; message: string }
          return by !== check || !message.test(text)
        }
        return true
      })
      if (!noticed) survivors.push(`${file}:${line}`)
    }
  }
  assert.deepEqual(survivors, [])
  assert.ok(tried > 70, `${tried} refusals were found in the sources`)
})

/** Of each `throw` statement of the file the edit that leaves it out. */
function withoutThrows(file: string): { readonly line: number; readonly edit: Edit }[] {
  const text = readFileSync(new URL(`../../src/${file}`, import.meta.url), 'utf8')
  return [...text.matchAll(/\bthrow /g)].map(({ index }) => {
    const end = endOfStatement(text, index)
    // As much before it as makes the text the only one of its kind.
    let start = index
    while (text.split(text.slice(start, end)).length > 2) start = text.lastIndexOf('\n', start - 1)
    return {
      line: text.slice(0, index).split('\n').length,
      edit: { file, find: text.slice(start, end), replace: `${text.slice(start, index)};` },
    }
  })
}

/** Where the statement that begins here ends: at the line's end outside of brackets, or before the bracket that closes around it. */
function endOfStatement(text: string, start: number): number {
  let depth = 0
  for (let at = start; ; at++) {
    const character = text[at]!
    if ('([{'.includes(character)) depth++
    else if (')]}'.includes(character) && --depth < 0) return at
    else if (character === '\n' && depth === 0) return at
    else if (character === '`') at = text.indexOf('`', at + 1)
  }
}
