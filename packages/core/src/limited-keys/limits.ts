import type { Reader, Writer } from '../bytes/index.ts'
import { UsageError } from '../errors/index.ts'

/** How long a symmetric key of the central system serves (B14): at least a date or a number of uses. */
export interface KeyLimits {
  /** The last second in which it serves, since 1970. */
  readonly notAfter?: number
  /** How often it serves. */
  readonly uses?: number
  /** How often it serves without a newer time of the central system: the module has no clock. */
  readonly usesUnheard?: number
}

/** Bytes of limits: last second(4) ‖ uses(4) ‖ uses without newer time(4); FFFFFFFF: no such limit. */
export const limitsLength = 12
const none = 0xffff_ffff

export function readLimits(r: Reader): KeyLimits {
  const notAfter = readLimit(r, 'last second')
  const uses = readLimit(r, 'uses')
  const usesUnheard = readLimit(r, 'uses without newer time')
  const limits = {
    ...(notAfter === undefined ? {} : { notAfter }),
    ...(uses === undefined ? {} : { uses }),
    ...(usesUnheard === undefined ? {} : { usesUnheard }),
  }
  if (!areLimits(limits)) throw r.fail('a key with a date or a number of uses was expected')
  return limits
}

export function writeLimits(w: Writer, limits: KeyLimits): void {
  if (!areLimits(limits)) {
    throw new UsageError(
      'a limited key needs a date or a number of uses, at least 1 of each, and with a date alone the uses without newer time',
    )
  }
  w.u32(limits.notAfter ?? none)
    .u32(limits.uses ?? none)
    .u32(limits.usesUnheard ?? none)
}

/**
 * A date alone would never come to a module that hears no time any more: then the uses without newer time must end it.
 */
function areLimits({ notAfter, uses, usesUnheard }: KeyLimits): boolean {
  if (uses === 0 || usesUnheard === 0) return false
  return uses !== undefined || (notAfter !== undefined && usesUnheard !== undefined)
}

function readLimit(r: Reader, what: string): number | undefined {
  const value = r.u32(what)
  return value === none ? undefined : value
}
