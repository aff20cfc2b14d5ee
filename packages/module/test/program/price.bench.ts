/**
 * How long the default budget lasts when a program spends it on one thing only: `node packages/module/test/program/price.bench.ts`. Prices in
 * instructions.ts, meter.ts and the catalog's interfaces are to keep every line at some hundredths of a second on an idle machine. The
 * longest of four calls counts: the engine's second compiler is sometimes the slower one.
 */
import { performance } from 'node:perf_hooks'
import { compileProgram, defaultBudget, instantiate } from '@sealwright/module/program'
import { wat } from './wat.ts'

const locals = '(local $i i32) (local $j i64) (local $f f64)'
const head = `(module (memory 4) (table 1024 funcref) (type $t (func)) (elem (i32.const 0) $nothing)
  (elem $e func ${'$nothing '.repeat(1024)}) (data $d "${'d'.repeat(1000)}") (func $nothing)`
const small = '(f64.load (i32.const 0))'
const stored = (value: string): string => `(f64.store (i32.const 16) ${value})`

/** What stands in the loop, and how often. */
const spent: Record<string, readonly [text: string, times: number]> = {
  addition: ['(local.set $i (i32.add (local.get $i) (i32.const 1)))', 64],
  'division of 64 bits': [
    '(local.set $j (i64.div_u (i64.const 7) (i64.or (local.get $j) (i64.const 1))))',
    64,
  ],
  'multiplication of the smallest numbers': [stored(`(f64.mul ${small} (f64.const 3.3))`), 64],
  'division of the smallest numbers': [stored(`(f64.div ${small} (f64.const 3.3))`), 64],
  'root of the smallest number': [stored(`(f64.sqrt ${small})`), 64],
  'sum of the smallest numbers': [stored(`(f64.add ${small} ${small})`), 64],
  'loops that never turn': ['(loop)', 1000],
  'blocks that are left': ['(block $b (br_if $b (local.get $i)))', 1000],
  call: ['(call $nothing)', 64],
  'call through the table': ['(call_indirect (type $t) (i32.const 0))', 64],
  'memory.fill of nothing': ['(memory.fill (i32.const 0) (i32.const 0) (i32.const 0))', 64],
  'memory.fill': ['(memory.fill (i32.const 64) (i32.const 0) (i32.const 65536))', 8],
  'memory.copy of 7 bytes': ['(memory.copy (i32.const 65) (i32.const 64) (i32.const 7))', 64],
  'memory.copy': ['(memory.copy (i32.const 65) (i32.const 64) (i32.const 65536))', 8],
  'memory.init of a byte': ['(memory.init $d (i32.const 64) (i32.const 0) (i32.const 1))', 64],
  'table.init of nothing': ['(table.init $e (i32.const 0) (i32.const 0) (i32.const 0))', 64],
  'table.init': ['(table.init $e (i32.const 0) (i32.const 0) (i32.const 1024))', 8],
  'table.copy of one': ['(table.copy (i32.const 0) (i32.const 1) (i32.const 1))', 64],
  'table.copy': ['(table.copy (i32.const 0) (i32.const 1) (i32.const 1023))', 8],
  'memory.grow by nothing': ['(drop (memory.grow (i32.const 0)))', 64],
}

for (const [name, [text, times]] of Object.entries(spent)) {
  const program = compileProgram(
    wat(`${head} (func (export "process") ${locals} (f64.store (i32.const 0) (f64.const 1e-310))
      (loop $more ${text.repeat(times)} (br $more))))`),
  )
  let longest = 0
  for (let call = 0; call < 4; call++) {
    const instance = instantiate({ program, host: {}, grants: new Set() })
    const start = performance.now()
    const result = instance.call(0, defaultBudget)
    longest = Math.max(longest, performance.now() - start)
    if (result.ok || result.reason !== 'budget') throw new Error(`${name}: ${JSON.stringify(result)}`)
  }
  console.log(`${name.padEnd(40)} ${longest.toFixed(0).padStart(6)} ms`)
}
