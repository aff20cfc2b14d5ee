import { type ProgramCheck, ProgramRefused } from './refused.ts'

/**
 * Reads a wasm binary (WebAssembly core specification, 5). Throws ProgramRefused on overread and on LEB128 numbers that are
 * too long or too large. Longer forms of small numbers are allowed, as the specification allows them: linkers emit them.
 */
export class BinaryReader {
  readonly bytes: Uint8Array
  readonly end: number
  position: number

  constructor(bytes: Uint8Array, position = 0, end = bytes.length) {
    this.bytes = bytes
    this.position = position
    this.end = end
  }

  get done(): boolean {
    return this.position >= this.end
  }

  byte(): number {
    if (this.position >= this.end) throw this.fail('bytes end too early')
    return this.bytes[this.position++]!
  }

  skip(length: number): void {
    if (length > this.end - this.position) throw this.fail(`${length} bytes wanted, the rest is shorter`)
    this.position += length
  }

  u32(): number {
    let value = 0
    for (let shift = 0; shift < 28; shift += 7) {
      const byte = this.byte()
      value |= (byte & 0x7f) << shift
      if (byte < 0x80) return value
    }
    const last = this.byte()
    if (last > 0x0f) throw this.fail('number is longer than 32 bits')
    return (value | (last << 28)) >>> 0
  }

  /** A vector's length, at most `limit`. */
  count(limit: number, check: ProgramCheck, what: string): number {
    const count = this.u32()
    if (count > limit) throw this.fail(`${count} ${what}, at most ${limit} are taken`, check)
    return count
  }

  /** A signed number of 32, 33 or 64 bits; the value is exact for up to 33 bits and not used beyond. */
  signed(bits: 32 | 33 | 64): number {
    const longest = Math.ceil(bits / 7)
    let value = 0
    for (let i = 0; i < longest; i++) {
      const byte = this.byte()
      value += (byte & 0x7f) * 2 ** (7 * i)
      if (byte >= 0x80) continue
      if (i === longest - 1) {
        // The unused bits of the last byte repeat the sign.
        const used = bits - 7 * i
        const high = (byte & 0x7f) >> (used - 1)
        if (high !== 0 && high !== 0x7f >> (used - 1)) throw this.fail(`number is longer than ${bits} bits`)
      }
      return (byte & 0x40) !== 0 ? value - 2 ** (7 * (i + 1)) : value
    }
    throw this.fail(`number is longer than ${bits} bits`)
  }

  /** A name. Every name that a program may use is ASCII. */
  name(): string {
    const length = this.u32()
    const start = this.position
    this.skip(length)
    let text = ''
    for (let i = start; i < this.position; i++) text += String.fromCharCode(this.bytes[i]!)
    return text
  }

  /** The next `length` bytes as a reader of their own. */
  child(length: number): BinaryReader {
    const start = this.position
    this.skip(length)
    return new BinaryReader(this.bytes, start, this.position)
  }

  finish(what: string): void {
    if (this.position !== this.end) throw this.fail(`${what} has ${this.end - this.position} bytes left over`)
  }

  fail(reason: string, check: ProgramCheck = 'encoding'): ProgramRefused {
    return new ProgramRefused(check, `${reason} at offset ${this.position}`)
  }
}

/** Collects a wasm binary. */
export class BinaryWriter {
  #bytes = new Uint8Array(1024)
  #length = 0

  get length(): number {
    return this.#length
  }

  byte(value: number): this {
    this.#room(1)
    this.#bytes[this.#length++] = value
    return this
  }

  bytes(value: ArrayLike<number>): this {
    this.#room(value.length)
    this.#bytes.set(value, this.#length)
    this.#length += value.length
    return this
  }

  u32(value: number): this {
    let rest = value
    while (rest >= 0x80) {
      this.byte((rest & 0x7f) | 0x80)
      rest = Math.floor(rest / 128)
    }
    return this.byte(rest)
  }

  /** i32 as signed LEB128. */
  i32(value: number): this {
    let rest = value
    for (;;) {
      const low = rest & 0x7f
      rest >>= 7
      if ((rest === 0 && low < 0x40) || (rest === -1 && low >= 0x40)) return this.byte(low)
      this.byte(low | 0x80)
    }
  }

  name(text: string): this {
    this.u32(text.length)
    for (let i = 0; i < text.length; i++) this.byte(text.charCodeAt(i))
    return this
  }

  /** `content` with its length before it. */
  sized(content: BinaryWriter): this {
    this.u32(content.length)
    return this.bytes(content.view())
  }

  section(id: number, content: BinaryWriter): this {
    return this.byte(id).sized(content)
  }

  view(): Uint8Array {
    return this.#bytes.subarray(0, this.#length)
  }

  finish(): Uint8Array {
    return this.#bytes.slice(0, this.#length)
  }

  #room(more: number): void {
    if (this.#length + more <= this.#bytes.length) return
    const larger = new Uint8Array(Math.max(this.#bytes.length * 2, this.#length + more))
    larger.set(this.view())
    this.#bytes = larger
  }
}
