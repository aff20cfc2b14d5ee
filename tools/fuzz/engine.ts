import type { BlockCoverage } from './coverage.ts'
import { Random } from './random.ts'
import { type Defect, identity, type Target } from './target.ts'
import { TimeUp, withinTime } from './time-limit.ts'

export interface EngineOptions {
  readonly seed: string
  /** False: what reaches new code is not kept, so that only the seeds are changed. For the proof that guidance finds more. */
  readonly guided?: boolean
  /** A run that takes longer, alone too, is a hang. */
  readonly hangMs?: number
  /** Told before every run, so that another thread can say what this one did last. */
  readonly before?: (input: unknown) => void
}

interface Entry<Input> {
  readonly input: Input
  picks: number
}

export interface Found<Input> {
  readonly defect: Defect
  /** The smallest input that was found for it. */
  readonly input: Input
}

/** The search: changes inputs that reached something, and keeps what reaches something new. */
export class Engine<Input> {
  readonly target: Target<Input>
  readonly found: Found<Input>[] = []
  runs = 0
  readonly #coverage: BlockCoverage
  readonly #random: Random
  readonly #options: Required<Omit<EngineOptions, 'seed'>>
  readonly #corpus: Entry<Input>[] = []
  /** Those that executed something for the first time, and not only more or less often than others. */
  readonly #fresh: Entry<Input>[] = []
  readonly #known = new Set<string>()
  #seeds: Iterator<Input> | undefined
  #batch = 1
  #tries = 0
  #current: Input | undefined

  /** @param others inputs of earlier runs, which are seeds too */
  constructor(
    target: Target<Input>,
    coverage: BlockCoverage,
    { seed, ...options }: EngineOptions,
    others: Iterable<Input> = [],
  ) {
    this.target = target
    this.#coverage = coverage
    this.#seeds = chained(target.seeds(), others)[Symbol.iterator]()
    this.#random = new Random(`${seed} ${target.name}`)
    this.#options = { guided: true, hangMs: 15_000, before: () => {}, ...options }
  }

  get corpus(): readonly Input[] {
    return this.#corpus.map(({ input }) => input)
  }

  /** Runs all seeds, and keeps those that reach something. */
  begin(): void {
    while (this.#seeds !== undefined) this.#turns(Number.POSITIVE_INFINITY, true)
  }

  /** Runs the seeds that are left, then tries changed inputs: so many runs together, or somewhat more. */
  search(runs: number): void {
    this.#turns(this.runs + runs, false)
  }

  #turns(end: number, seedsOnly: boolean): void {
    this.#coverage.skip()
    const go = (): boolean => this.runs < end && !(seedsOnly && this.#seeds === undefined)
    while (go()) {
      this.#guarded(() => {
        if (this.#seeds !== undefined) this.#trySeeds(this.#seeds)
        else this.#tryChanged()
        return go()
      })
    }
  }

  #trySeeds(seeds: Iterator<Input>): void {
    const batch: Input[] = []
    while (batch.length < this.#batch) {
      const { done, value } = seeds.next()
      if (done === true) {
        this.#seeds = undefined
        break
      }
      batch.push(value)
    }
    if (batch.length > 0) this.#try(batch, true)
    // A target whose seeds reach nothing is searched from the last of them.
    if (this.#seeds === undefined && this.#corpus.length === 0)
      this.#add(batch.at(-1) ?? this.#current!, true)
  }

