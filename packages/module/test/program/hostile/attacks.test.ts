import assert from 'node:assert/strict'
import { test } from 'node:test'
import { hostileSources } from './sources.ts'
import { type Attack, attacks, refusedTwice } from './table.ts'
import { edited } from './test-build.ts'
import { compiled, type Target, tryAttack } from './trials.ts'

const real: Target = { import: (path) => import(new URL(`../../../src/${path}`, import.meta.url).href) }

/** The titles of a clause's tests are literal, so that the trace of requirements finds them. */
const titled: Readonly<Record<Attack['clause'], (what: string, works: () => Promise<void>) => void>> = {
  C9a: (what, works) => void test(`[C9a] hostile: ${what}`, works),
  C9b: (what, works) => void test(`[C9b] hostile: ${what}`, works),
  C9c: (what, works) => void test(`[C9c] hostile: ${what}`, works),
  C9d: (what, works) => void test(`[C9d] hostile: ${what}`, works),
  C9e: (what, works) => void test(`[C9e] hostile: ${what}`, works),
  P8a: (what, works) => void test(`[P8a] hostile: ${what}`, works),
}

for (const { name, clause, end, attacks: what } of attacks) {
  titled[clause](`${name} ${what}`, async () => {
    const outcome = await tryAttack(name, real)
    assert.deepEqual([outcome.end, outcome.succeeded], [end, false], outcome.seen)
  })
}

test('what the engine would refuse too is refused by a check of our own first', async () => {
  for (const { name, end } of refusedTwice) assert.equal(await compiled(name, real), end, name)
})

test('every hostile program is in the table, and every edit fits the sources', () => {
  const all = [...attacks, ...refusedTwice]
  const names = new Set<string>(all.map(({ name }) => name))
  assert.equal(names.size, all.length)
  const helpers = new Set(['victim'])
  for (const name of hostileSources().keys()) {
    assert.ok(names.has(name.replace(/\.added$/, '')) || helpers.has(name), name)
  }
  for (const { edit } of all) edited(edit)
})

test('a test build is made only by an edit that stands in its file once and changes it', () => {
  const file = 'program/limits.ts'
  assert.throws(() => edited({ file, find: 'no such text', replace: '' }), /0 times/)
  assert.throws(() => edited({ file, find: 'readonly', replace: '' }), /times, not once/)
  assert.throws(() => edited({ file, find: 'nesting: 128', replace: 'nesting: 128' }), /changes nothing/)
})
