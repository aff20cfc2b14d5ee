import { Session } from 'node:inspector'

// Structure of V8's report (Chrome DevTools protocol, Profiler.takePreciseCoverage), as far as it is read here.
interface Range {
  readonly startOffset: number
  readonly endOffset: number
  readonly count: number
}

interface FunctionRanges {
  readonly ranges: readonly Range[]
}

interface ScriptRanges {
  readonly url: string
  readonly functions: readonly FunctionRanges[]
}

/** What was executed of one source. */
export interface SourceCoverage {
  /** One byte for each character: 1 when it was executed. */
  readonly executed: Uint8Array
  /** 1 where a block begins or ends. */
  readonly edges: Uint8Array
}

export interface Figures {
  /** Pieces of source between two edges, and how many of them were executed. */
  readonly blocks: number
  readonly covered: number
}

/** What a run did, compared with all runs before. */
export interface Taken {
  /** Characters of source executed for the first time. */
  readonly fresh: number
  /** (block, order of magnitude of its count) seen for the first time. Meaningful for single runs. */
  readonly features: number
  /** Takes note of all that. Until then the same take would say the same again. */
  keep(): void
  /** Takes note of what was executed, but not of counts. */
  keepExecuted(): void
}

/** The sources whose coverage guides: those of core and module, but their tests and what serves tests. */
export function isFuzzed(url: string): boolean {
  return /\/packages\/(core|module)\/src\/(?!.*(\btesting\/|\.test\.))/.test(url)
}

/**
 * V8's block coverage of this thread, for the sources whose address `wanted` accepts. A take says what was executed since the one before;
 * it costs one to two milliseconds however little that was, so that cheap runs are best looked at together.
 */
export class BlockCoverage {
  readonly sources = new Map<string, SourceCoverage>()
  readonly #session = new Session()
  readonly #wanted: (url: string) => boolean
  readonly #features = new Set<number>()
  readonly #counts = new Map<string, { readonly number: number; readonly buffer: Uint8Array }>()

  constructor(wanted: (url: string) => boolean) {
    this.#wanted = wanted
    this.#session.connect()
    this.#post('Profiler.enable')
    this.#post('Profiler.startPreciseCoverage', { callCount: true, detailed: true })
  }

  /** From now on everything is new again. */
  forget(): void {
    this.skip()
    this.#features.clear()
    for (const { executed } of this.sources.values()) executed.fill(0)
  }

  stop(): void {
    this.#post('Profiler.stopPreciseCoverage')
    this.#session.disconnect()
  }

  /** Forgets what was executed since the last take. */
  skip(): void {
    this.#post('Profiler.takePreciseCoverage')
  }

  take(): Taken {
    const { result } = this.#post('Profiler.takePreciseCoverage') as { result: readonly ScriptRanges[] }
    let fresh = 0
    const executed: { readonly source: SourceCoverage; readonly at: number[] }[] = []
    const features: number[] = []
    for (const { url, functions } of result) {
      if (!this.#wanted(url)) continue
      const { source, number, buffer } = this.#source(url, functions)
      const at = paint(functions, source, buffer)
      fresh += at.length
      if (at.length > 0) executed.push({ source, at })
      for (const { ranges } of functions) {
        // How often a function was called V8 does not count exactly once it is optimized; its blocks it does.
        for (const { startOffset, endOffset, count } of ranges.slice(1)) {
          if (count === 0) continue
          const feature = featureOf(number, startOffset, endOffset, count)
          if (!this.#features.has(feature)) features.push(feature)
        }
      }
    }
    const keepExecuted = () => {
      for (const { source, at } of executed) for (const i of at) source.executed[i] = 1
    }
    return {
      fresh,
      features: features.length,
      keepExecuted,
      keep: () => {
        keepExecuted()
        for (const feature of features) this.#features.add(feature)
      },
    }
  }

  #source(url: string, functions: readonly FunctionRanges[]) {
    const end = Math.max(...functions.map(({ ranges }) => ranges[0]!.endOffset))
    const known = this.#counts.get(url)
    let source = this.sources.get(url)
    if (known === undefined || source === undefined || source.executed.length < end) {
      const grown = { executed: new Uint8Array(end), edges: new Uint8Array(end + 1) }
      if (source !== undefined) {
        grown.executed.set(source.executed)
        grown.edges.set(source.edges)
      }
      source = grown
      this.sources.set(url, source)
      const number = known?.number ?? this.#counts.size
      this.#counts.set(url, { number, buffer: new Uint8Array(end) })
    }
    return { source, ...this.#counts.get(url)! }
  }

  #post(method: string, parameters: object = {}): unknown {
    let answer: unknown
    let problem: Error | null = null
    this.#session.post(method, parameters, (error: Error | null, result?: object) => {
      problem = error
      answer = result
    })
    if (problem !== null) throw problem
    return answer
  }
}

