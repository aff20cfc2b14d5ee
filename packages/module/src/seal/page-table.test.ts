import assert from 'node:assert/strict'
import { test } from 'node:test'
import { portableCrypto } from '@sealwright/core/crypto'
import fc from 'fast-check'
import { type Geometry, pageSize } from '../medium/index.ts'
import { PageTable } from './page-table.ts'

const key = portableCrypto.aes(new Uint8Array(32).fill(2))
const chipId = new Uint8Array(16).fill(3)
const mark = { commit: 9, id: new Uint8Array(16).fill(4) }

/** A memory of so many pages, all of EEPROM. */
function sizes(pages: number): Geometry {
  return { pageSize, otpPages: 0, eepromPages: pages, journalPages: 0, romPages: 0 }
}

function table(pages: number, geometry: Geometry = sizes(pages)): PageTable {
  return new PageTable(geometry, { crypto: portableCrypto, chipId, key })
}

test('[D8e] the root depends on the size of each area, not of all together only', () => {
  const areas = { otpPages: 1, eepromPages: 8, journalPages: 4, romPages: 2 }
  const names = Object.keys(areas) as (keyof typeof areas)[]
  const roots = names.flatMap((from) =>
    names.map((to) => {
      const moved = { ...areas, [from]: areas[from] - 1 }
      const geometry = { pageSize, ...moved, [to]: moved[to] + 1 } as const
      return `${table(15, geometry).root(mark)}`
    }),
  )
  // The four that take a page from an area and give it back are the same.
  assert.equal(new Set(roots).size, 4 * 3 + 1)
})

function filled(pages: number, commits: readonly number[]): PageTable {
  const one = table(pages)
  for (const [page, commit] of commits.entries()) {
    if (commit > 0) one.set(page, { commit, writes: 1, tag: tagOf(page, commit) })
  }
  return one
}

function tagOf(page: number, commit: number): Uint8Array {
  return portableCrypto.sha256(Uint8Array.of(page >> 8, page, commit >> 8, commit)).slice(0, 16)
}

test('the root does not depend on the order of the changes, and on every tag, the mark and what is bound', () => {
  const commits = Array.from({ length: 200 }, (_, i) => (i * 7) % 5)
  const one = filled(200, commits)
  const other = filled(
    200,
    commits.map((commit) => Math.min(commit, 1)),
  )
  for (const [page, commit] of commits.entries()) {
    if (commit > 1) other.set(page, { commit, writes: 9, tag: tagOf(page, commit) })
  }
  assert.deepEqual(other.root(mark), one.root(mark))
  const roots = [
    one.root(mark),
    one.root({ ...mark, commit: 10 }),
    one.root({ ...mark, id: new Uint8Array(16) }),
    one.root(mark, [], Uint8Array.of(1)),
    table(200).root(mark),
    ...[0, 63, 64, 199].map((page) => {
      const changed = filled(200, commits)
      changed.set(page, { commit: 5, writes: 1, tag: tagOf(page, 6) })
      return changed.root(mark)
    }),
  ].map(String)
  assert.equal(new Set(roots).size, roots.length)
})

test('pages left out count as never written, and are there again afterwards', () => {
  const commits = Array.from({ length: 130 }, (_, i) => i + 1)
  const one = filled(130, commits)
  const before = one.root(mark)
  for (const without of [[0], [63, 64], [129, 5, 70]]) {
    const never = filled(
      130,
      commits.map((commit, page) => (without.includes(page) ? 0 : commit)),
    )
    assert.deepEqual(one.root(mark, without), never.root(mark))
    assert.deepEqual(one.sums(without), never.sums())
    assert.deepEqual(one.root(mark), before)
  }
})

test('the sums name the one page that is stale, whatever it holds, and no other when two are', () => {
  const commit = fc.integer({ min: 1, max: 2 ** 40 })
  const pages = 1000
  fc.assert(
    fc.property(
      fc.array(commit, { minLength: 20, maxLength: 60 }),
      fc.nat(1000),
      fc.nat(1000),
      fc.integer({ min: 1, max: 2 ** 30 }),
      (commits, first, second, age) => {
        const now = filled(pages, commits)
        const sums = now.sums()
        const newest = Math.max(...commits)
        const page = first % commits.length
        const other = second % commits.length
        const seen = Math.max(0, commits[page]! - age)
        now.set(page, { commit: seen, writes: 1, tag: tagOf(page, 1) })
        assert.deepEqual(now.stalePage(sums, newest), { page, seen, last: commits[page] })
        if (other === page) return
        now.set(other, { commit: Math.max(0, commits[other]! - age), writes: 1, tag: tagOf(other, 1) })
        assert.equal(now.stalePage(sums, newest), undefined)
      },
    ),
    { numRuns: 60 },
  )
})

test('sums that fit no page, or a page that is left out, name none', () => {
  const now = filled(10, [1, 2, 3])
  const [s0, s1, s2] = now.sums()
  assert.equal(now.stalePage([s0, s1, s2], 3), undefined)
  assert.equal(now.stalePage([s0 + 1n, s1 + 40n, s2 + 1600n], 100), undefined, 'page 39 of 10')
  assert.equal(now.stalePage([s0 + 1n, s1 + 2n, s2 + 4n], 2), undefined, 'newer than the newest')
  assert.deepEqual(now.stalePage([s0 + 1n, s1 + 2n, s2 + 4n], 3), { page: 1, seen: 2, last: 3 })
  assert.equal(now.stalePage([s0 + 1n, s1 + 2n, s2 + 5n], 3), undefined, 'the squares do not fit')
})
