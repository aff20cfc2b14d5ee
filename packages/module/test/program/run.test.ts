import assert from 'node:assert/strict'
import { test } from 'node:test'
import { functionExport, type InterfaceName, interfaces } from '@sealwright/core/catalog'
import { InternalError, UsageError } from '@sealwright/core/errors'
import {
  type CallResult,
  compileProgram,
  highestBudget,
  instantiate,
  type ProgramHost,
  ProgramRefused,
} from '@sealwright/module/program'
import { Refusal } from '../../src/dispatch/refusal.ts'
import { wat } from './wat.ts'

const all = new Set(Object.keys(interfaces) as InterfaceName[])
const page = 65_536

/** A host that writes down what reaches it. */
function recorder(data: Uint8Array = new Uint8Array(0)) {
  const calls: unknown[][] = []
  const note = (...call: unknown[]): void => {
    calls.push(
      call.map((value) => (value instanceof Uint8Array ? Buffer.from(value).toString('hex') : value)),
    )
  }
  const host: ProgramHost = {
    io: {
      command: { ins: 0x10, p1: 0x21, p2: 0x32, data },
      fromSupplier: true,
      output: (memory, from, length) => note('output', memory.subarray(from, from + length)),
      status: (sw) => note('status', sw),
    },
    data: {
      size: 100,
      read: (offset, length, memory, at) => {
        note('read', offset, length)
        memory.fill(0xda, at, at + length)
      },
      write: (offset, bytes) => note('write', offset, bytes),
    },
    random: {
      bytes: (length) => {
        note('random', length)
        return new Uint8Array(length).fill(0xaa)
      },
    },
    mac: {
      cmac: (place, bytes) => {
        note('cmac', place, bytes)
        return Uint8Array.from({ length: 16 }, (_, i) => i)
      },
    },
    cipher: {
      encrypt: (place, iv, bytes) => {
        note('encrypt', place, iv, bytes)
        return bytes
      },
      decrypt: (place, iv, bytes) => {
        note('decrypt', place, iv, bytes)
        return bytes
      },
    },
    sign: {
      sign: (bytes) => {
        note('sign', bytes)
        return new Uint8Array(64).fill(0x51)
      },
    },
    clock: { now: () => 0x1_0000_0001 },
    chip: {
      put: (...call) => note('put', ...call),
      append: (...call) => note('append', ...call),
      length: (kind, id) => (kind === 3 && id === 7 ? 12 : undefined),
      digest: (...call) => {
        note('digest', ...call)
        return new Uint8Array(32).fill(0xd1)
      },
      vector: (...call) => note('vector', ...call),
      activate: (...call) => note('activate', ...call),
    },
  }
  return { host, calls }
}

function importOf(from: InterfaceName, name: string): string {
  const { parameters, ...rest } = (
    interfaces[from].functions as Record<string, { parameters: readonly unknown[]; result?: string }>
  )[name]!
  const params = parameters.length > 0 ? `(param ${'i32 '.repeat(parameters.length)})` : ''
  return `(import "${from}" "${name}" (func $${name} ${params} ${rest.result === undefined ? '' : `(result ${rest.result})`}))`
}

/** One call of one interface function with these arguments, in a memory of one page with known bytes at 16 to 31. */
function callOf(
  from: InterfaceName,
  name: string,
  values: readonly number[],
  input?: Uint8Array,
): CallResult & { calls: unknown[][]; memory: Uint8Array } {
  const { result } = (interfaces[from].functions as Record<string, { result?: string }>)[name]!
  const call = `(call $${name} ${values.map((value) => `(i32.const ${value | 0})`).join(' ')})`
  const stored = result === undefined ? call : `(${result}.store (i32.const 0) ${call})`
  const program = compileProgram(
    wat(`(module ${importOf(from, name)} (memory 1)
      (data (i32.const 16) "\\00\\01\\02\\03\\04\\05\\06\\07\\08\\09\\0a\\0b\\0c\\0d\\0e\\0f")
      (func (export "process") ${stored}))`),
  )
  const { host, calls } = recorder(input)
  const instance = instantiate({ program, host, grants: all })
  const result_ = instance.call(0, highestBudget)
  return { ...result_, calls, memory: instance.memories()[0]!.memory }
}

