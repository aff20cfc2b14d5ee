import assert from 'node:assert/strict'
import { test } from 'node:test'
import { BlockCoverage } from './coverage.ts'
import { Engine } from './engine.ts'
import type { Defect, Target } from './target.ts'

// The fuzzer finds what was planted, in a bounded number of runs from a fixed seed, and only because coverage guides it.

const coverage = new BlockCoverage((url) => url.endsWith('/tools/fuzz/planted.ts'))
const { plantedChip, plantedCommand, plantedReadings, magic } = await import('./planted.ts')
const { parserTarget } = await import('./parser-target.ts')
const { dispatcherTarget } = await import('./dispatcher-target.ts')
const { readDictionary } = await import('./dictionary.ts')

const dictionary = readDictionary()

/** Searches until a defect is found or so many runs are over. */
function search<Input>(target: Target<Input>, runs: number, guided = true): Engine<Input> {
  coverage.forget()
  const engine = new Engine(target, coverage, { seed: 'c', guided, hangMs: 600 })
  engine.begin()
  while (engine.runs < runs && engine.found.length === 0) engine.search(500)
  return engine
}

/** What is found with guidance, and that without it as many runs find nothing. */
function found<Input>(
  target: Target<Input>,
  runs: number,
): { engine: Engine<Input>; defect: Defect; input: Input } {
  const engine = search(target, runs)
  const [first] = engine.found
  assert.ok(first !== undefined, `nothing in ${engine.runs} runs`)
  assert.deepEqual(search(target, engine.runs, false).found, [])
  return { engine, ...first }
}

function reading(name: string) {
  return parserTarget(
    plantedReadings.filter((planted) => planted.name === name),
    [new Uint8Array(6)],
  )
}

function begins(bytes: Uint8Array): boolean {
  return magic.every((byte, i) => bytes[i] === byte)
}

const parserRuns = 100_000
const dispatcherRuns = 30_000

test('[R3a] a parser that loops behind four bytes is found, and not by chance alone', () => {
  const { defect, input } = found(reading('loopsBehindMagic'), parserRuns)
  assert.equal(defect.kind, 'hang')
  assert.equal(defect.subject, 'loopsBehindMagic')
  assert.ok(begins(input.bytes))
})

test('[R3a] a parser that throws a TypeError behind four bytes is found and made small, and not by chance alone', () => {
  const { engine, defect, input } = found(reading('throwsBehindMagic'), parserRuns)
  assert.equal(defect.kind, 'throws')
  assert.match(defect.detail, /^TypeError/)
  assert.deepEqual([...engine.minimize(input, defect).bytes], [...magic])
})

test('[R3a] a parser that takes two forms of one value is found', () => {
  const [first] = search(reading('parsesTwoForms'), parserRuns).found
  assert.equal(first?.defect.kind, 'serializes to other bytes')
})

test('[R3b] an answer 6F00 behind P1 and P2 is found and made small, and not by chance alone', () => {
  const target = dispatcherTarget([plantedChip('internal error')], new Map(), dictionary, ['GET DATA'])
  const { engine, defect, input } = found(target, dispatcherRuns)
  assert.equal(defect.kind, 'internal error')
  const [step, ...others] = engine.minimize(input, defect).steps
  assert.deepEqual(others, [])
  assert.ok(step?.kind === 'command')
  assert.deepEqual({ ins: step.ins, p1: step.p1, p2: step.p2 }, plantedCommand)
})

const expected = {
  'writes, then refuses': 'refused and changed',
  throws: 'throws',
  loops: 'hang',
} as const

for (const [planted, kind] of Object.entries(expected)) {
  test(`[R3b] a defect behind P1 and P2 of a dispatcher is found: ${planted}`, () => {
    const chip = plantedChip(planted as keyof typeof expected)
    const [first] = search(
      dispatcherTarget([chip], new Map(), dictionary, ['GET DATA']),
      dispatcherRuns,
    ).found
    assert.equal(first?.defect.kind, kind)
  })
}

test('the same seed tries the same inputs', () => {
  const tried = (): unknown[] => {
    coverage.forget()
    const inputs: unknown[] = []
    const before = (input: unknown): void => void inputs.push(input)
    const target = reading('throwsBehindMagic')
    const engine = new Engine(target, coverage, { seed: 'same', guided: false, before })
    engine.begin()
    engine.search(2_000)
    return inputs.slice(0, 2_000)
  }
  assert.deepEqual(tried(), tried())
})
