import assert from 'node:assert/strict'
import { test } from 'node:test'
import { encodeHex } from '@sealwright/core/bytes'
import { portableCrypto as crypto } from '@sealwright/core/crypto'
import { dataAreaOf, recordsOfObject, type WriteRecord } from '@sealwright/core/customization'
import type { Crypto } from '@sealwright/core/ports'
import { ParsedObject } from '../src/eeprom/index.ts'
import { Module } from '../src/index.ts'
import { areaOf, CountingMedium, type Medium, pageSize, type RamMedium } from '../src/medium/index.ts'
import { webAssembly } from '../src/program/web-assembly.ts'
import { writeRecords } from '../src/testing/index.ts'
import { added, answerOf, finish, productChip, software, unlocked } from './product.ts'
import { wat } from './program/wat.ts'

// What stays between commands to vectored programs: what was compiled and made, never what a call left in it.

const ins = 0xb8
const program = 7
const io = `(import "io" "output" (func $output (param i32 i32)))
  (import "io" "input_length" (func $length (result i32)))`
/** Answers the byte that stands in the program at this place. */
const constant = (value: number): Uint8Array =>
  wat(`(module ${io} (memory 1) (func (export "f1")
    (i32.store8 (i32.const 0) (i32.const ${value})) (call $output (i32.const 0) (i32.const 1))))`)

/** A chip in user mode whose instruction B8 runs f1 of this program, on a medium that counts. */
async function chipWith(
  code: Uint8Array,
  objects: readonly WriteRecord[] = [],
): Promise<{
  module: Module
  medium: RamMedium
  counting: CountingMedium
  crypto: Crypto & { hashes: number }
}> {
  const bytes = software(code, ['io', 'data'])
  const records = [...recordsOfObject('software', program, bytes, crypto.sha256(bytes)), ...added, ...objects]
  const { medium } = await productChip([{ ins, program, function: 1 }], [], records)
  const counting = new CountingMedium(medium)
  const counted = {
    ...crypto,
    hashes: 0,
    sha256: (...parts: readonly Uint8Array[]) => {
      counted.hashes++
      return crypto.sha256(...parts)
    },
  }
  return { module: restarted(counting, counted), medium, counting, crypto: counted }
}

function restarted(medium: Medium, own: Crypto = crypto): Module {
  return new Module({ medium, crypto: own, entropy: { bytes: (length) => new Uint8Array(length) } })
}

/** How often the engine compiled and instantiated while this ran. */
async function engineWork(work: () => Promise<void>): Promise<{ compiled: number; instances: number }> {
  const engine = webAssembly as { Module: typeof webAssembly.Module; Instance: typeof webAssembly.Instance }
  const { Module: compile, Instance: make } = engine
  const count = { compiled: 0, instances: 0 }
  engine.Module = new Proxy(compile, {
    construct: (target, args: [Uint8Array]) => {
      count.compiled++
      return new target(...args)
    },
  })
  engine.Instance = new Proxy(make, {
    construct: (target, args: [object, never]) => {
      count.instances++
      return new target(...args)
    },
  })
  try {
    await work()
  } finally {
    Object.assign(engine, { Module: compile, Instance: make })
  }
  return count
}

/** Changes bytes from an address on in the medium itself, as nobody in the module does. */
function changeBelow(medium: RamMedium, address: number, bytes: Uint8Array): void {
  const { first } = areaOf(medium.geometry, 'eeprom')
  for (const [i, byte] of bytes.entries()) {
    const number = first + Math.floor((address + i) / pageSize)
    const page = medium.read(number)
    page[(address + i) % pageSize] = byte
    medium.program(number, page)
  }
}

test('[P8a] a program that has not changed is not read, hashed, parsed, compiled or instantiated again', async () => {
  const { module, counting, crypto: counted } = await chipWith(constant(0x41))
  assert.equal(await answerOf(module, ins), '41')
  Object.assign(counting, { reads: 0, programs: 0, syncs: 0 })
  counted.hashes = 0
  const work = await engineWork(async () => {
    for (let i = 0; i < 20; i++) assert.equal(await answerOf(module, ins), '41')
  })
  assert.deepEqual(work, { compiled: 0, instances: 0 })
  assert.deepEqual([counting.reads, counting.programs, counting.syncs, counted.hashes], [0, 0, 0, 0])
})

