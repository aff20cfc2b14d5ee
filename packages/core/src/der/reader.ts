import { concat, fromAscii, Reader } from '../bytes/index.ts'
import type { DecodeError } from '../errors/index.ts'
import { parseTime } from './time.ts'
import { isPrintable } from './writer.ts'

/**
 * Reads DER (X.690) strictly from front to back: one-byte tags, definite and minimal lengths, minimal
 * integers, booleans 00 or FF. Whatever differs is a DecodeError. Each structure is read to its `end()`.
 */
export class DerReader {
  readonly #reader: Reader
  readonly #what: string

  constructor(bytes: Uint8Array, what: string) {
    this.#reader = new Reader(bytes, what)
    this.#what = what
  }

  /** The tag of the next element, undefined at the end. */
  peek(): number | undefined {
    return this.#reader.peek()
  }

  end(): void {
    this.#reader.end()
  }

  fail(reason: string): DecodeError {
    return this.#reader.fail(reason)
  }

  /** The content of the next element, which must have this tag. */
  content(tag: number, field: string): Uint8Array {
    return this.any(field, tag).content
  }

  /** The next element whole, tag and length included. */
  any(field: string, expected?: number): { tag: number; content: Uint8Array; encoded: Uint8Array } {
    const r = this.#reader
    const tag = r.u8(`${field} tag`)
    if (expected !== undefined && tag !== expected) {
      throw r.fail(`${field} expected tag ${hex(expected)}, got ${hex(tag)}`)
    }
    if ((tag & 0x1f) === 0x1f) throw r.fail(`${field} has a tag of several bytes`)
    const head = [tag]
    const first = r.u8(`${field} length`)
    head.push(first)
    let length = first
    if (first >= 0x80) {
      const width = first & 0x7f
      if (width === 0 || width > 3) throw r.fail(`${field} length is not definite or too large`)
      length = 0
      for (let i = 0; i < width; i++) {
        head.push(r.u8(`${field} length`))
        length = length * 256 + head.at(-1)!
      }
      if (length < 0x80 || length < 256 ** (width - 1)) throw r.fail(`${field} length is not minimal`)
    }
    const content = r.take(length, field)
    return { tag, content, encoded: concat(Uint8Array.from(head), content) }
  }

  sequence(field: string): DerReader {
    return this.#child(0x30, field)
  }

  set(field: string): DerReader {
    return this.#child(0x31, field)
  }

  explicit(number: number, field: string): DerReader {
    return this.#child(0xa0 | number, field)
  }

  /** Magnitude of a non-negative INTEGER, big-endian, without a leading zero (zero itself is 00). */
  integer(field: string): Uint8Array {
    const content = this.content(0x02, field)
    if (content.length === 0) throw this.fail(`${field} is an empty integer`)
    if (content[0]! >= 0x80) throw this.fail(`${field} is negative`)
    if (content.length > 1 && content[0] === 0) {
      if (content[1]! < 0x80) throw this.fail(`${field} is not a minimal integer`)
      return content.slice(1)
    }
    return content
  }

  smallInteger(field: string): number {
    const magnitude = this.integer(field)
    if (magnitude.length > 4 || (magnitude.length === 4 && magnitude[0]! >= 0x80)) {
      throw this.fail(`${field} is larger than 2^31-1`)
    }
    return magnitude.reduce((value, byte) => value * 256 + byte, 0)
  }

  boolean(field: string): boolean {
    const content = this.content(0x01, field)
    if (content.length !== 1 || (content[0] !== 0 && content[0] !== 0xff)) {
      throw this.fail(`${field} is not a boolean of 00 or FF`)
    }
    return content[0] === 0xff
  }

  null(field: string): void {
    if (this.content(0x05, field).length !== 0) throw this.fail(`${field} is not an empty null`)
  }

  octetString(field: string): Uint8Array {
    return this.content(0x04, field)
  }

  /** A BIT STRING of whole bytes. */
  bitString(field: string): Uint8Array {
    const content = this.content(0x03, field)
    if (content[0] !== 0) throw this.fail(`${field} is not a bit string of whole bytes`)
    return content.slice(1)
  }

  /** Numbers of the bits set in a named bit list, whose trailing zeros must be left out. */
  namedBits(field: string): number[] {
    const content = this.content(0x03, field)
    const unused = content[0]
    const bytes = content.subarray(1)
    if (unused === undefined || unused > 7 || (bytes.length === 0 && unused > 0)) {
      throw this.fail(`${field} is not a bit string`)
    }
    if (bytes.length > 0 && (bytes.at(-1)! & ((2 << unused) - 1)) !== 1 << unused) {
      throw this.fail(`${field} is not a minimal named bit list`)
    }
    const bits: number[] = []
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      if ((bytes[bit >> 3]! & (0x80 >> (bit & 7))) !== 0) bits.push(bit)
    }
    return bits
  }

  /** An OBJECT IDENTIFIER as dotted decimal. */
  oid(field: string): string {
    const content = this.content(0x06, field)
    if (content.length === 0 || content.at(-1)! >= 0x80)
      throw this.fail(`${field} is a cut object identifier`)
    const arcs: bigint[] = []
    let value = 0n
    let fresh = true
    for (const byte of content) {
      if (fresh && byte === 0x80) throw this.fail(`${field} has an arc that is not minimal`)
      value = (value << 7n) | BigInt(byte & 0x7f)
      fresh = byte < 0x80
      if (fresh) {
        arcs.push(value)
        value = 0n
      }
    }
    const root = arcs[0]! < 40n ? 0n : arcs[0]! < 80n ? 1n : 2n
    return [root, arcs[0]! - root * 40n, ...arcs.slice(1)].join('.')
  }

  utf8String(field: string): string {
    try {
      return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(this.content(0x0c, field))
    } catch (error) {
      if (error instanceof TypeError) throw this.fail(`${field} is not UTF-8`)
      throw error
    }
  }

  printableString(field: string): string {
    const content = this.content(0x13, field)
    const text = fromAscii(content)
    if (!isPrintable(text)) throw this.fail(`${field} holds characters that PrintableString lacks`)
    return text
  }

  /** UTCTime or GeneralizedTime in the form of RFC 5280, as seconds since 1970. */
  time(field: string): number {
    const { tag, content } = this.any(field)
    const seconds = parseTime(fromAscii(content.subarray(0, 16)))
    if (seconds === undefined || content.length !== (tag === 0x17 ? 13 : tag === 0x18 ? 15 : -1)) {
      throw this.fail(`${field} is not a time as RFC 5280 writes it`)
    }
    return seconds
  }

  #child(tag: number, field: string): DerReader {
    return new DerReader(this.content(tag, field), `${this.#what} ${field}`)
  }
}

function hex(byte: number): string {
  return byte.toString(16).toUpperCase().padStart(2, '0')
}
