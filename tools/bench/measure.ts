import { performance } from 'node:perf_hooks'
import { portableCrypto } from '@sealwright/core/crypto'
import type { Crypto } from '@sealwright/core/ports'
import { nodeCrypto } from '@sealwright/node/crypto'
import { type Recorder, recorder, type Work } from './record.ts'

/** Something to measure, set up on a backend. */
export interface Flow<T> {
  readonly name: string
  /** What counts as one operation, for the reader. */
  readonly text: string
  /** Operations in a round, and calls of each primitive. */
  readonly operations: number
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

/** Measures a flow and its primitives in turn, round by round; every number is the median of the rounds. */
export async function measure<T>(flow: Flow<T>, rounds: number): Promise<Measured> {
  const works = await recorded(flow)
  const running = await flow.setUp(nodeCrypto)
  const fastest = works.map((work) => ({ work, ...faster(work) }))
  await timeFlow(running, flow.operations)
  const flowTimes: number[] = []
  const sums: number[] = []
  const bareTimes: number[] = []
  const rows = fastest.map(({ work, name }) => ({ work, name, times: [] as number[] }))
  for (let round = 0; round < rounds; round++) {
    flowTimes.push(await timeFlow(running, flow.operations))
    let sum = 0
    for (const [i, { run, slow }] of fastest.entries()) {
      const each = time(run, slow ? 20 : flow.operations)
      rows[i]!.times.push(each)
      sum += each * rows[i]!.work.count
    }
    sums.push(sum)
    if (running.bare !== undefined) bareTimes.push(time(running.bare, 20 * flow.operations))
  }
  const each = median(flowTimes)
  return {
    name: flow.name,
    text: flow.text,
    rounds,
    operations: flow.operations,
    perSecond: 1e6 / each,
    each,
    primitives: rows.map(({ work, name, times }) => ({
      label: work.label,
      count: work.count,
      each: median(times),
      backend: name,
    })),
    sum: median(sums),
    ratio: median(sums.map((sum, i) => sum / flowTimes[i]!)),
    ...(bareTimes.length === 0
      ? {}
      : { bare: { each: median(bareTimes), times: median(flowTimes.map((t, i) => t / bareTimes[i]!)) } }),
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

/** Microseconds of one operation. */
async function timeFlow<T>({ before, run }: Running<T>, operations: number): Promise<number> {
  let sum = 0
  for (let i = 0; i < operations; i++) {
    const input = await before()
    const begun = performance.now()
    await run(input)
    sum += performance.now() - begun
  }
  return (1000 * sum) / operations
}

/** Microseconds of one call. */
function time(run: () => void, calls: number): number {
  const begun = performance.now()
  for (let i = 0; i < calls; i++) run()
  return (1000 * (performance.now() - begun)) / calls
}

/** The backend on which the primitive is faster. */
function faster(work: Work): { run: () => void; name: string; slow: boolean } {
  const tried = [nodeCrypto, portableCrypto].map((crypto) => {
    const run = work.prepare(crypto)
    const once = time(run, 1)
    const calls = Math.min(2000, Math.max(3, Math.ceil(20_000 / once)))
    time(run, calls)
    return { run, name: crypto.name, each: time(run, calls) }
  })
  const [best] = tried.sort((a, b) => a.each - b.each)
  return { run: best!.run, name: best!.name, slow: best!.each > 1000 }
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2
}
