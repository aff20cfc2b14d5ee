import {
  addedModule,
  type InterfaceFunction,
  type InterfaceName,
  type InterfaceRow,
  interfaces,
} from '@sealwright/core/catalog'
import { BinaryReader } from './binary.ts'
import { InstructionReader, op } from './instructions.ts'
import type { ProgramLimits } from './limits.ts'
import { type ProgramCheck, ProgramRefused } from './refused.ts'

export interface FunctionType {
  /** Value types as in the binary: 7F i32, 7E i64, 7D f32, 7C f64. */
  readonly parameters: readonly number[]
  readonly results: readonly number[]
}

export type Import =
  | {
      readonly kind: 'interface'
      readonly interface: InterfaceName
      readonly function: string
      readonly type: number
    }
  | { readonly kind: 'added'; readonly function: string; readonly type: number }

export interface Body {
  /** Offsets in the binary: the declarations of locals, then the instructions, both ends. */
  readonly start: number
  readonly code: number
  readonly end: number
  /** Parameters and local variables. */
  readonly locals: number
  /** Most values that are on the operand stack at once. */
  readonly operands: number
  /** Instructions that compute a value from others and nothing else: an engine may keep each such value, whoever asks for it again. */
  readonly computations: number
  /** Whether the function calls another. */
  readonly calls: boolean
}

export interface Global {
  readonly type: number
  readonly mutable: boolean
  /** Offsets of its initial value in the binary, one constant, without the end. */
  readonly start: number
  readonly end: number
}

export interface Section {
  readonly id: number
  readonly start: number
  readonly end: number
}

/** A program that keeps to the limits and the feature list. Offsets point into `bytes`. */
export interface CheckedProgram {
  readonly bytes: Uint8Array
  readonly sections: readonly Section[]
  readonly types: readonly FunctionType[]
  readonly imports: readonly Import[]
  /** Type of every function, imported ones first. */
  readonly functions: readonly number[]
  readonly globals: readonly Global[]
  readonly memory: { readonly initial: number; readonly maximum: number } | undefined
  readonly exports: readonly { readonly name: string; readonly kind: number; readonly index: number }[]
  readonly start: number | undefined
  readonly bodies: readonly Body[]
  /** Bytes of memory, from its beginning, that data segments fill when an instance is made. */
  readonly filled: number
  /** Whether memory and mutable globals are all that an instance can remember: nothing drops segments or writes to the table. */
  readonly renewable: boolean
}

/**
 * Reads every section of a wasm binary and refuses what is not on the feature list, above the limits, imported from elsewhere
 * than the interfaces (with their exact types), or exported under an unknown name. Types of operands are left to the
 * engine's own validation, which comes after. Throws ProgramRefused.
 */
export function checkProgram(bytes: Uint8Array, limits: ProgramLimits): CheckedProgram {
  if (bytes.length > limits.size)
    throw new ProgramRefused('size', `${bytes.length} bytes, at most ${limits.size} are taken`)
  return new Checker(bytes, limits).program()
}

const i32 = 0x7f
const i64 = 0x7e
const valueTypes: ReadonlySet<number> = new Set([i32, i64, 0x7d, 0x7c])
const funcref = 0x70
const exportKind = { function: 0, table: 1, memory: 2, global: 3 } as const
const pageLimit = 65_536

/** Names that compilers export beside `memory`; the module ignores them. */
const toolExports: Readonly<Record<string, number>> = {
  __indirect_function_table: exportKind.table,
  __heap_base: exportKind.global,
  __heap_end: exportKind.global,
  __data_end: exportKind.global,
  __dso_handle: exportKind.global,
  __global_base: exportKind.global,
  __stack_low: exportKind.global,
  __stack_high: exportKind.global,
  __memory_base: exportKind.global,
  __table_base: exportKind.global,
}

/** Exported function that C and C++ linkers leave to be called before all others. */
export const initializer = '_initialize'