test('every interface function reaches the host with the bytes its pointers name', () => {
  const bytes = '0001020304050607'
  const cases: [InterfaceName, string, number[], unknown[][]][] = [
    ['io', 'output', [16, 8], [['output', bytes]]],
    ['io', 'status', [0x9000], [['status', 0x9000]]],
    ['data', 'read', [5, 100, 8], [['read', 5, 8]]],
    ['data', 'write', [5, 16, 8], [['write', 5, bytes]]],
    ['random', 'fill', [100, 8], [['random', 8]]],
    ['mac', 'cmac', [0xff02_0001, 16, 8, 100], [['cmac', 0xff02_0001, bytes]]],
    ['mac', 'verify', [7, 20, 8, 16, 16], [['cmac', 7, '0405060708090a0b']]],
    [
      'cipher',
      'encrypt',
      [7, 16, 16, 16, 100],
      [['encrypt', 7, '000102030405060708090a0b0c0d0e0f', '000102030405060708090a0b0c0d0e0f']],
    ],
    [
      'cipher',
      'decrypt',
      [7, 16, 100, 32, 100],
      [['decrypt', 7, '000102030405060708090a0b0c0d0e0f', '00'.repeat(32)]],
    ],
    ['sign', 'sign', [16, 8, 100], [['sign', bytes]]],
    ['chip', 'put', [3, 7, 16, 8], [['put', 3, 7, bytes]]],
    ['chip', 'append', [3, 7, 16, 8], [['append', 3, 7, bytes]]],
    ['chip', 'digest', [3, 7, 100], [['digest', 3, 7]]],
    ['chip', 'vector', [0xd4, 1, 2], [['vector', 0xd4, 1, 2]]],
    ['chip', 'activate', [0x14], [['activate', 0x14]]],
  ]
  for (const [from, name, values, expected] of cases) {
    const result = callOf(from, name, values)
    assert.ok(result.ok, `${from}.${name}: ${JSON.stringify({ ...result, memory: 0 })}`)
    assert.deepEqual(result.calls, expected)
  }
})

test('what the host answers lands where the program said', () => {
  const at = (result: { memory: Uint8Array }, offset: number, length: number): string =>
    Buffer.from(result.memory.subarray(offset, offset + length)).toString('hex')
  const input = Uint8Array.of(9, 8, 7, 6)
  assert.equal(at(callOf('io', 'input_length', [], input), 0, 4), '04000000')
  assert.equal(at(callOf('io', 'ins', []), 0, 4), '10000000')
  assert.equal(at(callOf('io', 'p1', []), 0, 4), '21000000')
  assert.equal(at(callOf('io', 'p2', []), 0, 4), '32000000')
  assert.equal(at(callOf('io', 'input', [100, 1, 3], input), 99, 5), '0008070600')
  assert.equal(at(callOf('data', 'size', []), 0, 4), '64000000')
  assert.equal(at(callOf('data', 'read', [0, 100, 2]), 99, 4), '00dada00')
  assert.equal(at(callOf('random', 'fill', [100, 2]), 99, 4), '00aaaa00')
  assert.equal(
    at(callOf('mac', 'cmac', [1, 16, 1, 100]), 99, 18),
    `00${'000102030405060708090a0b0c0d0e0f'}00`,
  )
  assert.equal(at(callOf('mac', 'verify', [1, 0, 1, 16, 16]), 0, 4), '01000000')
  assert.equal(at(callOf('mac', 'verify', [1, 0, 1, 16, 8]), 0, 4), '01000000')
  assert.equal(at(callOf('mac', 'verify', [1, 0, 1, 17, 16]), 0, 4), '00000000')
  assert.equal(at(callOf('sign', 'sign', [16, 1, 100]), 99, 66), `00${'51'.repeat(64)}00`)
  assert.equal(at(callOf('clock', 'now', []), 0, 8), '0100000001000000')
  assert.equal(at(callOf('clock', 'known', []), 0, 4), '01000000')
  assert.equal(at(callOf('chip', 'length', [3, 7]), 0, 4), '0c000000')
  assert.equal(at(callOf('chip', 'length', [3, 8]), 0, 4), 'ffffffff')
  assert.equal(at(callOf('chip', 'digest', [3, 7, 100]), 99, 34), `00${'d1'.repeat(32)}00`)
})

