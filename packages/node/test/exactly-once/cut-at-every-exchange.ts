import assert from 'node:assert/strict'
import { type EventType, eventTypes } from '@sealwright/core/catalog'
import { SealwrightError } from '@sealwright/core/errors'
import type { Life } from '../life/index.ts'
import { type End, endOf } from './end.ts'
import { type Cut, type CutKind, exchangeCuts, Interruption } from './interruption.ts'

/** Something that parties do with chips from one state of a life to another, and do again when it was broken off. */
export interface Flow {
  readonly name: string
  /** Whose ends are compared. */
  readonly chips: readonly string[]
  /** From its beginning, with the files that the parties have by then. */
  run(life: Life): Promise<unknown>
  /** What else is known in the end; it is compared too, and may throw. */
  told?(life: Life): Promise<unknown>
  /**
   * To run it again once it is over does it once more, as it should: a new key, another payment. So a cut behind the end of its last step
   * leaves what two runs leave.
   */
  readonly anew?: true
  /**
   * What may have been done, and recorded, once more than without a cut, because only the answer that was lost held what it gave: a message
   * under a number of its own, keys of a session.
   */
  readonly mayRepeat?: readonly EventType[]
  /** Files of which one may remain that nobody else ever saw: it was written, and what it speaks of had not left yet. */
  readonly mayRemain?: RegExp
}

export interface CutOptions {
  readonly kinds?: readonly CutKind[]
  /** At most so many points of each kind, spread evenly; all unless given. */
  readonly most?: number
}

export interface CutReport {
  readonly name: string
  /** By chip. */
  readonly exchanges: ReadonlyMap<string, number>
  readonly changes: number
  readonly cuts: number
}

/**
 * Runs the flow once to count its exchanges with every chip and the changes of what its parties keep. Then, for each of them and each kind
 * of cut: from a copy of the same start, cut there, run again from the beginning. Every end must be the one without a cut.
 */
export async function cutAtEveryExchange(
  start: Life,
  flow: Flow,
  { kinds = [...exchangeCuts, 'killed at change'], most = Infinity }: CutOptions = {},
): Promise<CutReport> {
  const whole = new Interruption()
  const once = start.clone()
  once.seed(flow.name)
  assert.equal(await attempt(once, flow, whole), 'done', `${flow.name}, without a cut`)
  const again = flow.anew === true ? await runAgain(once.clone(), flow) : undefined
  const allowed = [await ended(once, flow), ...(again === undefined ? [] : [await ended(again, flow)])]
  requireNothingPending(allowed[0]!)
  const exchanges = [...whole.exchanges.values()].reduce((sum, count) => sum + count, 0)
  let cuts = 0
  for (const [i, kind] of kinds.entries()) {
    const points = kind === 'killed at change' ? whole.changes : exchanges
    const stride = Math.max(1, Math.ceil(points / most))
    for (let at = 1 + (i % stride); at <= points; at += stride) {
      await cutOnce(start, flow, { kind, at }, allowed)
      cuts++
    }
  }
  return { name: flow.name, exchanges: whole.exchanges, changes: whole.changes, cuts }
}

async function cutOnce(start: Life, flow: Flow, cut: Cut, allowed: readonly Ended[]): Promise<void> {
  const where = `${flow.name}, ${cut.kind} ${cut.at}`
  const life = start.clone()
  life.seed(flow.name)
  const interruption = new Interruption(cut)
  const outcome = await attempt(life, flow, interruption)
  assert.ok(interruption.happened, `${where}: the run is another than without a cut`)
  if (outcome !== 'done') {
    if (outcome instanceof Error) requireBroken(outcome, where)
    if (cut.kind === 'power lost') life.seed(`${flow.name}, again`)
    else life.startAgain(`${flow.name}, again`)
    const again = await attempt(life, flow, new Interruption())
    if (again instanceof Error)
      throw new Error(`${where}: run again it fails: ${again.message}`, { cause: again })
  }
  let end: Ended
  try {
    end = await ended(life, flow)
  } catch (error) {
    throw new Error(`${where}: ${(error as Error).message}`, { cause: error })
  }
  const [first, ...others] = allowed
  if (others.some((other) => isDeepEqual(end, other))) return
  requireSame(end, first!, flow, where)
}