class Checker {
  readonly #bytes: Uint8Array
  readonly #limits: ProgramLimits
  readonly #sections: Section[] = []
  readonly #types: FunctionType[] = []
  readonly #imports: Import[] = []
  readonly #functions: number[] = []
  readonly #globals: Global[] = []
  readonly #exports: { name: string; kind: number; index: number }[] = []
  readonly #bodies: Body[] = []
  readonly #dataSizes: number[] = []
  #table: number | undefined
  #memory: { initial: number; maximum: number } | undefined
  #start: number | undefined
  #elements = 0
  #dataCount: number | undefined
  #filled = 0
  #renewable = true

  constructor(bytes: Uint8Array, limits: ProgramLimits) {
    this.#bytes = bytes
    this.#limits = limits
  }

  program(): CheckedProgram {
    const reader = new BinaryReader(this.#bytes)
    for (const expected of [0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00]) {
      if (reader.byte() !== expected) throw reader.fail('not a wasm module of version 1', 'header')
    }
    let last = 0
    while (!reader.done) {
      const id = reader.byte()
      const content = reader.child(reader.u32())
      if (id === 0) {
        content.name()
        continue
      }
      const rank = sectionOrder.indexOf(id)
      if (rank < 0)
        throw reader.fail(
          id === 13 ? 'exceptions (tags)' : `section of unknown id ${id}`,
          id === 13 ? 'feature' : 'section',
        )
      if (rank < last) throw reader.fail(`section ${id} twice or out of order`, 'section')
      last = rank + 1
      this.#sections.push({ id, start: content.position, end: content.end })
      this.#section(id, content)
    }
    if (this.#bodies.length === 0 && this.#functions.length > this.#imports.length) {
      throw reader.fail('functions without code', 'section')
    }
    if (!this.#exports.some(({ kind, name }) => kind === exportKind.function && name !== initializer)) {
      throw reader.fail('no function that the module could call', 'export')
    }
    if (this.#dataCount !== undefined && this.#dataCount !== this.#dataSizes.length) {
      throw reader.fail('data count differs from the data section', 'segment')
    }
    return {
      bytes: this.#bytes,
      sections: this.#sections,
      types: this.#types,
      imports: this.#imports,
      functions: this.#functions,
      globals: this.#globals,
      memory: this.#memory,
      exports: this.#exports,
      start: this.#start,
      bodies: this.#bodies,
      filled: this.#filled,
      renewable: this.#renewable,
    }
  }

  #section(id: number, r: BinaryReader): void {
    switch (id) {
      case 1:
        this.#typeSection(r)
        break
      case 2:
        this.#importSection(r)
        break
      case 3:
        this.#functionSection(r)
        break
      case 4:
        this.#tableSection(r)
        break
      case 5:
        this.#memorySection(r)
        break
      case 6:
        this.#globalSection(r)
        break
      case 7:
        this.#exportSection(r)
        break
      case 8:
        this.#startSection(r)
        break
      case 9:
        this.#elementSection(r)
        break
      case 10:
        this.#code(r)
        break
      case 11:
        this.#dataSection(r)
        break
      case 12:
        this.#dataCount = r.count(this.#limits.segments, 'segment', 'data segments')
        break
    }
    r.finish(`section ${id}`)
  }

  #typeSection(r: BinaryReader): void {
    const count = r.count(this.#limits.types, 'type', 'types')
    for (let i = 0; i < count; i++) {
      const form = r.byte()
      if (form !== 0x60) throw r.fail(`type of form ${form.toString(16)} (garbage collection)`, 'feature')
      this.#types.push({ parameters: this.#valueTypes(r), results: this.#valueTypes(r) })
    }
  }

  #valueTypes(r: BinaryReader): number[] {
    const count = r.count(this.#limits.typeWidth, 'type', 'values in a function type')
    const list: number[] = []
    for (let i = 0; i < count; i++) list.push(this.#valueType(r))
    return list
  }

  #valueType(r: BinaryReader): number {
    const type = r.byte()
    if (!valueTypes.has(type)) throw r.fail(`value type ${type.toString(16)}`, 'feature')
    return type
  }

  #importSection(r: BinaryReader): void {
    const count = r.count(this.#limits.imports, 'import', 'imports')
    for (let i = 0; i < count; i++) {
      const from = r.name()
      const name = r.name()
      const kind = r.byte()
      if (kind !== exportKind.function) throw r.fail(`${from}.${name} is no function`, 'import')
      const type = this.#typeIndex(r)
      this.#functions.push(type)
      this.#imports.push(this.#import(r, from, name, type))
    }
  }

