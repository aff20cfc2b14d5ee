import { defaultLimits, type ProgramCheck, type ProgramLimits } from '@sealwright/module/program'
import { BinaryWriter } from '../../src/program/binary.ts'

/** Limits low enough that a few bytes reach each. */
export const lowLimits: ProgramLimits = {
  ...defaultLimits,
  size: 400,
  types: 8,
  typeWidth: 4,
  functions: 6,
  bodySize: 120,
  locals: 12,
  nesting: 4,
  operands: 6,
  branchTargets: 5,
  joins: 40,
  tableSize: 8,
  segments: 3,
  memoryPages: 3,
}

/** For every way in which the check refuses a program one that it refuses so. */
export const refusals: readonly (readonly [check: ProgramCheck, message: RegExp, bytes: Uint8Array])[] = [
  ['size', /bytes, at most/, new Uint8Array(401)],
  ['header', /version 1/, Uint8Array.of(0, 0x61, 0x73, 0x6d, 2, 0, 0, 0)],
  ['encoding', /end too early/, Uint8Array.of(0, 0x61, 0x73, 0x6d)],
  ['encoding', /bytes wanted/, made({ behind: [0, 9, 1] })],
  ['encoding', /longer than 32 bits/, body(0x10, 0x80, 0x80, 0x80, 0x80, 0x10)],
  ['encoding', /longer than 32 bits/, body(0x41, 0xff, 0xff, 0xff, 0xff, 0x4f, 0x1a)],
  ['encoding', /longer than 64 bits/, body(0x42, ...new Array<number>(10).fill(0x80), 0, 0x1a)],
  ['encoding', /longer than 64 bits/, body(0x42, ...new Array<number>(9).fill(0x80), 1, 0x1a)],
  ['encoding', /left over/, made({ start: [0, 0] })],
  ['encoding', /function has 1 bytes left over/, body(0x0b)],
  ['type', /9 types, at most 8/, made({ types: new Array<number[]>(9).fill(nothing()) })],
  ['feature', /tags/, made({ behind: [13, 1, 0] })],
  ['section', /unknown id 14/, made({ behind: [14, 0] })],
  ['section', /twice or out of order/, made({ behind: [1, 1, 0] })],
  ['section', /functions without code/, made({ withoutCode: true })],
  ['export', /no function that the module/, made({ exports: [] })],
  ['export', /no function that the module/, made({ exports: [named('_initialize', 0, 0)] })],
  ['segment', /data count differs/, made({ memory: [0, 1], dataCount: 1 })],
  ['feature', /form 5f/, made({ types: [nothing(), [0x5f, 0]] })],
  ['feature', /value type 7b/, made({ types: [nothing(), [0x60, 1, 0x7b, 0]] })],
  ['import', /is no function/, made({ imports: [imported('io', 'ins', [2, 0])] })],
  ['import', /function name like f1/, made({ imports: [imported('added', 'process', [0, 1])] })],
  ['import', /of the form/, made({ imports: [imported('added', 'f1', [0, 0])] })],
  ['import', /in no interface/, made({ imports: [imported('env', 'abort', [0, 0])] })],
  ['import', /in no interface/, made({ imports: [imported('io', 'constructor', [0, 0])] })],
  ['import', /another type/, made({ imports: [imported('io', 'ins', [0, 0])] })],
  ['feature', /table of type 6f/, made({ table: [0x6f, 0, 1] })],
  ['table', /9 elements, at most 8/, made({ table: [0x70, 0, 9] })],
  ['memory', /4 pages, at most 3/, made({ memory: [0, 4] })],
  ['memory', /above 4 GiB/, made({ memory: [1, 1, 0x81, 0x80, 0x04] })],
  ['memory', /2 memories/, made({ memories: [2, 0, 1, 0, 1] })],
  ['feature', /memory with flags 3/, made({ memory: [3, 1, 1] })],
  ['memory', /maximum below/, made({ memory: [1, 2, 1] })],
  ['table', /maximum below/, made({ table: [0x70, 1, 2, 1] })],
  ['global', /neither 0 nor 1/, made({ globals: [[0x7f, 2, 0x41, 0, 0x0b]] })],
  ['feature', /no constant of its type/, made({ globals: [[0x7f, 0, 0x42, 0, 0x0b]] })],
  ['feature', /no constant of its type/, made({ globals: [[0x7e, 0, 0x41, 0, 0x0b]] })],
  ['feature', /more than one constant/, made({ globals: [[0x7f, 0, 0x41, 0, 0x01, 0x0b]] })],
  ['export', /exported twice/, made({ exports: [named('process', 0, 0), named('process', 0, 0)] })],
  ['export', /does not exist/, made({ exports: [named('process', 0, 1)] })],
  ['export', /does not exist/, made({ exports: [named('process', 0, 0), named('memory', 2, 0)] })],
  [
    'export',
    /exports an imported function/,
    made({
      imports: [imported('io', 'ins', [0, 1])],
      exports: [named('process', 0, 1), named('f1', 0, 0)],
    }),
  ],
  ['export', /must take and return nothing/, made({ functions: [1], code: [[0, 0x41, 0, 0x0b]] })],
  ['export', /not a name that the module calls/, made({ exports: [named('main', 0, 0)] })],
  [
    'export',
    /neither/,
    made({ types: [nothing(), [0x60, 1, 0x7e, 0]], functions: [1], exports: [named('f1', 0, 0)] }),
  ],
  [
    'export',
    /not a name that the module knows/,
    made({ memory: [0, 1], exports: [named('process', 0, 0), named('store', 2, 0)] }),
  ],
  ['start', /takes or returns/, made({ functions: [0, 1], start: [1], code: [empty(), [0, 0x41, 0, 0x0b]] })],
  ['feature', /with expressions/, made({ table: [0x70, 0, 1], elements: [[4, 0x41, 0, 0x0b, 0]] })],
  ['feature', /more than one table/, made({ table: [0x70, 0, 1], elements: [[2, 1, 0x41, 0, 0x0b, 0, 0]] })],
  ['segment', /element segment without a table/, made({ elements: [[0, 0x41, 0, 0x0b, 0]] })],
  ['feature', /another kind than functions/, made({ table: [0x70, 0, 1], elements: [[1, 1, 0]] })],
  ['segment', /beyond the table/, made({ table: [0x70, 0, 1], elements: [[0, 0x41, 1, 0x0b, 1, 0]] })],
  ['index', /function 7 does not exist/, made({ table: [0x70, 0, 1], elements: [[0, 0x41, 0, 0x0b, 1, 7]] })],
  ['segment', /unknown form 3/, made({ memory: [0, 1], data: [[3, 0]] })],
  ['feature', /more than one memory/, made({ memory: [0, 1], data: [[2, 1, 0x41, 0, 0x0b, 0]] })],
  ['segment', /data segment without a memory/, made({ data: [[0, 0x41, 0, 0x0b, 0]] })],
  ['segment', /beyond the memory/, made({ memory: [0, 0], data: [[0, 0x41, 0, 0x0b, 1, 0]] })],
  ['body', /another number of functions/, made({ functions: [0, 0] })],
  ['body', /121 bytes, at most 120/, made({ code: [[0, ...new Array<number>(119).fill(1), 0x0b]] })],
  ['locals', /13 locals, at most 12/, made({ code: [[2, 12, 0x7f, 1, 0x7f, 0x0b]] })],
  ['invalid', /more operands taken/, body(0x1a)],
  ['locals', /more than 6 operands/, body(...pushes(7), ...drops(7))],
  ['index', /label 1 does not exist/, body(0x0c, 1)],
  ['index', /label 1 does not exist/, body(0x41, 0, 0x0d, 1)],
  ['index', /label 1 does not exist/, body(0x41, 0, 0x0e, 0, 1)],
  [
    'locals',
    /branches of 12 locals/,
    made({ code: [[1, 12, 0x7f, ...new Array(4).fill([0x03, 0x40, 0x0b]).flat(), 0x0b]] }),
  ],
  ['index', /local 0 does not exist/, body(0x20, 0, 0x1a)],
  ['index', /global 0 does not exist/, body(0x23, 0, 0x1a)],
  [
    'index',
    /global 0 is constant/,
    made({ globals: [[0x7f, 0, 0x41, 0, 0x0b]], code: [[0, 0x41, 0, 0x24, 0, 0x0b]] }),
  ],
  ['index', /memory is used/, body(0x3f, 0, 0x1a)],
  ['index', /table is used/, body(0x41, 0, 0x11, 0, 0)],
  ['nesting', /deeper than 4/, body(...new Array(5).fill([0x02, 0x40]).flat(), ...new Array(5).fill(0x0b))],
  ['invalid', /else without if/, body(0x02, 0x40, 0x05, 0x0b)],
  ['branch-table', /more than 5 targets/, body(0x41, 0, 0x0e, 5, 0, 0, 0, 0, 0, 0)],
  ['index', /function 1 does not exist/, body(0x10, 1)],
  ['index', /type 7 does not exist/, made({ table: [0x70, 0, 1], code: [[0, 0x41, 0, 0x11, 7, 0, 0x0b]] })],
  ['index', /type 7 does not exist/, body(0x02, 7, 0x0b)],
  ['index', /type 7 does not exist/, made({ functions: [7] })],
  ['feature', /block of type 6f/, body(0x02, 0x6f, 0x0b)],
  ['index', /data segment 0 does not exist/, body(0xfc, 9, 0)],
  ['index', /element segment 0 does not exist/, body(0xfc, 13, 0)],
  ['feature', /tail calls/, body(0x12, 0)],
  ['body', /alignment/, made({ memory: [0, 1], code: [[0, 0x41, 0, 0x28, 3, 0, 0x1a, 0x0b]] })],
  ['feature', /more than one memory/, made({ memory: [0, 1], code: [[0, 0x3f, 1, 0x1a, 0x0b]] })],
  ['index', /type 2 does not exist/, made({ functions: [2] })],
  ['index', /type 2 does not exist/, body(0x02, 2, 0x0b)],
  ['index', /type 2 does not exist/, made({ table: oneTable(), code: [[0, 0x41, 0, 0x11, 2, 0, 0x0b]] })],
  ['index', /function 1 does not exist/, made({ table: oneTable(), elements: [[0, 0x41, 0, 0x0b, 1, 1]] })],
  [
    'index',
    /data segment 1 does not exist/,
    made({ memory: [0, 1], dataCount: 1, data: [[1, 0]], code: [[0, 0xfc, 9, 1, 0x0b]] }),
  ],
  ['index', /data segment 0/, made({ memory: [0, 1], code: [[0, ...pushes(3), 0xfc, 8, 0, 0, 0x0b]] })],
  [
    'index',
    /element segment 0/,
    made({ table: oneTable(), code: [[0, ...pushes(3), 0xfc, 12, 0, 0, 0x0b]] }),
  ],
  ...[
    [0x41, 0, 0x28, 2, 0, 0x1a],
    [...pushes(3), 0xfc, 10, 0, 0],
    [...pushes(3), 0xfc, 11, 0],
  ].map((used): [ProgramCheck, RegExp, Uint8Array] => ['index', /memory is used/, body(...used)]),
  [
    'index',
    /memory is used/,
    made({ dataCount: 1, data: [[1, 0]], code: [[0, ...pushes(3), 0xfc, 8, 0, 0, 0x0b]] }),
  ],
  ['index', /table is used/, body(...pushes(3), 0xfc, 14, 0, 0)],
  [
    'index',
    /table is used/,
    made({ elements: [[1, 0, 0]], code: [[0, ...pushes(3), 0xfc, 12, 0, 0, 0x0b]] }),
  ],
  ['table', /2 tables/, made({ tables: [2, 0x70, 0, 1, 0x70, 0, 1] })],
  ['feature', /memory with flags 2/, made({ memory: [2, 1] })],
  [
    'export',
    /does not exist/,
    made({ exports: [named('process', 0, 0), named('memory', 2, 1)], memory: [0, 1] }),
  ],
  ['export', /does not exist/, made({ exports: [named('process', 0, 0), named('__table_base', 1, 0)] })],
  ['export', /does not exist/, made({ exports: [named('process', 0, 0), named('__heap_base', 3, 0)] })],
  [
    'export',
    /does not exist/,
    made({ table: oneTable(), exports: [named('process', 0, 0), named('__indirect_function_table', 1, 1)] }),
  ],
  ['export', /does not exist/, made({ exports: [named('process', 4, 0)] })],
  ...['f0', 'f01', 'f1000', 'f'].map((name): [ProgramCheck, RegExp, Uint8Array] => [
    'export',
    /not a name that the module calls/,
    made({ exports: [named(name, 0, 0)] }),
  ]),
  ...['f0', 'f01', 'f1000', 'f'].map((name): [ProgramCheck, RegExp, Uint8Array] => [
    'import',
    /function name like f1/,
    made({ imports: [imported('added', name, [0, 1])] }),
  ]),
  [
    'import',
    /another type/,
    made({ types: [nothing(), [0x60, 1, 0x7f, 0]], imports: [imported('io', 'status', [0, 0])] }),
  ],
  [
    'import',
    /another type/,
    made({ types: [nothing(), [0x60, 0, 2, 0x7f, 0x7f]], imports: [imported('io', 'ins', [0, 1])] }),
  ],
  [
    'import',
    /another type/,
    made({ types: [nothing(), [0x60, 1, 0x7f, 1, 0x7f]], imports: [imported('io', 'ins', [0, 1])] }),
  ],
  ['feature', /no constant of its type/, made({ globals: [[0x7f, 0, 0x43, 0, 0, 0, 0, 0x0b]] })],
  ['feature', /no constant of its type/, made({ globals: [[0x7d, 0, 0x44, ...eightZeros(), 0x0b]] })],
  ['feature', /no constant of its type/, made({ globals: [[0x7c, 0, 0x43, 0, 0, 0, 0, 0x0b]] })],
  [
    'encoding',
    /longer than 32 bits/,
    made({ globals: [[0x7f, 0, 0x41, 0x80, 0x80, 0x80, 0x80, 0x80, 0, 0x0b]] }),
  ],
  ['encoding', /custom|bytes wanted/, made({ behind: [0, 2, 9, 1] })],
  // The operands that an instruction takes must be there, in this block and not below it.
  ['invalid', /more operands taken/, body(0x02, 0x7f, 0x0b, 0x1a)],
  ['invalid', /more operands taken/, body(0x41, 0, 0x02, 0x40, 0x1a, 0x0b)],
  ['invalid', /more operands taken/, body(0x41, 0, 0x04, 0x7f, 0x05, 0x41, 0, 0x0b, 0x1a)],
  ['invalid', /more operands taken/, body(0x41, 0, 0x04, 0x7f, 0x41, 0, 0x05, 0x0b, 0x1a)],
  ['invalid', /more operands taken/, made({ functions: [1], exports: [named('f1', 0, 0)], code: [empty()] })],
  ['invalid', /more operands taken/, takesOne(0x02, 2, 0x1a, 0x0b)],
  ['invalid', /more operands taken/, body(0x02, 0x40, 0x00, 0x0b, 0x1a)],
  ['invalid', /more operands taken/, body(0x41, 0, 0x04, 0x40, 0x00, 0x05, 0x1a, 0x0b)],
  ['invalid', /more operands taken/, body(0x10, 0, 0x1a)],
  [
    'locals',
    /branches of 8 locals/,
    made({ code: [[1, 8, 0x7f, 0x41, 0, 0x0e, 4, 0, 0, 0, 0, 0, 0x41, 0, 0x0d, 0, 0x0b]] }),
  ],
]

