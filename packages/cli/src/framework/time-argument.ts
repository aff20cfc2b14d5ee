import { UsageError } from '@sealwright/core/errors'

/**
 * A moment as people write it, in seconds since 1970: `2027-06-30` is the last second of that day in UTC, `2027-06-30T12:00:00Z` that moment.
 * A day that no calendar has is a UsageError.
 */
export function requireTime(text: string): number {
  const match = /^(\d{4}-\d{2}-\d{2})(T\d{2}:\d{2}:\d{2}Z)?$/.exec(text)
  const moment = new Date(match?.[2] === undefined ? `${text}T23:59:59Z` : text)
  // The calendar turns 31 June into 1 July; what was meant is not known then.
  if (
    match === null ||
    Number.isNaN(moment.getTime()) ||
    timeText(moment.getTime() / 1000).slice(0, 10) !== match[1]
  ) {
    throw new UsageError(`expected a day (2027-06-30) or a moment in UTC (2027-06-30T12:00:00Z), got ${text}`)
  }
  return moment.getTime() / 1000
}

/** Seconds since 1970 as `2027-06-30T12:00:00Z`. */
export function timeText(seconds: number): string {
  return new Date(seconds * 1000).toISOString().replace('.000Z', 'Z')
}
