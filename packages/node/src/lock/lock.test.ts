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

test('release leaves a lock that another took in the meantime', () => {
  const path = freshPath()
  const first = FileLock.take(path, 'first')
  rmSync(path)
  const second = FileLock.take(path, 'second')
  first.release()
  assert.ok(existsSync(path))
  second.release()
})