test('[P8a] vectors that lead to one program have it compiled once for a command, and once by FINISH', async () => {
  const { channel } = await unlocked()
  assert.equal(await writeRecords(channel, added), 0x9000)
  const vectors = Array.from({ length: 12 }, (_, i) => ({ ins: 0xa0 + 2 * i, program: 2, function: 3 }))
  const write = await engineWork(async () => {
    assert.equal(await writeRecords(channel, [{ kind: 'vectors', vectors }]), 0x9000)
  })
  assert.ok(write.compiled <= 2, `${write.compiled} times`)
  const end = await engineWork(async () => void assert.equal((await finish(channel)).sw, 0x9000))
  assert.ok(end.compiled <= 4, `${end.compiled} times`)
})

test('[P8a][D6b] changed bytes change what runs, whoever changed them: the program, its vector, its object', async () => {
  const { module, medium } = await chipWith(constant(0x41))
  const { objects, nvm } = module.parts
  assert.equal(await answerOf(module, ins), '41')
  const stored = objects.read('software', program)!
  const { address } = objects.find('software', program)!
  // i32.const 41 in two bytes.
  const at = address + encodeHex(stored).indexOf('41C100') / 2 + 1
  const value = (byte: number): Uint8Array => Uint8Array.of(byte | 0x80)
  // In a transaction.
  nvm.transaction((tx) => tx.write(at, value(0x42)))
  assert.equal(await answerOf(module, ins), '42')
  // In a transaction that is taken back.
  assert.throws(() =>
    nvm.transaction((tx) => {
      tx.write(at, value(0x43))
      throw new RangeError('taken back')
    }),
  )
  assert.equal(await answerOf(module, ins), '42')
  // Below, in the medium.
  changeBelow(medium, at, value(0x44))
  assert.equal(await answerOf(module, ins), '44')
  // By restoring the whole medium.
  const snapshot = medium.snapshot()
  changeBelow(medium, at, value(0x45))
  assert.equal(await answerOf(module, ins), '45')
  medium.restore(snapshot)
  assert.equal(await answerOf(module, ins), '44')
  // The vector, below: to another instruction.
  const table = objects.read('vector-table', 0)!
  const row = [...table.keys()].find((i) => i % 3 === 0 && table[i] === ins)!
  changeBelow(medium, objects.find('vector-table', 0)!.address + row, Uint8Array.of(ins + 1))
  assert.equal(await answerOf(module, ins), '6d00')
  assert.equal(await answerOf(module, ins + 1), '44')
  // Another object in its place, of another length.
  nvm.transaction((tx) => objects.put(tx, 'software', program, software(longer, ['io'])))
  assert.equal(await answerOf(module, ins + 1), '4747')
  nvm.transaction((tx) => objects.remove(tx, 'software', program))
  assert.equal(await answerOf(module, ins + 1), '6d00')
})

/** Longer than a constant one. */
const longer = wat(`(module ${io} (memory 1) (data (i32.const 100) "GG") (func (export "f1")
  (call $output (i32.const 100) (i32.const 2))))`)

