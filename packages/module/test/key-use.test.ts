import assert from 'node:assert/strict'
import { test } from 'node:test'
import { command, parseResponse, serializeCommand } from '@sealwright/core/apdu'
import { encodeHex, u32 } from '@sealwright/core/bytes'
import { commands, keyPlaces } from '@sealwright/core/catalog'
import { portableCrypto } from '@sealwright/core/crypto'
import { grantableInterfaces, serializeSoftware } from '@sealwright/core/customization'
import { serializeKeyPlace, serializeKeyRecord } from '@sealwright/core/key-download'
import { scriptedEntropy } from '@sealwright/core/testing'
import type { Module } from '@sealwright/module'
import { serializeVectors } from '@sealwright/module/rom'
import { customizedModule } from '@sealwright/module/testing'
import { wat } from './program/wat.ts'

// A program that has every interface that can be granted, and tries each on the place and the bytes that the command names.

const crypto = portableCrypto
const programIns = 0xd0
const place = 0x0020_0101
const neighbour = 0x0020_0102
const canary = scriptedEntropy('canary').bytes(16)

/** Functions 1 to 4 of the program: what they do with place(4) ‖ data, and with two blocks at 64. */
const functions = { generate: 1, verify: 2, encrypt: 3, decrypt: 4, dump: 5 } as const
type Use = keyof typeof functions

const prober = wat(`(module
  (import "io" "input" (func $input (param i32 i32 i32)))
  (import "io" "output" (func $output (param i32 i32)))
  (import "io" "p1" (func $p1 (result i32)))
  (import "data" "read" (func $read (param i32 i32 i32)))
  (import "random" "fill" (func $random (param i32 i32)))
  (import "mac" "cmac" (func $cmac (param i32 i32 i32 i32)))
  (import "mac" "verify" (func $verify (param i32 i32 i32 i32 i32) (result i32)))
  (import "cipher" "encrypt" (func $encrypt (param i32 i32 i32 i32 i32)))
  (import "cipher" "decrypt" (func $decrypt (param i32 i32 i32 i32 i32)))
  (memory 1)
  (func $place (result i32)
    (call $input (i32.const 0) (i32.const 0) (i32.const 4))
    (i32.or (i32.or (i32.shl (i32.load8_u (i32.const 0)) (i32.const 24))
                    (i32.shl (i32.load8_u (i32.const 1)) (i32.const 16)))
            (i32.or (i32.shl (i32.load8_u (i32.const 2)) (i32.const 8)) (i32.load8_u (i32.const 3)))))
  (func (export "process"))
  (func $generate (export "f1") (call $cmac (call $place) (i32.const 64) (i32.const 16) (i32.const 256))
    (call $output (i32.const 256) (i32.const 16)))
  (func (export "f2") (i32.store8 (i32.const 300) (call $verify (call $place) (i32.const 64) (i32.const 16) (i32.const 128) (i32.const 16)))
    (call $output (i32.const 300) (i32.const 1)))
  (func (export "f3") (call $encrypt (call $place) (i32.const 96) (i32.const 64) (i32.const 16) (i32.const 320))
    (call $output (i32.const 320) (i32.const 16)))
  (func (export "f4") (call $decrypt (call $place) (i32.const 96) (i32.const 64) (i32.const 16) (i32.const 340))
    (call $output (i32.const 340) (i32.const 16)))
  (func (export "f5")
    (call $read (i32.const 0) (i32.const 512) (i32.const 16))
    (call $random (i32.const 600) (i32.const 32))
    (drop (call $verify (call $place) (i32.const 64) (i32.const 16) (i32.const 128) (i32.const 16)))
    (call $cmac (call $place) (i32.const 64) (i32.const 16) (i32.const 256))
    (call $output (i32.mul (call $p1) (i32.const 256)) (i32.const 256))))`)

interface Key {
  readonly usage: string
  /** Mode of X9.143 that came with the key; absent: the key came with customization. */
  readonly mode?: string
}

function moduleWith(
  { usage, mode }: Key,
  granted: readonly number[] = [place],
  { operating = true, personalizable = false } = {},
): Module {
  const { module } = customizedModule({
    crypto,
    eepromSize: 32 * 1024,
    operating,
    prepare({ tx, objects, keys }) {
      const vectors = Object.values(functions).map((number) => ({
        ins: programIns + number,
        program: 3,
        function: number,
      }))
      const names = personalizable ? (['GET DATA', 'BEGIN'] as const) : (['GET DATA'] as const)
      const natives = names.map((name) => ({
        ins: commands[name].ins,
        program: 0,
        function: commands[name].entry,
      }))
      const all = [...natives, ...vectors].sort((a, b) => a.ins - b.ins)
      objects.put(tx, 'vector-table', 0, serializeVectors(all))
      const software = { version: 1, interfaces: grantableInterfaces, budget: 1_000_000 } as const
      objects.put(tx, 'software', 3, serializeSoftware({ ...software, keyPlaces: granted, program: prober }))
      objects.put(tx, 'product-data', 0x103, new Uint8Array(16))
      for (const id of [place, neighbour]) {
        objects.put(tx, 'key-place', id, serializeKeyPlace({ kind: 'application', usage, source: 0 }))
        keys.putAes(tx, id, canary)
      }
      for (const [kind, id] of [
        ['transport', keyPlaces.transport],
        ['signature', keyPlaces.signature],
        ['data', 0x0020_0105],
      ] as const) {
        objects.put(tx, 'key-place', id, serializeKeyPlace({ kind, usage: '**', source: 0 }))
        keys.putAes(tx, id, canary)
      }
      if (mode === undefined) return
      const attributes = {
        usage,
        algorithm: 'A',
        mode,
        version: 1,
        exportability: 'N',
        keyLength: 16,
      } as const
      const record = {
        attributes,
        counter: 1,
        checkValue: new Uint8Array(5),
        acknowledgement: new Uint8Array(16),
      }
      objects.put(tx, 'receipt', place, serializeKeyRecord(record))
    },
  })
  return module
}

