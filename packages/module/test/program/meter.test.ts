import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  type CallResult,
  checkProgram,
  compileProgram,
  defaultLimits,
  highestBudget,
  instantiate,
  meterProgram,
} from '@sealwright/module/program'
import fc from 'fast-check'
import { webAssembly } from '../../src/program/web-assembly.ts'
import { randomProgram } from './random-program.ts'
import { committed, committedNames, wat } from './wat.ts'

function run(bytes: Uint8Array, budget = highestBudget, number = 0): CallResult & { memory: Uint8Array } {
  const instance = instantiate({ program: compileProgram(bytes), host: {}, grants: new Set() })
  const result = instance.call(number, budget)
  return { ...result, memory: instance.memories()[0]?.memory ?? new Uint8Array(0) }
}

function cost(text: string): number {
  const result = run(wat(text))
  assert.ok(result.ok, JSON.stringify(result))
  return highestBudget - result.budgetLeft
}

test('a metered program does what the bare one does, and pays the same each time', () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 300, maxLength: 1500, size: 'max' }), (tape) => {
      const bytes = randomProgram(tape)
      const bare = new webAssembly.Instance(new webAssembly.Module(bytes), {}).exports
      ;(bare.process as () => void)()
      const first = run(bytes)
      assert.ok(first.ok, JSON.stringify({ ...first, memory: undefined }))
      assert.deepEqual(first.memory, new Uint8Array((bare.memory as { buffer: ArrayBuffer }).buffer))
      // All of what it used is enough, one less is not.
      const used = highestBudget - first.budgetLeft
      const exact = run(bytes, used)
      assert.ok(exact.ok && exact.budgetLeft === 0)
      const short = run(bytes, used - 1)
      assert.ok(!short.ok && short.reason === 'budget')
    }),
    { numRuns: 400 },
  )
})

test('each instruction of a straight run is charged, once', () => {
  const work = '(local.set $x (i32.add (local.get $x) (i32.const 7)))'
  const of = (n: number): number =>
    cost(`(module (func (export "process") (local $x i32) ${work.repeat(n)}))`)
  assert.equal(of(2) - of(1), 4)
  assert.equal(of(50) - of(1), 49 * 4)
})

test('a loop is charged for every turn, a branch only when it is taken', () => {
  const loop = (turns: number, body: string): number =>
    cost(`(module (func (export "process") (local $i i32) (local $x i32) (local.set $i (i32.const ${turns}))
      (loop $again ${body}
        (local.set $i (i32.sub (local.get $i) (i32.const 1)))
        (br_if $again (local.get $i)))))`)
  const empty = (loop(1001, '') - loop(1, '')) / 1000
  assert.equal(empty, 6)
  const skipped = '(if (i32.const 0) (then (local.set $x (i32.div_u (i32.const 9) (i32.const 3)))))'
  const taken = '(if (i32.const 1) (then (local.set $x (i32.div_u (i32.const 9) (i32.const 3)))))'
  assert.equal((loop(1001, skipped) - loop(1, skipped)) / 1000, empty + 2)
  assert.ok(loop(1001, taken) - loop(1001, skipped) >= 10_000)
})

test('a function pays for its frame, an arm for itself alone, and what a branch leaves behind is not paid', () => {
  assert.equal(cost('(module (func (export "process")))'), 4)
  assert.equal(cost(`(module (func (export "process") (local ${'i32 '.repeat(8)})))`), 6)
  const work = '(drop (i32.div_u (i32.const 9) (i32.const 3)))'
  const choose = (condition: number, then: string, otherwise: string): number =>
    cost(
      `(module (func (export "process") (if (i32.const ${condition}) (then ${then}) (else ${otherwise}))))`,
    )
  assert.equal(choose(1, work, ''), choose(0, '', work))
  assert.equal(choose(1, work, work.repeat(9)), choose(1, work, '(nop)'))
  assert.equal(choose(0, work.repeat(9), work), choose(0, '(nop)', work))
  assert.equal(choose(0, '', work.repeat(3)) - choose(0, '', work), 2 * 13)
  const leave = (condition: number): number =>
    cost(`(module (func (export "process") (block $b (br_if $b (i32.const ${condition})) ${work})))`)
  assert.equal(leave(0) - leave(1), 13)
})

