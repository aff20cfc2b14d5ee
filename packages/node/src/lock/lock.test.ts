import assert from 'node:assert/strict'
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { FileLock } from './index.ts'

const folder = mkdtempSync(join(tmpdir(), 'sealwright-lock-'))
after(() => rmSync(folder, { recursive: true }))
let count = 0
const freshPath = (): string => join(folder, `${count++}.lock`)

/** Another process that takes the lock, says so, and holds it until its input ends. */
async function holder(path: string): Promise<ChildProcess> {
  const script = `
    const { FileLock } = await import(process.argv[1])
    const lock = FileLock.take(process.argv[2], 'the other command')
    process.stdout.write('held')
    process.stdin.resume().on('end', () => lock.release())
  `
  const module = new URL('./index.ts', import.meta.url).href
  const child = spawn(process.execPath, ['--input-type=module', '-e', script, module, path], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  await once(child.stdout!, 'data')
  return child
}

test('the second process is told who holds the lock', async () => {
  const path = freshPath()
  const child = await holder(path)
  assert.throws(() => FileLock.take(path, 'mine'), {
    code: 'held',
    message: new RegExp(`held by the other command, process ${child.pid} on .+, since \\d{4}-`),
  })
  child.stdin!.end()
  await once(child, 'exit')
  FileLock.take(path, 'mine').release()
  assert.ok(!existsSync(path))
})

test('the lock of a process that was killed is taken over', async () => {
  const path = freshPath()
  const child = await holder(path)
  child.kill('SIGKILL')
  await once(child, 'exit')
  assert.ok(existsSync(path))
  const lock = FileLock.take(path, 'mine')
  assert.equal(JSON.parse(readFileSync(path, 'utf8')).command, 'mine')
  lock.release()
})

test('a process with the number of a dead holder is not taken for it', () => {
  const path = freshPath()
  const first = FileLock.take(path, 'first')
  const holder = JSON.parse(readFileSync(path, 'utf8'))
  // Where the system does not tell when a process began, nothing can be told apart.
  if (holder.started === null) return
  writeFileSync(path, JSON.stringify({ ...holder, started: `${holder.started}0` }))
  FileLock.take(path, 'second').release()
  first.release()
})

test('nothing stays beside the lock', () => {
  const path = freshPath()
  const lock = FileLock.take(path, 'mine')
  assert.throws(() => FileLock.take(path, 'mine'), { code: 'held' })
  lock.release()
  lock.release()
  assert.deepEqual(
    readdirSync(folder).filter((name) => name.startsWith(`${count - 1}.`)),
    [],
  )
})

test('what a process left that was killed while it took the lock is removed, what a living one wrote is not', () => {
  const path = join(mkdtempSync(join(folder, 'other-')), 'chip.lock')
  const { pid: dead } = spawnSync(process.execPath, ['-e', ''])
  const draft = `${path}.${dead}-abc`
  const living = `${path}.${process.pid}-abc`
  for (const file of [draft, living]) writeFileSync(file, '')
  FileLock.take(path, 'mine').release()
  assert.ok(!existsSync(draft))
  assert.ok(existsSync(living))
})

test('a process that keeps its draft holds each lock against others, and leaves nothing when it ends', async () => {
  const own = mkdtempSync(join(folder, 'kept-'))
  const paths = ['one', 'two', 'three'].map((name) => join(own, `${name}.lock`))
  const script = `
    const { FileLock } = await import(process.argv[1])
    const { readdirSync } = await import('node:fs')
    const [, , folder, ...paths] = process.argv
    FileLock.keepDraft(folder)
    FileLock.take(paths[0], 'kept').release()
    const after = readdirSync(folder).length
    const locks = paths.map((path) => FileLock.take(path, 'kept'))
    process.stdout.write(String(after) + ' ' + readdirSync(folder).length)
    process.stdin.resume().on('end', () => {
      for (const lock of locks.slice(0, 2)) lock.release()
      process.exit(0)
    })
  `
  const module = new URL('./index.ts', import.meta.url).href
  const child = spawn(process.execPath, ['--input-type=module', '-e', script, module, own, ...paths], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const [told] = await once(child.stdout!, 'data')
  // One draft for all, in no lock's place.
  assert.equal(String(told), '1 4')
  for (const path of paths) {
    assert.throws(() => FileLock.take(path, 'mine'), { code: 'held', message: /held by kept, process/ })
  }
  child.stdin!.end()
  await once(child, 'exit')
  assert.deepEqual(readdirSync(own), ['three.lock'])
  const inherited = FileLock.take(paths[2]!, 'mine')
  assert.ok(inherited.inherited)
  inherited.release()
})

test('the draft that a killed process kept is removed by the next one', async () => {
  const own = mkdtempSync(join(folder, 'killed-'))
  const script = `
    const { FileLock } = await import(process.argv[1])
    FileLock.keepDraft(process.argv[2])
    FileLock.take(process.argv[2] + '/a.lock', 'kept').release()
    process.kill(process.pid, 'SIGKILL')
  `
  const module = new URL('./index.ts', import.meta.url).href
  spawnSync(process.execPath, ['--input-type=module', '-e', script, module, own])
  assert.equal(readdirSync(own).length, 1)
  FileLock.take(join(own, 'b.lock'), 'mine').release()
  assert.deepEqual(readdirSync(own), [])
})

test('release leaves a lock that another took in the meantime', () => {
  const path = freshPath()
  const first = FileLock.take(path, 'first')
  rmSync(path)
  const second = FileLock.take(path, 'second')
  first.release()
  assert.ok(existsSync(path))
  second.release()
})