/** Programs at a limit, or with what looks forbidden and is not. */
export const taken: readonly Uint8Array[] = [
  made({}),
  ofSize(lowLimits.size),
  made({ types: [...new Array<number[]>(7).fill(nothing()), [0x60, 4, 0x7f, 0x7f, 0x7f, 0x7f, 0]] }),
  made({ functions: new Array<number>(6).fill(0), code: new Array<number[]>(6).fill(empty()) }),
  made({ code: [[0, ...new Array<number>(118).fill(1), 0x0b]] }),
  made({ code: [[1, 12, 0x7f, 0x0b]] }),
  body(...pushes(6), ...drops(6)),
  body(...new Array(4).fill([0x02, 0x40]).flat(), ...new Array(4).fill(0x0b)),
  body(0x41, 0, 0x0e, 4, 0, 0, 0, 0, 0),
  made({ code: [[1, 8, 0x7f, ...new Array(5).fill([0x03, 0x40, 0x0b]).flat(), 0x0b]] }),
  made({ code: [[1, 8, 0x7f, 0x41, 0, 0x0e, 4, 0, 0, 0, 0, 0, 0x0b]] }),
  made({ table: [0x70, 0, 8] }),
  made({ table: [0x70, 1, 8, 8], elements: [[0, 0x41, 7, 0x0b, 1, 0]] }),
  made({
    table: oneTable(),
    elements: [
      [2, 0, 0x41, 0, 0x0b, 0, 1, 0],
      [3, 0, 1, 0],
      [1, 0, 1, 0],
    ],
  }),
  made({ memory: [1, 3, 0x80, 0x80, 0x04] }),
  made({
    memory: [0, 3],
    data: [
      [0, 0x41, 0xff, 0xff, 0x0b, 0x0b, 1, 9],
      [2, 0, 0x41, 0, 0x0b, 0],
      [1, 0],
    ],
  }),
  made({ tables: [0], memories: [0] }),
  made({
    globals: [
      [0x7f, 0, 0x41, 0, 0x0b],
      [0x7e, 1, 0x42, 0, 0x0b],
      [0x7d, 1, 0x43, 0, 0, 0, 0, 0x0b],
      [0x7c, 1, 0x44, ...eightZeros(), 0x0b],
    ],
    exports: [named('process', 0, 0), named('__heap_base', 3, 3)],
  }),
  made({ exports: [named('f999', 0, 0), named('_initialize', 0, 0)] }),
  made({ functions: [1, 0], exports: [named('f1', 0, 0)], code: [[0, 0x41, 0, 0x0b], empty()], start: [1] }),
  made({ imports: [imported('added', 'f999', [0, 1]), imported('io', 'ins', [0, 1])] }),
  // Behind what never goes on, operands come from nowhere.
  body(0x00, 0x1a),
  body(0x02, 0, 0x0b),
  body(0x0f, 0x1a),
  body(0x0c, 0, 0x1a),
  body(0x41, 0, 0x0e, 0, 0, 0x1a),
  body(0x02, 0x7f, 0x00, 0x0b, 0x1a),
  body(0x41, 0, 0x04, 0x7f, 0x00, 0x05, 0x41, 0, 0x0b, 0x1a),
  body(0x41, 0, 0x04, 0x7f, 0x41, 0, 0x05, 0x41, 0, 0x0b, 0x1a),
  body(...pushes(5), 0x0f, ...pushes(6), ...drops(6)),
  takesOne(0x41, 0, 0x02, 2, 0x1a, 0x0b),
  takesOne(0x41, 0, 0x41, 0, 0x04, 2, 0x1a, 0x05, 0x1a, 0x0b),
]

