import { Script } from 'node:vm'

/** Thrown by `withinTime`; the work was broken off where it stood. */
export class TimeUp extends Error {}

const slot = Symbol.for('sealwright.fuzz.work')
const script = new Script(`globalThis[Symbol.for('sealwright.fuzz.work')]()`)

/**
 * Runs `work`, which must be synchronous, and breaks it off after so many milliseconds, even in a loop without end: V8 stops a script
 * that runs under a timeout together with all that it calls.
 */
export function withinTime<T>(timeoutMs: number, work: () => T): T {
  const world = globalThis as { [slot]?: () => T }
  const outer = world[slot]
  world[slot] = work
  try {
    return script.runInThisContext({ timeout: timeoutMs }) as T
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ERR_SCRIPT_EXECUTION_TIMEOUT') throw new TimeUp()
    throw error
  } finally {
    if (outer === undefined) delete world[slot]
    else world[slot] = outer
  }
}
