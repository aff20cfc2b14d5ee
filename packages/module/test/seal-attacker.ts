import assert from 'node:assert/strict'
import fc from 'fast-check'
import { areaOf, type Geometry, RamSlots } from '../src/medium/index.ts'
import { type ChipImage, cutCommit, SealedChip, smallGeometry } from '../src/testing/index.ts'

type Part = 'pages' | 'journal' | 'rom' | 'seal'
type Pages = Readonly<Record<number, number>>

/** What happens to a chip on somebody's table. Numbers choose among what there is at that moment. */
type Act =
  | { readonly kind: 'commit'; readonly pages: Pages }
  | { readonly kind: 'cut'; readonly pages: Pages; readonly cutAt: number }
  /** Parts of the memory as they were at one moment. */
  | { readonly kind: 'put-back'; readonly image: number; readonly parts: readonly Part[] }
  /** Single slots, each as it was at some moment, in its own place or in another's. */
  | { readonly kind: 'slots'; readonly moves: readonly { slot: number; from: number; image: number }[] }
  | { readonly kind: 'flip'; readonly slot: number; readonly at: number; readonly bit: number }

const page = fc.integer({ min: 1, max: 6 })
const pages = fc.dictionary(page.map(String), fc.integer({ min: 1, max: 255 }), {
  minKeys: 1,
  maxKeys: 3,
  noNullPrototype: true,
})
const slot = fc.nat(13)
const act: fc.Arbitrary<Act> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('commit' as const), pages }) },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('cut' as const),
      pages,
      cutAt: fc.integer({ min: 1, max: 12 }),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('put-back' as const),
      image: fc.nat(),
      parts: fc.uniqueArray(fc.constantFrom<Part>('pages', 'journal', 'rom', 'seal'), { minLength: 1 }),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('slots' as const),
      moves: fc.array(
        fc.record({ slot, from: fc.oneof({ weight: 3, arbitrary: fc.constant(-1) }, slot), image: fc.nat() }),
        { minLength: 1, maxLength: 4 },
      ),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('flip' as const), slot, at: fc.nat(295), bit: fc.nat(7) }),
  },
)

/**
 * Chips at work, cut by losses of power, whose memory somebody with all of its earlier contents puts back, moves and changes as he likes;
 * the counter is out of his reach. Whenever a chip starts, its content must be that of the last transaction that was told of as done, or
 * of the one that a cut interrupted since; and what a start has decided stays decided.
 */
export function attackedChips({ numRuns, seed }: { numRuns: number; seed?: number }): void {
  const met = { accepted: 0, refused: 0 }
  fc.assert(
    fc.property(fc.array(act, { minLength: 4, maxLength: 25 }), (acts) => {
      const bench = new Attack()
      for (const one of acts) bench.act(one)
      met.accepted += bench.accepted
      met.refused += bench.refused
    }),
    { numRuns, ...(seed === undefined ? {} : { seed }) },
  )
  assert.ok(met.accepted > numRuns / 4 && met.refused > numRuns, JSON.stringify(met))
}

class Attack {
  accepted = 0
  refused = 0
  readonly #chip = new SealedChip()
  readonly #history: ChipImage[] = [this.#chip.image()]
  /** Content that was told of as done. */
  #told = this.#chip.contents()
  /** What a transaction that was cut would have led to. */
  #open: number[] | undefined

  act(one: Act): void {
    if (one.kind === 'commit') {
      this.#start()
      this.#chip.commit(one.pages)
      this.#told = written(this.#told, one.pages)
    } else if (one.kind === 'cut') {
      this.#start()
      const next = written(this.#told, one.pages)
      if (cutCommit(this.#chip, one.pages, one.cutAt)) this.#open = next
      else this.#told = next
    } else this.#attack(one)
    this.#history.push(this.#chip.image())
  }

  /** A start on what is there: nothing was done to it. */
  #start(): void {
    const found = this.#chip.contents()
    this.#expect(found)
    this.#told = found
    this.#open = undefined
  }

  #attack(one: Exclude<Act, { kind: 'commit' | 'cut' }>): void {
    const chip = this.#chip
    const honest = chip.image()
    chip.putBack({ slots: this.#changed(honest.slots, one) })
    if (chip.refusal() !== undefined) {
      this.refused++
      chip.putBack(honest)
      return
    }
    // It starts: then it is as it was told, and what it is now stays so.
    this.accepted++
    this.#start()
    this.#expect(chip.contents())
  }

  #expect(found: readonly number[]): void {
    const allowed = this.#open === undefined ? [this.#told] : [this.#told, this.#open]
    assert.ok(
      allowed.some((one) => String(one) === String(found)),
      `${found} is none of ${allowed.join(' or ')}`,
    )
  }

  #changed(slots: RamSlots, one: Exclude<Act, { kind: 'commit' | 'cut' }>): RamSlots {
    const changed = RamSlots.from(slots)
    const at = (image: number) => this.#history[image % this.#history.length]!.slots
    if (one.kind === 'put-back') {
      for (const part of one.parts) {
        for (const slot of slotsOf(smallGeometry, part)) changed.program(slot, at(one.image).lend(slot))
      }
    } else if (one.kind === 'slots') {
      for (const { slot, from, image } of one.moves)
        changed.program(slot, at(image).lend(from < 0 ? slot : from))
    } else {
      const bytes = changed.lend(one.slot).slice()
      bytes[one.at]! ^= 1 << one.bit
      changed.program(one.slot, bytes)
    }
    return changed
  }
}

function slotsOf(geometry: Geometry, part: Part): number[] {
  const span = (first: number, count: number) => Array.from({ length: count }, (_, i) => first + i)
  const rom = areaOf(geometry, 'rom')
  if (part === 'seal') return [rom.first + rom.pages]
  if (part === 'pages') return [...span(0, 1), ...span(1, geometry.eepromPages)]
  const { first, pages } = areaOf(geometry, part)
  return span(first, pages)
}

/** First bytes of the pages after a transaction; the journal's are left out in `contents`. */
function written(before: readonly number[], pages: Pages): number[] {
  return before.map((value, page) => pages[page] ?? value)
}