/** Every pointer of every function: [function, arguments before, room it needs, arguments after]. `length` is what the host is told. */
const pointers: [InterfaceName, string, (address: number, length: number) => number[], fixed?: number][] = [
  ['io', 'input', (p, n) => [p, 0, n]],
  ['io', 'output', (p, n) => [p, n]],
  ['data', 'read', (p, n) => [0, p, n]],
  ['data', 'write', (p, n) => [0, p, n]],
  ['random', 'fill', (p, n) => [p, n]],
  ['mac', 'cmac', (p, n) => [1, p, n, 0]],
  ['mac', 'cmac', (p) => [1, 0, 1, p], 16],
  ['mac', 'verify', (p, n) => [1, p, n, 0, 16]],
  ['mac', 'verify', (p) => [1, 0, 1, p, 16], 16],
  ['cipher', 'encrypt', (p) => [1, p, 0, 16, 0], 16],
  ['cipher', 'encrypt', (p) => [1, 0, p, 16, 0], 16],
  ['cipher', 'encrypt', (p) => [1, 0, 0, 16, p], 16],
  ['cipher', 'decrypt', (p) => [1, p, 0, 16, 0], 16],
  ['cipher', 'decrypt', (p) => [1, 0, p, 16, 0], 16],
  ['cipher', 'decrypt', (p) => [1, 0, 0, 16, p], 16],
  ['sign', 'sign', (p, n) => [p, n, 0]],
  ['sign', 'sign', (p) => [0, 1, p], 64],
  ['chip', 'put', (p, n) => [3, 1, p, n]],
  ['chip', 'append', (p, n) => [3, 1, p, n]],
  ['chip', 'digest', (p) => [3, 1, p], 32],
]

test('[C9e] pointers of host calls: the last byte of memory is reached, the byte behind it never, nor by wrapping', () => {
  const input = new Uint8Array(100)
  for (const [from, name, values, fixed] of pointers) {
    const length = fixed ?? 20
    const good = callOf(from, name, values(page - length, length), input)
    assert.ok(good.ok, `${from}.${name}: ${JSON.stringify({ ...good, memory: 0 })}`)
    const bad: [number, number][] = [
      [page - length + 1, length],
      [page, length],
      [-1, length],
      [-length, length],
      [0x8000_0000, length],
      [0xffff_ffff - length + 2, length],
    ]
    if (fixed === undefined)
      bad.push([page, 1], [page + 1, 0], [16, -1], [16, -16], [0x8000_0000, 0x8000_0000], [-8, 16])
    for (const [address, count] of bad) {
      const result = callOf(from, name, values(address, count), input)
      assert.ok(
        !result.ok && (result.reason === 'refused' || result.reason === 'budget'),
        `${from}.${name} ${address} ${count}: ${JSON.stringify({ ...result, memory: 0 })}`,
      )
      assert.deepEqual(result.calls, [], `${from}.${name} ${address} ${count} reached the host`)
    }
  }
})

test('an empty range at the end of memory is no reading outside', () => {
  assert.ok(callOf('io', 'output', [page, 0]).ok)
})

test('[C9a] the data area: first and last byte are reached, one before and one behind never', () => {
  for (const name of ['read', 'write']) {
    const at = (offset: number, length: number): CallResult & { calls: unknown[][] } =>
      callOf('data', name, name === 'read' ? [offset, 0, length] : [offset, 0, length])
    for (const [offset, length] of [
      [0, 1],
      [99, 1],
      [0, 100],
      [100, 0],
      [50, 50],
    ] as const)
      assert.ok(at(offset, length).ok)
    for (const [offset, length] of [
      [-1, 1],
      [-1, 2],
      [100, 1],
      [99, 2],
      [0, 101],
      [-100, 200],
      [0x8000_0000, 1],
      [1, 100],
      [101, 0],
    ] as const) {
      const result = at(offset, length)
      assert.ok(!result.ok && result.reason === 'refused', `${name} ${offset} ${length}`)
      assert.deepEqual(result.calls, [])
    }
  }
})