  #import(r: BinaryReader, from: string, name: string, type: number): Import {
    const { parameters, results } = this.#types[type]!
    if (from === addedModule) {
      if (!/^f[1-9][0-9]{0,2}$/.test(name))
        throw r.fail(`${from}.${name} is not a function name like f1`, 'import')
      if (!linkable(this.#types[type]!))
        throw r.fail(`${from}.${name} is not of the form (i32, …) → i32`, 'import')
      return { kind: 'added', function: name, type }
    }
    const row = own<InterfaceRow>(interfaces, from)
    const fn = row === undefined ? undefined : own<InterfaceFunction>(row.functions, name)
    if (fn === undefined) throw r.fail(`${from}.${name} is in no interface`, 'import')
    const result = fn.result === undefined ? [] : [fn.result === 'i64' ? i64 : i32]
    if (
      parameters.length !== fn.parameters.length ||
      parameters.some((type) => type !== i32) ||
      results.length !== result.length ||
      results[0] !== result[0]
    ) {
      throw r.fail(`${from}.${name} has another type than the interface`, 'import')
    }
    return { kind: 'interface', interface: from as InterfaceName, function: name, type }
  }

  #functionSection(r: BinaryReader): void {
    const count = r.count(this.#limits.functions, 'function-count', 'functions')
    for (let i = 0; i < count; i++) this.#functions.push(this.#typeIndex(r))
  }

  #tableSection(r: BinaryReader): void {
    if (r.count(1, 'table', 'tables') === 0) return
    const type = r.byte()
    if (type !== funcref) throw r.fail(`table of type ${type.toString(16)}`, 'feature')
    const { initial } = this.#limitsOf(r, 'table')
    if (initial > this.#limits.tableSize)
      throw r.fail(`table of ${initial} elements, at most ${this.#limits.tableSize} are taken`, 'table')
    this.#table = initial
  }

  #memorySection(r: BinaryReader): void {
    if (r.count(1, 'memory', 'memories') === 0) return
    const { initial, maximum } = this.#limitsOf(r, 'memory')
    const most = this.#limits.memoryPages
    if (initial > most) throw r.fail(`memory of ${initial} pages, at most ${most} are taken`, 'memory')
    if (maximum !== undefined && maximum > pageLimit) throw r.fail('memory above 4 GiB', 'memory')
    this.#memory = { initial, maximum: Math.min(maximum ?? most, most) }
  }

