import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Worker } from 'node:worker_threads'
import { stages } from './life/index.ts'
import { readPrograms } from './life/programs.ts'
import type { Outcome } from './worker/without-node.ts'

function inWorker(data: Record<string, unknown> = {}): Promise<Outcome> {
  const worker = new Worker(new URL('./worker/without-node.ts', import.meta.url), {
    workerData: { programs: readPrograms(), ...data },
  })
  return new Promise((resolve, reject) => {
    worker.once('message', (outcome: Outcome) => {
      resolve(outcome)
      void worker.terminate()
    })
    worker.once('error', reject)
  })
}

test('the whole life runs on the portable backend in a worker that has no globals of Node', async () => {
  const outcome = await inWorker()
  assert.equal(outcome.error, undefined)
  assert.deepEqual(
    outcome.stages,
    stages.map(({ name }) => name),
  )
  for (const name of [
    'process',
    'Buffer',
    'setImmediate',
    'setTimeout',
    'console',
    'crypto',
    'performance',
  ]) {
    assert.ok(outcome.removed.includes(name), name)
  }
})

test('the worker stops at an import of Node', async () => {
  const source = 'import "node:fs"'
  const outcome = await inWorker({ sabotage: `data:text/javascript,${encodeURIComponent(source)}` })
  assert.match(outcome.error ?? '', /imports node:fs/)
  assert.deepEqual(outcome.stages, [])
})
