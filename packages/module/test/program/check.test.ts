import assert from 'node:assert/strict'
import { test } from 'node:test'
import { interfaces } from '@sealwright/core/catalog'
import {
  checkProgram,
  compileProgram,
  defaultLimits,
  type ProgramCheck,
  ProgramRefused,
} from '@sealwright/module/program'
import { BinaryWriter } from '../../src/program/binary.ts'
import { committed, committedNames, wat } from './wat.ts'

const limits = {
  ...defaultLimits,
  types: 6,
  typeWidth: 4,
  imports: 3,
  functions: 8,
  globals: 3,
  exports: 4,
  bodySize: 400,
  locals: 10,
  nesting: 5,
  operands: 8,
  branchTargets: 6,
  joins: 40,
  tableSize: 10,
  segments: 2,
  memoryPages: 3,
}

const process = '(func (export "process"))'

function refusedFor(check: ProgramCheck, bytes: Uint8Array, pattern = /./, under = limits): void {
  assert.throws(
    () => checkProgram(bytes, under),
    (error) => error instanceof ProgramRefused && error.check === check && pattern.test(error.message),
  )
}

function taken(text: string): void {
  const bytes = wat(text)
  checkProgram(bytes, limits)
  compileProgram(bytes, limits)
}

test('every committed program is taken, from three compilers', () => {
  for (const name of committedNames) compileProgram(committed(name))
})

test('a limit is taken, one above it is refused', () => {
  const row = (n: number, make: (i: number) => string): string =>
    Array.from({ length: n }, (_, i) => make(i)).join('\n')
  const cases: [ProgramCheck, number, (n: number) => string][] = [
    [
      'import',
      3,
      (n) =>
        `(module ${row(n, (i) => `(import "io" "${['ins', 'p1', 'p2', 'input_length'][i]}" (func (result i32)))`)} ${process})`,
    ],
    ['function-count', 8, (n) => `(module ${process} ${row(n - 1, () => '(func)')})`],
    ['global', 3, (n) => `(module ${process} ${row(n, () => '(global i32 (i32.const 0))')})`],
    [
      'export',
      4,
      (n) =>
        `(module (func $f) (export "process" (func $f)) ${row(n - 1, (i) => `(export "f${i + 1}" (func $f))`)})`,
    ],
    ['locals', 10, (n) => `(module (func (export "process") (local ${row(n, () => 'i32')})))`],
    ['nesting', 5, (n) => `(module (func (export "process") ${nested(n)}))`],
    [
      'branch-table',
      6,
      (n) => `(module (func (export "process") (block $b (br_table ${row(n, () => '$b')} (i32.const 0)))))`,
    ],
    ['table', 10, (n) => `(module (table ${n} funcref) ${process})`],
    ['memory', 3, (n) => `(module (memory ${n}) ${process})`],
    [
      'segment',
      2,
      (n) => `(module (memory 1) ${process} ${row(n, (i) => `(data (i32.const ${i * 8}) "abc")`)})`,
    ],
    ['type', 4, (n) => `(module ${process} (func (param ${row(n, () => 'i64')})))`],
    [
      'type',
      6,
      (n) =>
        `(module ${process} ${row(n - 1, (i) => `(func (param ${row(i % 4, () => 'f32')}) (result ${i > 3 ? 'f64' : 'i64'}) unreachable)`)})`,
    ],
    ['body', 400, (n) => `(module (func (export "process") ${row(n - 2, () => '(nop)')}))`],
  ]
  for (const [check, most, text] of cases) {
    taken(text(most))
    refusedFor(check, wat(text(most + 1)))
  }
})

function nested(depth: number): string {
  return depth === 0 ? '(drop (i32.const 1))' : `(if (i32.const 1) (then ${nested(depth - 1)} (nop)))`
}

test('operands on the stack are counted, also behind code that is not reached', () => {
  const sum = (n: number): string => (n === 1 ? '(i32.const 1)' : `(i32.add (i32.const 1) ${sum(n - 1)})`)
  taken(`(module (func (export "process") (drop ${sum(8)})))`)
  refusedFor('locals', wat(`(module (func (export "process") (drop ${sum(9)})))`), /operands/)
})

