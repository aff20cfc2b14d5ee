import type { BinaryReader } from './binary.ts'
import { ProgramRefused } from './refused.ts'

/**
 * The instructions of the fixed feature list: WebAssembly 1.0, sign extension, saturating conversions, multiple values and
 * bulk memory (core specification 2.0, 5.4). Everything else is refused by name.
 */
export type Immediates =
  | 'none'
  | 'block'
  | 'label'
  | 'labels'
  | 'function'
  | 'indirect'
  | 'local'
  | 'global'
  | 'access'
  | 'memory'
  | 'i32'
  | 'i64'
  | 'f32'
  | 'f64'
  | 'data'
  | 'data-memory'
  | 'memories'
  | 'element'
  | 'element-table'
  | 'tables'

export interface Instruction {
  readonly immediates: Immediates
  /** Operands taken and left; for those whose number depends on a type (blocks, calls, returns) 0. */
  readonly pops: number
  readonly pushes: number
  /** Units charged. */
  readonly weight: number
  /** Natural alignment of an access to memory, as a power of two. */
  readonly alignment: number
}

/** Opcodes that checking or metering treats on their own. Those behind the prefix FC are FC00 + n. */
export const op = {
  unreachable: 0x00,
  block: 0x02,
  loop: 0x03,
  if: 0x04,
  else: 0x05,
  end: 0x0b,
  br: 0x0c,
  brIf: 0x0d,
  brTable: 0x0e,
  return: 0x0f,
  call: 0x10,
  callIndirect: 0x11,
  localGet: 0x20,
  localSet: 0x21,
  localTee: 0x22,
  globalGet: 0x23,
  globalSet: 0x24,
  memoryGrow: 0x40,
  i32Const: 0x41,
  i64Const: 0x42,
  f32Const: 0x43,
  f64Const: 0x44,
  i32LtS: 0x48,
  i32GtU: 0x4b,
  i64GtS: 0x55,
  i32Add: 0x6a,
  i32Sub: 0x6b,
  i32Shl: 0x74,
  i32ShrU: 0x76,
  i64Add: 0x7c,
  i64Mul: 0x7e,
  i32WrapI64: 0xa7,
  i64ExtendI32S: 0xac,
  i64ExtendI32U: 0xad,
  memoryInit: 0xfc08,
  dataDrop: 0xfc09,
  memoryCopy: 0xfc0a,
  memoryFill: 0xfc0b,
  tableInit: 0xfc0c,
  elementDrop: 0xfc0d,
  tableCopy: 0xfc0e,
} as const

/** Decodes instruction after instruction; the fields hold the last one. */
export class InstructionReader {
  readonly #reader: BinaryReader
  opcode = 0
  start = 0
  instruction: Instruction = unknown
  /** The index that the instruction names: label, function, type, local, global, segment; or the type of a block. */
  index = 0
  /** Targets of br_table, the default last. */
  labels: readonly number[] = []

  constructor(reader: BinaryReader) {
    this.#reader = reader
  }

  get done(): boolean {
    return this.#reader.done
  }

  get position(): number {
    return this.#reader.position
  }

  next(): void {
    const reader = this.#reader
    this.start = reader.position
    let opcode = reader.byte()
    if (opcode === 0xfc) {
      const second = reader.u32()
      opcode = second > 0xff ? 0xffff : 0xfc00 + second
    }
    this.opcode = opcode
    const instruction = opcode < 0x100 ? single[opcode]! : (prefixed[opcode & 0xff] ?? unknown)
    if (instruction === unknown) throw new ProgramRefused('feature', featureOf(opcode, this.start))
    this.instruction = instruction
    switch (instruction.immediates) {
      case 'none':
        return
      case 'block':
        this.index = reader.signed(33)
        return
      case 'label':
      case 'function':
      case 'local':
      case 'global':
      case 'data':
      case 'element':
        this.index = reader.u32()
        return
      case 'labels':
        this.#readLabels()
        return
      case 'indirect':
        this.index = reader.u32()
        this.#zero('table')
        return
      case 'access': {
        const alignment = reader.u32()
        if (alignment > instruction.alignment) throw reader.fail('alignment above the natural one', 'body')
        reader.u32()
        return
      }
      case 'memory':
        this.#zero('memory')
        return
      case 'data-memory':
        this.index = reader.u32()
        this.#zero('memory')
        return
      case 'element-table':
        this.index = reader.u32()
        this.#zero('table')
        return
      case 'memories':
        this.#zero('memory')
        this.#zero('memory')
        return
      case 'tables':
        this.#zero('table')
        this.#zero('table')
        return
      case 'i32':
        reader.signed(32)
        return
      case 'i64':
        reader.signed(64)
        return
      case 'f32':
        reader.skip(4)
        return
      case 'f64':
        reader.skip(8)
        return
    }
  }

  #readLabels(): void {
    const reader = this.#reader
    const count = reader.count(reader.end - reader.position, 'branch-table', 'targets')
    const labels: number[] = []
    for (let i = 0; i <= count; i++) labels.push(reader.u32())
    this.labels = labels
  }

  #zero(what: string): void {
    if (this.#reader.u32() !== 0) throw this.#reader.fail(`more than one ${what}`, 'feature')
  }
}

