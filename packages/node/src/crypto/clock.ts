import type { Clock } from '@sealwright/core/ports'

/** The computer's time. */
export const systemClock: Clock = {
  now: () => Math.floor(Date.now() / 1000),
}
