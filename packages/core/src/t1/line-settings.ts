import { UsageError } from '../errors/index.ts'
import { longestInformation } from './block.ts'
import type { ErrorDetection } from './error-detection.ts'

/** How a line is used. Times are milliseconds. */
export interface LineSettings {
  readonly detection: ErrorDetection
  /** Longest information field that this end takes. */
  readonly ifs: number
  /** How long the host waits for the first byte of a block before it asks again (BWT). */
  readonly blockMs: number
  /** A block that stands still for so long is over, and so is noise (CWT). */
  readonly characterMs: number
  /** What one byte takes on the line. */
  readonly byteMs: number
  /** How often in succession the host says something before it gives up; 3 in ISO/IEC 7816-3 (rule 7.4). */
  readonly attempts: number
  /** How long one answer may be put off by the module's requests for more time. */
  readonly answerMs: number
}

/** For contacts and short cables; a second for each block lets a module work and a busy machine breathe. */
export const defaultSettings: LineSettings = {
  detection: 'crc',
  ifs: longestInformation,
  blockMs: 1000,
  characterMs: 100,
  byteMs: 0,
  attempts: 8,
  answerMs: 120_000,
}

export function lineSettings(chosen: Partial<LineSettings>): LineSettings {
  const settings = { ...defaultSettings, ...chosen }
  const { ifs, attempts, blockMs, characterMs } = settings
  if (!Number.isInteger(ifs) || ifs < 1 || ifs > longestInformation)
    throw new UsageError(`expected an information field size of 1 to ${longestInformation}, got ${ifs}`)
  if (!(attempts >= 1) || !(blockMs > 0) || !(characterMs > 0))
    throw new UsageError('a line needs at least one attempt, and times above 0')
  return settings
}

/** Information fields before a size is agreed on (ISO/IEC 7816-3, 11.4.2). */
export const initialIfs = 32
/** The longest command APDU: an extended one with all of Lc and Le. An answer is shorter. */
export const longestApdu = 4 + 3 + 0xffff + 2
