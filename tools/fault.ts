/**
 * `npm run fault`: cuts the power at every write of the steps in a module's life and looks what is left: the old state or the new one,
 * and the step done again reaches its end. Prints writes, cuts and recoveries of each step, and fails at zero.
 * The memory is a sealed one and loses power together with its rollback counter; `--plain`: the journal alone. Slots are torn; `--all`: in
 * every way that a cut may leave them, and some steps at depth 2 too, which cuts the restart after each cut at each of its writes.
 * `--depth 2`: that for every step; `--restarts`: that for those steps, and nothing else.
 * `--replay ID`: one cut again; `--list`, `--json`; other words keep only steps whose names contain one of them.
 */
import { performance } from 'node:perf_hooks'
import { parseArgs } from 'node:util'
import { type CutMode, cutModes } from '@sealwright/module/medium'
import { CutFailure, everyPowerCut, plainMemory, replay, sealedMemory } from '@sealwright/module/testing'
import { nodeCrypto } from '@sealwright/node/crypto'
import { Life, type Stage, stages } from '../packages/node/test/life/index.ts'
import { readPrograms } from '../packages/node/test/life/programs.ts'
import { repeatableCrypto } from '../packages/node/test/life/repeatable-crypto.ts'
import { scenarioName, stageScenario } from './fault/scenario.ts'

const { values: options, positionals: words } = parseArgs({
  options: {
    all: { type: 'boolean', default: false },
    depth: { type: 'string' },
    restarts: { type: 'boolean', default: false },
    replay: { type: 'string' },
    plain: { type: 'boolean', default: false },
    list: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
  },
  allowPositionals: true,
})
if (![undefined, '1', '2'].includes(options.depth))
  throw new Error(`--depth: expected 1 or 2, got ${options.depth}`)
/** `--all` takes depth 2 for the steps that ask for it: of all steps it takes many minutes. */
const depthsOf = ({ restarts }: Stage): readonly (1 | 2)[] => {
  if (options.restarts) return [2]
  if (options.depth !== undefined) return options.depth === '2' ? [2] : [1]
  return options.all && restarts === true ? [1, 2] : [1]
}
const memories = [sealedMemory(nodeCrypto), plainMemory] as const
const memory = memories[options.plain ? 1 : 0]
const modes: readonly CutMode[] = options.all ? cutModes : ['torn']
/** Where chance decides what survives, `--all` lets it decide more than once. */
const seeds = options.all ? [1, 2, 3] : [1]

const wanted = (stage: Stage): boolean => {
  if (stage.chip === undefined) return false
  const name = scenarioName(stage)
  if (options.replay !== undefined) return options.replay.startsWith(`${name}:`)
  if (words.length > 0) return words.some((word) => name.includes(word))
  return stage.faults !== false && (!options.restarts || stage.restarts === true)
}

const begun = performance.now()
const total = { scenarios: 0, writes: 0, cuts: 0, recoveries: 0, failures: 0 }
const life = Life.begin({ crypto: repeatableCrypto, programs: readPrograms() })
const last = stages.findLastIndex(wanted)
if (last < 0) throw new Error('no step of that name; see --list')
for (const stage of stages.slice(0, last + 1)) {
  if (wanted(stage)) await cut(stage)
  life.seed(stage.name)
  await stage.run(life)
  life.powerDown()
}
if (!options.list) finish()

async function cut(stage: Stage): Promise<void> {
  total.scenarios++
  if (options.list) {
    console.log(scenarioName(stage))
    return
  }
  if (options.replay !== undefined) {
    const scenario = await stageScenario(life, stage, { again: !options.replay.includes(',') })
    console.log(`${options.replay}: ${await replay(scenario, options.replay, memories)} state`)
    return
  }
  for (const depth of depthsOf(stage)) await cutAt(stage, depth)
}

async function cutAt(stage: Stage, depth: 1 | 2): Promise<void> {
  const since = performance.now()
  const scenario = await stageScenario(life, stage, { again: depth === 1 })
  try {
    const report = await everyPowerCut(scenario, {
      ...{ modes, depth, memory },
      seeds: depth === 1 ? seeds : [1],
    })
    const first = depth === depthsOf(stage)[0]
    total.writes += first ? report.writes : 0
    total.cuts += report.cuts
    total.recoveries += report.recoveries
    const ms = Math.round(performance.now() - since)
    tell({ scenario: scenario.name, depth, ok: true, ...report, ms }, first ? scenario.writers : undefined)
  } catch (error) {
    if (!(error instanceof CutFailure)) throw error
    total.failures++
    tell({ scenario: scenario.name, depth, ok: false, id: error.id, message: error.message })
  }
}

interface Line {
  readonly scenario: string
  readonly depth: 1 | 2
  readonly ok: boolean
  readonly writes?: number
  readonly cuts?: number
  readonly recoveries?: number
  readonly ms?: number
  readonly id?: string
  readonly message?: string
}

function tell(line: Line, writers: ReadonlyMap<string, number> = new Map()): void {
  if (options.json) {
    console.log(JSON.stringify({ ...line, transactions: Object.fromEntries(writers) }))
  } else if (line.ok) {
    const { scenario, depth, writes, cuts, recoveries, ms } = line
    const numbers = `depth ${depth}: ${writes} writes, ${cuts} cuts, ${recoveries} recoveries`
    console.log(`${scenario.padEnd(24)} ${numbers.padEnd(52)} ${(ms! / 1000).toFixed(1).padStart(6)} s`)
    if (writers.size > 0)
      console.log(`${' '.repeat(25)}${[...writers].map(([name, count]) => `${name} ${count}`).join(', ')}`)
  } else {
    console.log(`FAILED ${line.message}\n       node tools/fault.ts --replay ${line.id}`)
  }
}

function finish(): void {
  const { scenarios, writes, cuts, recoveries, failures } = total
  const ok = failures === 0 && (options.replay !== undefined || (writes > 0 && cuts > 0 && recoveries > 0))
  const seconds = (performance.now() - begun) / 1000
  if (options.json) console.log(JSON.stringify({ summary: true, ok, ...total, seconds }))
  else if (options.replay === undefined) {
    console.log(
      `\n${scenarios} steps, ${writes} writes, ${cuts} cuts, ${recoveries} recoveries, ${failures} failures, ${seconds.toFixed(1)} s`,
    )
  }
  if (!ok) process.exitCode = 1
}