/** A program with these instructions whose type 2 takes an i32 and gives none. */
function takesOne(...instructions: readonly number[]): Uint8Array {
  return made({
    types: [nothing(), [0x60, 0, 1, 0x7f], [0x60, 1, 0x7f, 0]],
    code: [[0, ...instructions, 0x0b]],
  })
}

/** A program of so many bytes, most of them in a custom section. */
function ofSize(size: number): Uint8Array {
  const content = size - made({}).length - 3
  const name = [1, 0x61]
  return made({
    behind: [0, (content & 0x7f) | 0x80, content >> 7, ...name, ...new Array<number>(content - 2).fill(0)],
  })
}

function oneTable(): number[] {
  return [0x70, 0, 1]
}

function eightZeros(): number[] {
  return new Array<number>(8).fill(0)
}

interface Parts {
  readonly types?: readonly number[][]
  readonly imports?: readonly number[][]
  readonly functions?: readonly number[]
  /** The one table, or memory, from its type or flags on. */
  readonly table?: readonly number[]
  readonly memory?: readonly number[]
  /** The whole section in the place of one table, or memory. */
  readonly tables?: readonly number[]
  readonly memories?: readonly number[]
  readonly globals?: readonly number[][]
  readonly exports?: readonly number[][]
  readonly start?: readonly number[]
  readonly elements?: readonly number[][]
  readonly dataCount?: number
  readonly code?: readonly number[][]
  readonly withoutCode?: boolean
  readonly data?: readonly number[][]
  /** Bytes behind the last section. */
  readonly behind?: readonly number[]
}

