import assert from 'node:assert/strict'
import { test } from 'node:test'
import { command } from '@sealwright/core/apdu'
import { encodeHex } from '@sealwright/core/bytes'
import { type InterfaceName, interfaces } from '@sealwright/core/catalog'
import { scriptedEntropy } from '@sealwright/core/testing'
import { Objects, openNvm } from '@sealwright/module/eeprom'
import { geometryFor, RamMedium } from '@sealwright/module/medium'
import { compileProgram, instantiate, type ProgramHost, ProgramRefused } from '@sealwright/module/program'
import fc from 'fast-check'
import { Refusal } from '../../src/dispatch/refusal.ts'
import { callInTransaction } from '../../src/programs/call-in-transaction.ts'
import { DataArea } from '../../src/programs/data-area.ts'
import { committed, committedNames, wat } from './wat.ts'

const area = 0x142
const size = 40

/** A memory with a program's data area between two neighbours. */
function memory() {
  const medium = new RamMedium(geometryFor(32 * 1024))
  const nvm = openNvm(medium)
  const objects = new Objects(nvm)
  nvm.transaction((tx) => {
    objects.put(tx, 'product-data', area - 1, new Uint8Array(size).fill(0xbb))
    objects.put(tx, 'product-data', area, new Uint8Array(size).fill(0xcc))
    objects.put(tx, 'product-data', area + 1, new Uint8Array(size).fill(0xdd))
  })
  const run = (body: string, budget = 1_000_000): { sw: number; data: Uint8Array } =>
    callInTransaction(nvm, {
      writer: 'hostile',
      program: compileProgram(
        wat(`(module
          (import "io" "output" (func $output (param i32 i32)))
          (import "io" "status" (func $status (param i32)))
          (import "io" "refuse" (func $refuse (param i32)))
          (import "data" "read" (func $read (param i32 i32 i32)))
          (import "data" "write" (func $write (param i32 i32 i32)))
          (import "mac" "cmac" (func $cmac (param i32 i32 i32 i32)))
          (memory 1) (data (i32.const 0) "\\01\\02\\03\\04")
          (func $recurse (call $recurse))
          (func (export "process") ${body}))`),
      ),
      grants: new Set<InterfaceName>(['io', 'data', 'mac']),
      function: 0,
      budget,
      command: command({ cla: 0x80, ins: 0 }),
      host: (frame) => ({
        data: new DataArea({ objects }, frame, area),
        mac: {
          cmac: () => {
            throw new Refusal('reference-not-found')
          },
        },
      }),
    })
  return {
    run,
    image: () => [...medium.snapshot().pages].map(([page, bytes]) => `${page} ${encodeHex(bytes)}`).sort(),
    objects,
  }
}

const write = '(call $write (i32.const 0) (i32.const 0) (i32.const 4))'

test('a hostile program has something to lose: what a good one writes stays', () => {
  const { run, objects } = memory()
  const answer = run(
    `${write} (call $read (i32.const 38) (i32.const 100) (i32.const 2)) (call $output (i32.const 100) (i32.const 2))`,
  )
  assert.deepEqual(answer, { sw: 0x9000, data: Uint8Array.of(0xcc, 0xcc) })
  assert.equal(encodeHex(objects.read('product-data', area)!.subarray(0, 6)), '01020304CCCC')
})

test('[C9a] its area ends where it ends: start - 1 and end + 1 are neither read nor written', () => {
  for (const at of [
    '(call $write (i32.const -1) (i32.const 0) (i32.const 1))',
    `(call $write (i32.const ${size}) (i32.const 0) (i32.const 1))`,
    `(call $write (i32.const ${size - 1}) (i32.const 0) (i32.const 2))`,
    '(call $read (i32.const -1) (i32.const 0) (i32.const 1))',
    `(call $read (i32.const ${size}) (i32.const 0) (i32.const 1))`,
    `(call $read (i32.const ${size - 1}) (i32.const 0) (i32.const 2))`,
  ]) {
    const { run, image } = memory()
    const before = image()
    const answer = run(`${write} ${at} (call $output (i32.const 0) (i32.const 4))`)
    assert.deepEqual(answer, { sw: 0x6985, data: new Uint8Array(0) }, at)
    assert.deepEqual(image(), before, at)
  }
})

test('[C9c] a runaway is stopped and what it wrote is undone', () => {
  for (const runaway of [
    '(loop $l (br $l))',
    '(loop $l (memory.fill (i32.const 0) (i32.const 1) (i32.const 65536)) (br $l))',
    `(loop $l ${write} (br $l))`,
    '(loop $l (call $output (i32.const 0) (i32.const 0)) (br $l))',
    '(call $recurse)',
  ]) {
    const { run, image } = memory()
    const before = image()
    assert.equal(run(`${write} ${runaway}`).sw, 0x6985, runaway)
    assert.deepEqual(image(), before, runaway)
  }
})