  #limitsOf(r: BinaryReader, check: ProgramCheck): { initial: number; maximum: number | undefined } {
    const flags = r.byte()
    if (flags > 1) throw r.fail(`${check} with flags ${flags.toString(16)} (shared or 64 bits)`, 'feature')
    const initial = r.u32()
    const maximum = flags === 1 ? r.u32() : undefined
    if (maximum !== undefined && maximum < initial) throw r.fail('maximum below the initial size', check)
    return { initial, maximum }
  }

  #globalSection(r: BinaryReader): void {
    const count = r.count(this.#limits.globals, 'global', 'globals')
    for (let i = 0; i < count; i++) {
      const type = this.#valueType(r)
      const mutable = r.byte()
      if (mutable > 1) throw r.fail('mutability is neither 0 nor 1', 'global')
      const start = r.position
      this.#constant(r, type)
      this.#globals.push({ type, mutable: mutable === 1, start, end: r.position - 1 })
    }
  }

  /** A constant expression. As no global can be imported, it is one constant. */
  #constant(r: BinaryReader, type: number): number {
    const opcode = r.byte()
    let value = 0
    if (opcode === op.i32Const && type === i32) value = r.signed(32)
    else if (opcode === op.i64Const && type === i64) value = r.signed(64)
    else if (opcode === op.f32Const && type === 0x7d) r.skip(4)
    else if (opcode === op.f64Const && type === 0x7c) r.skip(8)
    else throw r.fail('initial value is no constant of its type', 'feature')
    if (r.byte() !== op.end) throw r.fail('initial value is more than one constant', 'feature')
    return value
  }

  #exportSection(r: BinaryReader): void {
    const count = r.count(this.#limits.exports, 'export', 'exports')
    const names = new Set<string>()
    for (let i = 0; i < count; i++) {
      const name = r.name()
      const kind = r.byte()
      const index = r.u32()
      if (names.has(name)) throw r.fail(`${name} is exported twice`, 'export')
      names.add(name)
      this.#exportable(r, name, kind, index)
      this.#exports.push({ name, kind, index })
    }
  }

  #exportable(r: BinaryReader, name: string, kind: number, index: number): void {
    const amount =
      kind === exportKind.function
        ? this.#functions.length
        : kind === exportKind.table
          ? this.#table === undefined
            ? 0
            : 1
          : kind === exportKind.memory
            ? this.#memory === undefined
              ? 0
              : 1
            : kind === exportKind.global
              ? this.#globals.length
              : 0
    if (index >= amount) throw r.fail(`${name} exports what does not exist`, 'export')
    if (kind === exportKind.function) {
      if (index < this.#imports.length) throw r.fail(`${name} exports an imported function`, 'export')
      const type = this.#types[this.#functions[index]!]!
      const entry = type.parameters.length === 0 && type.results.length === 0
      if (name === 'process' || name === initializer) {
        if (!entry) throw r.fail(`${name} must take and return nothing`, 'export')
        return
      }
      if (!/^f[1-9][0-9]{0,2}$/.test(name))
        throw r.fail(`${name} is not a name that the module calls`, 'export')
      if (!entry && !linkable(type)) throw r.fail(`${name} is neither () → () nor (i32, …) → i32`, 'export')
      return
    }
    const expected = name === 'memory' ? exportKind.memory : own(toolExports, name)
    if (expected !== kind) throw r.fail(`${name} is not a name that the module knows`, 'export')
  }

  #startSection(r: BinaryReader): void {
    this.#start = this.#functionIndex(r)
    const { parameters, results } = this.#types[this.#functions[this.#start]!]!
    if (parameters.length + results.length > 0 || this.#start < this.#imports.length)
      throw r.fail("start function takes or returns values, or is not the program's own", 'start')
  }

  #elementSection(r: BinaryReader): void {
    const count = r.count(this.#limits.segments, 'segment', 'element segments')
    for (let i = 0; i < count; i++) {
      // 0: active. 1: passive. 2: active, table and kind named. 3: declared only. 4 to 7 hold expressions.
      const form = r.u32()
      if (form > 3) throw r.fail('element segment with expressions (reference types)', 'feature')
      if (form === 2 && r.u32() !== 0) throw r.fail('more than one table', 'feature')
      const active = form === 0 || form === 2
      if (active && this.#table === undefined) throw r.fail('element segment without a table', 'segment')
      const offset = active ? this.#constant(r, i32) >>> 0 : 0
      if (form > 0 && r.byte() !== 0)
        throw r.fail('element segment of another kind than functions', 'feature')
      const length = r.count(this.#limits.tableSize, 'segment', 'elements in a segment')
      if (active && offset + length > this.#table!)
        throw r.fail('element segment reaches beyond the table', 'segment')
      for (let k = 0; k < length; k++) this.#functionIndex(r)
    }
    this.#elements = count
  }

  #dataSection(r: BinaryReader): void {
    const count = r.count(this.#limits.segments, 'segment', 'data segments')
    for (let i = 0; i < count; i++) {
      const form = r.u32()
      if (form > 2) throw r.fail(`data segment of unknown form ${form}`, 'segment')
      if (form === 2 && r.u32() !== 0) throw r.fail('more than one memory', 'feature')
      const active = form !== 1
      if (active && this.#memory === undefined) throw r.fail('data segment without a memory', 'segment')
      const offset = active ? this.#constant(r, i32) >>> 0 : 0
      const length = r.u32()
      if (active && offset + length > this.#memory!.initial * 65_536) {
        throw r.fail('data segment reaches beyond the memory', 'segment')
      }
      if (active) this.#filled = Math.max(this.#filled, offset + length)
      r.skip(length)
      this.#dataSizes.push(length)
    }
  }

  #code(r: BinaryReader): void {
    const count = r.u32()
    if (count !== this.#functions.length - this.#imports.length) {
      throw r.fail('code section has another number of functions than the function section', 'body')
    }
    for (let i = 0; i < count; i++) {
      const size = r.u32()
      if (size > this.#limits.bodySize)
        throw r.fail(`function of ${size} bytes, at most ${this.#limits.bodySize} are taken`, 'body')
      const type = this.#types[this.#functions[this.#imports.length + i]!]!
      this.#bodies.push(this.#body(r.child(size), type))
    }
  }

  #body(r: BinaryReader, type: FunctionType): Body {
    const start = r.position
    let locals = type.parameters.length
    const groups = r.count(this.#limits.locals, 'locals', 'groups of locals')
    for (let i = 0; i < groups; i++) {
      // The sum of the counts, not the number of groups, is what a frame costs.
      locals += r.u32()
      if (locals > this.#limits.locals)
        throw r.fail(`${locals} locals, at most ${this.#limits.locals} are taken`, 'locals')
      this.#valueType(r)
    }
    const code = r.position
    return { start, code, end: r.end, locals, ...this.#instructions(r, type, locals) }
  }

  /** Every index exists, blocks close, and how high the operand stack grows. */
  #instructions(
    r: BinaryReader,
    type: FunctionType,
    locals: number,
  ): Pick<Body, 'operands' | 'computations' | 'calls'> {
    const limits = this.#limits
    const it = new InstructionReader(r)
    const blocks: Block[] = [{ opcode: op.block, base: 0, type, unreachable: false }]
    let height = 0
    let highest = 0
    let targets = 0
    let branches = 0
    let computations = 0
    let calls = false
    const pop = (count: number): void => {
      const block = blocks[blocks.length - 1]!
      height -= count
      if (height >= block.base) return
      if (!block.unreachable) throw r.fail('more operands taken than there are', 'invalid')
      height = block.base
    }
    const push = (count: number): void => {
      height += count
      if (height > highest) {
        highest = height
        if (highest > limits.operands) throw r.fail(`more than ${limits.operands} operands`, 'locals')
      }
    }
    const stop = (): void => {
      const block = blocks[blocks.length - 1]!
      height = block.base
      block.unreachable = true
    }
    const label = (index: number): Block => {
      if (index >= blocks.length) throw r.fail(`label ${index} does not exist`, 'index')
      return blocks[blocks.length - 1 - index]!
    }
    const joins = (more: number): void => {
      branches += more
      if (branches * locals > limits.joins)
        throw r.fail(`${branches} branches of ${locals} locals, at most ${limits.joins} together`, 'locals')
    }
    const called = ({ parameters, results }: FunctionType): void => {
      calls = true
      pop(parameters.length)
      push(results.length)
    }

    while (blocks.length > 0) {
      it.next()
      const { opcode, instruction, index } = it
      switch (instruction.immediates) {
        case 'local':
          if (index >= locals) throw r.fail(`local ${index} does not exist`, 'index')
          break
        case 'global': {
          const global = this.#globals[index]
          if (global === undefined) throw r.fail(`global ${index} does not exist`, 'index')
          if (opcode === op.globalSet && !global.mutable) throw r.fail(`global ${index} is constant`, 'index')
          break
        }
        case 'access':
        case 'memory':
        case 'memories':
        case 'data-memory':
          if (this.#memory === undefined) throw r.fail('memory is used, none exists', 'index')
          if (instruction.immediates === 'data-memory') this.#dataIndex(r, index)
          break
        case 'data':
          this.#dataIndex(r, index)
          break
        case 'indirect':
        case 'tables':
        case 'element-table':
          if (this.#table === undefined) throw r.fail('table is used, none exists', 'index')
          if (instruction.immediates === 'element-table') this.#elementIndex(r, index)
          break
        case 'element':
          this.#elementIndex(r, index)
          break
      }
      pop(instruction.pops)
      push(instruction.pushes)
      if (joining.has(opcode)) joins(1)
      if (computes(opcode)) computations++
      switch (opcode) {
        case op.unreachable:
          stop()
          break
        case op.block:
        case op.loop:
        case op.if: {
          const blockType = this.#blockType(r, index)
          if (blocks.length > limits.nesting)
            throw r.fail(`blocks nested deeper than ${limits.nesting}`, 'nesting')
          pop(blockType.parameters.length)
          blocks.push({ opcode, base: height, type: blockType, unreachable: false })
          push(blockType.parameters.length)
          break
        }
        case op.else: {
          const block = blocks[blocks.length - 1]!
          if (block.opcode !== op.if) throw r.fail('else without if', 'invalid')
          pop(block.type.results.length)
          height = block.base
          blocks[blocks.length - 1] = { ...block, opcode: op.else, unreachable: false }
          push(block.type.parameters.length)
          break
        }
        case op.end: {
          const block = blocks[blocks.length - 1]!
          pop(block.type.results.length)
          blocks.pop()
          height = block.base
          if (blocks.length > 0) push(block.type.results.length)
          break
        }
        case op.br:
          label(index)
          stop()
          break
        case op.brIf:
          label(index)
          break
        case op.brTable:
          targets += it.labels.length
          if (targets > limits.branchTargets) {
            throw r.fail(`more than ${limits.branchTargets} targets of br_table`, 'branch-table')
          }
          joins(it.labels.length)
          for (const target of it.labels) label(target)
          stop()
          break
        case op.return:
          stop()
          break
        case op.call:
          if (index >= this.#functions.length) throw r.fail(`function ${index} does not exist`, 'index')
          called(this.#types[this.#functions[index]!]!)
          break
        case op.dataDrop:
        case op.tableInit:
        case op.elementDrop:
        case op.tableCopy:
          this.#renewable = false
          break
        case op.callIndirect:
          if (index >= this.#types.length) throw r.fail(`type ${index} does not exist`, 'index')
          called(this.#types[index]!)
          break
      }
    }
    r.finish('function')
    return { operands: highest, computations, calls }
  }

  #blockType(r: BinaryReader, index: number): FunctionType {
    if (index >= 0) {
      const type = this.#types[index]
      if (type === undefined) throw r.fail(`type ${index} does not exist`, 'index')
      return type
    }
    const code = index + 0x80
    if (code === 0x40) return { parameters: [], results: [] }
    if (!valueTypes.has(code)) throw r.fail(`block of type ${code.toString(16)}`, 'feature')
    return { parameters: [], results: [code] }
  }

  #typeIndex(r: BinaryReader): number {
    const index = r.u32()
    if (index >= this.#types.length) throw r.fail(`type ${index} does not exist`, 'index')
    return index
  }

  #functionIndex(r: BinaryReader): number {
    const index = r.u32()
    if (index >= this.#functions.length) throw r.fail(`function ${index} does not exist`, 'index')
    return index
  }

  #dataIndex(r: BinaryReader, index: number): void {
    if (this.#dataCount === undefined || index >= this.#dataCount)
      throw r.fail(`data segment ${index} does not exist`, 'index')
  }

  #elementIndex(r: BinaryReader, index: number): void {
    if (index >= this.#elements) throw r.fail(`element segment ${index} does not exist`, 'index')
  }
}

interface Block {
  readonly opcode: number
  /** Height of the operand stack below the block's parameters. */
  readonly base: number
  readonly type: FunctionType
  unreachable: boolean
}

/** Instructions from which, or to which, the values of locals come by more than one way. */
const joining: ReadonlySet<number> = new Set([op.loop, op.if, op.else, op.br, op.brIf])

/** Comparisons, arithmetic, conversions and select. */
function computes(opcode: number): boolean {
  return (opcode >= 0x45 && opcode <= 0xc4) || (opcode >= 0xfc00 && opcode <= 0xfc07) || opcode === 0x1b
}

/** Sections in the order the specification demands; the data count stands before the code. */
const sectionOrder: readonly number[] = [1, 2, 3, 4, 5, 6, 7, 8, 9, 12, 10, 11]

/** Whether programs may call each other's functions of this type: i32s to one i32. */
function linkable({ parameters, results }: FunctionType): boolean {
  return results.length === 1 && results[0] === i32 && parameters.every((type) => type === i32)
}

function own<T>(table: Readonly<Record<string, T>>, name: string): T | undefined {
  return Object.hasOwn(table, name) ? table[name] : undefined
}
