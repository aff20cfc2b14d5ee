import { concat, requireWidth } from './bytes.ts'

/** Collects byte strings and big-endian numbers. A byte string is read when `finish` is called, not before. */
export class Writer {
  readonly #parts: Uint8Array[] = []

  bytes(value: Uint8Array): this {
    this.#parts.push(value)
    return this
  }

  u8(value: number): this {
    return this.#number(value, 1)
  }

  u16(value: number): this {
    return this.#number(value, 2)
  }

  u24(value: number): this {
    return this.#number(value, 3)
  }

  u32(value: number): this {
    return this.#number(value, 4)
  }

  finish(): Uint8Array {
    return concat(...this.#parts)
  }

  #number(value: number, width: number): this {
    requireWidth(value, width)
    const out = new Uint8Array(width)
    for (let i = width - 1, rest = value; i >= 0; i--, rest = Math.floor(rest / 256)) out[i] = rest % 256
    this.#parts.push(out)
    return this
  }
}
