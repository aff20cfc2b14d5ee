import { portableCrypto } from '@sealwright/core/crypto'
import type { Crypto } from '@sealwright/core/ports'
import { nodeCrypto } from '@sealwright/node/crypto'
import { type Recorder, recorder, type Work } from './record.ts'

/** Something to measure, set up on a backend. */
export interface Flow<T> {
  readonly name: string
  /** What counts as one operation, for the reader. */
  readonly text: string
  /** Operations in a row; their inputs are made before them. */
  readonly operations: number
  /** How many such rows a round has; 1 unless given. */
  readonly rows?: number
  setUp(crypto: Crypto): Promise<Running<T>>
}

export interface Running<T> {
  /** Not measured: what an operation begins with. */
  before(): T | Promise<T>
  run(input: T): void | Promise<void>
  /** The bare form that the operation is compared with instead of its primitives. */
  bare?(): void
}

export interface PrimitiveRow {
  readonly label: string
  readonly count: number
  /** Microseconds for one. */
  readonly each: number
  /** The backend that was faster. */
  readonly backend: string
}

export interface Measured {
  readonly name: string
  readonly text: string
  readonly rounds: number
  readonly operations: number
  readonly perSecond: number
  /** Microseconds for one operation. */
  readonly each: number
  readonly primitives: readonly PrimitiveRow[]
  /** Microseconds of all primitives of one operation. */
  readonly sum: number
  /** sum ÷ each: the share that is cryptography. */
  readonly ratio: number
  /** Microseconds of the bare form, and how many times longer the operation takes. */
  readonly bare?: { readonly each: number; readonly times: number }
}

/**
 * Measures a flow and its primitives in turn, round by round; every number is the mean of all rounds. The kernel counts a thread's time
 * in steps of some milliseconds, so that one round alone says little.
 */
export async function measure<T>(flow: Flow<T>, rounds: number): Promise<Measured> {
  const works = await recorded(flow)
  const running = await flow.setUp(nodeCrypto)
  const rows = works.map((work) => ({ ...work, ...fastest(work), spent: 0 }))
  const bare = running.bare === undefined ? undefined : { ...timed(running.bare), spent: 0 }
  // Twice, for the compiler to know it.
  for (let i = 0; i < 2; i++) await timeFlow(running, flow.operations)
  const { rows: perRound = 1 } = flow
  let spent = 0
  for (let round = 0; round < rounds; round++) {
    for (let row = 0; row < perRound; row++) spent += await timeFlow(running, flow.operations)
    for (const row of bare === undefined ? rows : [...rows, bare]) row.spent += time(row.run, row.calls)
  }
  const each = spent / (rounds * perRound * flow.operations)
  const primitives = rows.map(({ label, count, backend, calls, spent: all }) => {
    return { label, count, backend, each: all / (rounds * calls) }
  })
  const sum = primitives.reduce((total, row) => total + row.count * row.each, 0)
  const bareEach = bare === undefined ? undefined : bare.spent / (rounds * bare.calls)
  return {
    name: flow.name,
    text: flow.text,
    rounds,
    operations: perRound * flow.operations,
    perSecond: 1e6 / each,
    each,
    primitives,
    sum,
    ratio: sum / each,
    ...(bareEach === undefined ? {} : { bare: { each: bareEach, times: each / bareEach } }),
  }
}

async function recorded<T>(flow: Flow<T>): Promise<Work[]> {
  const { crypto, start, stop }: Recorder = recorder(nodeCrypto)
  const running = await flow.setUp(crypto)
  // The first operation prepares keys that stay.
  await running.run(await running.before())
  const input = await running.before()
  start()
  await running.run(input)
  return stop()
}

/** Microseconds of so many operations. */
async function timeFlow<T>({ before, run }: Running<T>, operations: number): Promise<number> {
  const inputs: T[] = []
  for (let i = 0; i < operations; i++) inputs.push(await before())
  const begun = processorTime()
  for (const input of inputs) {
    const done = run(input)
    // The bare form is not waited for either.
    if (done !== undefined) await done
  }
  return processorTime() - begun
}

/** Microseconds of so many calls. */
function time(run: () => void, calls: number): number {
  const begun = processorTime()
  for (let i = 0; i < calls; i++) run()
  return processorTime() - begun
}

/** Microseconds that this thread has had a processor: what else runs on the machine does not count. */
function processorTime(): number {
  const { user, system } = (process.threadCpuUsage ?? process.cpuUsage)()
  return user + system
}

/** With it, how many calls fill a window: twice, for the first ones are slower. */
function timed(run: () => void): { run: () => void; calls: number } {
  let calls = 1
  while (time(run, calls) < window || time(run, calls) < window) calls *= 2
  return { run, calls }
}

/** The backend on which the primitive is faster. */
function fastest(work: Work): { run: () => void; calls: number; backend: string } {
  const [best] = [nodeCrypto, portableCrypto]
    .map((crypto) => ({ ...timed(work.prepare(crypto)), backend: crypto.name }))
    .sort((a, b) => b.calls - a.calls || time(a.run, a.calls) - time(b.run, b.calls))
  return best!
}

/** Microseconds. */
const window = 12_000