test('arguments that make no sense are refused: command data beyond its end, short MACs, broken blocks, wrong status words', () => {
  const cases: [InterfaceName, string, number[]][] = [
    ['io', 'input', [0, 0, 5]],
    ['io', 'input', [0, 5, 0]],
    ['io', 'input', [0, -1, 2]],
    ['io', 'status', [0x8000]],
    ['io', 'status', [0]],
    ['io', 'status', [0x1_9000]],
    ['io', 'status', [0x6100]],
    ['io', 'status', [0x6c05]],
    ['io', 'refuse', [0x6c00]],
    ['io', 'refuse', [0x5000]],
    ['mac', 'verify', [1, 0, 1, 0, 7]],
    ['mac', 'verify', [1, 0, 1, 0, 17]],
    ['mac', 'verify', [1, 0, 1, 0, 0]],
    ['cipher', 'encrypt', [1, 0, 0, 15, 0]],
    ['cipher', 'decrypt', [1, 0, 0, 17, 0]],
  ]
  for (const [from, name, values] of cases) {
    const result = callOf(from, name, values, Uint8Array.of(1, 2, 3, 4))
    assert.ok(!result.ok && result.reason === 'refused', `${from}.${name} ${values}`)
    assert.deepEqual(result.calls, [])
  }
})

test('refuse ends the call with the status word that the program chose', () => {
  const result = callOf('io', 'refuse', [0x6a88])
  assert.deepEqual(
    [result.ok, !result.ok && result.reason, !result.ok && result.sw],
    [false, 'refused', 0x6a88],
  )
})

test('[C9b] an interface that is imported and not granted: no instance, whichever it is', () => {
  for (const [from, { functions }] of Object.entries(interfaces) as [
    InterfaceName,
    { functions: object },
  ][]) {
    const program = compileProgram(
      wat(`(module ${importOf(from, Object.keys(functions)[0]!)} (func (export "process")))`),
    )
    assert.deepEqual(program.interfaces, [from])
    const others = new Set([...all].filter((name) => name !== from))
    const make = (grants: ReadonlySet<InterfaceName>): unknown =>
      instantiate({ program, host: recorder().host, grants })
    assert.throws(
      () => make(others),
      (error) => error instanceof ProgramRefused && error.check === 'grant',
    )
    make(new Set([from]))
  }
})

test('[C9b] additional software gets nothing that the program it completes was not granted', () => {
  const program = compileProgram(
    wat('(module (import "added" "f1" (func $f1 (result i32))) (func (export "process") (drop (call $f1))))'),
  )
  const added = compileProgram(
    wat(`(module ${importOf('sign', 'sign')} (func (export "f1") (result i32) (i32.const 0)))`),
  )
  assert.throws(
    () => instantiate({ program, host: recorder().host, grants: new Set(['io']), added }),
    (error) => error instanceof ProgramRefused && error.check === 'grant',
  )
})

test('a refusal inside a host call poisons the call: nothing of the program runs after it', () => {
  const program = compileProgram(
    wat(`(module ${importOf('mac', 'cmac')} ${importOf('io', 'output')} (memory 1)
      (func (export "process")
        (call $output (i32.const 0) (i32.const 1))
        (call $cmac (i32.const 9) (i32.const 0) (i32.const 1) (i32.const 0))
        (call $output (i32.const 0) (i32.const 2))))`),
  )
  const { host, calls } = recorder()
  const refusing = {
    ...host,
    mac: {
      cmac: () => {
        throw new Refusal('reference-not-found')
      },
    },
  }
  const instance = instantiate({ program, host: refusing, grants: all })
  const result = instance.call(0, highestBudget)
  assert.deepEqual(result, {
    ok: false,
    reason: 'refused',
    sw: 0x6a88,
    detail: 'mac.cmac: reference-not-found',
  })
  assert.deepEqual(calls, [['output', '00']])
  assert.equal(instance.alive, false)
  const again = instance.call(0, highestBudget)
  assert.ok(!again.ok && again.reason === 'trap')
  assert.equal(calls.length, 1)
})