test('branches and loops times locals are limited, whatever the branches are', () => {
  const locals = `(local ${'i32 '.repeat(8)})`
  for (const [way, most] of [
    ['(br_if $b (local.get 0))', 5],
    ['(if (local.get 0) (then (nop)))', 5],
    ['(loop (nop))', 5],
    ['(if (local.get 0) (then (br $b)))', 2],
    ['(if (local.get 0) (then) (else (nop)))', 2],
    ['(block (br_table 0 0 (local.get 0)))', 2],
  ] as const) {
    const text = (n: number): string =>
      `(module (func (export "process") ${locals} (block $b ${way.repeat(n)})))`
    taken(text(most))
    refusedFor('locals', wat(text(most + 1)), /branches/)
  }
})

test('what computes is counted: comparisons, arithmetic, conversions, select, and neither constants nor accesses', () => {
  const counted = (...instructions: number[]): number =>
    checkProgram(program({ memory: true, code: [[0, ...instructions, 0x0b]] }), limits).bodies[0]!
      .computations
  const one = [0x41, 1]
  for (const instructions of [
    [...one, 0x45, 0x1a], // i32.eqz, the first
    [0x42, 1, 0xc4, 0x1a], // i64.extend32_s, the last
    [0x43, 0, 0, 0, 0, 0xfc, 0, 0x1a], // the first and the last saturating conversion
    [0x44, 0, 0, 0, 0, 0, 0, 0, 0, 0xfc, 7, 0x1a],
    [...one, ...one, ...one, 0x1b, 0x1a], // select
  ]) {
    assert.equal(counted(...instructions), 1, instructions.join())
  }
  // The constant before the first of them, a load, the size of the memory, a copy.
  assert.equal(counted(0x44, 0, 0, 0, 0, 0, 0, 0, 0, 0x1a, ...one, 0x28, 2, 0, 0x1a, 0x3f, 0, 0x1a), 0)
  assert.equal(counted(...one, ...one, ...one, 0xfc, 10, 0, 0), 0)
})

test('an instance is not made as new once segments or elements may be gone or moved', () => {
  for (const [instructions, renewable] of [
    ['(elem.drop $e)', false],
    ['(data.drop $d)', false],
    ['(table.init $e (i32.const 0) (i32.const 0) (i32.const 0))', false],
    ['(table.copy (i32.const 0) (i32.const 0) (i32.const 0))', false],
    ['(memory.init $d (i32.const 0) (i32.const 0) (i32.const 0))', true],
  ] as const) {
    const text = `(module (memory 1) (table 1 funcref) (elem $e func $f) (data $d "x")
      (func $f (export "process") ${instructions}))`
    assert.equal(checkProgram(wat(text), limits).renewable, renewable, instructions)
  }
})

test('a size above the limit is refused before anything is read', () => {
  assert.throws(
    () => checkProgram(new Uint8Array(101), { ...limits, size: 100 }),
    (error) => error instanceof ProgramRefused && error.check === 'size',
  )
})

test('the sum of locals counts, not their groups', () => {
  // Three groups of 2^32 - 1 would be 1 in 32 bits.
  const huge = program({
    code: [[3, 0xff, 0xff, 0xff, 0xff, 0x0f, 0x7f, 0xff, 0xff, 0xff, 0xff, 0x0f, 0x7f, 3, 0x7f, 0x0b]],
  })
  refusedFor('locals', huge)
})

test('features beyond the list are refused by name', () => {
  const cases: [string, RegExp][] = [
    ['(module (memory 1) (func (export "process") (drop (i8x16.splat (i32.const 1)))))', /SIMD/],
    ['(module (memory 1 1 shared) (func (export "process")))', /shared/],
    ['(module (memory 1) (func (export "process") (drop (i32.atomic.load (i32.const 0)))))', /threads/],
    ['(module (func $f (export "process") (return_call $f)))', /tail calls/],
    ['(module (tag $t) (func (export "process") (throw $t)))', /exceptions/],
    ['(module (memory i64 1) (func (export "process")))', /64/],
    ['(module (table 1 externref) (func (export "process")))', /table of type/],
    ['(module (func (export "process") (drop (ref.null func))))', /reference types/],
    [
      '(module (table 1 funcref) (func (export "process") (drop (table.grow (ref.null func) (i32.const 1)))))',
      /reference types/,
    ],
    [
      '(module (type $s (struct (field i32))) (func (export "process") (drop (struct.new $s (i32.const 1)))))',
      /garbage collection/,
    ],
    ['(module (func (export "process") (drop (ref.i31 (i32.const 1)))))', /garbage collection/],
    ['(module (memory $a 1) (memory $b 1) (func (export "process")))', /memories/],
    ['(module (func (param v128)) (func (export "process")))', /value type/],
  ]
  for (const [text, pattern] of cases) {
    assert.throws(
      () => compileProgram(wat(text)),
      (error) => error instanceof ProgramRefused && pattern.test(error.message),
      text,
    )
  }
})

