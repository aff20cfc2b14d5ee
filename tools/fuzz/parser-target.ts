import { type Parser, parsers } from '../../packages/core/src/testing/parsers.ts'
import { sweepByte } from './bytes-mutation.ts'
import { readDictionary } from './dictionary.ts'
import { bytesFromHex, bytesToHex } from './hex.ts'
import { isDecodeError, moduleReaders } from './module-readers.ts'
import { place } from './place.ts'
import type { Random } from './random.ts'
import { smallerBytes } from './smaller-bytes.ts'
import { mutateStructured } from './structure-mutation.ts'
import type { Defect, Target } from './target.ts'

/** A function that reads bytes, and the errors by which it may refuse them. */
export interface Reading extends Parser {
  refuses(error: unknown): boolean
}

export interface ParserInput {
  readonly parser: string
  readonly bytes: Uint8Array
}

/** Longer inputs only take longer. */
const longest = 8 * 1024

/**
 * Parsers. The laws: an answer, or one of the errors that mean *refused*; what was parsed serializes to the bytes that came, or, where one value
 * has several forms, to one that stays; the input is left as it was.
 * @param blobs bytes that may be valid for any of them
 */
export function parserTarget(
  readings: readonly Reading[],
  blobs: readonly Uint8Array[],
): Target<ParserInput> {
  const byName = new Map(readings.map((reading) => [reading.name, reading]))
  const dictionary = readDictionary()
  const names = [...byName.keys()]

  function* seeds(): Iterable<ParserInput> {
    for (const parser of names) {
      yield { parser, bytes: new Uint8Array(0) }
      for (const bytes of blobs) if (bytes.length <= longest) yield { parser, bytes }
    }
  }

  return {
    name: 'parser',
    batch: 400,
    seeds,
    run: ({ parser, bytes }) => runParser(byName.get(parser)!, bytes),
    subject: ({ parser }) => parser,
    mutate(input: ParserInput, random: Random, pick, turn) {
      if (turn % 2 === 1) return { ...input, bytes: sweepByte(input.bytes, turn >> 1) }
      const { parser } = random.oneIn(12) ? { parser: random.pick(names)! } : input
      const mutated = mutateStructured(input.bytes, { random, dictionary }, pick().bytes)
      return { parser, bytes: mutated.subarray(0, longest) }
    },
    *smaller({ parser, bytes }) {
      for (const fewer of smallerBytes(bytes)) yield { parser, bytes: fewer }
    },
    write: ({ parser, bytes }) => ({ parser, bytes: bytesToHex(bytes) }),
    read(value) {
      const { parser, bytes } = value as { parser: string; bytes: string }
      if (!byName.has(parser)) throw new Error(`there is no parser ${parser}`)
      return { parser, bytes: bytesFromHex(bytes) }
    },
  }
}

function runParser(reading: Reading, bytes: Uint8Array): Defect | undefined {
  const { name } = reading
  const given = bytes.slice()
  let value: unknown
  try {
    value = reading.parse(given)
  } catch (error) {
    if (reading.refuses(error)) return undefined
    return { kind: 'throws', subject: name, ...place(error) }
  }
  if (!same(given, bytes)) {
    return { kind: 'changes its input', subject: name, detail: '', text: bytesToHex(given) }
  }
  if (reading.serialize === undefined) return undefined
  try {
    const again = reading.serialize(value as never)
    const wanted =
      reading.manyForms === true ? reading.serialize(reading.parse(again.slice()) as never) : bytes
    if (same(again, wanted)) return undefined
    return { kind: 'serializes to other bytes', subject: name, detail: '', text: bytesToHex(again) }
  } catch (error) {
    return { kind: 'parses what does not serialize', subject: name, ...place(error) }
  }
}

function same(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i])
}

/** Core's parsers, and what the module reads that came from outside or out of its memory. */
export function allReadings(): Reading[] {
  return [...parsers.map((parser) => ({ ...parser, refuses: isDecodeError })), ...moduleReaders]
}