test('bulk operations are charged by size, growth by pages, before they begin', () => {
  const fill = (n: number): number =>
    cost(
      `(module (memory 16) (func (export "process") (memory.fill (i32.const 0) (i32.const 1) (i32.const ${n}))))`,
    )
  const copy = (n: number): number =>
    cost(
      `(module (memory 16) (func (export "process") (memory.copy (i32.const 0) (i32.const 1) (i32.const ${n}))))`,
    )
  assert.equal(fill(800_000) - fill(0), 100_000)
  assert.equal(copy(800_000) - copy(0), 100_000)
  const grow = (n: number): number =>
    cost(`(module (memory 1 9) (func (export "process") (drop (memory.grow (i32.const ${n})))))`)
  assert.equal(grow(8) - grow(0), 8 * 8192)
  // Paid although it is refused: the maximum is nine pages.
  assert.equal(grow(16) - grow(0), 16 * 8192)

  const last = wat(
    '(module (memory 16) (func (export "process") (memory.fill (i32.const 0) (i32.const 1) (i32.const 1048576))))',
  )
  const short = run(last, 131_071)
  assert.ok(!short.ok && short.reason === 'budget')
  assert.ok(
    short.memory.every((byte) => byte === 0),
    'nothing is filled that was not paid',
  )
})

test('what runs behind a budget that is used up moves nothing: no bulk operation, no call', () => {
  // An arm that costs much is not looked at before what follows it.
  const costly = '(drop (i32.div_u (i32.const 9) (i32.const 3)))'.repeat(50)
  const cases = {
    'memory.fill': '(memory.fill (i32.const 0) (i32.const 1) (i32.const 100))',
    'memory.fill of nothing':
      '(memory.fill (i32.const 0) (i32.const 1) (i32.const 0)) (i32.store (i32.const 0) (i32.const 1)) (call $f)',
    call: '(call $f)',
    loop: '(loop $l (i32.store (i32.const 0) (i32.const 1)))',
  }
  for (const [name, text] of Object.entries(cases)) {
    const program = wat(`(module (memory 1) (func $f (i32.store (i32.const 0) (i32.const 1)))
      (func (export "process") (if (i32.const 1) (then ${costly})) ${text}))`)
    const enough = run(program)
    assert.ok(enough.ok && enough.memory[0] === 1, name)
    const result = run(program, 100)
    assert.ok(!result.ok && result.reason === 'budget', name)
    if (name !== 'memory.fill of nothing') assert.equal(result.memory[0], 0, name)
  }
})

test('every bulk operation is charged by its size', () => {
  const data = 'a'.repeat(800)
  const of = (text: (n: number) => string): number => {
    const module = (n: number): string =>
      `(module (memory 1) (table 900 funcref) (data $d "${data}") (elem $e func ${'$f '.repeat(800)})
        (func $f) (func (export "process") ${text(n)}))`
    return cost(module(800)) - cost(module(0))
  }
  assert.equal(
    of((n) => `(memory.init $d (i32.const 0) (i32.const 0) (i32.const ${n}))`),
    100,
  )
  assert.equal(
    of((n) => `(table.init $e (i32.const 0) (i32.const 0) (i32.const ${n}))`),
    800 * 128,
  )
  assert.equal(
    of((n) => `(table.copy (i32.const 0) (i32.const 1) (i32.const ${n}))`),
    800 * 128,
  )
})