test('sign extension, saturating conversions, bulk memory and several values are taken', () => {
  compileProgram(
    wat(
      `(module (memory 1) (table 4 funcref) (elem $e func $f) (data $d "abc")
      (func $two (result i32 i64) (i32.const 1) (i64.const 2))
      (func $f (export "process") (local $x i32) (local $y i64)
        (local.set $x (i32.extend8_s (i32.trunc_sat_f32_s (f32.const 1e30))))
        (memory.init $d (i32.const 0) (i32.const 0) (i32.const 3)) (data.drop $d)
        (memory.fill (i32.const 0) (i32.const 1) (i32.const 2)) (memory.copy (i32.const 0) (i32.const 1) (i32.const 2))
        (table.init $e (i32.const 0) (i32.const 0) (i32.const 1)) (elem.drop $e)
        (table.copy (i32.const 0) (i32.const 1) (i32.const 2))
        (call $two) (local.set $y) (local.set $x)))`,
    ),
  )
})

test('[C9b] imports: only functions of the interfaces, with their exact types', () => {
  for (const [name, { functions }] of Object.entries(interfaces)) {
    for (const [fn, { parameters, ...rest }] of Object.entries(functions)) {
      const result = 'result' in rest ? `(result ${rest.result})` : ''
      const import_ = (params: number, result: string): string =>
        `(module (import "${name}" "${fn}" (func ${params > 0 ? `(param ${'i32 '.repeat(params)})` : ''} ${result})) ${process})`
      compileProgram(wat(import_(parameters.length, result)))
      for (const wrong of [
        import_(parameters.length + 1, result),
        import_(parameters.length, result === '' ? '(result i32)' : ''),
        import_(parameters.length, '(result f32)'),
      ]) {
        refusedFor('import', wat(wrong), /another type/, defaultLimits)
      }
    }
  }
  for (const [module, name] of [
    ['env', 'abort'],
    ['io', 'open'],
    ['io', 'constructor'],
    ['__proto__', 'toString'],
    ['toString', 'call'],
    ['added', 'process'],
    ['added', 'f0'],
    ['added', 'f1000'],
  ]) {
    refusedFor('import', wat(`(module (import "${module}" "${name}" (func (result i32))) ${process})`))
  }
  refusedFor('import', wat(`(module (import "io" "memory" (memory 1)) ${process})`), /no function/)
  refusedFor('import', wat(`(module (import "io" "ins" (global i32)) ${process})`), /no function/)
  refusedFor(
    'import',
    wat(`(module (import "added" "f1" (func (param i64) (result i32))) ${process})`),
    /form/,
  )
})

test('exports: only names that the module knows, of the right kind and type', () => {
  for (const text of [
    '(func (export "process")) (memory (export "memory") 1)',
    '(func (export "f1")) (func (export "f999"))',
    '(func (export "f1") (param i32 i32) (result i32) (i32.const 0))',
    '(func (export "process")) (global (export "__heap_base") i32 (i32.const 8)) (table (export "__indirect_function_table") 1 funcref)',
    '(func (export "process")) (func (export "_initialize"))',
  ]) {
    taken(`(module ${text})`)
  }
  for (const text of [
    '',
    '(memory (export "memory") 1)',
    '(func (export "_initialize"))',
    '(func (export "main"))',
    '(func (export "process") (result i32) (i32.const 0))',
    '(func (export "process") (param i32))',
    '(func (export "f0"))',
    '(func (export "f01"))',
    '(func (export "f1") (result i64) (i64.const 0))',
    '(func (export "process")) (func (export "meter.budget"))',
    '(func (export "process")) (global (export "meter.budget") (mut i32) (i32.const 0))',
    '(func (export "process")) (global (export "memory") i32 (i32.const 0))',
    '(func (export "process")) (memory (export "__heap_base") 1)',
    '(func (export "process")) (global (export "toString") i32 (i32.const 0))',
    '(import "io" "refuse" (func $f (param i32))) (func (export "process")) (export "f1" (func $f))',
  ]) {
    refusedFor('export', wat(`(module ${text})`))
  }
})

