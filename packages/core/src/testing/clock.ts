import { UsageError } from '../errors/index.ts'
import type { Clock } from '../ports/index.ts'

export interface FixedClock extends Clock {
  advance(seconds: number): void
}

/** A clock for tests that stands at `seconds` until it is advanced; it never goes back. */
export function fixedClock(seconds: number): FixedClock {
  let time = seconds
  return {
    now: () => time,
    advance(by) {
      if (!(by >= 0)) throw new UsageError(`a clock does not go back by ${-by} seconds`)
      time += by
    },
  }
}
