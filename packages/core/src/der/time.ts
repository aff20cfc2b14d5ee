import { UsageError } from '../errors/index.ts'

const earliest = Date.UTC(1950, 0, 1) / 1000
const latest = Date.UTC(9999, 11, 31, 23, 59, 59) / 1000

/** Seconds since 1970 of 9999-12-31T23:59:59Z, which stands for "no end" (RFC 5280 section 4.1.2.5). */
export const noEnd = latest

/** Text of UTCTime (1950 through 2049) or GeneralizedTime. */
export function formatTime(seconds: number): string {
  if (!Number.isInteger(seconds) || seconds < earliest || seconds > latest) {
    throw new UsageError(`expected a time of the years 1950 through 9999, got ${seconds}`)
  }
  const digits = new Date(seconds * 1000).toISOString().replace(/\D/g, '').slice(0, 14)
  return `${digits < '2050' ? digits.slice(2) : digits}Z`
}

/** Whether a formatted time is GeneralizedTime; its text is longer by the century. */
export function generalizedTimeTag(text: string): boolean {
  return text.length === 15
}

/** Seconds of a time in exactly the form that `formatTime` writes, else undefined. */
export function parseTime(text: string): number | undefined {
  if (!/^(\d{12}|\d{14})Z$/.test(text)) return undefined
  const century = text.length === 15 ? '' : text < '50' ? '20' : '19'
  const [year, ...rest] = `${century}${text}`.match(/^\d{4}|\d\d/g)!.map(Number)
  const seconds = Date.UTC(year!, rest[0]! - 1, rest[1]!, rest[2]!, rest[3]!, rest[4]!) / 1000
  return seconds >= earliest && seconds <= latest && formatTime(seconds) === text ? seconds : undefined
}