/** Executed characters that were not known to be. Outer ranges come before those inside them. */
function paint(functions: readonly FunctionRanges[], source: SourceCoverage, buffer: Uint8Array): number[] {
  const touched: Range[] = []
  for (const { ranges } of functions) {
    if (ranges[0]!.count > 0) touched.push(ranges[0]!)
    for (const { startOffset, endOffset, count } of ranges) {
      source.edges[startOffset] = 1
      source.edges[endOffset] = 1
      buffer.fill(count > 0 ? 1 : 0, startOffset, endOffset)
    }
  }
  const fresh: number[] = []
  for (const { startOffset, endOffset } of touched) {
    for (let i = startOffset; i < endOffset; i++) {
      if (buffer[i] === 1 && source.executed[i] === 0) {
        fresh.push(i)
        // Functions lie inside one another: each character once.
        buffer[i] = 0
      }
    }
  }
  return fresh
}

/** Orders of magnitude: 1, 2, 3, 4–7, 8–15, 16–31, 32–127, more. */
function bucket(count: number): number {
  if (count < 4) return count - 1
  if (count < 8) return 3
  if (count < 16) return 4
  if (count < 32) return 5
  return count < 128 ? 6 : 7
}

function featureOf(script: number, start: number, end: number, count: number): number {
  // 48 bits of a hash: two features that share one cost no more than a missed entry of the corpus.
  const high = Math.imul(script * 8 + bucket(count) + 1, 0x9e3779b1) ^ start
  const low = Math.imul(end + 1, 0x85ebca6b) ^ Math.imul(start, 0xc2b2ae35)
  return ((high >>> 0) & 0xffff) * 0x1_0000_0000 + (low >>> 0)
}

/** Blocks of all these sources. Where several are given for one address, what any of them executed counts. */
export function figuresOf(coverages: Iterable<ReadonlyMap<string, SourceCoverage>>): Map<string, Figures> {
  const merged = new Map<string, { executed: Uint8Array; edges: Uint8Array }>()
  for (const sources of coverages) {
    for (const [url, { executed, edges }] of sources) {
      const known = merged.get(url)
      if (known === undefined || known.executed.length < executed.length) {
        const grown = { executed: executed.slice(), edges: edges.slice() }
        if (known !== undefined) join(grown, known)
        merged.set(url, grown)
      } else join(known, { executed, edges })
    }
  }
  return new Map([...merged].map(([url, source]) => [url, count(source)]))
}

function join(into: SourceCoverage, from: SourceCoverage): void {
  for (const key of ['executed', 'edges'] as const) {
    for (let i = 0; i < from[key].length; i++) into[key][i]! |= from[key][i]!
  }
}

function count({ executed, edges }: SourceCoverage): Figures {
  let blocks = 0
  let covered = 0
  for (let i = 0; i < executed.length; i++) {
    if (edges[i] !== 1) continue
    blocks++
    covered += executed[i]!
  }
  return { blocks, covered }
}
