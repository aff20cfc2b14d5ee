import assert from 'node:assert/strict'
import { test } from 'node:test'
import { importProblems } from './imports.ts'

const manifest = JSON.stringify({
  dependencies: { '@noble/hashes': '1', '@sealwright/core': '1' },
  exports: { '.': './src/main.ts', './*': './src/*/index.ts' },
})

function problems(files: Record<string, string>): string[] {
  const manifests = ['core', 'module', 'roles', 'node', 'cli'].map((name) => [
    `packages/${name}/package.json`,
    manifest,
  ])
  const root = ['package.json', JSON.stringify({ devDependencies: { 'fast-check': '1' } })]
  return importProblems(new Map([root, ...manifests, ...Object.entries(files)] as [string, string][]))
}

function importing(from: string, specifier: string, others: Record<string, string> = {}): string[] {
  const indexes = ['core', 'module', 'roles', 'node', 'cli'].map((name) => [
    `packages/${name}/src/x/index.ts`,
    '',
  ])
  return problems({ ...Object.fromEntries(indexes), ...others, [from]: `import '${specifier}'` })
}

test('the arrows of the design are allowed', () => {
  for (const [from, to] of [
    ['module', 'core'],
    ['roles', 'core'],
    ['node', 'module'],
    ['node', 'roles'],
    ['cli', 'node'],
    ['cli', 'core'],
  ]) {
    assert.deepEqual(importing(`packages/${from}/src/y/a.ts`, `@sealwright/${to}/x`), [], `${from} to ${to}`)
  }
})

test('every other arrow is refused', () => {
  for (const [from, to] of [
    ['core', 'module'],
    ['core', 'roles'],
    ['module', 'roles'],
    ['roles', 'module'],
    ['module', 'node'],
    ['roles', 'cli'],
    ['node', 'cli'],
    ['sdk', 'core'],
  ]) {
    const found = importing(`packages/${from}/src/y/a.ts`, `@sealwright/${to}/x`)
    assert.match(found.join(), /against the arrows/, `${from} to ${to}`)
  }
})

test('tests of core and roles keep the arrows; those in packages/x/test and of node and cli do not', () => {
  assert.match(
    importing('packages/core/src/y/a.test.ts', '@sealwright/module/x').join(),
    /against the arrows/,
  )
  assert.match(
    importing('packages/roles/src/y/a.test.ts', '@sealwright/module/x').join(),
    /against the arrows/,
  )
  assert.deepEqual(importing('packages/roles/test/a.test.ts', '@sealwright/module/x'), [])
  assert.deepEqual(importing('packages/node/src/y/a.test.ts', '@sealwright/cli/x'), [])
})

test('another package is named, not reached into, and only by what it exports', () => {
  const file = { 'packages/core/src/x/y.ts': '' }
  assert.match(
    importing('packages/module/src/y/a.ts', '../../../core/src/x/y.ts', file).join(),
    /reaches into/,
  )
  assert.match(
    importing('packages/module/src/y/a.ts', '@sealwright/core/z').join(),
    /exports nothing of that name/,
  )
  assert.match(
    importing('packages/module/src/y/a.ts', '@sealwright/core').join(),
    /exports nothing of that name/,
  )
  const main = { 'packages/core/src/main.ts': '' }
  assert.deepEqual(importing('packages/module/src/y/a.ts', '@sealwright/core', main), [])
  assert.match(importing('packages/module/src/y/a.ts', './missing.ts').join(), /no such file/)
})

test('core, module and roles use no Node API, their tests may', () => {
  for (const name of ['core', 'module', 'roles']) {
    assert.match(importing(`packages/${name}/src/y/a.ts`, 'node:fs').join(), /no Node API/)
    assert.match(importing(`packages/${name}/src/y/a.ts`, 'buffer').join(), /no Node API/)
    assert.deepEqual(importing(`packages/${name}/src/y/a.test.ts`, 'node:fs'), [])
  }
  assert.deepEqual(importing('packages/node/src/y/a.ts', 'node:fs'), [])
})

test('a dependency that is not declared is refused', () => {
  assert.deepEqual(importing('packages/core/src/y/a.ts', '@noble/hashes/sha2.js'), [])
  assert.match(importing('packages/core/src/y/a.ts', 'fast-check').join(), /not among the dependencies/)
  assert.deepEqual(importing('packages/core/src/y/a.test.ts', 'fast-check'), [])
})

test('folders under roles never import one another, but ports', () => {
  const other = { 'packages/roles/src/unit/b.ts': '', 'packages/roles/src/ports/index.ts': '' }
  assert.match(
    importing('packages/roles/src/issuer/a.ts', '../unit/b.ts', other).join(),
    /never import one another/,
  )
  assert.deepEqual(importing('packages/roles/src/issuer/a.ts', '../ports/index.ts', other), [])
})

test('no handler imports another; their index imports all', () => {
  const other = { 'packages/module/src/handlers/b.ts': '', 'packages/module/src/parts.ts': '' }
  assert.match(
    importing('packages/module/src/handlers/a.ts', './b.ts', other).join(),
    /no handler imports another/,
  )
  assert.deepEqual(importing('packages/module/src/handlers/a.ts', '../parts.ts', other), [])
  assert.deepEqual(importing('packages/module/src/handlers/index.ts', './b.ts', other), [])
})

test('a circle of files is found, through an index and through types', () => {
  const found = problems({
    'packages/core/src/a/one.ts': "import { x } from './index.ts'",
    'packages/core/src/a/index.ts': "export { y } from './two.ts'",
    'packages/core/src/a/two.ts': "import type { z } from './one.ts'",
  })
  assert.equal(found.length, 1)
  assert.equal(found[0]!.split(' → ').length, 4)
  assert.match(found[0]!, /^circle: .*one\.ts → .*index\.ts → .*two\.ts → .*one\.ts$/)
})

test('a knot of many circles is one line with the shortest, two knots are two lines', () => {
  const found = problems({
    'packages/core/src/a.ts': "import './b.ts'\nimport './c.ts'",
    'packages/core/src/b.ts': "import './a.ts'",
    'packages/core/src/c.ts': "import './b.ts'\nimport './d.ts'",
    'packages/core/src/d.ts': "import './a.ts'",
    'packages/core/src/e.ts': "import './e.ts'",
    'packages/core/src/f.ts': "import './a.ts'",
  })
  assert.deepEqual(
    found.map((line) => line.replaceAll('packages/core/src/', '')),
    ['circle: e.ts → e.ts', 'circle: a.ts → b.ts → a.ts'],
  )
})