test('[C9d] a program that traps, or is refused, half-way through its writes leaves nothing of them', () => {
  const second = '(call $write (i32.const 8) (i32.const 0) (i32.const 4))'
  for (const [end, sw] of [
    ['(unreachable)', 0x6985],
    ['(drop (i32.load (i32.const 65536)))', 0x6985],
    ['(drop (i32.div_s (i32.const 1) (i32.const 0)))', 0x6985],
    ['(call $refuse (i32.const 0x6a80))', 0x6a80],
    ['(call $cmac (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 0))', 0x6a88],
    ['(call $output (i32.const 65535) (i32.const 2))', 0x6985],
  ] as const) {
    const { run, image } = memory()
    const before = image()
    assert.deepEqual(run(`${write} ${end} ${second}`), { sw, data: new Uint8Array(0) }, end)
    assert.deepEqual(image(), before, end)
  }
})

test('a status word other than 9000 keeps what the call wrote: tries that are counted stay counted', () => {
  const { run, objects } = memory()
  assert.equal(run(`${write} (call $status (i32.const 0x63c2))`).sw, 0x63c2)
  assert.equal(encodeHex(objects.read('product-data', area)!.subarray(0, 4)), '01020304')
})

/** A host that answers everything, so that a changed program gets as far as it can. */
function willing(): ProgramHost {
  const entropy = scriptedEntropy('willing')
  return {
    io: {
      command: { ins: 0x38, p1: 0, p2: 0, data: entropy.bytes(60) },
      fromSupplier: true,
      output: () => {},
      status: () => {},
    },
    data: {
      size: 128,
      read: (_offset, length, memory, at) => void memory.fill(0, at, at + length),
      write: () => {},
    },
    random: entropy,
    mac: { cmac: () => new Uint8Array(16) },
    cipher: { encrypt: (_place, _iv, data) => data, decrypt: (_place, _iv, data) => data },
    sign: { sign: () => new Uint8Array(64) },
    clock: { now: () => 1 },
    chip: {
      put: () => {},
      append: () => {},
      length: () => 1,
      digest: () => new Uint8Array(32),
      vector: () => {},
      activate: () => {},
    },
  }
}

const everything = new Set(Object.keys(interfaces) as InterfaceName[])

/** Refused, or every function of it ends within its budget in one of the four ways. */
function endsWell(bytes: Uint8Array): 'refused' | 'ran' {
  let program: ReturnType<typeof compileProgram>
  try {
    program = compileProgram(bytes)
  } catch (error) {
    if (error instanceof ProgramRefused) return 'refused'
    throw error
  }
  for (const name of program.functions.keys()) {
    const instance = instantiate({ program, host: willing(), grants: everything })
    const number = name === 'process' ? 0 : Number(name.slice(1))
    const result = instance.call(number, 300_000)
    assert.ok(
      result.ok
        ? result.budgetLeft >= 0
        : ['budget', 'trap', 'refused', 'missing-export'].includes(result.reason),
    )
  }
  return 'ran'
}

test('a program with bytes changed, left out or put in is refused, or runs within its budget', () => {
  const originals = committedNames.map(committed)
  const outcomes = { refused: 0, ran: 0 }
  const change = fc.record({
    at: fc.nat(),
    value: fc.nat(255),
    how: fc.constantFrom('set', 'flip', 'flip', 'swap', 'swap', 'remove', 'insert'),
  })
  fc.assert(
    fc.property(
      fc.noBias(fc.nat(originals.length - 1)),
      fc.noBias(fc.array(change, { minLength: 1, maxLength: 3 })),
      (which, changes) => {
        const bytes = [...originals[which]!]
        for (const { at, value, how } of changes) {
          const i = at % bytes.length
          if (how === 'set') bytes[i] = value
          // Instructions of one form stand side by side, and so do small numbers.
          else if (how === 'flip') bytes[i] = bytes[i]! ^ (1 << (value % 3))
          else if (how === 'swap') bytes[i] = bytes[value % bytes.length]!
          else if (how === 'remove') bytes.splice(i, 1 + (value % 3))
          else bytes.splice(i, 0, value)
        }
        outcomes[endsWell(Uint8Array.from(bytes))]++
      },
    ),
    { numRuns: 2500 },
  )
  // Both happen, or the test would say little.
  assert.ok(outcomes.refused > 100 && outcomes.ran > 100, JSON.stringify(outcomes))
})

test('bytes behind a good header are refused, never a crash', () => {
  const header = [0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00]
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 80 }), (rest) => {
      endsWell(Uint8Array.from([...header, ...rest]))
    }),
    { numRuns: 2000 },
  )
})

test('the committed programs run as they are', () => {
  for (const name of committedNames) assert.equal(endsWell(committed(name)), 'ran')
})