test("the start function takes nothing, returns nothing and is the program's own", () => {
  taken('(module (start $s) (func $s) (func (export "process")))')
  refusedFor(
    'start',
    program({
      start: 1,
      types: [
        [0x60, 0, 0],
        [0x60, 1, 0x7f, 0],
      ],
      functions: [0, 1],
      code: [
        [0, 0x0b],
        [0, 0x0b],
      ],
    }),
  )
})

test('segments stay inside what they fill', () => {
  taken('(module (memory 1) (data (i32.const 65533) "abc") (func (export "process")))')
  refusedFor('segment', wat('(module (memory 1) (data (i32.const 65534) "abc") (func (export "process")))'))
  refusedFor('segment', wat('(module (memory 1) (data (i32.const -1) "abc") (func (export "process")))'))
  taken('(module (table 2 funcref) (elem (i32.const 1) $f) (func $f (export "process")))')
  refusedFor(
    'segment',
    wat('(module (table 2 funcref) (elem (i32.const 2) $f) (func $f (export "process")))'),
  )
  refusedFor(
    'segment',
    wat('(module (table 2 funcref) (elem (i32.const -1) $f) (func $f (export "process")))'),
  )
})

test('indices that name nothing are refused', () => {
  const bodies: number[][] = [
    [0, 0x20, 0, 0x1a, 0x0b], // local.get 0
    [0, 0x23, 0, 0x1a, 0x0b], // global.get 0: the meter's globals would follow
    [0, 0x10, 1, 0x0b], // call 1: the meter's functions would follow
    [0, 0x0c, 1, 0x0b], // br 1
    [0, 0x41, 0, 0x11, 1, 0, 0x0b], // call_indirect of type 1
    [0, 0x41, 0, 0x11, 0, 0, 0x0b], // call_indirect without a table
    [0, 0x41, 0, 0x28, 2, 0, 0x1a, 0x0b], // i32.load without a memory
    [0, 0xfc, 0x09, 0, 0x0b], // data.drop 0
    [0, 0xfc, 0x0d, 0, 0x0b], // elem.drop 0
    [0, 0x02, 1, 0x0b, 0x0b], // block of type 1
  ]
  for (const body of bodies) refusedFor('index', program({ code: [body] }))
})

test('what only the engine sees is refused as invalid: wrong types of operands', () => {
  assert.throws(
    () => compileProgram(program({ code: [[0, 0x42, 0, 0x41, 0, 0x6a, 0x1a, 0x0b]] })),
    (error) => error instanceof ProgramRefused && error.check === 'invalid',
  )
})