  #tryChanged(): void {
    const batch = Array.from({ length: this.#batch }, () => this.#next())
    this.#try(batch, false)
    // Counts of blocks mean something for single runs only: now and then one is looked at so.
    if (this.#tries++ % 4 === 0) this.#explore([this.#random.pick(batch)!], false)
  }

  /** The smallest input with the same defect that so many runs find. */
  minimize(input: Input, defect: Defect): Input {
    const wanted = identity(defect)
    let smallest = input
    let left = defect.kind === 'hang' ? 60 : 4_000
    for (let progress = true; progress; ) {
      progress = false
      for (const candidate of this.target.smaller(smallest)) {
        if (left-- <= 0) return smallest
        const now = this.#run(candidate)
        if (now === undefined || identity(now) !== wanted) continue
        smallest = candidate
        progress = true
        break
      }
    }
    return smallest
  }

  #next(): Input {
    const fresh = !this.#random.oneIn(4) || this.#corpus.length === this.#fresh.length
    const from = fresh && this.#fresh.length > 0 ? this.#fresh : this.#corpus
    // Of three, the one that was changed least often.
    let chosen = this.#random.pick(from)!
    for (let n = 0; n < 2; n++) {
      const other = this.#random.pick(from)!
      if (other.picks < chosen.picks) chosen = other
    }
    const turn = chosen.picks++
    const pick = (): Input => this.#random.pick(this.#corpus)!.input
    return this.target.mutate(chosen.input, this.#random, pick, turn)
  }

  /**
   * Does the work again and again as long as it says so, and breaks off a run without end. One alarm serves many tries: to set it costs as
   * much as some runs.
   */
  #guarded(work: () => boolean): void {
    const { hangMs } = this.#options
    try {
      withinTime(hangMs, () => {
        const until = performance.now() + hangMs / 4
        while (work() && performance.now() < until);
      })
    } catch (error) {
      if (!(error instanceof TimeUp)) throw error
      const input = this.#current as Input | undefined
      // Many runs took long together, or the machine was busy: it must happen again to the last one alone.
      if (input !== undefined) this.#note(input, this.#run(input))
      this.#coverage.skip()
    }
  }

  /** Looks at a batch. The next one is larger while nothing new comes, since a look costs much, and smaller where much comes. */
  #try(inputs: readonly Input[], seeding: boolean): void {
    const fresh = this.#explore(inputs, seeding)
    this.#batch = fresh ? Math.max(1, this.#batch >> 1) : Math.min(this.target.batch, this.#batch * 2)
  }

  /** Runs inputs; where they reach something new together, looks for the one of them that does. */
  #explore(inputs: readonly Input[], seeding: boolean): boolean {
    for (const input of inputs) this.#note(input, this.#runOnce(input))
    const taken = this.#coverage.take()
    if (inputs.length === 1) {
      if (taken.fresh === 0 && taken.features === 0) return false
      taken.keep()
      if (this.#options.guided || seeding) this.#add(inputs[0]!, taken.fresh > 0)
      return taken.fresh > 0
    }
    if (taken.fresh === 0) return false
    const middle = inputs.length >> 1
    this.#explore(inputs.slice(0, middle), seeding)
    this.#explore(inputs.slice(middle), seeding)
    // What is executed once only, whoever comes first, is nobody's merit.
    taken.keepExecuted()
    return true
  }

  #add(input: Input, fresh: boolean): void {
    const entry = { input, picks: 0 }
    this.#corpus.push(entry)
    if (fresh) this.#fresh.push(entry)
  }

  #run(input: Input): Defect | undefined {
    try {
      return withinTime(this.#options.hangMs, () => this.#runOnce(input))
    } catch (error) {
      if (!(error instanceof TimeUp)) throw error
      const subject = this.target.subject(input)
      const text = `no end within ${this.#options.hangMs} ms`
      return { kind: 'hang', subject, detail: '', text }
    }
  }

  #runOnce(input: Input): Defect | undefined {
    this.runs++
    this.#current = input
    this.#options.before(input)
    return this.target.run(input)
  }

  #note(input: Input, defect: Defect | undefined): void {
    if (defect === undefined || this.#known.has(identity(defect))) return
    // Another program may have had the processor: what is slow is so again.
    if (defect.kind === 'slow' && this.#run(input)?.kind !== 'slow') return
    this.#known.add(identity(defect))
    this.found.push({ defect, input })
  }
}

function* chained<T>(...lists: Iterable<T>[]): Iterable<T> {
  for (const list of lists) yield* list
}
