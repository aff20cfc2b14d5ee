import { copyBytes, equal, wipe } from '@sealwright/core/bytes'
import {
  addedModule,
  functionExport,
  type InterfaceFunction,
  type InterfaceName,
  interfaces,
  statusWords,
} from '@sealwright/core/catalog'
import { InternalError, UsageError } from '@sealwright/core/errors'
import { Refusal } from '../dispatch/refusal.ts'
import { checkProgram } from './check.ts'
import type { ProgramHost } from './host.ts'
import { defaultLimits, highestBudget, type ProgramLimits } from './limits.ts'
import { hostExports, meterProgram } from './meter.ts'
import { ProgramRefused } from './refused.ts'
import { type Exported, type WasmGlobal, type WasmMemory, webAssembly } from './web-assembly.ts'

/** A program that was checked, metered and compiled. It holds nothing of any call and may be kept and shared. */
export interface CompiledProgram {
  readonly module: object
  readonly imports: readonly { readonly from: InterfaceName | typeof addedModule; readonly name: string }[]
  /** Interfaces that it imports; `instantiate` refuses when one of them is not granted. */
  readonly interfaces: readonly InterfaceName[]
  /** Functions that additional software must supply. */
  readonly wanted: readonly string[]
  /** What it exports: `entry` takes and returns nothing, a number is how many i32s a linked function takes. */
  readonly functions: ReadonlyMap<string, 'entry' | number>
  /** Bytes of memory it begins with. */
  readonly memorySize: number
  /** So many of them, from the first on, may not be zero. */
  readonly filled: number
  /** Whether an instance can be made as new: what it could remember is its memory and its globals. */
  readonly renewable: boolean
}

/** Checks, meters and compiles. Throws ProgramRefused for bytes that are no program, whatever they are. */
export function compileProgram(bytes: Uint8Array, limits: ProgramLimits = defaultLimits): CompiledProgram {
  const checked = checkProgram(bytes, limits)
  // The program itself must be valid: what is written around it could otherwise make it so.
  if (!webAssembly.validate(bytes)) throw new ProgramRefused('invalid', 'not a valid wasm module')
  const functions = new Map<string, 'entry' | number>()
  for (const { name, kind, index } of checked.exports) {
    if (kind !== 0 || !/^(process|f\d+)$/.test(name)) continue
    const { parameters, results } = checked.types[checked.functions[index]!]!
    functions.set(name, results.length === 0 ? 'entry' : parameters.length)
  }
  return {
    module: new webAssembly.Module(meterProgram(checked, limits)),
    imports: checked.imports.map((row) => ({
      from: row.kind === 'added' ? addedModule : row.interface,
      name: row.function,
    })),
    interfaces: [
      ...new Set(checked.imports.flatMap((row) => (row.kind === 'interface' ? [row.interface] : []))),
    ],
    wanted: [...new Set(checked.imports.flatMap((row) => (row.kind === 'added' ? [row.function] : [])))],
    functions,
    memorySize: (checked.memory?.initial ?? 0) * 65_536,
    filled: checked.filled,
    renewable: checked.renewable,
  }
}

export type CallResult =
  | { readonly ok: true; readonly budgetLeft: number }
  | {
      readonly ok: false
      /**
       * `budget`: used up. `trap`: the program stopped itself, left its memory or called too deep. `refused`: it asked for what
       * it may not do, or ended the call by `refuse`; `sw` is the answer. `missing-export`: no such function.
       */
      readonly reason: 'budget' | 'trap' | 'refused' | 'missing-export'
      /** Status word that goes with it. */
      readonly sw: number
      /** For traces; never for the answer. */
      readonly detail: string
    }

export interface Instantiation {
  readonly program: CompiledProgram
  readonly host: ProgramHost
  readonly grants: ReadonlySet<InterfaceName>
  /** Additional software that supplies functions to a program masked incomplete; it has the same host and grants. */
  readonly added?: CompiledProgram | undefined
}

/**
 * A new instance: its memory is zero but for its own data segments. Nothing of it runs before the first call.
 * Throws ProgramRefused with check `grant` when it imports an interface that is not granted.
 */
export function instantiate(instantiation: Instantiation): ProgramInstance {
  return new ProgramInstance(instantiation)
}

/** A selected program. After a call that did not end well it is dead, and the caller drops it. */
export class ProgramInstance {
  readonly #machine: Machine
  readonly #shared: Shared = { refused: undefined }
  #begun = false
  #alive = true
  #running = false

