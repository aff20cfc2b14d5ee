import { BinaryWriter } from '../../src/program/binary.ts'

/**
 * A valid program made from a tape of bytes: helper functions (i32) → i32 that call earlier ones, and `process`. It ends, does not
 * trap, and leaves what it computed in its memory.
 */
export function randomProgram(tape: Uint8Array): Uint8Array {
  const maker = new Maker(tape)
  const helpers = 1 + maker.pick(3)
  const out = new BinaryWriter().bytes([0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00])
  const i32 = 0x7f
  // 0: () → (). 1: (i32) → i32. 2: () → (i32, i32).
  out.section(1, new BinaryWriter().u32(3).bytes([0x60, 0, 0, 0x60, 1, i32, 1, i32, 0x60, 0, 2, i32, i32]))
  out.section(
    3,
    new BinaryWriter()
      .u32(helpers + 1)
      .bytes(new Array(helpers).fill(1))
      .u32(0),
  )
  out.section(4, new BinaryWriter().u32(1).bytes([0x70, 0]).u32(helpers))
  out.section(5, new BinaryWriter().u32(1).bytes([0, 1]))
  out.section(6, new BinaryWriter().u32(1).bytes([i32, 1, 0x41, 5, 0x0b]))
  const exports = new BinaryWriter().u32(2).name('process').byte(0).u32(helpers).name('memory').bytes([2, 0])
  out.section(7, exports)
  const elements = new BinaryWriter().u32(1).bytes([0, 0x41, 0, 0x0b]).u32(helpers)
  for (let i = 0; i < helpers; i++) elements.u32(i)
  out.section(9, elements)
  const code = new BinaryWriter().u32(helpers + 1)
  for (let i = 0; i < helpers; i++) code.sized(maker.helper(i))
  code.sized(maker.main(helpers))
  return out.section(10, code).finish()
}

/** Local 0 is the parameter (or a local), 1 to 3 are i32, 4 is i64, 5 to 8 count the turns of loops. */
const counters = 5

class Maker {
  readonly #tape: Uint8Array
  #at = 0
  #out = new BinaryWriter()
  /** Functions that may be called: those before this one. */
  #callable = 0
  #loops = 0
  /** Blocks around, and whether leaving the function takes a value. */
  #depth = 0
  #helper = false

  constructor(tape: Uint8Array) {
    this.#tape = tape
  }

  /** 0 when the tape has ended: everything becomes the simplest. */
  pick(choices: number): number {
    return (this.#tape[this.#at++] ?? 0) % choices
  }

  helper(index: number): BinaryWriter {
    this.#begin(index, true)
    this.#out = new BinaryWriter().bytes([3, 3, 0x7f, 1, 0x7e, 4, 0x7f])
    this.#statements(3, 2)
    this.#expression(2)
    return this.#out.byte(0x0b)
  }

  main(callable: number): BinaryWriter {
    this.#begin(callable, false)
    this.#out = new BinaryWriter().bytes([3, 4, 0x7f, 1, 0x7e, 4, 0x7f])
    this.#statements(5, 3)
    for (let i = 0; i < callable; i++) {
      this.#out
        .bytes([0x41, 8 + 8 * i, 0x41, 3 + i])
        .byte(0x10)
        .u32(i)
      this.#out.bytes([0x36, 2, 0])
      this.#statements(3, 3)
    }
    for (let local = 0; local <= 3; local++) this.#out.bytes([0x41, 40 + 4 * local, 0x20, local, 0x36, 2, 0])
    return this.#out.bytes([0x41, 56, 0x23, 0, 0x36, 2, 0, 0x41, 0, 0x20, 4, 0x37, 3, 0, 0x0b])
  }

  #begin(callable: number, helper: boolean): void {
    this.#callable = callable
    this.#helper = helper
    this.#loops = 0
    this.#depth = 0
  }