test("anything else that a host throws passes through unchanged: a loss of power is not the program's doing", () => {
  const program = compileProgram(
    wat(
      `(module ${importOf('data', 'write')} (memory 1) (func (export "process") (call $write (i32.const 0) (i32.const 0) (i32.const 1))))`,
    ),
  )
  class PowerLoss extends Error {}
  const { host } = recorder()
  const loss = new PowerLoss()
  const instance = instantiate({
    program,
    host: {
      ...host,
      data: {
        ...host.data!,
        write: () => {
          throw loss
        },
      },
    },
    grants: all,
  })
  assert.throws(
    () => instance.call(0, highestBudget),
    (error) => error === loss,
  )
  assert.equal(instance.alive, false)
})

test('a host that answers another length than it must is a defect of ours, and nothing is written', () => {
  const program = compileProgram(
    wat(
      `(module ${importOf('random', 'fill')} (memory 1) (func (export "process") (call $fill (i32.const 0) (i32.const 4))))`,
    ),
  )
  const instance = instantiate({
    program,
    host: { random: { bytes: () => new Uint8Array(5).fill(1) } },
    grants: all,
  })
  assert.throws(() => instance.call(0, highestBudget), InternalError)
  assert.ok(instance.memories()[0]!.memory.every((byte) => byte === 0))
})

test('a host that calls the program back is a defect of ours', () => {
  const program = compileProgram(
    wat(
      `(module ${importOf('io', 'output')} (memory 1) (func (export "process") (call $output (i32.const 0) (i32.const 1))))`,
    ),
  )
  const { host } = recorder()
  const instance = instantiate({
    program,
    host: { io: { ...host.io!, output: () => void instance.call(0, 1000) } },
    grants: all,
  })
  assert.throws(() => instance.call(0, highestBudget), InternalError)
})

test('[C9e] a program that leaves its memory, divides by zero or calls what is no function is stopped', () => {
  for (const text of [
    '(drop (i32.load (i32.const 65533)))',
    '(i32.store8 (i32.const -1) (i32.const 1))',
    '(i64.store offset=4294967295 (i32.const 8) (i64.const 1))',
    '(memory.copy (i32.const 65535) (i32.const 0) (i32.const 2))',
    '(drop (i32.div_u (i32.const 1) (i32.const 0)))',
    '(drop (i32.trunc_f32_s (f32.const 1e30)))',
    '(call_indirect (i32.const 1))',
    '(call_indirect (type $other) (i32.const 7) (i32.const 0))',
    '(unreachable)',
  ]) {
    const program = compileProgram(
      wat(`(module (type $other (func (param i32))) (memory 1) (table 2 funcref) (elem (i32.const 0) $f) (func $f)
        (func (export "process") ${text}))`),
    )
    const instance = instantiate({ program, host: {}, grants: new Set() })
    const result = instance.call(0, highestBudget)
    assert.ok(!result.ok && result.reason === 'trap', text)
    assert.equal(instance.alive, false)
  }
})

test('a function number finds its export, and only one that takes and returns nothing', () => {
  assert.equal(functionExport(0), 'process')
  const program = compileProgram(
    wat(`(module (memory 1) (func (export "f7") (i32.store8 (i32.const 0) (i32.const 7)))
      (func (export "f8") (param i32) (result i32) (i32.const 8)))`),
  )
  const instance = instantiate({ program, host: {}, grants: new Set() })
  assert.ok(instance.call(7, 1000).ok)
  for (const number of [0, 1, 8, 77, -1, 7.5]) {
    const result = instance.call(number, 1000)
    assert.ok(!result.ok && result.reason === 'missing-export' && result.sw === 0x6d00)
  }
  assert.ok(instance.alive && instance.call(7, 1000).ok)
})

test('memory lasts from call to call of one instance, and is zero in a new one', () => {
  const program = compileProgram(
    wat(`(module ${importOf('io', 'output')} (memory 1) (func (export "process")
      (i32.store8 (i32.const 9) (i32.add (i32.load8_u (i32.const 9)) (i32.const 1)))
      (call $output (i32.const 9) (i32.const 1))))`),
  )
  const { host, calls } = recorder()
  const first = instantiate({ program, host, grants: all })
  first.call(0, 10_000)
  first.call(0, 10_000)
  instantiate({ program, host, grants: all }).call(0, 10_000)
  assert.deepEqual(calls, [
    ['output', '01'],
    ['output', '02'],
    ['output', '01'],
  ])
})

