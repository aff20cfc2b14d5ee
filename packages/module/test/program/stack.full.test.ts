import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setFlagsFromString } from 'node:v8'
import { compileProgram, highestBudget, instantiate, type ProgramHost } from '@sealwright/module/program'
import { wat } from './wat.ts'

// The counter of slots stands for the engine's stack, which nobody can see. What it is worth: where it stops a program, a function of the
// host must still find most of that stack.

const times = (count: number, text: (i: number) => string): string =>
  Array.from({ length: count }, (_, i) => text(i)).join('')
const product = (at: number, of: string): string =>
  times(200, (i) => `(i32.store offset=${at + 4 * i} (i32.const 0) (i32.mul ${of} (i32.const ${2 * i + 3})))`)
const less = '(i32.sub (local.get $rest) (i32.const 1))'
const host = '(else (drop (call $p1)))'

/** Functions that call themselves `$rest` times and then the host, by what fills their frames. */
const shapes: Record<string, string> = {
  nothing: `(func $down (param $rest i32) (if (local.get $rest) (then (call $down ${less})) ${host}))`,
  parameters: `(func $down (param $rest i32) ${'(param i64)'.repeat(15)} (if (local.get $rest)
    (then (call $down ${less} ${times(15, (i) => `(local.get ${i + 1})`)})) ${host}))`,
  'values that are computed twice': `(func $down (param $rest i32) ${product(0, '(local.get $rest)')}
    (if (local.get $rest) (then (call $down ${less})) ${host}) ${product(4000, '(local.get $rest)')})`,
  'such values in a loop': `(func $down (param $rest i32) (local $i i32) (local.set $i (i32.const 3))
    (loop $again ${product(0, '(i32.add (local.get $i) (local.get $rest))')}
      (if (i32.eq (local.get $i) (i32.const 1)) (then (if (local.get $rest) (then (call $down ${less})) ${host})))
      ${product(4000, '(i32.add (local.get $i) (local.get $rest))')}
      (br_if $again (local.tee $i (i32.sub (local.get $i) (i32.const 1))))))`,
  'addresses and constants': `(func $down (param $rest i32)
    ${times(300, (i) => `(f64.store offset=${100 * i} (local.get $rest) (f64.const ${i}.37))`)}
    (if (local.get $rest) (then (call $down ${less})) ${host})
    ${times(300, (i) => `(f64.store offset=${100 * i} (local.get $rest) (f64.const ${i}.37))`)})`,
}

/** Frames of a function of the host that fit the stack from here on. */
function room(): number {
  let frames = 0
  const further = (): void => {
    frames++
    further()
  }
  try {
    further()
  } catch {}
  return frames
}

for (const compiler of ['--liftoff', '--no-liftoff']) {
  test(`[C9c] where the slots end, the host has most of the engine's stack left, compiled with ${compiler}`, () => {
    setFlagsFromString(compiler)
    try {
      for (const [name, text] of Object.entries(shapes)) {
        const { depth, left, whole } = deepest(text)
        assert.ok(depth > 10, `${name}: ${depth} deep`)
        assert.ok(left > whole / 2, `${name}, ${depth} deep: ${left} frames of ${whole} left`)
      }
    } finally {
      setFlagsFromString('--liftoff')
    }
  })
}

/** The deepest recursion that the counter lets pass, found by halving, and the room there. */
function deepest(text: string): { depth: number; left: number; whole: number } {
  const more = text.includes('(param i64)') ? '(i64.const 1)'.repeat(15) : ''
  const whole = room()
  let heard = 0
  const host = {
    io: {
      command: {
        ins: 0,
        get p1() {
          heard = room()
          return 1
        },
        p2: 0,
        data: new Uint8Array(0),
      },
      fromSupplier: false,
      output: () => {},
      status: () => {},
    },
  } satisfies ProgramHost
  let [least, most] = [1, 4_000]
  let left = 0
  while (least < most) {
    const depth = (least + most + 1) >> 1
    const program = compileProgram(
      wat(`(module (import "io" "p1" (func $p1 (result i32))) (memory 4) ${text}
        (func (export "process") (call $down (i32.const ${depth}) ${more})))`),
    )
    const result = instantiate({ program, host, grants: new Set(['io']) }).call(0, highestBudget)
    if (result.ok) {
      least = depth
      left = heard
    } else {
      assert.match(result.detail, /too deep/)
      most = depth - 1
    }
  }
  return { depth: least, left, whole }
}
