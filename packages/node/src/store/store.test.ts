import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, suite, test } from 'node:test'
import { memoryStore, type Store } from '@sealwright/roles/ports'
import fc from 'fast-check'
import { fileStore } from './index.ts'

const folder = mkdtempSync(join(tmpdir(), 'sealwright-store-'))
after(() => rmSync(folder, { recursive: true }))
let count = 0
const freshFolder = (): string => join(folder, String(count++))

const stores: Record<string, () => Store> = {
  memory: memoryStore,
  file: () => fileStore(freshFolder()),
}

for (const [name, open] of Object.entries(stores)) {
  suite(`store in ${name}`, () => {
    test('gives back what was written, whole', async () => {
      await fc.assert(
        fc.asyncProperty(
          fc.uint8Array({ maxLength: 300 }),
          fc.uint8Array({ maxLength: 300 }),
          async (a, b) => {
            const store = open()
            await store.write('one', a)
            await store.write('two', b)
            await store.write('one', b)
            assert.deepEqual(await store.read('one'), new Uint8Array(b))
            assert.deepEqual(await store.read('two'), new Uint8Array(b))
          },
        ),
        { numRuns: 15 },
      )
    })

    test('has nothing under a name that was never written or was removed', async () => {
      const store = open()
      assert.equal(await store.read('a'), undefined)
      await store.write('a', Uint8Array.of(1))
      await store.remove('a')
      await store.remove('a')
      assert.equal(await store.read('a'), undefined)
      assert.deepEqual(await store.list(), [])
    })

    test('lists by prefix, sorted, folders included', async () => {
      const store = open()
      for (const one of ['outbox/2.entry', 'b', 'outbox/1.entry', 'a/b/c'])
        await store.write(one, Uint8Array.of(1))
      assert.deepEqual(await store.list(), ['a/b/c', 'b', 'outbox/1.entry', 'outbox/2.entry'])
      assert.deepEqual(await store.list('outbox/'), ['outbox/1.entry', 'outbox/2.entry'])
      assert.deepEqual(await store.list('out'), ['outbox/1.entry', 'outbox/2.entry'])
    })

    test('keeps its own copy', async () => {
      const store = open()
      const bytes = Uint8Array.of(1, 2, 3)
      await store.write('a', bytes)
      bytes.fill(9)
      const read = await store.read('a')
      assert.deepEqual(read, Uint8Array.of(1, 2, 3))
      read!.fill(9)
      assert.deepEqual(await store.read('a'), Uint8Array.of(1, 2, 3))
    })

    for (const bad of [
      '',
      '.',
      '..',
      '../a',
      'a/../b',
      '/a',
      'a/',
      'a//b',
      '.a',
      'A',
      'a b',
      'ä',
      'a\\b',
      'a\0',
    ]) {
      test(`refuses the name ${JSON.stringify(bad)}`, async () => {
        const store = open()
        await assert.rejects(store.write(bad, Uint8Array.of(1)), { code: 'usage' })
        await assert.rejects(store.read(bad), { code: 'usage' })
        await assert.rejects(store.remove(bad), { code: 'usage' })
      })
    }
  })
}

test('a file store is readable by its owner only', async () => {
  const where = freshFolder()
  await fileStore(where).write('a/b', Uint8Array.of(1))
  assert.equal(statSync(where).mode & 0o777, 0o700)
  assert.equal(statSync(join(where, 'a')).mode & 0o777, 0o700)
  assert.equal(statSync(join(where, 'a/b')).mode & 0o777, 0o600)
})

test('an unfinished write of a process that died is not seen, and writing leaves nothing beside the file', async () => {
  const where = freshFolder()
  const store = fileStore(where)
  await store.write('a', Uint8Array.of(1))
  writeFileSync(join(where, '.a.0123.tmp'), 'half')
  assert.deepEqual(await store.list(), ['a'])
  await store.write('a', Uint8Array.of(2))
  assert.deepEqual(readdirSync(where).sort(), ['.a.0123.tmp', 'a'])
})

test('a folder that cannot be written is an error with a code', async () => {
  const where = freshFolder()
  const store = fileStore(where)
  await store.write('a', Uint8Array.of(1))
  await assert.rejects(store.write('a/b', Uint8Array.of(1)), { code: 'file-inaccessible' })
})