  #statements(most: number, budget: number): void {
    const count = 1 + this.pick(most)
    for (let i = 0; i < count; i++) this.#statement(budget)
  }

  #block(opcode: number, inside: () => void): void {
    this.#out.bytes([opcode, 0x40])
    this.#depth++
    inside()
    this.#depth--
    this.#out.byte(0x0b)
  }

  #statement(budget: number): void {
    const out = this.#out
    switch (this.pick(budget > 0 ? 14 : 5)) {
      case 0:
      case 1:
        this.#expression(2)
        out.bytes([0x21, this.pick(4)])
        return
      case 2:
        this.#address()
        this.#expression(2)
        out.bytes([0x36, 2, 0])
        return
      case 3:
        this.#expression(1)
        out.bytes([0x24, 0])
        return
      case 4:
        // An i64 computation.
        out.bytes([0x20, 4])
        this.#expression(1)
        out.bytes([0xad, this.pick(2) === 0 ? 0x7c : 0x7e, 0x21, 4])
        return
      case 5:
        this.#expression(1)
        this.#block(0x04, () => {
          this.#statements(2, budget - 1)
          out.byte(0x05)
          this.#statements(2, budget - 1)
        })
        return
      case 6:
        this.#block(0x02, () => {
          this.#statements(2, budget - 1)
          this.#expression(1)
          out.bytes([0x0d, 0])
          this.#statements(2, budget - 1)
        })
        return
      case 7:
        this.#loop(budget)
        return
      case 8:
        // Three blocks and a table that leaves one, two or all of them.
        this.#block(0x02, () => {
          this.#block(0x02, () => {
            this.#block(0x02, () => {
              this.#expression(1)
              out.bytes([0x0e, 3, 0, 1, 2, this.pick(3)])
            })
            this.#statements(2, budget - 1)
          })
          this.#statements(2, budget - 1)
        })
        return
      case 9:
        // Code that is never reached, with what stands on no stack.
        this.#block(0x02, () => {
          this.#statement(budget - 1)
          out.bytes([0x0c, 0, 0x6a, 0x1a])
          this.#statements(2, budget - 1)
        })
        return
      case 10:
        this.#expression(1)
        this.#block(0x04, () => {
          if (this.#helper) this.#expression(1)
          if (this.pick(2) === 0) out.byte(0x0f)
          else out.bytes([0x0c, this.#depth])
        })
        return
      case 11:
        this.#address()
        this.#expression(1)
        this.#expression(1)
        out.bytes([0x41, 0x3f, 0x71, 0xfc, 0x0b, 0])
        return
      case 12:
        this.#address()
        this.#address()
        this.#expression(1)
        out.bytes([0x41, 0x3f, 0x71, 0xfc, 0x0a, 0, 0])
        return
      case 13:
        // A block with two results.
        out.bytes([0x02, 2])
        this.#depth++
        this.#expression(1)
        this.#expression(1)
        this.#depth--
        out.bytes([0x0b, 0x21, this.pick(4), 0x21, this.pick(4)])
        return
    }
  }

  #loop(budget: number): void {
    if (this.#loops >= 4) return
    const counter = counters + this.#loops++
    this.#out.bytes([0x41, 1 + this.pick(4), 0x21, counter])
    this.#block(0x03, () => {
      this.#statements(2, budget - 1)
      this.#out.bytes([0x20, counter, 0x41, 1, 0x6b, 0x22, counter, 0x0d, 0])
    })
    this.#loops--
  }

  /** An address with eight bytes behind it, in the first half of the memory. */
  #address(): void {
    this.#expression(1)
    this.#out.bytes([0x41, 0xf8, 0xff, 0x01, 0x71])
  }

  /** Leaves one i32. */
  #expression(budget: number): void {
    const out = this.#out
    switch (this.pick(budget > 0 ? 10 : 3)) {
      case 0:
        out.bytes([0x41, this.pick(64)])
        return
      case 1:
        out.bytes([0x20, this.pick(4)])
        return
      case 2:
        out.bytes([0x23, 0])
        return
      case 3:
      case 4:
        this.#expression(budget - 1)
        this.#expression(budget - 1)
        out.byte(operators[this.pick(operators.length)]!)
        return
      case 5:
        this.#expression(budget - 1)
        this.#expression(budget - 1)
        out.bytes([0x41, 1, 0x72, this.pick(2) === 0 ? 0x6e : 0x70]) // div_u, rem_u by an odd number
        return
      case 6:
        this.#address()
        out.bytes([0x28, 2, 0])
        return
      case 7:
        this.#expression(budget - 1)
        if (this.#callable > 0) out.byte(0x10).u32(this.pick(this.#callable))
        return
      case 8:
        this.#expression(budget - 1)
        if (this.#callable > 0) out.bytes([0x41, this.pick(this.#callable), 0x11, 1, 0])
        return
      case 9:
        this.#expression(budget - 1)
        this.#depth++
        out.bytes([0x04, 0x7f])
        this.#expression(budget - 1)
        out.byte(0x05)
        this.#expression(budget - 1)
        out.byte(0x0b)
        this.#depth--
        return
    }
  }
}

const operators = [0x6a, 0x6b, 0x6c, 0x71, 0x72, 0x73, 0x74, 0x76, 0x77, 0x46, 0x49, 0x4b]
