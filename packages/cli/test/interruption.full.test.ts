import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { Cuts } from './interruption.ts'

const stages = [
  'mount',
  'unlock',
  'customize',
  'finish',
  'personalize',
  'install-t',
  'export-key',
  'import-key',
  'reserve',
  'activate',
  'load',
  'block',
]
const moments = 7

const cuts = new Cuts()
after(() => cuts.close())
before(() => cuts.prepare(stages))

for (const stage of stages) {
  test(`${stage}, killed at any of ${moments} moments and run again, ends right`, async () => {
    const steps = cuts.steps(stage)
    assert.ok(steps > moments)
    for (let i = 0; i < moments; i++) await cuts.cut(stage, 1 + Math.floor((i * (steps - 1)) / (moments - 1)))
  })
}
