import { longestResetTag, prologueLength } from './block.ts'
import { epilogueLength } from './error-detection.ts'
import { type LineSettings, lineSettings } from './line-settings.ts'

/**
 * Bytes in both directions that one command and its answer are on a clean T=1 line whose two ends have the same settings: I-blocks, and an R-block
 * for each piece of a chain but the last.
 */
export function exchangeBytes(
  commandLength: number,
  answerLength: number,
  settings: Partial<LineSettings> = {},
): number {
  const { ifs, detection } = lineSettings(settings)
  const pieces = (length: number): number => Math.max(1, Math.ceil(length / ifs))
  const blocks = 2 * pieces(commandLength) - 1 + 2 * pieces(answerLength) - 1
  return commandLength + answerLength + blocks * (prologueLength + epilogueLength[detection])
}

/** Bytes of the reset that begins a conversation, and of the one that ends it: request, response, and the agreement on the length of blocks. */
export function resetBytes(settings: Partial<LineSettings> = {}, historicalLength = 0): number {
  const { detection } = lineSettings(settings)
  const answerToReset = 7 + historicalLength
  const information = longestResetTag + longestResetTag + answerToReset + 1 + 1
  return 4 * (prologueLength + epilogueLength[detection]) + information
}

/** Milliseconds that so many bytes take at a speed in baud: 8 bits, one start bit, one stop bit. */
export function lineMs(bytes: number, baud: number): number {
  return (bytes * 10 * 1000) / baud
}