/** Programs that try to remember a call; each answers differently when it does. */
const rememberers: Record<string, string> = {
  globals: `(memory 1) (global $a (mut i32) (i32.const -7)) (global $b (mut i64) (i64.const 0x123456789abcdef))
    (global $c (mut f32) (f32.const 1.5)) (global $d (mut f64) (f64.const -2.25))
    (func (export "f1")
      (i32.store (i32.const 0) (global.get $a)) (i64.store (i32.const 4) (global.get $b))
      (f32.store (i32.const 12) (global.get $c)) (f64.store (i32.const 16) (global.get $d))
      (call $output (i32.const 0) (i32.const 24))
      (global.set $a (i32.const 1)) (global.set $b (i64.const 1)) (global.set $c (f32.const 1)) (global.set $d (f64.const 1)))`,
  memory: `(memory 1) (func (export "f1")
    (call $output (i32.const 65000) (i32.const 4)) (i32.store (i32.const 65000) (i32.const 0x01020304)))`,
  'its data segments': `(memory 1) (data (i32.const 10) "abcd") (data (i32.const 60000) "xyz") (func (export "f1")
    (call $output (i32.const 10) (i32.const 4)) (call $output (i32.const 60000) (i32.const 4))
    (i32.store (i32.const 10) (i32.const 0)) (i32.store (i32.const 60000) (i32.const -1)))`,
  'grown memory': `(memory 1 8) (func (export "f1")
    (i32.store (i32.const 0) (memory.size)) (call $output (i32.const 0) (i32.const 4))
    (drop (memory.grow (i32.const 1))) (i32.store (i32.const 65536) (i32.const 9)))`,
  'memory grown by nothing': `(memory 1 8) (func (export "f1") (drop (memory.grow (i32.const 0)))
    (call $output (i32.const 0) (i32.const 4)) (i32.store (i32.const 0) (i32.const 9)))`,
  'the table, initialized': `(memory 1) (type $t (func (result i32))) (table 1 funcref) (elem (i32.const 0) $one) (elem $e func $two)
    (func $one (result i32) (i32.const 1)) (func $two (result i32) (i32.const 2)) (func (export "f1")
    (i32.store (i32.const 0) (call_indirect (type $t) (i32.const 0))) (call $output (i32.const 0) (i32.const 4))
    (table.init $e (i32.const 0) (i32.const 0) (i32.const 1)))`,
  'the table, copied': `(memory 1) (type $t (func (result i32))) (table 2 funcref) (elem (i32.const 0) $one $two)
    (func $one (result i32) (i32.const 1)) (func $two (result i32) (i32.const 2)) (func (export "f1")
    (i32.store (i32.const 0) (call_indirect (type $t) (i32.const 0))) (call $output (i32.const 0) (i32.const 4))
    (table.copy (i32.const 0) (i32.const 1) (i32.const 1)))`,
  'dropped data': `(memory 1) (data $d "abcd") (func (export "f1")
    (memory.init $d (i32.const 0) (i32.const 0) (i32.const 4)) (call $output (i32.const 0) (i32.const 4)) (data.drop $d))`,
  'dropped elements': `(memory 1) (type $t (func (result i32))) (table 1 funcref) (elem $e func $two)
    (func $two (result i32) (i32.const 2)) (func (export "f1") (table.init $e (i32.const 0) (i32.const 0) (i32.const 1))
    (i32.store (i32.const 0) (call_indirect (type $t) (i32.const 0))) (call $output (i32.const 0) (i32.const 4)) (elem.drop $e))`,
  'what its start function did': `(memory 1) (global $n (mut i32) (i32.const 0)) (start $s)
    (func $s (global.set $n (i32.add (global.get $n) (i32.const 1)))) (func (export "f1")
    (i32.store (i32.const 0) (global.get $n)) (call $output (i32.const 0) (i32.const 4)))`,
  // With data it remembers and ends badly; without, it answers what it remembers.
  'a call that trapped': `(memory 1) (global $n (mut i32) (i32.const 0)) (func (export "f1")
    (if (call $length) (then (global.set $n (i32.const 5)) (i32.store (i32.const 64) (i32.const 5)) (unreachable)))
    (i32.store (i32.const 0) (global.get $n)) (call $output (i32.const 0) (i32.const 4)) (call $output (i32.const 64) (i32.const 4)))`,
}

test('[P8a] a vectored program keeps nothing of a call: not in globals, memory, table, dropped segments or grown memory', async () => {
  for (const [name, text] of Object.entries(rememberers)) {
    const { module } = await chipWith(wat(`(module ${io} ${text})`))
    const none = new Uint8Array(0)
    const first = await answerOf(module, ins, none)
    assert.ok(first.length > 4, `${name}: ${first}`)
    for (let i = 0; i < 3; i++) {
      if (name === 'a call that trapped') assert.equal(await answerOf(module, ins, Uint8Array.of(1)), '6985')
      assert.equal(await answerOf(module, ins, none), first, name)
      // And nothing stays to be found.
      for (const { memory } of module.parts.programs.memories()) assert.equal(memory.indexOf(9), -1, name)
    }
  }
})

test('[P8a] an instance is kept for the programs that can be made as new, and only for them', async () => {
  const kept = new Set([
    'globals',
    'memory',
    'its data segments',
    'memory grown by nothing',
    'what its start function did',
  ])
  for (const [name, text] of Object.entries(rememberers)) {
    if (name === 'a call that trapped') continue
    const { module } = await chipWith(wat(`(module ${io} ${text})`))
    await answerOf(module, ins)
    const { instances, compiled } = await engineWork(async () => void (await answerOf(module, ins)))
    assert.deepEqual({ instances, compiled }, { instances: kept.has(name) ? 0 : 1, compiled: 0 }, name)
  }
})

test('[P8a] the memory of a vectored program is overwritten before its answer leaves', async () => {
  const { module } = await chipWith(
    wat(`(module ${io} (import "io" "input" (func $input (param i32 i32 i32))) (memory 1) (func (export "f1")
      (call $input (i32.const 300) (i32.const 0) (call $length)) (call $output (i32.const 300) (call $length))))`),
  )
  const secret = Uint8Array.from({ length: 32 }, (_, i) => 0xa0 + i)
  assert.equal(await answerOf(module, ins, secret), encodeHex(secret))
  const memories = module.parts.programs.memories()
  assert.equal(memories.length, 1)
  for (const { memory } of memories) assert.ok(memory.every((byte) => byte === 0))
  module.reset()
  assert.deepEqual(module.parts.programs.memories(), [])
})