test('a memory that grew is read and written where it is now', () => {
  const program = compileProgram(
    wat(`(module ${importOf('io', 'output')} (memory 1 2) (func (export "process")
      (call $output (i32.const 0) (i32.const 1))
      (drop (memory.grow (i32.const 1)))
      (i32.store8 (i32.const 65536) (i32.const 5))
      (call $output (i32.const 65536) (i32.const 1))))`),
  )
  const { host, calls } = recorder()
  assert.ok(instantiate({ program, host, grants: all }).call(0, 100_000).ok)
  assert.deepEqual(calls, [
    ['output', '00'],
    ['output', '05'],
  ])
})

test('a program without memory has nothing that a pointer could name', () => {
  const program = compileProgram(
    wat(
      `(module ${importOf('io', 'output')} (func (export "process") (call $output (i32.const 0) (i32.const 1))))`,
    ),
  )
  const { host, calls } = recorder()
  const result = instantiate({ program, host, grants: all }).call(0, 10_000)
  assert.ok(!result.ok && result.reason === 'refused')
  assert.deepEqual(calls, [])
})

test('start function and initializer run once, before the first function, under its budget', () => {
  const program = compileProgram(
    wat(`(module ${importOf('io', 'output')} (memory 1) (start $s)
      (func $say (param i32) (i32.store8 (i32.const 0) (local.get 0)) (call $output (i32.const 0) (i32.const 1)))
      (func $s (call $say (i32.const 1)))
      (func (export "_initialize") (call $say (i32.const 2)))
      (func (export "process") (call $say (i32.const 3))))`),
  )
  const { host, calls } = recorder()
  const instance = instantiate({ program, host, grants: all })
  assert.equal(calls.length, 0, 'nothing runs when it is made')
  assert.ok(instance.call(0, 10_000).ok)
  assert.ok(instance.call(0, 10_000).ok)
  assert.deepEqual(
    calls.map(([, byte]) => byte),
    ['01', '02', '03', '03'],
  )
})

test('host calls are charged by the call and by the byte, before the host is asked', () => {
  const used = (from: InterfaceName, name: string, values: number[]): number => {
    const result = callOf(from, name, values, new Uint8Array(100))
    assert.ok(result.ok)
    return highestBudget - result.budgetLeft
  }
  const cases: [InterfaceName, string, (length: number) => number[]][] = [
    ['io', 'input', (n) => [0, 0, n]],
    ['io', 'output', (n) => [0, n]],
    ['data', 'read', (n) => [0, 0, n]],
    ['data', 'write', (n) => [0, 0, n]],
    ['random', 'fill', (n) => [0, n]],
    ['mac', 'cmac', (n) => [1, 0, n, 0]],
    ['sign', 'sign', (n) => [0, n, 0]],
    ['chip', 'put', (n) => [3, 1, 0, n]],
  ]
  for (const [from, name, values] of cases) {
    const { charge } = (
      interfaces[from].functions as Record<string, { charge: { call: number; byte: number } }>
    )[name]!
    assert.equal(used(from, name, values(64)) - used(from, name, values(0)), 64 * charge.byte)
    assert.ok(used(from, name, values(0)) >= charge.call)
  }
  const program = compileProgram(
    wat(
      `(module ${importOf('sign', 'sign')} (memory 1) (func (export "process") (call $sign (i32.const 0) (i32.const 1) (i32.const 0))))`,
    ),
  )
  const { host, calls } = recorder()
  const result = instantiate({ program, host, grants: all }).call(0, 1000)
  assert.ok(!result.ok && result.reason === 'budget')
  assert.deepEqual(calls, [])
})

