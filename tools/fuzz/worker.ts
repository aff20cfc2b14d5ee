import { parentPort, workerData } from 'node:worker_threads'
import { BlockCoverage, isFuzzed } from './coverage.ts'
import { Engine } from './engine.ts'
import { LastInput, type Message, type Order } from './protocol.ts'
import type { Target } from './target.ts'
import type { TargetName } from './targets.ts'

const order = workerData as Order
// Before anything that is to be covered is loaded.
const coverage = new BlockCoverage(isFuzzed)
const { makeTargets } = await import('./targets.ts')

/** Runs of each target in turn: about as long for the one as for the other. */
const turns = { parser: 6_000, dispatcher: 100 } as const satisfies Record<TargetName, number>

const last = new LastInput(order.last)
const made = await makeTargets(order.share)
const engines = new Map<TargetName, Engine<unknown>>()
for (const name of order.targets) {
  const target = made[name] as Target<unknown>
  const before = (input: unknown): void =>
    last.write(JSON.stringify({ target: name, input: target.write(input) }))
  // What is of another worker's share, or of a chip or parser that is no more, is left out.
  const earlier = order.corpus[name].flatMap((value) => {
    try {
      return [target.read(value)]
    } catch {
      return []
    }
  })
  const seed = `${order.seed} ${order.share.index}`
  engines.set(name, new Engine(target, coverage, { seed, before }, earlier))
}
const inTime = (): boolean => Date.now() < order.end
let told = 0

while (inTime()) {
  for (const [name, engine] of engines) {
    engine.search(turns[name])
    tell(2_000)
  }
}
tell(0)
const corpus = Object.fromEntries(
  [...engines].map(([name, engine]) => [name, engine.corpus.map((input) => engine.target.write(input))]),
)
post({ kind: 'ended', corpus: { parser: [], dispatcher: [], ...corpus } })

/** Findings as soon as there are some, each made small first; figures when the last ones are so old. */
function tell(afterMs: number): void {
  for (const [name, engine] of engines) {
    for (const { defect, input } of engine.found.splice(0)) {
      const smallest = engine.minimize(input, defect)
      post({
        kind: 'found',
        finding: { version: 1, target: name, defect, input: engine.target.write(smallest) },
      })
    }
  }
  if (Date.now() - told < afterMs) return
  const numbers = (of: (engine: Engine<unknown>) => number) => ({
    ...{ parser: 0, dispatcher: 0 },
    ...Object.fromEntries([...engines].map(([name, engine]) => [name, of(engine)])),
  })
  post({
    kind: 'progress',
    runs: numbers(({ runs }) => runs),
    kept: numbers((engine) => engine.corpus.length),
    sources: coverage.sources,
  })
  told = Date.now()
}

function post(message: Message): void {
  parentPort!.postMessage(message)
}
