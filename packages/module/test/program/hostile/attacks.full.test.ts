import assert from 'node:assert/strict'
import { test } from 'node:test'
import { attacks, refusedTwice } from './table.ts'
import { TestBuild } from './test-build.ts'
import { compiled, tryAttack } from './trials.ts'

// What the quick tests see stopped is stopped by the check that is named, and by nothing else: without it each attack succeeds.

for (const { name, check, edit, effect } of attacks) {
  test(`${name}, were it not for this check: ${check}. ${effect}`, async () => {
    const outcome = await tryAttack(name, new TestBuild(edit))
    assert.ok(outcome.succeeded, `${outcome.end}; ${outcome.seen}`)
  })
}

test('what is not counted: with the check switched off the engine refuses these programs itself', async () => {
  for (const { name, edit } of refusedTwice) {
    assert.equal(await compiled(name, new TestBuild(edit)), 'refused: invalid', name)
  }
})

test('a refusal that a program could catch would be the answer all the same', async () => {
  const caught = attacks.find(({ name }) => name === 'refusal-caught')!
  const poison = {
    file: 'program/run.ts',
    find: "if (refused !== undefined) return failed('refused', refused.detail, refused.sw)\n    const budgetLeft",
    replace: 'const budgetLeft',
  }
  const end = async (build: TestBuild): Promise<string> => (await tryAttack(caught.name, build)).end
  assert.equal(await end(new TestBuild(caught.edit)), 'refused')
  assert.equal(await end(new TestBuild(caught.edit, poison)), 'ends well')
})

test('a test build whose edit switches nothing off stops every attack as the module does', async () => {
  const build = new TestBuild({
    file: 'program/limits.ts',
    find: 'size: 128 * 1024,',
    replace: 'size: 131_072,',
  })
  for (const { name, end } of attacks) {
    const outcome = await tryAttack(name, build)
    assert.deepEqual([outcome.end, outcome.succeeded], [end, false], `${name}: ${outcome.seen}`)
  }
})
