import assert from 'node:assert/strict'
import { test } from 'node:test'
import { catalogTables } from './catalog-tables.ts'
import { renewed } from './docs.ts'

const tables = { colours: { head: ['name', 'use'], rows: [['red', 'a | b']] } }
const page = ['# Page', '<!-- generated:colours -->', 'old', '<!-- /generated -->', 'after'].join('\n')

test('a generated table is renewed between its marks, and only there', () => {
  const lines = renewed(page, tables).split('\n')
  assert.deepEqual(lines.slice(0, 2), ['# Page', '<!-- generated:colours -->'])
  assert.ok(lines.includes('| red | a \\| b |'))
  assert.ok(!lines.includes('old'))
  assert.deepEqual(lines.slice(-2), ['<!-- /generated -->', 'after'])
})

test('renewing twice changes nothing more', () => {
  const once = renewed(page, tables)
  assert.equal(renewed(once, tables), once)
})

test('a page that names an unknown table is refused', () => {
  assert.throws(() => renewed(page, {}), /no table is named colours/)
})

test('a table without an end mark is refused', () => {
  assert.throws(() => renewed('<!-- generated:colours -->\n', tables), /has no/)
})

test('every catalog table has rows of the width of its head', () => {
  for (const [name, { head, rows }] of Object.entries(catalogTables())) {
    assert.ok(rows.length > 0, name)
    for (const row of rows) assert.equal(row.length, head.length, name)
  }
})
