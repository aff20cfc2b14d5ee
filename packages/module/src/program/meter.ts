import { type InterfaceFunction, interfaces } from '@sealwright/core/catalog'
import { InternalError } from '@sealwright/core/errors'
import { BinaryReader, BinaryWriter } from './binary.ts'
import type { Body, CheckedProgram, FunctionType, Import } from './check.ts'
import { initializer } from './check.ts'
import { InstructionReader, op } from './instructions.ts'
import type { ProgramLimits } from './limits.ts'

/**
 * Names under which the metered program exports what only the host uses. The check knows every name that a program may export;
 * none has a point in it.
 */
export const hostExports = {
  /** Units left, i32; below zero: used up. */
  budget: 'meter.budget',
  /** Slots left for frames, i32; below zero: called too deep. */
  stack: 'meter.stack',
  memory: 'meter.memory',
  start: 'meter.start',
  initializer: 'meter.initializer',
  /** () → (): every global is what it was when the instance was made. */
  renew: 'meter.renew',
} as const

/** Bytes that a bulk operation works on for one unit. */
const bytesPerUnit = 8
/** Units for one page of 64 KiB that memory.grow asks for. */
const unitsPerPage = 8_192
/** Units for one element that a table operation moves: engines need a hundred times as long for it as for a byte. */
const unitsPerElement = 128
/** Slots of a frame beside locals and operands: return address, instance, saved registers. */
const frameSlots = 8

/**
 * Writes the program again so that it pays as it goes. Every straight run of instructions (a block that is entered only at its
 * start and left only at its end) is charged by its length before it begins; bulk operations, growth and calls of the host before
 * they begin; each function takes the slots of its frame from a counter and gives them back. A function with more than one run keeps
 * the budget in a local and hands it over around calls. Whether it fell below zero is looked at where a function begins, where a loop
 * turns, and before what costs by size: what runs unpaid ends within one function, in nothing that outlives the call.
 * Nothing is imported for it: two globals and some functions stand behind the program's own, where its indices do not reach.
 * The start function leaves its section and becomes an export, custom sections are dropped.
 */
export function meterProgram(program: CheckedProgram, limits: ProgramLimits): Uint8Array {
  return new Meter(program, limits).binary()
}