function use(module: Module, what: Use, at = place, p1 = 0) {
  const sent = command({ cla: 0x80, ins: programIns + functions[what], p1, p2: 0, data: u32(at), le: 0x100 })
  return parseResponse(module.transmit(serializeCommand(sent)))
}

/** Uses that a key's usage and mode name (X9.143): what each must do, all others must be refused. */
const table: readonly [Key, readonly Use[]][] = [
  [{ usage: 'M6', mode: 'C' }, ['generate', 'verify']],
  [{ usage: 'M6', mode: 'G' }, ['generate']],
  [{ usage: 'M6', mode: 'V' }, ['verify']],
  [{ usage: 'M6', mode: 'N' }, ['generate', 'verify']],
  [{ usage: 'D0', mode: 'B' }, ['encrypt', 'decrypt']],
  [{ usage: 'D0', mode: 'E' }, ['encrypt']],
  [{ usage: 'D0', mode: 'D' }, ['decrypt']],
  [{ usage: 'D0', mode: 'N' }, ['encrypt', 'decrypt']],
  [{ usage: 'M6' }, ['generate', 'verify']],
  [{ usage: 'D0' }, ['encrypt', 'decrypt']],
  [{ usage: 'K0', mode: 'N' }, []],
  [{ usage: 'M6', mode: 'B' }, []],
]
const uses: readonly Use[] = ['generate', 'verify', 'encrypt', 'decrypt']

test('[B1b] a key does what its entry names, with the result that others compute', () => {
  const key = crypto.aes(canary)
  const zeros = new Uint8Array(16)
  const expected: Record<string, Uint8Array> = {
    generate: key.cmac(zeros),
    verify: Uint8Array.of(0),
    encrypt: key.cbcEncrypt(zeros, zeros),
    decrypt: key.cbcDecrypt(zeros, zeros),
  }
  let tried = 0
  for (const [entry, allowed] of table) {
    const module = moduleWith(entry)
    for (const what of allowed) {
      const answer = use(module, what)
      assert.deepEqual([answer.sw, encodeHex(answer.data)], [0x9000, encodeHex(expected[what]!)], what)
      tried++
    }
  }
  assert.equal(tried, 16)
})

test('[B1d] a use that the entry does not name is refused, without an answer', () => {
  let tried = 0
  for (const [entry, allowed] of table) {
    const module = moduleWith(entry)
    for (const what of uses) {
      if (allowed.includes(what)) continue
      assert.deepEqual(
        use(module, what),
        { data: new Uint8Array(0), sw: 0x6985 },
        `${JSON.stringify(entry)} ${what}`,
      )
      tried++
    }
  }
  assert.equal(tried, 48 - 16)
})

test('[B1d] a program reaches no place that was not granted to it, and none but those of applications', () => {
  const others = [
    neighbour,
    keyPlaces.identity,
    keyPlaces.operating,
    keyPlaces.document,
    keyPlaces.transport,
    keyPlaces.signature,
    0x0020_0105,
    0x0020_0199,
  ]
  const meant = moduleWith({ usage: 'M6' })
  const careless = moduleWith(
    { usage: 'M6' },
    [place, ...others].sort((a, b) => a - b),
  )
  for (const what of uses) {
    for (const at of others) {
      assert.equal(use(meant, what, at).sw, 0x6a88, `${what} ${at.toString(16)}`)
      // Even a software object that grants too much does not make them keys of applications.
      if (at !== neighbour) assert.equal(use(careless, what, at).sw, 0x6a88, `${what} ${at.toString(16)}`)
    }
  }
  assert.equal(use(careless, 'generate', neighbour).sw, 0x9000)
})

test('[B1c] no key byte is in the memory of a program that used the key, nor in anything an interface gave it', () => {
  const module = moduleWith({ usage: 'M6' })
  const keys = module.parts.objects
    .list('key')
    .map(({ id }) => module.parts.objects.read('key', id)!.subarray(1))
  assert.ok(keys.length > 6)
  const whole: number[] = []
  for (let block = 0; block < 256; block++) {
    const { data, sw } = use(module, 'dump', place, block)
    assert.deepEqual([sw, data.length], [0x9000, 256])
    whole.push(...data)
  }
  const text = encodeHex(Uint8Array.from(whole))
  const used = encodeHex(crypto.aes(canary).cmac(new Uint8Array(16)))
  assert.ok(text.includes(used), 'what the interface gave is found')
  for (const key of keys) {
    for (let at = 0; at + 8 <= key.length; at++) {
      assert.ok(!text.includes(encodeHex(key.subarray(at, at + 8))))
    }
  }
  assert.ok(
    `${text}${encodeHex(keys[0]!)}`.includes(encodeHex(keys[0]!.subarray(8, 16))),
    'a planted key is found',
  )
})

test('[B20b] a program of a product that is personalized reaches no key before that; one that never is reaches its own', () => {
  const key = { usage: 'M6' }
  const awaiting = moduleWith(key, [place], { operating: false, personalizable: true })
  assert.deepEqual(use(awaiting, 'generate').sw, 0x6985)
  const personalized = moduleWith(key, [place], { operating: true, personalizable: true })
  assert.equal(use(personalized, 'generate').sw, 0x9000)
  assert.equal(use(moduleWith(key, [place], { operating: false }), 'generate').sw, 0x9000)
})