function featureOf(opcode: number, offset: number): string {
  const name =
    opcode === 0xfd
      ? 'vector instructions (SIMD)'
      : opcode === 0xfe
        ? 'threads'
        : opcode === 0xfb || opcode === 0xd3 || opcode === 0xd4
          ? 'garbage collection'
          : opcode === 0x12 || opcode === 0x13
            ? 'tail calls'
            : (opcode >= 0x06 && opcode <= 0x0a) || opcode === 0x18 || opcode === 0x19 || opcode === 0x1f
              ? 'exceptions'
              : (opcode >= 0xd0 && opcode <= 0xd6) || opcode === 0x1c || opcode === 0x25 || opcode === 0x26
                ? 'reference types'
                : opcode >= 0xfc0f && opcode <= 0xfc11
                  ? 'reference types'
                  : 'an unknown instruction'
  return `${name} (opcode ${opcode.toString(16)}) at offset ${offset}`
}

const unknown: Instruction = { immediates: 'none', pops: 0, pushes: 0, weight: 0, alignment: 0 }

function row(immediates: Immediates, pops: number, pushes: number, weight = 1, alignment = 0): Instruction {
  return { immediates, pops, pushes, weight, alignment }
}

const single: Instruction[] = new Array<Instruction>(0x100).fill(unknown)
const prefixed: Instruction[] = []

function range(first: number, last: number, instruction: Instruction): void {
  for (let opcode = first; opcode <= last; opcode++) single[opcode] = instruction
}

const unary = row('none', 1, 1)
const binary = row('none', 2, 1)
const floating = row('none', 2, 1, 2)
/** Weight of what processors do in microcode when a number is very small: a hundred times as long. */
const subnormal = 40
const slow = row('none', 2, 1, 10)

range(0x00, 0x01, row('none', 0, 0, 0)) // unreachable, nop
single[0x02] = row('block', 0, 0, 0) // block
// Each head of a loop asks the engine whether to go on, also of a loop that never turns.
single[0x03] = row('block', 0, 0, 4) // loop
range(0x04, 0x04, row('block', 1, 0)) // if
single[0x05] = row('none', 0, 0, 0) // else
single[0x0b] = row('none', 0, 0, 0) // end
single[0x0c] = row('label', 0, 0) // br
single[0x0d] = row('label', 1, 0) // br_if
single[0x0e] = row('labels', 1, 0, 4) // br_table
single[0x0f] = row('none', 0, 0) // return
single[0x10] = row('function', 0, 0, 10) // call
single[0x11] = row('indirect', 1, 0, 16) // call_indirect
single[0x1a] = row('none', 1, 0) // drop
single[0x1b] = row('none', 3, 1) // select
single[0x20] = row('local', 0, 1) // local.get
single[0x21] = row('local', 1, 0) // local.set
single[0x22] = row('local', 1, 1) // local.tee
single[0x23] = row('global', 0, 1) // global.get
single[0x24] = row('global', 1, 0) // global.set
// Loads: i32 i64 f32 f64, then the narrow ones in the order of the specification.
const loads = [2, 3, 2, 3, 0, 0, 1, 1, 0, 0, 1, 1, 2, 2]
for (const [i, alignment] of loads.entries()) single[0x28 + i] = row('access', 1, 1, 2, alignment)
const stores = [2, 3, 2, 3, 0, 1, 0, 1, 2]
for (const [i, alignment] of stores.entries()) single[0x36 + i] = row('access', 2, 0, 2, alignment)
single[0x3f] = row('memory', 0, 1) // memory.size
single[0x40] = row('memory', 1, 1, 2_000) // memory.grow
single[0x41] = row('i32', 0, 1)
single[0x42] = row('i64', 0, 1)
single[0x43] = row('f32', 0, 1)
single[0x44] = row('f64', 0, 1)
single[0x45] = unary // i32.eqz
range(0x46, 0x4f, binary)
single[0x50] = unary // i64.eqz
range(0x51, 0x5a, binary)
range(0x5b, 0x66, floating) // comparisons of f32, f64
range(0x67, 0x69, unary) // i32.clz, ctz, popcnt
range(0x6a, 0x6c, binary)
range(0x6d, 0x70, slow) // i32.div, rem
range(0x71, 0x78, binary)
range(0x79, 0x7b, unary) // i64.clz, ctz, popcnt
range(0x7c, 0x7e, binary)
range(0x7f, 0x82, slow) // i64.div, rem
range(0x83, 0x8a, binary)
for (const first of [0x8b, 0x99]) {
  range(first, first + 5, row('none', 1, 1, 2)) // abs, neg, ceil, floor, trunc, nearest
  single[first + 6] = row('none', 1, 1, subnormal) // sqrt
  range(first + 7, first + 8, floating) // add, sub
  range(first + 9, first + 10, row('none', 2, 1, subnormal)) // mul, div
  range(first + 11, first + 13, floating) // min, max, copysign
}
range(0xa7, 0xbf, row('none', 1, 1, 2)) // conversions
range(0xc0, 0xc4, unary) // sign extension
for (let n = 0; n <= 7; n++) prefixed[n] = row('none', 1, 1, 2) // saturating conversions
prefixed[0x08] = row('data-memory', 3, 0, 20) // memory.init
prefixed[0x09] = row('data', 0, 0, 20) // data.drop
prefixed[0x0a] = row('memories', 3, 0, 20) // memory.copy
prefixed[0x0b] = row('memory', 3, 0, 20) // memory.fill
prefixed[0x0c] = row('element-table', 3, 0, 100) // table.init
prefixed[0x0d] = row('element', 0, 0, 20) // elem.drop
prefixed[0x0e] = row('tables', 3, 0, 100) // table.copy