class Meter {
  readonly #program: CheckedProgram
  readonly #limits: ProgramLimits
  readonly #budget: number
  readonly #stack: number
  readonly #chargeBytes: number
  readonly #chargePages: number
  readonly #chargeElements: number
  readonly #renew: number
  /** For each import that is charged, the function that pays and then calls it. */
  readonly #payers = new Map<number, number>()
  /** Types behind the program's own: of the charges, of `renew`, then () → results for wrapped bodies. */
  readonly #addedTypes: FunctionType[] = [
    { parameters: [0x7f], results: [0x7f] },
    { parameters: [], results: [] },
  ]

  constructor(program: CheckedProgram, limits: ProgramLimits) {
    this.#program = program
    this.#limits = limits
    this.#budget = program.globals.length
    this.#stack = program.globals.length + 1
    const first = program.functions.length
    this.#chargeBytes = first
    this.#chargePages = first + 1
    this.#chargeElements = first + 2
    this.#renew = first + 3
    for (const [index, { kind }] of program.imports.entries()) {
      if (kind === 'interface') this.#payers.set(index, this.#renew + 1 + this.#payers.size)
    }
  }

  binary(): Uint8Array {
    const { bytes } = this.#program
    const code = this.#code()
    const out = new BinaryWriter().bytes([0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00])
    out.section(1, this.#types())
    this.#copy(out, 2)
    out.section(3, this.#functions())
    this.#copy(out, 4)
    if (this.#program.memory !== undefined) out.section(5, this.#memory(this.#program.memory))
    out.section(6, this.#globals())
    out.section(7, this.#exports())
    this.#elements(out)
    this.#copy(out, 12)
    out.section(10, code)
    for (const section of this.#program.sections) {
      if (section.id === 11)
        out
          .byte(11)
          .u32(section.end - section.start)
          .bytes(bytes.subarray(section.start, section.end))
    }
    return out.finish()
  }

  #copy(out: BinaryWriter, id: number): void {
    const section = this.#program.sections.find((section) => section.id === id)
    if (section === undefined) return
    out
      .byte(id)
      .u32(section.end - section.start)
      .bytes(this.#program.bytes.subarray(section.start, section.end))
  }

  #types(): BinaryWriter {
    const all = [...this.#program.types, ...this.#addedTypes]
    const out = new BinaryWriter().u32(all.length)
    for (const { parameters, results } of all) {
      out.byte(0x60).u32(parameters.length).bytes(parameters).u32(results.length).bytes(results)
    }
    return out
  }

  #functions(): BinaryWriter {
    const { functions, imports, types } = this.#program
    const own = functions.slice(imports.length)
    const out = new BinaryWriter().u32(own.length + 4 + this.#payers.size)
    for (const type of own) out.u32(type)
    out
      .u32(types.length)
      .u32(types.length)
      .u32(types.length)
      .u32(types.length + 1)
    for (const index of this.#payers.keys()) out.u32(imports[index]!.type)
    return out
  }

  /** The program's element segments, with the payers in the place of imports. */
  #elements(out: BinaryWriter): void {
    const section = this.#program.sections.find(({ id }) => id === 9)
    if (section === undefined) return
    const { bytes } = this.#program
    const r = new BinaryReader(bytes, section.start, section.end)
    const count = r.u32()
    const list = new BinaryWriter().u32(count)
    for (let i = 0; i < count; i++) {
      const start = r.position
      const form = r.u32()
      if (form === 2) r.u32()
      if (form === 0 || form === 2) {
        // The offset: i32.const and its value.
        r.byte()
        r.signed(32)
        r.byte()
      }
      if (form > 0) r.byte()
      list.bytes(bytes.subarray(start, r.position))
      const length = r.u32()
      list.u32(length)
      for (let k = 0; k < length; k++) list.u32(this.#called(r.u32()))
    }
    out.section(9, list)
  }

  /** The function that is called in the place of this one. */
  #called(index: number): number {
    return this.#payers.get(index) ?? index
  }

  #memory({ initial, maximum }: { initial: number; maximum: number }): BinaryWriter {
    return new BinaryWriter().u32(1).byte(1).u32(initial).u32(maximum)
  }

  #globals(): BinaryWriter {
    const section = this.#program.sections.find((section) => section.id === 6)
    const out = new BinaryWriter().u32(this.#program.globals.length + 2)
    if (section !== undefined) {
      const reader = new BinaryReader(this.#program.bytes, section.start, section.end)
      reader.u32()
      out.bytes(this.#program.bytes.subarray(reader.position, section.end))
    }
    for (const initial of [0, this.#limits.stackSlots]) {
      out.byte(0x7f).byte(1).byte(op.i32Const).i32(initial).byte(op.end)
    }
    return out
  }

  #exports(): BinaryWriter {
    const { exports, memory, start } = this.#program
    const list: { name: string; kind: number; index: number }[] = exports.filter(
      ({ name, kind }) => kind === 0 && name !== initializer,
    )
    list.push({ name: hostExports.budget, kind: 3, index: this.#budget })
    list.push({ name: hostExports.stack, kind: 3, index: this.#stack })
    if (memory !== undefined) list.push({ name: hostExports.memory, kind: 2, index: 0 })
    if (start !== undefined) list.push({ name: hostExports.start, kind: 0, index: start })
    const first = exports.find(({ name }) => name === initializer)
    if (first !== undefined) list.push({ ...first, name: hostExports.initializer })
    list.push({ name: hostExports.renew, kind: 0, index: this.#renew })
    const out = new BinaryWriter().u32(list.length)
    for (const { name, kind, index } of list) out.name(name).byte(kind).u32(index)
    return out
  }

  #code(): BinaryWriter {
    const { bodies, functions, imports, types } = this.#program
    const out = new BinaryWriter().u32(bodies.length + 4 + this.#payers.size)
    for (const [i, body] of bodies.entries()) {
      out.sized(this.#body(body, types[functions[imports.length + i]!]!.results))
    }
    out
      .sized(this.#sizeFunction(Math.log2(bytesPerUnit), 0))
      .sized(this.#sizeFunction(0, Math.log2(unitsPerPage)))
      .sized(this.#sizeFunction(0, Math.log2(unitsPerElement)))
      .sized(this.#renewFunction())
    for (const index of this.#payers.keys()) out.sized(this.#payer(index, imports[index]!))
    return out
  }

  #renewFunction(): BinaryWriter {
    const { bytes, globals } = this.#program
    const out = new BinaryWriter().u32(0)
    for (const [index, { mutable, start, end }] of globals.entries()) {
      if (mutable) out.bytes(bytes.subarray(start, end)).byte(op.globalSet).u32(index)
    }
    out.byte(op.i32Const).i32(this.#limits.stackSlots).byte(op.globalSet).u32(this.#stack)
    return out.byte(op.end)
  }

  /** Pays for a call of the host, or stops the program, and calls it. In 64 bits, so that no product wraps. */
  #payer(index: number, row: Import): BinaryWriter {
    const { charge, parameters } = chargeOf(row)
    const length = parameters.findIndex(({ kind }) => kind === 'length')
    const amount = parameters.length
    const out = new BinaryWriter().bytes([1, 1, 0x7e])
    out.byte(op.i64Const).i32(charge.call)
    if (length >= 0) {
      out.byte(op.localGet).u32(length).byte(op.i64ExtendI32U)
      out.byte(op.i64Const).i32(charge.byte).byte(op.i64Mul).byte(op.i64Add)
    }
    out.byte(op.localTee).u32(amount)
    this.#read(out, this.#budget).byte(op.i64ExtendI32S).byte(op.i64GtS)
    this.#spent(out)
    this.#read(out, this.#budget).byte(op.localGet).u32(amount).byte(op.i32WrapI64).byte(op.i32Sub)
    out.byte(op.globalSet).u32(this.#budget)
    for (const i of parameters.keys()) out.byte(op.localGet).u32(i)
    return out.byte(op.call).u32(index).byte(op.end)
  }

  /** On a condition that is on the stack: the budget is used up, and the program stops. */
  #spent(out: BinaryWriter): void {
    out.bytes([op.if, 0x40]).byte(op.i32Const).i32(-1)
    out.byte(op.globalSet).u32(this.#budget).bytes([op.unreachable, op.end])
  }

  /**
   * (n) → n: takes (n >>> down) << up from the budget, or stops the program. Comparing the shifted-down number as unsigned
   * first keeps the subtraction from wrapping.
   */
  #sizeFunction(down: number, up: number): BinaryWriter {
    const out = new BinaryWriter().u32(0)
    const units = (): BinaryWriter =>
      out.byte(op.localGet).u32(0).byte(op.i32Const).i32(down).byte(op.i32ShrU)
    this.#read(out, this.#budget).byte(op.i32Const).i32(0).byte(op.i32LtS)
    this.#spent(out)
    units()
    this.#read(out, this.#budget).byte(op.i32Const).i32(up).byte(op.i32ShrU)
    out.byte(op.i32GtU)
    this.#spent(out)
    this.#read(out, this.#budget)
    units().byte(op.i32Const).i32(up).byte(op.i32Shl).byte(op.i32Sub)
    out.byte(op.globalSet).u32(this.#budget)
    return out.byte(op.localGet).u32(0).byte(op.end)
  }

  #body(body: Body, results: readonly number[]): BinaryWriter {
    const holds = this.#hasRuns(body)
    const out = this.#locals(body, holds)
    const frame = frameSlots + body.locals + body.operands + body.computations
    // A function that calls nothing adds at most one frame on top of those that are counted.
    if (body.calls) this.#takeFrame(out, frame)
    const wrapped = body.calls || holds
    if (wrapped) {
      out.bytes([op.block])
      this.#blockType(out, results)
    }
    this.#runs(out, body, holds ? body.locals : undefined, wrapped)
    if (holds) out.byte(op.localGet).u32(body.locals).byte(op.globalSet).u32(this.#budget)
    if (body.calls) {
      this.#read(out, this.#stack).byte(op.i32Const).i32(frame).byte(op.i32Add)
      out.byte(op.globalSet).u32(this.#stack)
    }
    if (wrapped) out.byte(op.end)
    return out
  }

  /** Whether the function is more than one straight run. */
  #hasRuns(body: Body): boolean {
    const it = new InstructionReader(new BinaryReader(this.#program.bytes, body.code, body.end))
    while (!it.done) {
      it.next()
      if (it.opcode === op.block || it.opcode === op.loop || it.opcode === op.if) return true
      // Without blocks, only what is never reached can stand behind these.
      if (it.opcode === op.brIf || it.opcode === op.br || it.opcode === op.brTable) return true
      if (it.opcode === op.return || it.opcode === op.unreachable) return true
    }
    return false
  }

  /** The declarations of the function's locals, with one more for the budget. */
  #locals({ start, code }: Body, holds: boolean): BinaryWriter {
    const { bytes } = this.#program
    if (!holds) return new BinaryWriter().bytes(bytes.subarray(start, code))
    const r = new BinaryReader(bytes, start, code)
    const groups = r.u32()
    return new BinaryWriter()
      .u32(groups + 1)
      .bytes(bytes.subarray(r.position, code))
      .bytes([1, 0x7f])
  }

  #blockType(out: BinaryWriter, results: readonly number[]): void {
    if (results.length === 0) out.byte(0x40)
    else if (results.length === 1) out.byte(results[0]!)
    else {
      let index = this.#addedTypes.findIndex(
        (type) => type.parameters.length === 0 && type.results.join() === results.join(),
      )
      if (index < 0) index = this.#addedTypes.push({ parameters: [], results }) - 1
      out.i32(this.#program.types.length + index)
    }
  }

  /**
   * Copies the instructions run by run, each behind its charge.
   * @param local where the function holds the budget, if it does
   */
  #runs(out: BinaryWriter, body: Body, local: number | undefined, wrapped: boolean): void {
    const { bytes } = this.#program
    const reader = new BinaryReader(bytes, body.code, body.end)
    const it = new InstructionReader(reader)
    let run = new BinaryWriter()
    let copied = body.code
    let cost = 4 + (body.locals >> 2)
    let depth = 0
    let begins = true
    // A run that costs nothing is followed by one that does before a loop can turn.
    let looks = true
    const copyTo = (offset: number): BinaryWriter => {
      run.bytes(bytes.subarray(copied, offset))
      copied = offset
      return run
    }
    /** The instruction with the budget handed over before it, and taken back after it. */
    const handedOver = (instruction: () => void): void => {
      copyTo(it.start)
      if (local !== undefined) run.byte(op.localGet).u32(local).byte(op.globalSet).u32(this.#budget)
      instruction()
      if (local !== undefined) this.#read(run, this.#budget).byte(op.localSet).u32(local)
    }
    const charge = (function_: number): void =>
      handedOver(() => {
        run.byte(op.call).u32(function_)
      })
    while (!it.done) {
      it.next()
      cost += it.instruction.weight
      let ends = false
      let loops = false
      switch (it.opcode) {
        case op.block:
          depth++
          break
        case op.loop:
          depth++
          ends = true
          loops = true
          break
        case op.if:
          depth++
          ends = true
          break
        case op.end:
          depth--
          ends = true
          break
        case op.else:
        case op.br:
        case op.brIf:
        case op.brTable:
        case op.unreachable:
          ends = true
          break
        case op.return:
          // The body lies inside a block behind which budget and slots are given back: leave only that block.
          if (wrapped) {
            copyTo(it.start).byte(op.br).u32(depth)
            copied = it.position
          }
          ends = true
          break
        case op.call: {
          const called = this.#called(it.index)
          handedOver(() => {
            run.byte(op.call).u32(called)
            copied = it.position
          })
          break
        }
        case op.callIndirect:
          handedOver(() => {
            copyTo(it.position)
          })
          break
        case op.memoryInit:
        case op.memoryCopy:
        case op.memoryFill:
          charge(this.#chargeBytes)
          break
        case op.tableInit:
        case op.tableCopy:
          charge(this.#chargeElements)
          break
        case op.memoryGrow:
          charge(this.#chargePages)
          break
      }
      if (!ends && !it.done) continue
      copyTo(it.position)
      if (cost > 0) {
        this.#take(out, cost, local, begins, looks)
        begins = false
        looks = false
      }
      out.bytes(run.view())
      run = new BinaryWriter()
      cost = 0
      looks ||= loops
    }
  }

  #read(out: BinaryWriter, global: number): BinaryWriter {
    return out.byte(op.globalGet).u32(global)
  }

  /** Takes a run's cost from the budget, and stops when it `looks` and finds it below zero. */
  #take(out: BinaryWriter, cost: number, local: number | undefined, begins: boolean, looks: boolean): void {
    if (begins || local === undefined) this.#read(out, this.#budget)
    else out.byte(op.localGet).u32(local)
    out.byte(op.i32Const).i32(cost).byte(op.i32Sub)
    if (local === undefined) out.byte(op.globalSet).u32(this.#budget)
    else if (!looks) out.byte(op.localSet).u32(local)
    if (!looks) return
    if (local === undefined) this.#read(out, this.#budget)
    else out.byte(op.localTee).u32(local)
    out.byte(op.i32Const).i32(0).byte(op.i32LtS)
    this.#spent(out)
  }

  #takeFrame(out: BinaryWriter, slots: number): void {
    this.#read(out, this.#stack).byte(op.i32Const).i32(slots).byte(op.i32Sub)
    out.byte(op.globalSet).u32(this.#stack)
    this.#read(out, this.#stack).byte(op.i32Const).i32(0).byte(op.i32LtS)
    out.bytes([op.if, 0x40, op.unreachable, op.end])
  }
}

function chargeOf(row: Import): InterfaceFunction {
  if (row.kind === 'added') throw new InternalError('functions of additional software are not charged')
  return (interfaces[row.interface].functions as Readonly<Record<string, InterfaceFunction>>)[row.function]!
}