  constructor({ program, host, grants, added }: Instantiation) {
    granted(program, grants)
    if (added !== undefined) granted(added, grants)
    this.#machine = new Machine(program, host, this.#shared, added)
  }

  get alive(): boolean {
    return this.#alive
  }

  /** The memories as they are now, of the program and of what is linked to it; views, valid until the next call. */
  memories(): readonly { readonly name: string; readonly memory: Uint8Array }[] {
    return this.#machine.memories()
  }

  /**
   * Makes the instance what it was before its first call, its memory overwritten; false when that cannot be, because a call did not
   * end well, memory grew, or the program can change more. Then the memory is zero, and the caller drops the instance.
   */
  renew(): boolean {
    const renewed = this.#machine.renew() && this.#alive
    if (!renewed) for (const { memory } of this.memories()) wipe(memory)
    this.#alive = renewed
    this.#begun = false
    return renewed
  }

  /**
   * Calls the function of this number (0 = export `process`, n = export `f<n>`) with so many units. The first call runs the
   * start function under the same budget. Exceptions of the host other than Refusal pass through.
   */
  call(number: number, budget: number): CallResult {
    if (!Number.isInteger(budget) || budget < 0 || budget > highestBudget) {
      throw new UsageError(`a budget is a number from 0 to ${highestBudget}, got ${budget}`)
    }
    if (this.#running) throw new InternalError('a program was called from its own host')
    if (!this.#alive) return failed('trap', 'the instance was dropped')
    const machine = this.#machine
    const entry = machine.entry(number)
    if (entry === undefined) {
      return failed('missing-export', `no function ${functionExport(number)} that takes and returns nothing`)
    }
    this.#running = true
    this.#alive = false
    machine.budget.value = budget
    try {
      if (!this.#begun) {
        machine.begin()
        this.#begun = true
      }
      entry()
    } catch (error) {
      return this.#stopped(error)
    } finally {
      this.#running = false
    }
    // Nothing that a program may use catches a refusal; were there such an instruction, the call would be refused all the same.
    const { refused } = this.#shared
    if (refused !== undefined) return failed('refused', refused.detail, refused.sw)
    const budgetLeft = machine.budget.value
    // What the last run took was not looked at by the program.
    if (budgetLeft < 0) return failed('budget', usedUp)
    this.#alive = true
    return { ok: true, budgetLeft }
  }

  #stopped(error: unknown): CallResult {
    const { refused } = this.#shared
    if (refused !== undefined) return failed('refused', refused.detail, refused.sw)
    if (!(error instanceof webAssembly.RuntimeError) && !isStackOverflow(error)) throw error
    if (this.#machine.budget.value < 0) return failed('budget', usedUp)
    if (this.#machine.tooDeep) return failed('trap', 'functions called each other too deep')
    return failed('trap', (error as Error).message)
  }
}

function failed(
  reason: 'budget' | 'trap' | 'refused' | 'missing-export',
  detail: string,
  sw: number = defaultStatus[reason],
): CallResult {
  return { ok: false, reason, sw, detail }
}

const usedUp = 'the budget is used up'

const defaultStatus = {
  budget: statusWords['conditions-not-satisfied'].sw,
  trap: statusWords['conditions-not-satisfied'].sw,
  refused: statusWords['conditions-not-satisfied'].sw,
  'missing-export': statusWords['instruction-not-supported'].sw,
} as const

function granted(program: CompiledProgram, grants: ReadonlySet<InterfaceName>): void {
  for (const name of program.interfaces) {
    if (!grants.has(name)) throw new ProgramRefused('grant', `interface ${name} is imported and not granted`)
  }
}

/** V8 and others end a stack that is too deep with a RangeError; the own counter stops programs long before. */
function isStackOverflow(error: unknown): boolean {
  return error instanceof RangeError && /call stack/.test(error.message)
}

/** What the machines of one instance have in common. */
interface Shared {
  /** The refusal that ended the call. Whatever the program would do after it, the call is refused. */
  refused: { readonly sw: number; readonly detail: string } | undefined
}

/** One wasm instance with its memory, its budget and what it imports. */
class Machine {
  readonly budget: WasmGlobal
  readonly #program: CompiledProgram
  readonly #host: ProgramHost
  readonly #shared: Shared
  readonly #added: CompiledProgram | undefined
  readonly #exports: Readonly<Record<string, unknown>>
  readonly #memory: WasmMemory | undefined
  /** What the beginning of the memory is filled with. */
  readonly #image: Uint8Array
  readonly #stack: WasmGlobal
  readonly #entries: (Exported | undefined)[] = []
  #view: Uint8Array = new Uint8Array(0)
  #linked: Machine | undefined
  #linkedBegun = false

  constructor(
    program: CompiledProgram,
    host: ProgramHost,
    shared: Shared,
    added: CompiledProgram | undefined,
  ) {
    this.#program = program
    this.#host = host
    this.#shared = shared
    this.#added = added
    const imports: Record<string, Record<string, Exported>> = {}
    for (const { from, name } of program.imports) {
      imports[from] ??= {}
      imports[from][name] = from === addedModule ? this.#supplied(name) : this.#bound(from, name)
    }
    this.#exports = new webAssembly.Instance(program.module, imports).exports
    this.budget = this.#exports[hostExports.budget] as WasmGlobal
    this.#stack = this.#exports[hostExports.stack] as WasmGlobal
    this.#memory = this.#exports[hostExports.memory] as WasmMemory | undefined
    this.#image = this.bytes().slice(0, program.renewable ? program.filled : 0)
  }

  get tooDeep(): boolean {
    return this.#stack.value < 0 || (this.#linked?.tooDeep ?? false)
  }

  entry(number: number): Exported | undefined {
    const known = this.#entries[number]
    if (known !== undefined) return known
    const name = functionExport(number)
    if (this.#program.functions.get(name) !== 'entry') return undefined
    const entry = this.#exports[name] as Exported
    this.#entries[number] = entry
    return entry
  }

  /** What a program runs before its first function. */
  begin(): void {
    for (const name of [hostExports.start, hostExports.initializer])
      (this.#exports[name] as Exported | undefined)?.()
  }

  memories(): { name: string; memory: Uint8Array }[] {
    const own =
      this.#memory === undefined ? [] : [{ name: 'own', memory: new Uint8Array(this.#memory.buffer) }]
    const linked = this.#linked?.memories().map(({ memory }) => ({ name: addedModule, memory })) ?? []
    return [...own, ...linked]
  }

  /** Memory, globals and stack as before the first call; what is linked to it likewise. */
  renew(): boolean {
    const memory = this.bytes()
    if (!this.#program.renewable || memory.length !== this.#program.memorySize) return false
    if (this.#linked?.renew() === false) return false
    memory.fill(0)
    memory.set(this.#image)
    ;(this.#exports[hostExports.renew] as Exported)()
    this.#linkedBegun = false
    return true
  }

  /** The program's memory; holds until a call of it. */
  bytes(): Uint8Array {
    // The view of a memory that has grown since is empty.
    if (this.#view.length === 0 && this.#memory !== undefined)
      this.#view = new Uint8Array(this.#memory.buffer)
    return this.#view
  }

  /** A view of `length` bytes of the program's memory. */
  read(address: number, length: number): Uint8Array {
    return this.source(address, length).subarray(address, address + length)
  }

  /** The memory, in which so many bytes to be read lie at this address. */
  source(address: number, length: number): Uint8Array {
    const view = this.bytes()
    // Both are below 2^32, so that the sum is exact: it does not wrap as it would in 32 bits.
    if (address + length > view.length)
      throw this.refuse(`source ${address}, ${length} bytes, is outside the program's memory`)
    return view
  }

  /** The memory, in which so many bytes to be written lie at this address; refused before anything is done for it. */
  room(address: number, length: number): Uint8Array {
    const view = this.bytes()
    if (address + length > view.length)
      throw this.refuse(`destination ${address}, ${length} bytes, is outside the program's memory`)
    return view
  }

  write(address: number, length: number, bytes: Uint8Array): void {
    if (bytes.length !== length)
      throw new InternalError(`host answered ${bytes.length} bytes, expected ${length}`)
    this.bytes().set(bytes, address)
  }

  /** Poisons the call and gives what to throw. */
  refuse(detail: string, sw: number = defaultStatus.refused): Error {
    this.#shared.refused ??= { sw, detail }
    return new Refusal('conditions-not-satisfied')
  }

  #bound(from: InterfaceName, name: string): Exported {
    const wrap = (
      wrappers[from] as Readonly<Record<string, (machine: Machine, host: ProgramHost) => Exported>>
    )[name]!
    return this.#noting(wrap(this, this.#host), from, name)
  }

  /** Notes who refused. One form for each number of arguments: a list of them would be made anew for each call. */
  #noting(run: Exported, from: InterfaceName, name: string): Exported {
    const shared = this.#shared
    const noted = (error: unknown): unknown => {
      if (error instanceof Refusal) {
        shared.refused ??= { sw: statusWords[error.status].sw, detail: `${from}.${name}: ${error.status}` }
      }
      return error
    }
    const { parameters } = (interfaces[from].functions as Readonly<Record<string, InterfaceFunction>>)[name]!
    switch (parameters.length) {
      case 0:
        return () => {
          try {
            return run()
          } catch (error) {
            throw noted(error)
          }
        }
      case 1:
        return (a) => {
          try {
            return run(a!)
          } catch (error) {
            throw noted(error)
          }
        }
      case 2:
        return (a, b) => {
          try {
            return run(a!, b!)
          } catch (error) {
            throw noted(error)
          }
        }
      case 3:
        return (a, b, c) => {
          try {
            return run(a!, b!, c!)
          } catch (error) {
            throw noted(error)
          }
        }
      default:
        return (a, b, c, d, e) => {
          try {
            return run(a!, b!, c!, d!, e!)
          } catch (error) {
            throw noted(error)
          }
        }
    }
  }

  /** A function of the additional software, under this machine's budget and what is left of its stack. */
  #supplied(name: string): Exported {
    const added = this.#added
    return (...values) => {
      if (added?.functions.get(name) !== values.length) {
        throw this.refuse(
          `no additional software supplies ${name} with ${values.length} numbers`,
          statusWords['function-not-supported'].sw,
        )
      }
      this.#linked ??= new Machine(added, this.#host, this.#shared, undefined)
      const linked = this.#linked
      linked.budget.value = this.budget.value
      linked.#stack.value = this.#stack.value
      try {
        if (!this.#linkedBegun) linked.begin()
        this.#linkedBegun = true
        return (linked.#exports[name] as Exported)(...values)
      } finally {
        this.budget.value = linked.budget.value
      }
    }
  }
}

type Wrappers = {
  readonly [I in InterfaceName]: {
    readonly [F in keyof (typeof interfaces)[I]['functions']]: (
      machine: Machine,
      host: ProgramHost,
    ) => Exported
  }
}

/** From addresses and lengths to bytes and back. Every address is checked before the host is asked to do anything. */
const wrappers: Wrappers = {
  io: {
    input_length: (_m, host) => () => {
      return offered(host.io, 'io').command.data.length
    },
    input: (m, host) => (destination, offset, length) => {
      const to = u32(destination)
      const start = u32(offset)
      const count = u32(length)
      const { data } = offered(host.io, 'io').command
      const memory = m.room(to, count)
      if (start + count > data.length)
        throw m.refuse(`input ${start}, ${count} bytes, is outside the command's ${data.length}`)
      copyBytes(data, start, count, memory, to)
    },
    output: (m, host) => (source, length) => {
      const from = u32(source)
      const count = u32(length)
      offered(host.io, 'io').output(m.source(from, count), from, count)
    },
    ins: (_m, host) => () => {
      return offered(host.io, 'io').command.ins
    },
    p1: (_m, host) => () => {
      return offered(host.io, 'io').command.p1
    },
    p2: (_m, host) => () => {
      return offered(host.io, 'io').command.p2
    },
    channel: (_m, host) => () => {
      return offered(host.io, 'io').fromSupplier ? 1 : 0
    },
    status: (m, host) => (sw) => {
      offered(host.io, 'io').status(statusWord(m, u32(sw)))
    },
    refuse: (m) => (sw) => {
      throw m.refuse('by the program', statusWord(m, u32(sw)))
    },
  },
  data: {
    size: (_m, host) => () => {
      return offered(host.data, 'data').size
    },
    read: (m, host) => (offset, destination, length) => {
      const start = u32(offset)
      const to = u32(destination)
      const count = u32(length)
      const data = offered(host.data, 'data')
      const memory = m.room(to, count)
      const { size } = data
      if (start + count > size) throw m.refuse(`data ${start}, ${count} bytes, is outside the area's ${size}`)
      data.read(start, count, memory, to)
    },
    write: (m, host) => (offset, source, length) => {
      const start = u32(offset)
      const count = u32(length)
      const data = offered(host.data, 'data')
      const bytes = m.read(u32(source), count)
      const { size } = data
      if (start + count > size) throw m.refuse(`data ${start}, ${count} bytes, is outside the area's ${size}`)
      data.write(start, bytes)
    },
  },
  random: {
    fill: (m, host) => (destination, length) => {
      const to = u32(destination)
      const count = u32(length)
      m.room(to, count)
      m.write(to, count, offered(host.random, 'random').bytes(count))
    },
  },
  mac: {
    cmac: (m, host) => (place, source, length, destination) => {
      m.room(u32(destination), 16)
      const data = m.read(u32(source), u32(length))
      m.write(u32(destination), 16, offered(host.mac, 'mac').cmac(u32(place), data, 'generate'))
    },
    verify: (m, host) => (place, source, length, mac, macLength) => {
      const count = u32(macLength)
      if (count < 8 || count > 16) throw m.refuse(`a mac has 8 to 16 bytes, got ${count}`)
      const expected = m.read(u32(mac), count)
      const data = m.read(u32(source), u32(length))
      const computed = offered(host.mac, 'mac').cmac(u32(place), data, 'verify')
      return equal(computed.subarray(0, count), expected) ? 1 : 0
    },
  },
  cipher: {
    encrypt: (m, host) => (place, iv, source, length, destination) => {
      const { vector, data } = blocks(m, iv, source, length, destination)
      m.write(u32(destination), data.length, offered(host.cipher, 'cipher').encrypt(u32(place), vector, data))
    },
    decrypt: (m, host) => (place, iv, source, length, destination) => {
      const { vector, data } = blocks(m, iv, source, length, destination)
      m.write(u32(destination), data.length, offered(host.cipher, 'cipher').decrypt(u32(place), vector, data))
    },
  },
  sign: {
    sign: (m, host) => (source, length, destination) => {
      m.room(u32(destination), 64)
      m.write(u32(destination), 64, offered(host.sign, 'sign').sign(m.read(u32(source), u32(length))))
    },
  },
  clock: {
    now: (_m, host) => () => {
      return BigInt(offered(host.clock, 'clock').now() ?? 0)
    },
    known: (_m, host) => () => {
      return offered(host.clock, 'clock').now() === undefined ? 0 : 1
    },
  },
  chip: {
    put: (m, host) => (kind, id, source, length) => {
      offered(host.chip, 'chip').put(u32(kind), u32(id), m.read(u32(source), u32(length)).slice())
    },
    append: (m, host) => (kind, id, source, length) => {
      offered(host.chip, 'chip').append(u32(kind), u32(id), m.read(u32(source), u32(length)).slice())
    },
    length: (_m, host) => (kind, id) => {
      return offered(host.chip, 'chip').length(u32(kind), u32(id)) ?? -1
    },
    digest: (m, host) => (kind, id, destination) => {
      m.room(u32(destination), 32)
      m.write(u32(destination), 32, offered(host.chip, 'chip').digest(u32(kind), u32(id)))
    },
    vector: (_m, host) => (ins, program, number) => {
      offered(host.chip, 'chip').vector(u32(ins), u32(program), u32(number))
    },
    activate: (_m, host) => (entry) => {
      offered(host.chip, 'chip').activate(u32(entry))
    },
  },
}

function u32(value: number | bigint | undefined): number {
  return (value as number) >>> 0
}

function offered<T>(member: T | undefined, name: InterfaceName): T {
  if (member === undefined)
    throw new InternalError(`interface ${name} is granted and the host does not have it`)
  return member
}

function statusWord(m: Machine, sw: number): number {
  const high = sw >>> 12
  if ((high !== 6 && high !== 9) || ofTransport.has(sw >>> 8))
    throw m.refuse(`${sw.toString(16)} is no status word of a program`)
  return sw
}

/** 60XX are no status words; on 61XX and 6CXX a client sends more by itself (ISO/IEC 7816-4, 5.3.4 and 5.6). */
const ofTransport: ReadonlySet<number> = new Set([0x60, 0x61, 0x6c])

function blocks(
  m: Machine,
  iv: number | bigint | undefined,
  source: number | bigint | undefined,
  length: number | bigint | undefined,
  destination: number | bigint | undefined,
): { vector: Uint8Array; data: Uint8Array } {
  if (u32(length) % 16 !== 0) throw m.refuse(`${u32(length)} bytes are no whole blocks`)
  m.room(u32(destination), u32(length))
  return { vector: m.read(u32(iv), 16), data: m.read(u32(source), u32(length)) }
}
