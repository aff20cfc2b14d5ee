import { UsageError } from '@sealwright/core/errors'
import {
  type CutMode,
  cutModes,
  FaultMedium,
  type Medium,
  PowerLoss,
  RamMedium,
  type Snapshot,
} from '../medium/index.ts'

export type Verdict = 'old' | 'new'

/** Something that writes to a medium and may lose power at any moment. */
export interface Scenario {
  /** Begins the id of a failure; without colons. */
  readonly name: string
  /** The memory before. */
  prepare(): Snapshot | Promise<Snapshot>
  /** Starts the software on the medium and makes the change. */
  run(medium: Medium): void | Promise<void>
  /** Starts the software again, recovery included, and says which state it finds; throws when it is neither. */
  check(medium: Medium): Verdict | Promise<Verdict>
  /** Whether `run` from any state that a cut leaves must end in the new state. */
  readonly repeatable?: boolean
}

export interface CutOptions {
  readonly modes?: readonly CutMode[]
  /** Each seed is one more choice of torn bytes and lost programs. */
  readonly seeds?: readonly number[]
  /** 2: the restart after each cut is itself cut at each of its steps. */
  readonly depth?: 1 | 2
}

export interface CutReport {
  /** Page programs of one run without a cut. */
  writes: number
  cuts: number
  /** Restarts after a cut that ended in the old or the new state. */
  recoveries: number
}

/** A cut after which the state was neither old nor new. `replay` takes its id. */
export class CutFailure extends Error {
  readonly id: string

  constructor(id: string, cause: unknown) {
    super(`power cut ${id}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause })
    this.name = 'CutFailure'
    this.id = id
  }
}

interface CutId {
  readonly mode: CutMode
  readonly seed: number
  readonly first: number
  readonly second?: number
}

/**
 * Cuts the power at step 1, 2, 3 … until the scenario runs through, in every mode, and checks the state after each.
 * Throws CutFailure at the first that is neither old nor new, and UsageError when the scenario writes nothing.
 */
export async function everyPowerCut(scenario: Scenario, options: CutOptions = {}): Promise<CutReport> {
  const { modes = cutModes, seeds = [1], depth = 1 } = options
  const before = await scenario.prepare()
  const report: CutReport = { writes: 0, cuts: 0, recoveries: 0 }
  for (const mode of modes) {
    // In the other two modes nothing is left to chance.
    const chances = mode === 'torn' || mode === 'lost' ? seeds : seeds.slice(0, 1)
    for (const seed of chances) {
      for (let first = 1; ; first++) {
        const { finished, medium, writes, verdict } = await cutOnce(scenario, before, { mode, seed, first })
        report.writes = Math.max(report.writes, writes)
        if (finished) break
        report.cuts++
        report.recoveries++
        if (depth === 2) await cutRecovery(scenario, medium, { mode, seed, first }, verdict, report)
      }
    }
  }
  if (report.writes === 0) throw new UsageError(`scenario ${scenario.name} writes nothing`)
  return report
}

/** Repeats the one cut that a CutFailure names and returns the state after it. */
export async function replay(scenario: Scenario, id: string): Promise<Verdict> {
  const cut = parseCutId(scenario.name, id)
  const before = await scenario.prepare()
  const { medium, verdict } = await cutOnce(scenario, before, cut)
  if (cut.second === undefined) return verdict
  const again = await cutRestart(scenario, medium, cut, verdict)
  if (again === undefined) throw new UsageError(`${id}: the restart has fewer steps than ${cut.second}`)
  return again
}

async function cutOnce(scenario: Scenario, before: Snapshot, cut: CutId) {
  const ram = RamMedium.from(before)
  const fault = new FaultMedium(ram, { cutAt: cut.first, mode: cut.mode, seed: cut.seed })
  const id = formatCutId(scenario.name, cut)
  try {
    // The software may have turned the loss into an answer that nobody hears: what counts is whether power is gone.
    await scenario.run(fault)
  } catch (error) {
    if (!fault.dead) throw new CutFailure(id, error)
  }
  const finished = !fault.dead
  // What run said is done must not depend on programs that were never synced.
  if (finished) loseUnsynced(fault)
  const medium = ram.snapshot()
  const verdict = await restart(scenario, ram, id)
  if (finished && verdict !== 'new')
    throw new CutFailure(id, new Error('it ran through and the state is the old one'))
  if (scenario.repeatable === true) {
    try {
      await scenario.run(ram)
    } catch (error) {
      throw new CutFailure(id, error)
    }
    if ((await restart(scenario, ram, id)) !== 'new')
      throw new CutFailure(id, new Error('run again, the state is the old one'))
  }
  return { finished, medium, verdict, writes: fault.programs }
}

async function cutRecovery(
  scenario: Scenario,
  medium: Snapshot,
  cut: CutId,
  verdict: Verdict,
  report: CutReport,
): Promise<void> {
  for (let second = 1; ; second++) {
    const again = await cutRestart(scenario, medium, { ...cut, second }, verdict)
    if (again === undefined) return
    report.cuts++
    report.recoveries++
  }
}

/** Cuts a restart; undefined when it came through before the step. */
async function cutRestart(
  scenario: Scenario,
  medium: Snapshot,
  cut: CutId,
  expected: Verdict,
): Promise<Verdict | undefined> {
  const ram = RamMedium.from(medium)
  const fault = new FaultMedium(ram, { cutAt: cut.second!, mode: cut.mode, seed: cut.seed })
  const id = formatCutId(scenario.name, cut)
  try {
    await scenario.check(fault)
  } catch (error) {
    if (!fault.dead) throw new CutFailure(id, error)
  }
  if (!fault.dead) return undefined
  const verdict = await restart(scenario, ram, id)
  if (verdict !== expected)
    throw new CutFailure(id, new Error(`${expected} became ${verdict} by a cut in recovery`))
  return verdict
}

/** Starts twice: what recovery decided must stay. */
async function restart(scenario: Scenario, ram: RamMedium, id: string): Promise<Verdict> {
  try {
    const verdict = await scenario.check(ram)
    const again = await scenario.check(ram)
    if (again !== verdict) throw new Error(`${verdict} at the first start, ${again} at the second`)
    return verdict
  } catch (error) {
    throw new CutFailure(id, error)
  }
}

function loseUnsynced(fault: FaultMedium): void {
  try {
    fault.powerOff()
  } catch (error) {
    if (!(error instanceof PowerLoss)) throw error
  }
}

function formatCutId(name: string, { mode, seed, first, second }: CutId): string {
  const variant = seed === 1 ? mode : `${mode}/${seed}`
  return `${name}:${variant}:${first}${second === undefined ? '' : `,${second}`}`
}

function parseCutId(name: string, id: string): CutId {
  const parts = /^([^:]*):([a-z]+)(?:\/(\d+))?:(\d+)(?:,(\d+))?$/.exec(id)
  const mode = cutModes.find((one) => one === parts?.[2])
  if (parts === null || mode === undefined || parts[1] !== name) {
    throw new UsageError(`expected an id ${name}:mode:step of a power cut, got ${id}`)
  }
  const cut = { mode, seed: Number(parts[3] ?? 1), first: Number(parts[4]) }
  return parts[5] === undefined ? cut : { ...cut, second: Number(parts[5]) }
}