/** A program from its parts; without any, the smallest that is taken. Types 0 and 1 are () → () and () → i32. */
function made(parts: Parts): Uint8Array {
  const { types = [nothing(), [0x60, 0, 1, 0x7f]], functions = [0], code = functions.map(empty) } = parts
  const { exports = [named('process', 0, parts.imports?.length ?? 0)], behind = [] } = parts
  const out = new BinaryWriter().bytes([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0])
  out.section(1, list(types))
  if (parts.imports !== undefined) out.section(2, list(parts.imports))
  out.section(3, list(functions.map((type) => [type])))
  if (parts.table !== undefined) out.section(4, list([parts.table]))
  if (parts.tables !== undefined) out.section(4, new BinaryWriter().bytes(parts.tables))
  if (parts.memory !== undefined) out.section(5, list([parts.memory]))
  if (parts.memories !== undefined) out.section(5, new BinaryWriter().bytes(parts.memories))
  if (parts.globals !== undefined) out.section(6, list(parts.globals))
  out.section(7, list(exports))
  if (parts.start !== undefined) out.section(8, new BinaryWriter().bytes(parts.start))
  if (parts.elements !== undefined) out.section(9, list(parts.elements))
  if (parts.dataCount !== undefined) out.section(12, new BinaryWriter().u32(parts.dataCount))
  if (parts.withoutCode !== true) {
    const bodies = parts.code === undefined && functions.length > 1 ? [empty()] : code
    out.section(10, list(bodies.map((body) => [body.length, ...body])))
  }
  if (parts.data !== undefined) out.section(11, list(parts.data))
  return out.bytes(behind).finish()
}

/** A program with these instructions. */
function body(...instructions: readonly number[]): Uint8Array {
  return made({ code: [[0, ...instructions, 0x0b]] })
}

function list(rows: readonly (readonly number[])[]): BinaryWriter {
  const out = new BinaryWriter().u32(rows.length)
  for (const row of rows) out.bytes(row)
  return out
}

function named(name: string, kind: number, index: number): number[] {
  return [...new BinaryWriter().name(name).view(), kind, index]
}

function imported(from: string, name: string, what: readonly number[]): number[] {
  return [...new BinaryWriter().name(from).name(name).view(), ...what]
}

function nothing(): number[] {
  return [0x60, 0, 0]
}

function empty(): number[] {
  return [0, 0x0b]
}

function pushes(count: number): number[] {
  return new Array<number[]>(count).fill([0x41, 0]).flat()
}

function drops(count: number): number[] {
  return new Array<number>(count).fill(0x1a)
}
