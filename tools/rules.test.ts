import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ruleProblems } from './rules.ts'

function problems(path: string, text: string): string[] {
  return ruleProblems(new Map([[path, text]]))
}

test('a path of one machine is found in every text file', () => {
  for (const folder of ['root', 'home', 'tmp', 'work']) {
    assert.equal(problems('docs/x.md', `see ${['', folder, 'file'].join('/')}`).length, 1, folder)
  }
  assert.deepEqual(problems('docs/x.md', 'see docs/work/file, and/or home/x, https://a.example/tmp/x'), [])
})

test('a registry address in the lockfile is found', () => {
  const line = (value: string): string => `{ ${JSON.stringify('resolved')}: ${JSON.stringify(value)} }`
  assert.equal(problems('package-lock.json', line('https://registry.example/x.tgz')).length, 1)
  assert.deepEqual(problems('package-lock.json', line('packages/core')), [])
})

test('a test that is switched off or alone is found in each form', () => {
  const off = ['skip', 'todo', 'only']
  for (const word of off) {
    for (const form of [`test.${word}('x')`, `it.${word}('x')`, `describe.${word}('x')`, `t.${word}()`]) {
      assert.equal(problems('a.test.ts', form).length, 1, form)
    }
    assert.equal(problems('a.test.ts', `test('x', { ${word}: true }, run)`).length, 1, word)
    assert.equal(problems('a.test.ts', `test('x', { timeout: 1, ${word}: true }, run)`).length, 1, word)
  }
  assert.deepEqual(problems('a.test.ts', "reader.skip(4) // test.only\nconst s = 'test.skip'"), [])
})

test('an unfinished mark is found', () => {
  assert.equal(problems('a.ts', `// ${'TO' + 'DO'}: later`).length, 1)
  assert.deepEqual(problems('a.ts', '// to do, or not'), [])
})

test('a declaration that Node 22 does not parse is found', () => {
  assert.equal(problems('a.ts', 'using handle = crypto.aes(key)').length, 1)
  assert.equal(problems('a.ts', 'await using handle: Aes = crypto.aes(key)').length, 1)
  assert.deepEqual(problems('a.ts', '// using x = y\nconst using = 1\nconst t = `using x = 1`'), [])
})