test('[P8a] after a call that wrote, only what it wrote is read again', async () => {
  const writer = wat(`(module ${io} (import "data" "read" (func $read (param i32 i32 i32)))
    (import "data" "write" (func $write (param i32 i32 i32))) (memory 1) (func (export "f1")
    (call $read (i32.const 0) (i32.const 0) (i32.const 4))
    (i32.store (i32.const 0) (i32.add (i32.load (i32.const 0)) (i32.const 1)))
    (call $write (i32.const 0) (i32.const 0) (i32.const 4)) (call $output (i32.const 0) (i32.const 4))))`)
  const area: WriteRecord = {
    kind: 'put',
    object: 'product-data',
    id: dataAreaOf(program),
    bytes: new Uint8Array(40),
  }
  const { module, counting } = await chipWith(writer, [area])
  assert.equal(await answerOf(module, ins), '01000000')
  counting.reads = 0
  const work = await engineWork(async () => assert.equal(await answerOf(module, ins), '02000000'))
  assert.deepEqual(work, { compiled: 0, instances: 0 })
  // The area's page: to read it, to compare, to change it, to see whether it changed. Nothing else.
  assert.ok(counting.reads <= 5, `${counting.reads} pages read`)
  assert.equal(await answerOf(restarted(counting), ins), '03000000')
})

test('[P8a] a value parsed of an object holds until the object, or where it lies, changes', async () => {
  const { module } = await chipWith(constant(1))
  const { objects, nvm } = module.parts
  let parsed = 0
  const value = new ParsedObject(objects, 'product-data', 0x77, (bytes) => {
    parsed++
    if (bytes[0] === 0xff) throw new RangeError('no such value')
    return encodeHex(bytes)
  })
  const put = (bytes: readonly number[]): void =>
    nvm.transaction((tx) => objects.put(tx, 'product-data', 0x77, Uint8Array.from(bytes)))
  assert.deepEqual([value.value(), value.value(), parsed], [undefined, undefined, 0])
  put([1, 2])
  assert.deepEqual([value.value(), value.value(), parsed], ['0102', '0102', 1])
  put([1, 3])
  assert.deepEqual([value.value(), value.value(), parsed], ['0103', '0103', 2])
  nvm.transaction((tx) => objects.put(tx, 'product-data', 0x78, Uint8Array.of(1)))
  assert.equal(value.value(), '0103')
  put([1, 2, 3])
  assert.equal(value.value(), '010203')
  assert.throws(() =>
    nvm.transaction((tx) => {
      objects.put(tx, 'product-data', 0x77, Uint8Array.of(9, 9, 9))
      assert.equal(value.value(), '090909')
      throw new RangeError('taken back')
    }),
  )
  assert.equal(value.value(), '010203')
  put([0xff])
  for (let i = 0; i < 2; i++) assert.throws(() => value.value(), RangeError)
  nvm.transaction((tx) => objects.remove(tx, 'product-data', 0x77))
  assert.equal(value.value(), undefined)
  value.end()
})

test('[P8a] a key whose bytes change below is the new key at the next command', async () => {
  const { module, medium } = await chipWith(constant(1))
  const { keys, nvm, objects } = module.parts
  const place = 0x0020_0101
  const key = Uint8Array.from({ length: 16 }, (_, i) => 5 * i * i + 1)
  const other = Uint8Array.from({ length: 16 }, (_, i) => 7 * i * i + 3)
  const mac = (): string => encodeHex(keys.aes(place).cmac(Uint8Array.of(1)))
  const macUnder = (bytes: Uint8Array): string => encodeHex(crypto.aes(bytes).cmac(Uint8Array.of(1)))
  nvm.transaction((tx) => keys.putAes(tx, place, key))
  assert.equal(mac(), macUnder(key))
  // Behind the byte of its kind.
  changeBelow(medium, objects.find('key', place)!.address + 1, other)
  assert.equal(await answerOf(module, ins), '01')
  assert.equal(mac(), macUnder(other))
})

test('[P8a] on a medium that cannot tell of changes everything is read again, and all of it still works', async () => {
  const { medium } = await chipWith(constant(0x41))
  const blind: Medium = {
    geometry: medium.geometry,
    revision: Number.NaN,
    read: (page) => medium.read(page),
    lend: (page) => medium.lend(page),
    program: (page, bytes) => medium.program(page, bytes),
    sync: () => medium.sync(),
  }
  const module = restarted(blind)
  for (let i = 0; i < 3; i++) assert.equal(await answerOf(module, ins), '41')
})