test('encodings: numbers too long, sections twice or out of order, lengths that lie', () => {
  const good = program({})
  checkProgram(good, limits)
  refusedFor(
    'header',
    Uint8Array.from(good, (byte, i) => (i === 4 ? 2 : byte)),
  )
  refusedFor('encoding', program({ code: [[0, 0x41, 0x80, 0x80, 0x80, 0x80, 0x80, 0x00, 0x1a, 0x0b]] })) // 6 bytes
  refusedFor('encoding', program({ code: [[0, 0x41, 0xff, 0xff, 0xff, 0xff, 0x4f, 0x1a, 0x0b]] })) // unused bits
  refusedFor('encoding', program({ code: [[0, 0x0b, 0x01]] }), /left over/)
  refusedFor('encoding', program({ code: [[0, 0x41, 0]] }), /too early/)
  refusedFor('section', concatBytes(good, [1, 1, 0]), /twice or out of order/)
  refusedFor('section', concatBytes(good, [14, 0]), /unknown id/)
  refusedFor('encoding', concatBytes(good, [0, 9, 1]), /wanted/)
  refusedFor('encoding', concatBytes(good, [0, 2, 9, 1]), /wanted/)
  refusedFor('encoding', program({ code: [[0, 0x10, 0x80, 0x80, 0x80, 0x80, 0x10, 0x0b]] }), /32 bits/) // function 2^32
  refusedFor('body', program({ memory: true, code: [[0, 0x41, 0, 0x28, 3, 0, 0x1a, 0x0b]] }), /alignment/)
  refusedFor('export', program({ names: ['process', 'process'] }), /twice/)
  refusedFor('index', program({ global: true, code: [[0, 0x41, 0, 0x24, 0, 0x0b]] }), /constant/)
  // As linkers write them: five bytes for a small number.
  checkProgram(program({ code: [[0, 0x41, 0x80, 0x80, 0x80, 0x80, 0x00, 0x1a, 0x0b]] }), limits)
  // Custom sections may stand anywhere.
  checkProgram(concatBytes(good, [0, 4, 1, 0x61, 1, 2]), limits)
})

test('every truncation of a program is refused', () => {
  for (const name of committedNames) {
    const bytes = committed(name)
    const ends = sectionEnds(bytes)
    for (let length = 0; length < bytes.length; length++) {
      const cut = bytes.subarray(0, length)
      const compile = (): unknown => compileProgram(cut)
      // Sections left out whole behind the code leave a valid program, unless it says how many data segments it has.
      if (ends.has(length) && !declaresData(bytes)) compile()
      else assert.throws(compile, ProgramRefused, `${name}, ${length} bytes`)
    }
  }
})

/** Where the sections from the code section on end. */
function sectionEnds(bytes: Uint8Array): Set<number> {
  const sections = sectionsOf(bytes)
  return new Set(sections.slice(sections.findIndex(({ id }) => id === 10)).map(({ end }) => end))
}

function declaresData(bytes: Uint8Array): boolean {
  return sectionsOf(bytes).some(({ id }) => id === 12)
}

function sectionsOf(bytes: Uint8Array): { id: number; end: number }[] {
  const sections: { id: number; end: number }[] = []
  for (let at = 8; at < bytes.length; ) {
    const id = bytes[at++]!
    let length = 0
    for (let shift = 0; ; shift += 7) {
      const byte = bytes[at++]!
      length |= (byte & 0x7f) << shift
      if (byte < 0x80) break
    }
    at += length
    sections.push({ id, end: at })
  }
  return sections
}

interface Parts {
  readonly types?: number[][]
  readonly functions?: number[]
  readonly start?: number
  readonly memory?: boolean
  /** One i32 that cannot change. */
  readonly global?: boolean
  readonly names?: string[]
  /** Each body from its locals on. */
  readonly code?: number[][]
}

/** A program byte by byte: one type () → (), one function exported as `process`. */
function program({
  types = [[0x60, 0, 0]],
  functions = [0],
  start,
  memory = false,
  global = false,
  names = ['process'],
  code = [[0, 0x0b]],
}: Parts): Uint8Array {
  const list = (rows: number[][]): BinaryWriter => {
    const out = new BinaryWriter().u32(rows.length)
    for (const row of rows) out.bytes(row)
    return out
  }
  const out = new BinaryWriter().bytes([0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00])
  out.section(1, list(types)).section(3, list(functions.map((type) => [type])))
  if (memory) out.section(5, list([[0, 1]]))
  if (global) out.section(6, list([[0x7f, 0, 0x41, 0, 0x0b]]))
  const exports = new BinaryWriter().u32(names.length)
  for (const name of names) exports.name(name).byte(0).u32(0)
  out.section(7, exports)
  if (start !== undefined) out.section(8, new BinaryWriter().u32(start))
  const bodies = new BinaryWriter().u32(code.length)
  for (const body of code) bodies.sized(new BinaryWriter().bytes(body))
  return out.section(10, bodies).finish()
}

function concatBytes(bytes: Uint8Array, more: number[]): Uint8Array {
  return Uint8Array.of(...bytes, ...more)
}
