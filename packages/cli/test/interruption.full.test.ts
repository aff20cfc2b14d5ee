import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { scenes } from '../src/demo/index.ts'
import { Cuts, runUntil } from './interruption.ts'
import { commandLine, commandLineJson } from './run.ts'
import { outcomeOf } from './story.ts'

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

test('the whole story with every command killed once, somewhere, and run again ends as it does undisturbed', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'sealwright-killed-'))
  after(() => rmSync(folder, { recursive: true }))
  const lines = scenes.flatMap((scene) => scene.stages.flatMap((stage) => stage.commandLines))
  const killed = join(folder, 'killed')
  const whole = join(folder, 'whole')
  let kills = 0
  for (const [i, words] of [['init', 'killed'], ...lines].entries()) {
    const cwd = i === 0 ? folder : killed
    // Later moments for later commands, and round again: of every length there is one.
    const { signal, status, stderr } = runUntil(cwd, words, 3 + ((i * 7) % 29))
    if (signal === null) {
      assert.equal(status, 0, `${words.join(' ')}\n${stderr}`)
      continue
    }
    kills += 1
    const again = await commandLine(cwd, words)
    assert.equal(again.status, 0, `${words.join(' ')}\n${again.stderr}`)
  }
  assert.ok(kills > lines.length / 2, `${kills} of ${lines.length}`)
  await commandLine(folder, ['init', 'whole'])
  for (const words of lines) assert.equal((await commandLine(whole, words)).status, 0, words.join(' '))
  const { events, ...found } = await outcomeOf(killed)
  const expected = await outcomeOf(whole)
  const types = (list: readonly string[]) =>
    [...new Set(list.map((event) => event.replace(/ \d+ /, ' ')))].sort()
  assert.deepEqual(types(events), types(expected.events))
  assert.deepEqual(found.certificates, expected.certificates)
  for (const [chip, map] of Object.entries(expected.maps)) {
    const rest = (list: readonly string[]) => list.filter((segment) => !segment.startsWith('module: event '))
    assert.deepEqual(rest(found.maps[chip]!), rest(map), chip)
  }
  const verified = await commandLineJson(killed, ['log', 'verify'])
  assert.deepEqual([verified.status, verified.json['problems']], [0, []])
})
