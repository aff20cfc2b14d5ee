import { DecodeError } from '../errors/index.ts'
import { fixedBytes } from './bytes.ts'

/** Reads a byte string from front to back. Throws on overread; `end` throws on leftover. Nothing clamps. */
export class Reader {
  readonly #bytes: Uint8Array
  readonly #what: string
  #offset = 0

  /** @param what names the structure in errors, e.g. `key message` */
  constructor(bytes: Uint8Array, what: string) {
    this.#bytes = bytes
    this.#what = what
  }

  get remaining(): number {
    return this.#bytes.length - this.#offset
  }

  get offset(): number {
    return this.#offset
  }

  /** The next `length` bytes, copied, so that the result outlives the buffer it came from. */
  take(length: number, field: string): Uint8Array {
    // Not slice(): on a Buffer that is a view.
    return new Uint8Array(this.#advance(length, field))
  }

  /** The same for a secret: where `wipe` meets the only copy that this makes. */
  secret(length: number, field: string): Uint8Array {
    const out = fixedBytes(length)
    out.set(this.#advance(length, field))
    return out
  }

  /** Reads a nested structure that cannot read past its own end. */
  child(length: number, field: string): Reader {
    return new Reader(this.#advance(length, field), `${this.#what} ${field}`)
  }

  rest(): Uint8Array {
    return this.take(this.remaining, 'rest')
  }

  peek(): number | undefined {
    return this.#bytes[this.#offset]
  }

  u8(field: string): number {
    const at = this.#pass(1, field)
    return this.#bytes[at]!
  }

  u16(field: string): number {
    const at = this.#pass(2, field)
    return (this.#bytes[at]! << 8) | this.#bytes[at + 1]!
  }

  u24(field: string): number {
    const at = this.#pass(3, field)
    return (this.#bytes[at]! << 16) | (this.#bytes[at + 1]! << 8) | this.#bytes[at + 2]!
  }

  u32(field: string): number {
    const at = this.#pass(4, field)
    const b = this.#bytes
    return ((b[at]! << 24) | (b[at + 1]! << 16) | (b[at + 2]! << 8) | b[at + 3]!) >>> 0
  }

  end(): void {
    if (this.remaining > 0) throw this.fail(`${this.remaining} bytes left over`)
  }

  fail(reason: string): DecodeError {
    return new DecodeError(`${this.#what}: ${reason} at offset ${this.#offset}`)
  }

  #advance(length: number, field: string): Uint8Array {
    const start = this.#pass(length, field)
    return this.#bytes.subarray(start, this.#offset)
  }

  /** Steps over the next bytes and returns where they begin. */
  #pass(length: number, field: string): number {
    if (!(length >= 0 && length <= this.remaining)) {
      throw this.fail(`${field} needs ${length} bytes, ${this.remaining} left`)
    }
    const start = this.#offset
    this.#offset += length
    return start
  }
}
