import { BinaryReader, BinaryWriter } from './binary.ts'
import type { Body, CheckedProgram } from './check.ts'
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
} as const

/** Bytes that a bulk operation works on for one unit. */
const bytesPerUnit = 8
/** Units for one page of 64 KiB that memory.grow asks for. */
const unitsPerPage = 8_192
/** Slots of a frame beside locals and operands: return address, instance, saved registers. */
const frameSlots = 8

/**
 * Writes the program again so that it pays as it goes. Every straight run of instructions (a block that is entered only at its
 * start and left only at its end) is charged by its length before it begins; bulk operations and growth by their size, before
 * they begin; each function takes the slots of its frame from a counter and gives them back. Nothing is imported for it: two
 * globals and two functions stand behind the program's own, where its indices do not reach. The start function leaves its
 * section and becomes an export, custom sections are dropped.
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
  /** Types behind the program's own: (i32) → i32 for the two functions, then () → results for wrapped bodies. */
  readonly #addedTypes: { parameters: readonly number[]; results: readonly number[] }[] = [
    { parameters: [0x7f], results: [0x7f] },
  ]

  constructor(program: CheckedProgram, limits: ProgramLimits) {
    this.#program = program
    this.#limits = limits
    this.#budget = program.globals
    this.#stack = program.globals + 1
    this.#chargeBytes = program.functions.length
    this.#chargePages = program.functions.length + 1
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
    this.#copy(out, 9)
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
    const out = new BinaryWriter().u32(own.length + 2)
    for (const type of own) out.u32(type)
    return out.u32(types.length).u32(types.length)
  }

  #memory({ initial, maximum }: { initial: number; maximum: number }): BinaryWriter {
    return new BinaryWriter().u32(1).byte(1).u32(initial).u32(maximum)
  }

  #globals(): BinaryWriter {
    const section = this.#program.sections.find((section) => section.id === 6)
    const out = new BinaryWriter().u32(this.#program.globals + 2)
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
    const out = new BinaryWriter().u32(list.length)
    for (const { name, kind, index } of list) out.name(name).byte(kind).u32(index)
    return out
  }

  #code(): BinaryWriter {
    const { bodies, functions, imports, types } = this.#program
    const out = new BinaryWriter().u32(bodies.length + 2)
    for (const [i, body] of bodies.entries()) {
      out.sized(this.#body(body, types[functions[imports.length + i]!]!.results))
    }
    return out
      .sized(this.#sizeFunction(Math.log2(bytesPerUnit), 0))
      .sized(this.#sizeFunction(0, Math.log2(unitsPerPage)))
  }

  /**
   * (n) → n: takes (n >>> down) << up from the budget, or stops the program. Comparing the shifted-down number as unsigned
   * first keeps the subtraction from wrapping.
   */
  #sizeFunction(down: number, up: number): BinaryWriter {
    const out = new BinaryWriter().u32(0)
    const units = (): BinaryWriter =>
      out.byte(op.localGet).u32(0).byte(op.i32Const).i32(down).byte(op.i32ShrU)
    units()
    this.#read(out, this.#budget).byte(op.i32Const).i32(up).byte(op.i32ShrU)
    out.byte(op.i32GtU).bytes([op.if, 0x40]).byte(op.i32Const).i32(-1)
    out.byte(op.globalSet).u32(this.#budget).bytes([op.unreachable, op.end])
    this.#read(out, this.#budget)
    units().byte(op.i32Const).i32(up).byte(i32Shl).byte(op.i32Sub)
    out.byte(op.globalSet).u32(this.#budget)
    return out.byte(op.localGet).u32(0).byte(op.end)
  }

  #body(body: Body, results: readonly number[]): BinaryWriter {
    const { bytes } = this.#program
    const out = new BinaryWriter().bytes(bytes.subarray(body.start, body.code))
    const frame = frameSlots + body.locals + body.operands
    // A function that calls nothing adds at most one frame on top of those that are counted.
    if (body.calls) {
      this.#take(out, this.#stack, frame)
      out.bytes([op.block])
      this.#blockType(out, results)
    }
    this.#runs(out, body)
    if (body.calls) {
      this.#read(out, this.#stack).byte(op.i32Const).i32(frame).byte(op.i32Add)
      out.byte(op.globalSet).u32(this.#stack).byte(op.end)
    }
    return out
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

  /** Copies the instructions run by run, each behind its charge. */
  #runs(out: BinaryWriter, body: Body): void {
    const { bytes } = this.#program
    const reader = new BinaryReader(bytes, body.code, body.end)
    const it = new InstructionReader(reader)
    let run = new BinaryWriter()
    let copied = body.code
    let cost = 4 + (body.locals >> 2)
    let depth = 0
    const insertBefore = (offset: number): BinaryWriter => {
      run.bytes(bytes.subarray(copied, offset))
      copied = offset
      return run
    }
    while (!it.done) {
      it.next()
      cost += it.instruction.weight
      let ends = false
      switch (it.opcode) {
        case op.block:
          depth++
          break
        case op.loop:
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
          // The body lies inside a block behind which the frame's slots are given back: leave only that block.
          if (body.calls) {
            insertBefore(it.start).byte(op.br).u32(depth)
            copied = it.position
          }
          ends = true
          break
        case op.memoryInit:
        case op.memoryCopy:
        case op.memoryFill:
        case op.tableInit:
        case op.tableCopy:
          insertBefore(it.start).byte(op.call).u32(this.#chargeBytes)
          break
        case op.memoryGrow:
          insertBefore(it.start).byte(op.call).u32(this.#chargePages)
          break
      }
      if (!ends && !it.done) continue
      insertBefore(it.position)
      if (cost > 0) this.#take(out, this.#budget, cost)
      out.bytes(run.view())
      run = new BinaryWriter()
      cost = 0
    }
  }

  #read(out: BinaryWriter, global: number): BinaryWriter {
    return out.byte(op.globalGet).u32(global)
  }

  /** global -= amount; below zero: stop. */
  #take(out: BinaryWriter, global: number, amount: number): void {
    this.#read(out, global).byte(op.i32Const).i32(amount).byte(op.i32Sub)
    out.byte(op.globalSet).u32(global)
    this.#read(out, global).byte(op.i32Const).i32(0).byte(op.i32LtS)
    out.bytes([op.if, 0x40, op.unreachable, op.end])
  }
}

const i32Shl = 0x74
