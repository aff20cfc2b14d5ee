/**
 * What metering costs: `node packages/module/test/program/meter.bench.ts`. The same function bare and metered, in turn; medians of the
 * rounds. Also what a program costs before its first instruction.
 */
import { performance } from 'node:perf_hooks'
import {
  checkProgram,
  compileProgram,
  defaultLimits,
  highestBudget,
  instantiate,
  meterProgram,
} from '@sealwright/module/program'
import { webAssembly } from '../../src/program/web-assembly.ts'
import { committed, committedNames, wat } from './wat.ts'

const turns = '(local.set $i (i32.const 1000000))'
const next = '(br_if $l (local.tee $i (i32.sub (local.get $i) (i32.const 1))))'
const locals = '(local $i i32) (local $x i32)'

const loops: Record<string, string> = {
  'multiply and add': `(func (export "process") ${locals} ${turns} (loop $l
    (local.set $x (i32.add (i32.mul (local.get $x) (i32.const 1664525)) (i32.const 1013904223))) ${next})
    (i32.store (i32.const 0) (local.get $x)))`,
  'one addition': `(func (export "process") ${locals} ${turns} (loop $l
    (local.set $x (i32.add (local.get $x) (local.get $i))) ${next}) (i32.store (i32.const 0) (local.get $x)))`,
  'load and store': `(func (export "process") ${locals} ${turns} (loop $l
    (i32.store (i32.and (local.get $i) (i32.const 0xfffc)) (i32.add (local.get $i)
      (i32.load (i32.and (i32.mul (local.get $i) (i32.const 7)) (i32.const 0xfffc))))) ${next}))`,
  branches: `(func (export "process") ${locals} ${turns} (loop $l
    (if (i32.and (local.get $i) (i32.const 1)) (then (local.set $x (i32.add (local.get $x) (i32.const 3))))
      (else (local.set $x (i32.xor (local.get $x) (local.get $i))))) ${next}) (i32.store (i32.const 0) (local.get $x)))`,
  calls: `(func $f (param i32) (result i32) (i32.mul (local.get 0) (i32.const 3)))
    (func (export "process") ${locals} ${turns} (loop $l
    (local.set $x (i32.add (local.get $x) (call $f (local.get $i)))) ${next}) (i32.store (i32.const 0) (local.get $x)))`,
  recursion: `(func $fib (param i32) (result i32) (if (result i32) (i32.lt_s (local.get 0) (i32.const 2))
      (then (local.get 0)) (else (i32.add (call $fib (i32.sub (local.get 0) (i32.const 1)))
        (call $fib (i32.sub (local.get 0) (i32.const 2)))))))
    (func (export "process") (i32.store (i32.const 0) (call $fib (i32.const 25))))`,
}

const rounds = 15

function median(values: number[]): number {
  return values.sort((a, b) => a - b)[values.length >> 1]!
}

function milliseconds(run: () => void): number {
  const begun = performance.now()
  run()
  return performance.now() - begun
}

for (const [name, text] of Object.entries(loops)) {
  const bytes = wat(`(module (memory 1) ${text})`)
  const bare = new webAssembly.Instance(new webAssembly.Module(bytes), {}).exports.process as () => void
  const metered = instantiate({ program: compileProgram(bytes), host: {}, grants: new Set() })
  const run = (): void => {
    if (!metered.call(0, highestBudget).ok) throw new Error(`${name} did not end well`)
  }
  for (let i = 0; i < 20; i++) {
    bare()
    run()
  }
  const times = Array.from({ length: rounds }, () => [milliseconds(bare), milliseconds(run)] as const)
  const [without, with_] = [median(times.map(([a]) => a)), median(times.map(([, b]) => b))]
  console.log(
    `${name.padEnd(18)} bare ${without.toFixed(2).padStart(6)} ms, metered ${with_.toFixed(2).padStart(6)} ms: ${(with_ / without).toFixed(2)} times`,
  )
}

console.log('')
for (const name of committedNames) {
  const bytes = committed(name)
  const metered = meterProgram(checkProgram(bytes, defaultLimits), defaultLimits)
  const check = median(
    Array.from({ length: 50 }, () => milliseconds(() => checkProgram(bytes, defaultLimits))),
  )
  const compile = median(Array.from({ length: 50 }, () => milliseconds(() => compileProgram(bytes))))
  console.log(
    `${name.padEnd(22)} ${bytes.length} bytes, metered ${metered.length}; check ${check.toFixed(2)} ms, all until compiled ${compile.toFixed(2)} ms`,
  )
}
