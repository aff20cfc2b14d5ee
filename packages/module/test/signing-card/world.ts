import assert from 'node:assert/strict'
import { portableCrypto as crypto } from '@sealwright/core/crypto'
import { type Medium, RamMedium } from '../../src/medium/index.ts'
import {
  type CardBench,
  type CardBenchOptions,
  refusalChanges,
  signingCardBench,
} from '../../src/testing/index.ts'

/** A bench whose card is put back to the same state before each attempt. */
export interface Attempts {
  readonly bench: CardBench
  /** Works on a card as it was when this was made; gives the memory that it worked on. */
  fresh(): RamMedium
  /** A status word as hex; a refusal must have changed nothing. */
  refused(work: () => Promise<{ readonly sw: number }>): Promise<string>
}

export async function attempts(options: Partial<CardBenchOptions> = {}): Promise<Attempts> {
  const bench = await signingCardBench({ crypto, ...options })
  return from(bench)
}

/** From where the card of a bench is now. */
export function from(bench: CardBench): Attempts {
  const start = current(bench).snapshot()
  let medium: RamMedium | undefined
  const fresh = () => {
    medium = RamMedium.from(start)
    power(bench, medium)
    return medium
  }
  return {
    bench,
    fresh,
    async refused(work) {
      const on = current(bench)
      const before = on.clone()
      const { sw } = await work()
      assert.deepEqual(refusalChanges(before, on), [])
      return sw.toString(16)
    },
  }
}

const media = new WeakMap<CardBench, RamMedium>()

/** Powers the card of a bench up on this memory. */
export function power(bench: CardBench, medium: Medium): void {
  bench.module = bench.fixture.power(medium)
  if (medium instanceof RamMedium) media.set(bench, medium)
}

/** The memory that the card of a bench works on. */
export function current(bench: CardBench): RamMedium {
  return media.get(bench) ?? bench.fixture.medium
}
