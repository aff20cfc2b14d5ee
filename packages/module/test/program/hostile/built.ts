import { BinaryWriter } from '../../../src/program/binary.ts'
import { wat } from '../wat.ts'

/**
 * Hostile programs that text does not express, or only at length: bytes that the module's reader and the engine's would read as
 * different instructions, and programs that are large on purpose.
 */
export const built: Readonly<Record<string, () => Uint8Array>> = {
  'body-long': () =>
    wat(`(module (memory 1) (func (export "process") (local $n i32)
      (if (i32.eqz (local.get $n)) (then))
      ${'(local.set $n (i32.add (local.get $n) (i32.const 1)))'.repeat(17_000)}
      (i32.store (i32.const 0) (local.get $n))))`),
  'fill-below-zero': () =>
    wat(`(module (memory 32) (func (export "process")
      (if (i32.eqz (memory.size)) (then))
      ${'(memory.fill (i32.const 0) (i32.const 0) (i32.const 0x200000))'.repeat(100)}
      (i32.store (i32.const 0) (i32.const 100))))`),
  init: () =>
    wat(`(module (memory 1) (data $d "${'x'.repeat(60_000)}") (func (export "process") (local $turns i32)
      (loop $more
        (memory.init $d (i32.const 16) (i32.const 0) (i32.const 60000))
        (local.set $turns (i32.add (local.get $turns) (i32.const 1)))
        (i32.store (i32.const 0) (local.get $turns))
        (br_if $more (i32.lt_u (local.get $turns) (i32.const 2000))))))`),
  'loop-heads': () =>
    wat(`(module (memory 1) (func (export "process") (local $turns i32)
      (loop $more
        ${'(loop)'.repeat(1000)}
        (local.set $turns (i32.add (local.get $turns) (i32.const 1)))
        (i32.store (i32.const 0) (local.get $turns))
        (br_if $more (i32.lt_u (local.get $turns) (i32.const 5000))))))`),
  subnormal: () =>
    wat(`(module (memory 1) (func (export "process") (local $turns i32) (local $x f64)
      (loop $more
        (local.set $x (f64.const 0x0.fffffffffffffp-1022))
        ${'(local.set $x (f64.mul (local.get $x) (f64.const 0x1.fffffffffffffp-1)))'.repeat(200)}
        (f64.store (i32.const 8) (local.get $x))
        (local.set $turns (i32.add (local.get $turns) (i32.const 1)))
        (i32.store (i32.const 0) (local.get $turns))
        (br_if $more (i32.lt_u (local.get $turns) (i32.const 500))))))`),
  'table-init': () =>
    wat(`(module (memory 1) (table 1024 funcref) (elem $e func ${'$f '.repeat(1024)}) (func $f)
      (func (export "process") (local $turns i32)
        (loop $more
          (table.init $e (i32.const 0) (i32.const 0) (i32.const 1024))
          (local.set $turns (i32.add (local.get $turns) (i32.const 1)))
          (i32.store (i32.const 0) (local.get $turns))
          (br_if $more (i32.lt_u (local.get $turns) (i32.const 1000))))))`),
  'recursion-wide': () =>
    wat(`(module (memory 1) (global $depth (mut i32) (i32.const 0))
      (func $down (param $at i32) (result i32)
        (global.set $depth (i32.add (global.get $depth) (i32.const 1)))
        (i32.store (i32.const 0) (global.get $depth))
        (if (i32.ge_u (global.get $depth) (i32.const 60)) (then (return (i32.const 0))))
        ${`(call $first ${'(i32.load (local.get $at))'.repeat(15)}`.repeat(60)}
        (call $down (local.get $at)) ${')'.repeat(60)})
      (func $first (param ${'i32 '.repeat(16)}) (result i32) (local.get 0))
      (func (export "process") (drop (call $down (i32.const 16)))))`),
  'engine-stack': () => {
    const computed = (at: number): string =>
      Array.from(
        { length: 1000 },
        (_, i) =>
          `(i32.store offset=${at + 4 * i} (i32.const 0) (i32.mul (local.get $x) (i32.const ${2 * i + 3})))`,
      ).join('')
    return wat(`(module (memory 1)
      (func $down (param $x i32) (param $rest i32)
        ${computed(1024)}
        (if (local.get $rest)
          (then (call $down (local.get $x) (i32.sub (local.get $rest) (i32.const 1)))))
        ${computed(20_000)})
      (func (export "process") (call $down (i32.const 7) (i32.const 1700))))`)
  },
  // Where the module's reader would pass over an instruction that it does not know, it would take the number behind it for the
  // next one: nop for 1, block for 2, unreachable for 0. These programs number what they use accordingly.
  'tail-call': () =>
    program({
      functions: [0, 0],
      memory: 1,
      entry: 0,
      code: [
        [0, 0x10, 1, 0x0b],
        [0, ...countTo(2_000_000), 0x12, 1, 0x0b],
      ],
    }),
  'tail-call-table': () =>
    program({
      types: [nothing, nothing],
      functions: [0, 1],
      memory: 1,
      table: [1],
      entry: 0,
      code: [
        [0, 0x10, 1, 0x0b],
        [0, ...countTo(2_000_000), 0x41, 0, 0x13, 1, 0, 0x0b],
      ],
    }),
  'refusal-caught': () =>
    program({
      types: [nothing, nothing, nothing, [0x60, 1, 0x7f, 0]],
      imports: [['io', 'refuse', 3]],
      functions: [0, 0],
      memory: 1,
      entry: 2,
      code: [
        // Works for 2,000 turns, then has the host refuse.
        [
          ...[1, 1, 0x7f, 0x03, 0x40, ...plusOne, 0x20, 0, 0x41, 1, 0x6a, 0x22, 0, 0x41, ...leb(2000)],
          ...[0x49, 0x0d, 0, 0x0b, 0x41, ...leb(0x6a80), 0x10, 0, 0x0b],
        ],
        // 200 times: try, call it, catch all.
        [
          ...[1, 1, 0x7f, 0x03, 0x40, 0x06, 2, 1, 0x10, 1, 0x19, 0x0b],
          ...[0x41, 0, 0x23, 0, 0x36, 2, 0],
          ...[0x20, 0, 0x41, 1, 0x6a, 0x22, 0, 0x41, ...leb(200), 0x49, 0x0d, 0, 0x0b, 0x0b],
        ],
      ],
    }),
  'table-grow': () =>
    program({
      functions: [0],
      memory: 1,
      table: [],
      entry: 0,
      code: [
        [
          // A null reference, as many elements more, and how many there are then.
          ...[0, 0x41, 0, 0x41, 0, 0xd0, 0x70, 0x41, ...leb(1_000_000), 0xfc, 0x0f, 0, 0x1a, 0x1a],
          ...[0xfc, 0x10, 0, 0x36, 2, 0, 0x0b],
        ],
      ],
    }),
  'state-table-set': () =>
    program({
      types: [nothing, [0x60, 0, 1, 0x7f], [0x60, 2, 0x7f, 0x7f, 0]],
      imports: [['io', 'output', 2]],
      functions: [1, 1, 0],
      memory: 1,
      table: [2, 1],
      entry: 3,
      code: [
        [0, 0x41, 1, 0x0b],
        [0, 0x41, 0, 0x0b],
        [
          ...[0, 0x41, 0, 0x41, 0, 0x11, 1, 0, 0x3a, 0, 0, 0x41, 0, 0x41, 1, 0x10, 0],
          ...[0x41, 0, 0xd2, 1, 0x26, 0, 0x0b],
        ],
      ],
    }),
  // What the engine's own validation refuses too.
  'twice-number': () => one([0x10, 0x80, 0x80, 0x80, 0x80, 0x10]),
  'twice-signed': () => one([0x41, 0xff, 0xff, 0xff, 0xff, 0x4f, 0x1a]),
  'twice-global': () => one([0x23, 1, 0x1a]),
  'twice-constant': () => one([0x41, 1, 0x24, 0], { constant: true }),
  'twice-local': () => one([0x41, 1, 0x21, 0]),
  'twice-label': () => one([0x0c, 1]),
  'twice-alignment': () => one([0x41, 0, 0x28, 3, 0, 0x1a]),
  'twice-operands': () => one([0x1a]),
  'twice-left-over': () => one([0x0b]),
  'twice-else': () => one([0x02, 0x40, 0x05, 0x0b]),
  'twice-reserved': () => one([0x41, 0, 0x40, 1, 0x1a]),
  'twice-exported': () => one([], { names: ['process', 'process'] }),
  'twice-start': () => one([], { types: [nothing, [0x60, 1, 0x7f, 0]], functions: [0, 1], start: 1 }),
  'twice-section': () => one([], { behind: [1, 1, 0] }),
}

const nothing = [0x60, 0, 0]

/** turns = turns + 1 */
const plusOne = [0x23, 0, 0x41, 1, 0x6a, 0x24, 0]

/** One turn more, noted at address 0; returns after so many. */
function countTo(most: number): number[] {
  return [...plusOne, 0x41, 0, 0x23, 0, 0x36, 2, 0, 0x23, 0, 0x41, ...leb(most), 0x4f, 0x04, 0x40, 0x0f, 0x0b]
}

function leb(value: number): number[] {
  return [...new BinaryWriter().i32(value).view()]
}

interface Parts {
  readonly types?: readonly number[][]
  /** Module, name and type of functions. */
  readonly imports?: readonly (readonly [string, string, number])[]
  readonly functions: readonly number[]
  readonly memory: number
  /** Functions at its beginning; of one element, when there are none. */
  readonly table?: readonly number[]
  /** Exported under these names, `process` unless told. */
  readonly entry: number
  readonly names?: readonly string[]
  readonly start?: number
  /** Whether the one global is constant. */
  readonly constant?: boolean
  /** Bytes behind the last section. */
  readonly behind?: readonly number[]
  /** Each body from its locals on. */
  readonly code: readonly number[][]
}

/** A program whose functions hold nothing, but for these instructions in the first. */
function one(instructions: readonly number[], parts: Partial<Parts> = {}): Uint8Array {
  const { functions = [0] } = parts
  const code = functions.map((_, i) => [0, ...(i === 0 ? instructions : []), 0x0b])
  return program({ memory: 1, entry: 0, code, ...parts, functions })
}

/** A program byte by byte; global 0 is an i32. */
function program(parts: Parts): Uint8Array {
  const { types = [nothing], imports = [], functions, memory, table, entry, code } = parts
  const { names = ['process'], start, constant = false, behind = [] } = parts
  const out = new BinaryWriter().bytes([0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00])
  out.section(1, list(types))
  if (imports.length > 0) {
    const section = new BinaryWriter().u32(imports.length)
    for (const [from, name, type] of imports) section.name(from).name(name).byte(0).u32(type)
    out.section(2, section)
  }
  out.section(3, list(functions.map((type) => [type])))
  if (table !== undefined) out.section(4, list([[0x70, 0, Math.max(table.length, 1)]]))
  out.section(5, list([[0, memory]]))
  out.section(6, list([[0x7f, constant ? 0 : 1, 0x41, 0, 0x0b]]))
  const exports = new BinaryWriter().u32(names.length)
  for (const name of names) exports.name(name).byte(0).u32(entry)
  out.section(7, exports)
  if (start !== undefined) out.section(8, new BinaryWriter().u32(start))
  if (table !== undefined && table.length > 0)
    out.section(9, list([[0, 0x41, 0, 0x0b, table.length, ...table]]))
  const bodies = new BinaryWriter().u32(code.length)
  for (const body of code) bodies.sized(new BinaryWriter().bytes(body))
  return out.section(10, bodies).bytes(behind).finish()
}

function list(rows: readonly (readonly number[])[]): BinaryWriter {
  const out = new BinaryWriter().u32(rows.length)
  for (const row of rows) out.bytes(row)
  return out
}
