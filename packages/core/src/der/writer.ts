import { ascii, concat } from '../bytes/index.ts'
import { UsageError } from '../errors/index.ts'
import { formatTime, generalizedTimeTag } from './time.ts'

/** One element: tag, minimal length, contents (X.690 sections 8.1 and 10.1). */
function element(tag: number, ...contents: readonly Uint8Array[]): Uint8Array {
  const content = concat(...contents)
  return concat(Uint8Array.of(tag), serializeLength(content.length), content)
}

/** A positive INTEGER from a big-endian magnitude; leading zeros are taken away. */
function integer(magnitude: Uint8Array): Uint8Array {
  let start = 0
  while (start < magnitude.length - 1 && magnitude[start] === 0) start++
  const trimmed = magnitude.length === 0 ? Uint8Array.of(0) : magnitude.subarray(start)
  return element(0x02, Uint8Array.from(trimmed[0]! >= 0x80 ? [0] : []), trimmed)
}

function smallInteger(value: number): Uint8Array {
  if (!Number.isInteger(value) || value < 0 || value > 0x7fffffff) {
    throw new UsageError(`expected an integer of 0..2^31-1, got ${value}`)
  }
  return integer(Uint8Array.of(value >>> 24, value >>> 16, value >>> 8, value))
}

/** An OBJECT IDENTIFIER from dotted decimal; arcs may be as long as those under 2.25 (128 bits). */
function oid(text: string): Uint8Array {
  if (!/^[0-2](\.(0|[1-9]\d*))+$/.test(text)) throw new UsageError('expected a dotted object identifier')
  const arcs = text.split('.').map((arc) => BigInt(arc))
  const [first, second] = [arcs[0]!, arcs[1]!]
  if (first < 2n && second > 39n) throw new UsageError('the second arc under 0 and 1 ends at 39')
  return element(0x06, ...[first * 40n + second, ...arcs.slice(2)].map(serializeArc))
}

function serializeArc(value: bigint): Uint8Array {
  const out = [Number(value & 0x7fn)]
  for (let rest = value >> 7n; rest > 0n; rest >>= 7n) out.unshift(Number(rest & 0x7fn) | 0x80)
  return Uint8Array.from(out)
}

function serializeLength(length: number): Uint8Array {
  if (length < 0x80) return Uint8Array.of(length)
  if (length < 0x100) return Uint8Array.of(0x81, length)
  if (length < 0x10000) return Uint8Array.of(0x82, length >>> 8, length & 0xff)
  return Uint8Array.of(0x83, length >>> 16, (length >>> 8) & 0xff, length & 0xff)
}

function bitString(bytes: Uint8Array): Uint8Array {
  return element(0x03, Uint8Array.of(0), bytes)
}

/** A named bit list from the numbers of the bits that are set: trailing zeros are left out (X.690 section 11.2.2). */
function namedBits(bits: readonly number[]): Uint8Array {
  const last = Math.max(-1, ...bits)
  const bytes = new Uint8Array(Math.floor((last + 8) / 8))
  for (const bit of bits) bytes[bit >> 3]! |= 0x80 >> (bit & 7)
  return element(0x03, Uint8Array.of(bytes.length * 8 - 1 - last), bytes)
}

function utf8String(text: string): Uint8Array {
  if (!text.isWellFormed()) throw new UsageError('expected well-formed Unicode text')
  return element(0x0c, new TextEncoder().encode(text))
}

function printableString(text: string): Uint8Array {
  if (!isPrintable(text)) throw new UsageError('expected characters of PrintableString')
  return element(0x13, ascii(text))
}

export function isPrintable(text: string): boolean {
  return /^[A-Za-z0-9 '()+,\-./:=?]*$/.test(text)
}

/** UTCTime through 2049, GeneralizedTime after it (RFC 5280 section 4.1.2.5). */
function time(seconds: number): Uint8Array {
  const text = formatTime(seconds)
  return element(generalizedTimeTag(text) ? 0x18 : 0x17, ascii(text))
}

/** The writer of DER: each function gives one whole element. */
export const der = {
  element,
  sequence: (...contents: readonly Uint8Array[]): Uint8Array => element(0x30, ...contents),
  set: (content: Uint8Array): Uint8Array => element(0x31, content),
  /** [number] EXPLICIT */
  explicit: (number: number, content: Uint8Array): Uint8Array => element(0xa0 | number, content),
  /** [number] IMPLICIT of a primitive type */
  implicit: (number: number, content: Uint8Array): Uint8Array => element(0x80 | number, content),
  boolean: (value: boolean): Uint8Array => element(0x01, Uint8Array.of(value ? 0xff : 0)),
  null: (): Uint8Array => element(0x05),
  octetString: (bytes: Uint8Array): Uint8Array => element(0x04, bytes),
  utf8String,
  integer,
  smallInteger,
  oid,
  bitString,
  namedBits,
  printableString,
  time,
}