async function runAgain(life: Life, flow: Flow): Promise<Life> {
  life.seed(`${flow.name}, again`)
  assert.equal(await attempt(life, flow, new Interruption()), 'done', `${flow.name}, twice`)
  return life
}

/** How the run ended: by itself, by an error, or because the program was killed. */
async function attempt(
  life: Life,
  flow: Flow,
  interruption: Interruption,
): Promise<'done' | 'killed' | Error> {
  life.interference = interruption
  const run = flow.run(life).then(
    () => 'done' as const,
    (error: Error) => error,
  )
  return Promise.race([run, interruption.killed])
}

type Ended = End & { readonly told: unknown }

async function ended(life: Life, flow: Flow): Promise<Ended> {
  const { kept, ...end } = await endOf(life, flow.chips)
  const told = await flow.told?.(life)
  return { ...end, told, kept: withoutRemains(kept, flow) }
}

/** Takes one of two such files away. */
function withoutRemains(kept: End['kept'], { mayRemain }: Flow): End['kept'] {
  if (mayRemain === undefined) return kept
  const lists = Object.entries(kept).map(([party, names]) => {
    const found = names.filter((name) => mayRemain.test(name))
    const at = found.length > 1 ? names.indexOf(found[0]!) : names.length
    return [party, names.toSpliced(at, 1)] as const
  })
  return Object.fromEntries(lists)
}

/** The ends are the same but for events of these types, of which each chip may have one more. */
function requireSame(end: Ended, expected: Ended, { mayRepeat = [] }: Flow, where: string): void {
  if (mayRepeat.length === 0) {
    assert.deepEqual(end, expected, where)
    return
  }
  const codes = new Set(mayRepeat.map((type) => String(eventTypes[type].code)))
  assert.deepEqual(unnumbered(end, codes), unnumbered(expected, codes), where)
  for (const [name, { events }] of Object.entries(end.chips)) {
    const more = events.length - expected.chips[name]!.events.length
    assert.ok(more === 0 || more === 1, `${where}: ${more} events more in ${name}`)
  }
}

/** Without events of some types, and without the numbers that follow from how many there are. */
function unnumbered({ chips, kept, entries, told }: Ended, codes: ReadonlySet<string>): unknown {
  const others = (lines: readonly string[], at: number): string[] =>
    lines
      .map((line) => line.split(' '))
      .filter((words) => !codes.has(words[at]!))
      .map((words) => words.toSpliced(at - 1, 1).join(' '))
  return {
    told,
    entries: others(entries, 2),
    chips: Object.entries(chips).map(([name, { events, objects, ...chip }]) => ({
      ...{ name, ...chip, events: others(events, 1) },
      objects: objects.filter((object) => !object.startsWith('event ')),
    })),
    kept: Object.entries(kept).map(([name, files]) => [
      name,
      files.filter((file) => !/^(outbox|exports)\//.test(file)),
    ]),
  }
}

function isDeepEqual(a: unknown, b: unknown): boolean {
  try {
    assert.deepEqual(a, b)
    return true
  } catch {
    return false
  }
}

/** Whoever is at the machine is told that the line broke, and nothing else. */
function requireBroken(error: Error, where: string): void {
  const code = error instanceof SealwrightError ? error.code : undefined
  assert.equal(code, 'transport-failed', `${where}: ${error.message}`)
}

function requireNothingPending({ kept }: End): void {
  const names = Object.values(kept).flat()
  assert.deepEqual(
    names.filter((name) => /^intents\/|draft|\.offered$/.test(name)),
    [],
  )
}
