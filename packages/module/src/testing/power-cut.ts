import { UsageError } from '@sealwright/core/errors'
import { type Cut, type CutMode, cutModes, type Medium, type Snapshot } from '../medium/index.ts'
import { type CutMemory, type PoweredMemory, plainMemory } from './cut-memory.ts'

export type Verdict = 'old' | 'new'

/** Something that writes to a medium and may lose power at any moment. */
export interface Scenario {
  /** Begins the id of a failure; without colons. */
  readonly name: string
  /** The memory before. */
  prepare(): Snapshot | Promise<Snapshot>
  /** Starts the software on the medium and makes the change; once more, `again`, on what a cut left. */
  run(medium: Medium, attempt: 'first' | 'again'): void | Promise<void>
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
  /** Plain unless given. */
  readonly memory?: CutMemory
}

export interface CutReport {
  /** Programs of one run without a cut, of pages and of the counter. */
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
  const { modes = cutModes, seeds = [1], depth = 1, memory = plainMemory } = options
  const bench = new CutBench(scenario, memory)
  const before = memory.prepare(await scenario.prepare())
  const report: CutReport = { writes: 0, cuts: 0, recoveries: 0 }
  for (const mode of modes) {
    // In the other two modes nothing is left to chance.
    const chances = mode === 'torn' || mode === 'lost' ? seeds : seeds.slice(0, 1)
    for (const seed of chances) {
      for (let first = 1; ; first++) {
        const cut = { mode, seed, first }
        const { finished, left, writes, verdict } = await bench.once(before, cut)
        report.writes = Math.max(report.writes, writes)
        if (finished) break
        report.cuts++
        report.recoveries++
        if (depth === 2) {
          const restarts = await bench.everyRestart(left, cut, verdict)
          report.cuts += restarts
          report.recoveries += restarts
        }
      }
    }
  }
  if (report.writes === 0) throw new UsageError(`scenario ${scenario.name} writes nothing`)
  return report
}

/** Repeats the one cut that a CutFailure names and returns the state after it. */
export async function replay(
  scenario: Scenario,
  id: string,
  memories: readonly CutMemory[] = [plainMemory],
): Promise<Verdict> {
  const { memory, cut } = parseCutId(scenario.name, id, memories)
  const bench = new CutBench(scenario, memory)
  const { left, verdict } = await bench.once(memory.prepare(await scenario.prepare()), cut)
  if (cut.second === undefined) return verdict
  const again = await bench.restartCut(left, cut, verdict)
  if (again === undefined) throw new UsageError(`${id}: the restart has fewer steps than ${cut.second}`)
  return again
}

/** One scenario on one kind of memory. */
class CutBench<State> {
  readonly #scenario: Scenario
  readonly #memory: CutMemory<State>

  constructor(scenario: Scenario, memory: CutMemory<State>) {
    this.#scenario = scenario
    this.#memory = memory
  }

  async once(before: State, cut: CutId) {
    const scenario = this.#scenario
    const power = this.#power(before, cut, { cutAt: cut.first, mode: cut.mode, seed: cut.seed })
    try {
      // The software may have turned the loss into an answer that nobody hears: what counts is whether power is gone.
      await scenario.run(power.medium, 'first')
    } catch (error) {
      if (!power.dead) throw this.#failure(cut, error)
    }
    const finished = !power.dead
    const { programs } = power
    // What run said is done must not depend on programs that were never synced.
    const left = power.off()
    const [verdict, settled] = await this.#restart(left, cut)
    if (finished && verdict !== 'new')
      throw this.#failure(cut, new Error('it ran through and the state is the old one'))
    if (scenario.repeatable === true) await this.#again(settled, cut)
    return { finished, left, verdict, writes: programs }
  }

  /** Cuts the restart after a cut at each of its steps; gives their number. */
  async everyRestart(left: State, cut: CutId, verdict: Verdict): Promise<number> {
    for (let second = 1; ; second++) {
      const again = await this.restartCut(left, { ...cut, second }, verdict)
      if (again === undefined) return second - 1
    }
  }

  /** Cuts a restart; undefined when it came through before the step. */
  async restartCut(left: State, cut: CutId, expected: Verdict): Promise<Verdict | undefined> {
    const power = this.#power(left, cut, { cutAt: cut.second!, mode: cut.mode, seed: cut.seed })
    try {
      await this.#scenario.check(power.medium)
    } catch (error) {
      if (!power.dead) throw this.#failure(cut, error)
    }
    if (!power.dead) return undefined
    const [verdict] = await this.#restart(power.off(), cut)
    if (verdict !== expected)
      throw this.#failure(cut, new Error(`${expected} became ${verdict} by a cut in recovery`))
    return verdict
  }

  async #again(settled: State, cut: CutId): Promise<void> {
    const power = this.#power(settled, cut)
    try {
      await this.#scenario.run(power.medium, 'again')
    } catch (error) {
      throw this.#failure(cut, error)
    }
    const [verdict] = await this.#restart(power.off(), cut)
    if (verdict !== 'new') throw this.#failure(cut, new Error('run again, the state is the old one'))
  }

  /** Starts twice: what recovery decided must stay. */
  async #restart(left: State, cut: CutId): Promise<[Verdict, State]> {
    const [verdict, settled] = await this.#start(left, cut)
    const [again, last] = await this.#start(settled, cut)
    if (again !== verdict)
      throw this.#failure(cut, new Error(`${verdict} at the first start, ${again} at the second`))
    return [verdict, last]
  }

  async #start(left: State, cut: CutId): Promise<[Verdict, State]> {
    const power = this.#power(left, cut)
    try {
      const verdict = await this.#scenario.check(power.medium)
      return [verdict, power.off()]
    } catch (error) {
      throw this.#failure(cut, error)
    }
  }

  /** What a cut left may already be refused when it is opened. */
  #power(state: State, cut: CutId, fault?: Cut): PoweredMemory<State> {
    try {
      return this.#memory.power(state, fault)
    } catch (error) {
      throw this.#failure(cut, error)
    }
  }

  #failure(cut: CutId, error: unknown): CutFailure {
    if (error instanceof CutFailure) return error
    return new CutFailure(formatCutId(this.#scenario.name, this.#memory.name, cut), error)
  }
}

function formatCutId(name: string, memory: CutMemory['name'], { mode, seed, first, second }: CutId): string {
  const kind = memory === 'plain' ? mode : `${memory}-${mode}`
  const variant = seed === 1 ? kind : `${kind}/${seed}`
  return `${name}:${variant}:${first}${second === undefined ? '' : `,${second}`}`
}

function parseCutId(
  name: string,
  id: string,
  memories: readonly CutMemory[],
): { memory: CutMemory; cut: CutId } {
  const parts = /^([^:]*):(?:(sealed)-)?([a-z]+)(?:\/(\d+))?:(\d+)(?:,(\d+))?$/.exec(id)
  const mode = cutModes.find((one) => one === parts?.[3])
  const memory = memories.find((one) => one.name === (parts?.[2] ?? 'plain'))
  if (parts === null || mode === undefined || memory === undefined || parts[1] !== name) {
    throw new UsageError(`expected an id ${name}:mode:step of a power cut, got ${id}`)
  }
  const cut = { mode, seed: Number(parts[4] ?? 1), first: Number(parts[5]) }
  return { memory, cut: parts[6] === undefined ? cut : { ...cut, second: Number(parts[6]) } }
}
