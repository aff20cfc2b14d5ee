import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'

const root = new URL('../../../', import.meta.url)
const read = (file: string): string => readFileSync(new URL(file, root), 'utf8')

test('the worked example of the specification is the first two cases of the vectors', () => {
  const page = read('docs/SPEC/key-download.md')
  const example = /## 10\. Worked example[\s\S]*?```\n([\s\S]*?)```/.exec(page)?.[1] ?? ''
  const { cases } = JSON.parse(read('vectors/key-download.json')) as { cases: Record<string, string>[] }
  const values = cases.slice(0, 2).flatMap((one) => Object.values(one))
  // Values that the page breaks over lines or into fields are parts of one that stands whole in the vectors.
  const told = example.match(/\b[0-9A-F]{8,}\b/g) ?? []
  assert.ok(told.length > 25)
  for (const value of told)
    assert.ok(
      values.some((whole) => String(whole).includes(value)),
      value,
    )
})
