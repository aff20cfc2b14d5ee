import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { before, test } from 'node:test'
import { Module } from '@sealwright/module'
import { areaOf, cutModes } from '@sealwright/module/medium'
import { CutFailure, everyPowerCut, plainMemory, replay, sealedMemory } from '@sealwright/module/testing'
import { nodeCrypto } from '@sealwright/node/crypto'
import { Life, type Stage, stages } from '../packages/node/test/life/index.ts'
import { readPrograms } from '../packages/node/test/life/programs.ts'
import { repeatableCrypto } from '../packages/node/test/life/repeatable-crypto.ts'
import { scenarioName, stageScenario } from './fault/scenario.ts'
import { root } from './files.ts'

const sealed = sealedMemory(nodeCrypto)
const lives = new Map<string, { life: Life; stage: Stage }>()

before(async () => {
  const life = Life.begin({ crypto: repeatableCrypto, programs: readPrograms() })
  for (const stage of stages) {
    lives.set(scenarioName(stage), { life: life.clone(), stage })
    life.seed(stage.name)
    await stage.run(life)
    life.powerDown()
  }
})

function scenarioOf(name: string) {
  const { life, stage } = lives.get(name)!
  return stageScenario(life, stage)
}

test('[R1a] a sample of the steps, cut at every write: the old state or the new one, and done again they end', async () => {
  for (const name of [
    'mount-terminal',
    'unlock-terminal',
    'finish-terminal',
    'personalize-terminal',
    'session',
    'export-key',
    'load',
    'block',
  ]) {
    const report = await everyPowerCut(await scenarioOf(name), { modes: ['whole'] })
    assert.ok(report.writes > 0 && report.recoveries === report.cuts, name)
  }
})

test('[R1b] torn, unreadable and lost writes of a step, on a sealed memory and its counter, and without the seal', async () => {
  const scenario = await scenarioOf('mount-terminal')
  const plain = await everyPowerCut(scenario, { modes: cutModes, seeds: [1, 2] })
  const report = await everyPowerCut(scenario, { modes: cutModes, seeds: [1, 2], memory: sealed })
  assert.ok(report.cuts > 4 * report.writes)
  assert.ok(report.writes > plain.writes, 'the seal record and the counter')
})

test('[A13b][R1c] a cut at any write of IMPORT KEY, and at any of the restart after it: the old key or the new one', async () => {
  const { life, stage } = lives.get('import-key')!
  const once = await everyPowerCut(await stageScenario(life, stage), {
    modes: ['torn', 'lost'],
    memory: sealed,
  })
  const options = { depth: 2, modes: ['whole'], memory: sealed } as const
  const twice = await everyPowerCut(await stageScenario(life, stage, { again: false }), options)
  assert.ok(once.cuts > 2 * once.writes && twice.cuts > 2 * twice.writes)
})

test('[D3g] a cut anywhere in UNLOCK gives no free try', async () => {
  const { life, stage } = lives.get('unlock-terminal')!
  const scenario = await stageScenario(life, stage)
  const tries: number[] = []
  const watched = {
    ...scenario,
    repeatable: false,
    async check(medium: Parameters<typeof scenario.check>[0]) {
      const verdict = await scenario.check(medium)
      const module = new Module({
        medium,
        crypto: repeatableCrypto,
        entropy: { bytes: (n) => new Uint8Array(n) },
      })
      tries.push(module.parts.objects.read('tries', 0)?.[0] ?? 0)
      // A state that is neither untried nor unlocked has the try counted.
      assert.ok(verdict === 'new' || module.parts.life.mode() === 'issuer')
      return verdict
    },
  }
  await everyPowerCut(watched, { modes: ['whole'] })
  assert.ok(tries.includes(0) && tries.includes(1))
})

test('a write that no journal covers is found, under an id that replays it', async () => {
  const { life, stage } = lives.get('mount-terminal')!
  const careless: Stage = {
    ...stage,
    async run(own) {
      await stage.run(own)
      const medium = own.medium(stage.chip!)
      const page = areaOf(medium.geometry, 'eeprom').first + 100
      medium.program(page, new Uint8Array(256).fill(1))
      medium.program(page + 1, new Uint8Array(256).fill(1))
    },
  }
  const scenario = await stageScenario(life, careless)
  for (const memory of [plainMemory, sealed]) {
    let id = ''
    await assert.rejects(everyPowerCut(scenario, { modes: ['torn'], memory }), (error) => {
      assert.ok(error instanceof CutFailure)
      id = error.id
      return true
    })
    assert.match(id, memory === sealed ? /^mount-terminal:sealed-torn:\d+$/ : /^mount-terminal:torn:\d+$/)
    await assert.rejects(replay(scenario, id, [plainMemory, sealed]), CutFailure)
  }
})

test('[R1e] the command prints writes, cuts and recoveries, and fails when nothing was cut', () => {
  const run = (...words: string[]) =>
    spawnSync(process.execPath, [join(root, 'tools/fault.ts'), '--json', ...words], { encoding: 'utf8' })
  const good = run('mount-terminal')
  assert.equal(good.status, 0, good.stderr)
  const lines = good.stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>)
  assert.equal(lines.length, 2)
  for (const key of ['writes', 'cuts', 'recoveries']) assert.ok(Number(lines[1]![key]) > 0, key)
  assert.notEqual(run('no-such-step').status, 0)
  const again = run('--replay', 'mount-terminal:sealed-lost/2:3,1')
  assert.equal(again.status, 0, again.stderr)
  assert.match(again.stdout, /^mount-terminal:sealed-lost\/2:3,1: (old|new) state/)
})