test('a host function that is called through the table is paid like any other', () => {
  const through = (call: string): number => {
    const program = compileProgram(
      wat(`(module ${importOf('io', 'output')} (memory 1) (type $t (func (param i32 i32))) (table 2 funcref)
        (elem (i32.const 1) $output)
        (func (export "process") (i32.const 0) (i32.const 50) ${call}))`),
    )
    const { host, calls } = recorder()
    const result = instantiate({ program, host, grants: all }).call(0, 10_000)
    assert.ok(result.ok)
    assert.deepEqual(calls, [['output', '00'.repeat(50)]])
    return 10_000 - result.budgetLeft
  }
  // call_indirect and its index cost 7 more than call.
  assert.equal(through('(call_indirect (type $t) (i32.const 1))'), through('(call $output)') + 7)
  assert.ok(through('(call $output)') > interfaces.io.functions.output.charge.byte * 50)
})

test('lengths near 4 GiB cannot wrap a charge', () => {
  const program = compileProgram(
    wat(`(module ${importOf('random', 'fill')} (memory 1)
      (func (export "process") (call $fill (i32.const 0) (i32.const -1))))`),
  )
  const { host, calls } = recorder()
  const result = instantiate({ program, host, grants: all }).call(0, highestBudget)
  assert.ok(!result.ok && result.reason === 'budget')
  assert.deepEqual(calls, [])
})

test("a budget that is none is the caller's mistake", () => {
  const program = compileProgram(wat('(module (func (export "process")))'))
  const instance = instantiate({ program, host: {}, grants: new Set() })
  for (const budget of [-1, 1.5, Number.NaN, highestBudget + 1])
    assert.throws(() => instance.call(0, budget), UsageError)
  assert.ok(instance.call(0, highestBudget).ok)
})

const masked =
  wat(`(module (import "added" "f1" (func $f1 (param i32 i32) (result i32))) ${importOf('io', 'output')} (memory 1)
  (func (export "process") (i32.store8 (i32.const 0) (call $f1 (i32.const 30) (i32.const 12))) (call $output (i32.const 0) (i32.const 1))))`)

function complete(
  added: string | undefined,
  budget = 100_000,
): { result: CallResult; calls: unknown[][]; memories: string[] } {
  const { host, calls } = recorder()
  const instance = instantiate({
    program: compileProgram(masked),
    host,
    grants: all,
    added: added === undefined ? undefined : compileProgram(wat(added)),
  })
  return { result: instance.call(0, budget), calls, memories: instance.memories().map(({ name }) => name) }
}

test('[D5b] a program masked incomplete runs with the function that the additional software supplies', () => {
  const { result, calls, memories } = complete(
    '(module (memory 1) (func (export "f1") (param i32 i32) (result i32) (i32.add (local.get 0) (local.get 1))))',
  )
  assert.ok(result.ok)
  assert.deepEqual(calls, [['output', '2a']])
  assert.deepEqual(memories, ['own', 'added'])
})

test('[P8a] what is linked is made as new with the program, its start function included', () => {
  const added = `(module (memory 1) (global $n (mut i32) (i32.const 0)) (start $s)
    (func $s (global.set $n (i32.add (global.get $n) (i32.const 40)))) (func (export "f1") (param i32 i32) (result i32)
    (global.set $n (i32.add (global.get $n) (i32.const 1)))
    (i32.store (i32.const 8) (i32.add (i32.load (i32.const 8)) (i32.const 1)))
    (i32.add (global.get $n) (i32.load (i32.const 8)))))`
  const { host, calls } = recorder()
  const instance = instantiate({
    ...{ program: compileProgram(masked), host, grants: all, added: compileProgram(wat(added)) },
  })
  for (let i = 0; i < 3; i++) {
    assert.ok(instance.call(0, 100_000).ok)
    assert.equal(instance.renew(), true)
  }
  assert.deepEqual(
    calls.map(([, byte]) => byte),
    ['2a', '2a', '2a'],
  )
  assert.ok(instance.memories().every(({ memory }) => memory.every((byte) => byte === 0)))
  // Linked software that drops a segment cannot be made as new.
  const dropping = instantiate({
    ...{ program: compileProgram(masked), host, grants: all },
    added: compileProgram(
      wat(`(module (memory 1) (data $d "a") (func (export "f1") (param i32 i32) (result i32)
        (data.drop $d) (i32.store (i32.const 0) (i32.const 7)) (i32.const 0)))`),
    ),
  })
  assert.ok(dropping.call(0, 100_000).ok)
  assert.equal(dropping.renew(), false)
  assert.equal(dropping.alive, false)
  assert.ok(dropping.memories().every(({ memory }) => memory.every((byte) => byte === 0)))
})