test('an element segment that names its table is written again as it was', () => {
  const section = (id: number, ...content: number[]): number[] => [id, content.length, ...content]
  const bytes = Uint8Array.from([
    ...[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(1, 1, 0x60, 0, 0),
    ...section(3, 2, 0, 0),
    ...section(4, 1, 0x70, 0, 2),
    ...section(5, 1, 0, 1),
    ...section(7, 1, 7, ...Buffer.from('process'), 0, 0),
    ...section(9, 1, 2, 0, 0x41, 1, 0x0b, 0, 1, 1),
    // process calls element 1, which stores 7 at address 0.
    ...section(10, 2, 7, 0, 0x41, 1, 0x11, 0, 0, 0x0b, 9, 0, 0x41, 0, 0x41, 7, 0x36, 2, 0, 0x0b),
  ])
  const result = run(bytes)
  assert.ok(result.ok)
  assert.equal(result.memory[0], 7)
})

test('sizes that would wrap the budget stop the program', () => {
  for (const text of [
    '(memory.fill (i32.const 0) (i32.const 1) (i32.const -1))',
    '(memory.copy (i32.const 0) (i32.const 1) (i32.const 0x80000000))',
    '(drop (memory.grow (i32.const -1)))',
    '(drop (memory.grow (i32.const 0x80000)))',
    '(drop (memory.grow (i32.const 0x20000)))',
  ]) {
    const result = run(wat(`(module (memory 1) (func (export "process") ${text}))`), 1_000_000)
    assert.ok(!result.ok && result.reason === 'budget', text)
  }
})

test('[C9c] a program that runs without end is stopped', () => {
  const endless: Record<string, string> = {
    br: '(func (export "process") (loop $l (br $l)))',
    br_if: '(func (export "process") (loop $l (br_if $l (i32.const 1))))',
    br_table: '(func (export "process") (loop $l (block $b (br_table $l $l (i32.const 0)))))',
    'in an arm': '(func (export "process") (loop $l (if (i32.const 1) (then (br $l)))))',
    'in the other arm': '(func (export "process") (loop $l (if (i32.const 0) (then) (else (br $l)))))',
    'inner loop': '(func (export "process") (loop $o (loop $i (br $i)) (br $o)))',
    'outer loop': '(func (export "process") (loop $o (block $b (loop $i (br $b))) (br $o)))',
    'only blocks': '(func (export "process") (loop $l (block $a (block $b (block $c (br $l))))))',
    'calls in a loop': '(func $f) (func (export "process") (loop $l (call $f) (br $l)))',
    'calls through the table':
      '(table 1 funcref) (elem (i32.const 0) $f) (func $f) (func (export "process") (loop $l (call_indirect (i32.const 0)) (br $l)))',
    'bulk operations':
      '(memory 1) (func (export "process") (loop $l (memory.fill (i32.const 0) (i32.const 1) (i32.const 65536)) (br $l)))',
    growth: '(memory 1) (func (export "process") (loop $l (drop (memory.grow (i32.const 1))) (br $l)))',
    'bulk operations of nothing':
      '(memory 1) (func (export "process") (loop $l (memory.copy (i32.const 0) (i32.const 1) (i32.const 0)) (br $l)))',
    'start function': '(start $s) (func $s (loop $l (br $l))) (func (export "process"))',
    initializer: '(func (export "_initialize") (loop $l (br $l))) (func (export "process"))',
    'many short calls':
      '(func $f (param i32) (if (local.get 0) (then (call $f (i32.sub (local.get 0) (i32.const 1))) (call $f (i32.sub (local.get 0) (i32.const 1)))))) (func (export "process") (call $f (i32.const 40)))',
  }
  for (const [name, text] of Object.entries(endless)) {
    const result = run(wat(`(module ${text})`), 200_000)
    assert.ok(
      !result.ok && result.reason === 'budget',
      `${name}: ${JSON.stringify({ ...result, memory: 0 })}`,
    )
  }
})

test('[C9c] functions that call each other without end are stopped before the stack of the machine ends', () => {
  const deep: Record<string, string> = {
    itself: '(func $f (export "process") (call $f))',
    'in turn': '(func $f (export "process") (call $g)) (func $g (call $f))',
    'through the table':
      '(table 1 funcref) (elem (i32.const 0) $f) (func $f (export "process") (call_indirect (i32.const 0)))',
    'with many locals': `(func $f (export "process") (local ${'i64 '.repeat(400)}) (call $f))`,
    'from the start function': '(start $f) (func $f (call $f)) (func (export "process"))',
    'with a result of several values':
      '(func $f (result i32 i64) (call $f)) (func (export "process") (call $f) (drop) (drop))',
  }
  for (const [name, text] of Object.entries(deep)) {
    const result = run(wat(`(module ${text})`))
    assert.ok(!result.ok && result.reason === 'trap', name)
    assert.match(result.detail, /too deep/, name)
  }
})

test('slots of the stack come back by every way out of a function', () => {
  const ways = [
    '(return)',
    '(br $out)',
    '(br_table $out $out (i32.const 0))',
    '(br_if $out (i32.const 1))',
    '',
  ]
  for (const way of ways) {
    const used =
      cost(`(module (func $leaf) (func $f (block $out (call $leaf) (if (i32.const 1) (then ${way}))))
      (func (export "process") (local $i i32) (local.set $i (i32.const 100000))
        (loop $l (call $f) (local.set $i (i32.sub (local.get $i) (i32.const 1))) (br_if $l (local.get $i)))))`)
    assert.ok(used > 100_000)
  }
})

test('a recursion that fits returns', () => {
  const text = `(module (memory 1) (func $sum (param i32) (result i32)
      (if (i32.eqz (local.get 0)) (then (return (i32.const 0))))
      (i32.add (local.get 0) (call $sum (i32.sub (local.get 0) (i32.const 1)))))
    (func (export "process") (i32.store (i32.const 0) (call $sum (i32.const 1000)))))`
  const result = run(wat(text))
  assert.ok(result.ok)
  assert.equal(new DataView(result.memory.slice(0, 4).buffer).getUint32(0, true), 500_500)
})

test('several values survive metering, in functions, blocks and loops', () => {
  const text = `(module (memory 1)
    (func $leaf)
    (func $two (param i32) (result i32 i32) (call $leaf) (if (local.get 0) (then (return (i32.const 3) (i32.const 4)))) (i32.const 5) (i32.const 6))
    (func (export "process") (local $a i32) (local $b i32)
      (call $two (i32.const 1)) (local.set $b) (local.set $a)
      (i32.store (i32.const 0) (local.get $a)) (i32.store (i32.const 4) (local.get $b))
      (call $two (i32.const 0)) (local.set $b) (local.set $a)
      (i32.store (i32.const 8) (local.get $a)) (i32.store (i32.const 12) (local.get $b))))`
  const { ok, memory } = run(wat(text))
  assert.ok(ok)
  assert.deepEqual(
    [...memory.subarray(0, 16)].filter((byte) => byte > 0),
    [3, 4, 5, 6],
  )
})

test('a maximum above the limit, or none, becomes the limit; a program cannot grow beyond it', () => {
  for (const declared of ['1', '1 5000', '1 65536']) {
    const result = run(
      wat(`(module (memory ${declared}) (func (export "process")
      (loop $l (br_if $l (i32.ge_s (memory.grow (i32.const 1)) (i32.const 0))))
      (i32.store (i32.const 0) (memory.size))))`),
    )
    assert.ok(result.ok)
    assert.equal(result.memory[0], defaultLimits.memoryPages)
    assert.equal(result.memory.length, defaultLimits.memoryPages * 65_536)
  }
})

test('what the meter writes is a valid module that imports nothing more and keeps no custom section', () => {
  for (const name of committedNames) {
    const metered = meterProgram(checkProgram(committed(name), defaultLimits), defaultLimits)
    assert.ok(webAssembly.validate(metered))
    // A metered program cannot be metered again: the names of the host's exports are not the program's to use.
    assert.throws(() => checkProgram(metered, defaultLimits), /meter\./)
    assert.ok(!Buffer.from(metered).includes('producers'))
  }
})