test('without it the call is refused: absent, of another number of parameters, or no function to link', () => {
  for (const added of [
    undefined,
    '(module (func (export "f2") (param i32 i32) (result i32) (i32.const 1)))',
    '(module (func (export "f1") (param i32) (result i32) (i32.const 1)))',
    '(module (func (export "f1")))',
  ]) {
    const { result, calls } = complete(added)
    assert.ok(!result.ok && result.reason === 'refused' && result.sw === 0x6a81)
    assert.deepEqual(calls, [])
  }
})

test('the additional software shares budget, stack and poison', () => {
  const adding = (
    body: string,
  ): string => `(module ${importOf('io', 'refuse')} ${importOf('io', 'output')} (memory 1)
    (func $g (param i32 i32) (result i32) (call $g (local.get 0) (local.get 1)))
    (func (export "f1") (param i32 i32) (result i32) ${body} (i32.const 1)))`
  const endless = complete(adding('(loop $l (br $l))')).result
  assert.ok(!endless.ok && endless.reason === 'budget')
  const deep = complete(adding('(drop (call $g (i32.const 0) (i32.const 0)))'), highestBudget).result
  assert.ok(!deep.ok && deep.reason === 'trap' && /too deep/.test(deep.detail))
  const refused = complete(adding('(call $refuse (i32.const 0x6a86))')).result
  assert.ok(!refused.ok && refused.reason === 'refused' && refused.sw === 0x6a86)
  const outside = complete(adding('(call $output (i32.const 65536) (i32.const 1))')).result
  assert.ok(!outside.ok && outside.reason === 'refused')
  const trap = complete(adding('(unreachable)')).result
  assert.ok(!trap.ok && trap.reason === 'trap')
  const quick = complete(adding('')).result
  const busy = complete(adding('(drop (i32.const 1))'.repeat(500))).result
  assert.ok(quick.ok && busy.ok)
  assert.equal(quick.budgetLeft - busy.budgetLeft, 1000)
})

test('additional software cannot be completed in turn', () => {
  const added = `(module (import "added" "f1" (func $f1 (param i32 i32) (result i32))) (func (export "f1") (param i32 i32) (result i32) (call $f1 (i32.const 1) (i32.const 2))))`
  const { result } = complete(added)
  assert.ok(!result.ok && result.reason === 'refused')
})

test('what the first program used of the stack is gone for the second', () => {
  const rom = (depth: number): string => `(module (import "added" "f1" (func $f1 (param i32) (result i32)))
    (func $dive (param i32) (if (local.get 0) (then (call $dive (i32.sub (local.get 0) (i32.const 1))))
      (else (drop (call $f1 (i32.const 1000))))))
    (func (export "process") (call $dive (i32.const ${depth}))))`
  const added = `(module (func $dive (param i32) (if (local.get 0) (then (call $dive (i32.sub (local.get 0) (i32.const 1))))))
    (func (export "f1") (param i32) (result i32) (call $dive (local.get 0)) (i32.const 0)))`
  const run = (depth: number): CallResult =>
    instantiate({
      program: compileProgram(wat(rom(depth))),
      host: {},
      grants: all,
      added: compileProgram(wat(added)),
    }).call(0, highestBudget)
  assert.ok(run(10).ok)
  assert.ok(run(1000).ok)
  const result = run(1900)
  assert.ok(!result.ok && /too deep/.test(result.detail))
})

test('the start function of the additional software runs once, before its first function', () => {
  const added = `(module ${importOf('io', 'output')} (memory 1) (start $s)
    (func $s (call $output (i32.const 0) (i32.const 4)))
    (func (export "f1") (param i32 i32) (result i32) (i32.const 5)))`
  const { host, calls } = recorder()
  const instance = instantiate({
    program: compileProgram(masked),
    host,
    grants: all,
    added: compileProgram(wat(added)),
  })
  assert.ok(instance.call(0, highestBudget).ok && instance.call(0, highestBudget).ok)
  assert.deepEqual(calls, [
    ['output', '00000000'],
    ['output', '05'],
    ['output', '05'],
  ])
})
