import assert from 'node:assert/strict'
import { test } from 'node:test'
import { concat, decodeHex, encodeHex, equal } from '@sealwright/core/bytes'
import {
  type CommandName,
  commands,
  keyPlaces,
  programInstructions,
  securityDomainKeys,
} from '@sealwright/core/catalog'
import { portableCrypto as crypto } from '@sealwright/core/crypto'
import {
  customizationObjects,
  dataAreaOf,
  packWrites,
  recordsOfObject,
  serializeAesKeyObject,
  serializeWriteRecords,
  type WriteRecord,
} from '@sealwright/core/customization'
import { serializeKeyPlace } from '@sealwright/core/key-download'
import { scriptedEntropy } from '@sealwright/core/testing'
import { objectKinds } from '../src/eeprom/index.ts'
import type { Module } from '../src/index.ts'
import type { Medium } from '../src/medium/index.ts'
import { memoryImage } from '../src/memory-image/index.ts'
import { webAssembly } from '../src/program/web-assembly.ts'
import {
  customizationChannel,
  everyPowerCut,
  fixtureKey,
  maskedChip,
  powerUp,
  speak,
  transportTo,
  unlockWith,
  wasmProgram,
  writeRecords,
} from '../src/testing/index.ts'
import {
  activated,
  added,
  answerOf,
  channelOf,
  commandData as data,
  finish,
  masked,
  product,
  serial,
  software,
  speakTo,
  unlocked,
} from './product.ts'
import { wat } from './program/wat.ts'
import { committed } from './programs.ts'

const info = programInstructions['PRODUCT INFO'].ins
const line = programInstructions['CHECK LINE'].ins
const digit = 0xce
/** Of ROM: f1 completed by f1 of the additional software, f2, and f3, which no vector names as delivered. */
const productInfo = '0001125365616C7772696768742070726F64756374'
const checkSum = '55BC801D'
const byteSum = '00000006'
const placeKey = scriptedEntropy('key of the place').bytes(16)

test('[D6a] a handler in ROM that no vector names, wasm or native, is reached by no CLA/INS pair', async () => {
  const module = await product([{ ins: line, program: 1, function: 2 }], ['CHIP STATUS'])
  const answers = new Set<string>()
  for (let cla = 0; cla < 0x100; cla++) {
    for (let ins = 0; ins < 0x100; ins++) {
      for (const tail of [new Uint8Array(0), concat(Uint8Array.of(data.length), data)]) {
        const reply = module.transmit(concat(Uint8Array.of(cla, ins, 0, 0), tail))
        if (reply.length > 2 || encodeHex(reply) === '9000')
          answers.add(`${hex(cla)}${hex(ins)} ${encodeHex(reply)}`)
        // A first segment waits for its chain.
        if (encodeHex(reply) === '9000') module.reset()
      }
    }
    module.reset()
  }
  const status = [...answers].filter((answer) => answer.startsWith('8030'))
  assert.equal(status.length, 1)
  assert.deepEqual([...answers].filter((answer) => !answer.startsWith('8030')).sort(), [
    `80${hex(line)} 000000009000`,
    `80${hex(line)} ${checkSum}9000`,
    // The first segment of a chain: nothing has run yet.
    `90${hex(commands['CHIP STATUS'].ins)} 9000`,
    `90${hex(line)} 9000`,
  ])
})

test("[D6b] changing the vector's bytes in EEPROM changes what runs", async () => {
  const module = await product([{ ins: line, program: 1, function: 2 }])
  assert.equal(await answerOf(module, line), checkSum)
  const { objects, nvm } = module.parts
  const { address, length } = objects.find('vector-table', 0)!
  const table = nvm.read(address, length)
  const at = [...table.keys()].find((i) => i % 3 === 0 && table[i] === line)!
  nvm.transaction((tx) => tx.write(address + at + 2, Uint8Array.of(3)))
  assert.equal(await answerOf(module, line), byteSum)
  nvm.transaction((tx) => tx.write(address + at + 1, Uint8Array.of(0, commands['CHIP STATUS'].entry)))
  assert.equal((await answerOf(module, line, new Uint8Array(0))).length, 180)
  nvm.transaction((tx) => tx.write(address + at, Uint8Array.of(line + 1)))
  assert.equal(await answerOf(module, line), '6d00')
})

test('[D5a][D13a] vectors lead into ROM and into EEPROM: masked, added and amended software answers in user mode', async () => {
  const module = await product([
    { ins: info, program: 1, function: 1 },
    { ins: line, program: 1, function: 2 },
    { ins: digit, program: 2, function: 2 },
  ])
  assert.equal(await answerOf(module, info, new Uint8Array(0)), productInfo)
  assert.equal(await answerOf(module, line), checkSum)
  assert.equal(await answerOf(module, digit, decodeHex('7992739871FF'.slice(0, 10))), '03')
})

test('[D5b][D13c] the command masked incomplete is refused until the additional software is there', async () => {
  const vectors = [{ ins: info, program: 1, function: 1 }]
  const bare = await product(vectors, [], [])
  assert.equal(await answerOf(bare, info, new Uint8Array(0)), '6a81')
  assert.equal(await answerOf(await product(vectors), info, new Uint8Array(0)), productInfo)
  // A chip made from the mask alone.
  const chip = powerUp(crypto, masked.chip())
  await speak(transportTo(chip), 'WRITE SERIAL', serial)
  for (const ins of [info, line, digit]) assert.equal(await answerOf(chip, ins), '6d00')
})

test('[D5c][D5d] an update replaces a command of the mask, another adds one', async () => {
  const amended = await product([
    { ins: line, program: 2, function: 3 },
    { ins: digit, program: 2, function: 2 },
  ])
  assert.equal(await answerOf(amended, line), `0003${checkSum}`)
  // The check digit of ISO/IEC 7812-1, annex B.
  assert.equal(await answerOf(amended, digit, decodeHex('1234567812')), '07')
  assert.equal(await answerOf(amended, digit, decodeHex('7992739871')), '03')
  const plain = await product([{ ins: line, program: 1, function: 2 }])
  assert.equal(await answerOf(plain, digit, decodeHex('1234567812')), '6d00')
})

test('[D5e] other initial data are written and read by the software', async () => {
  const totals = programInstructions.TOTALS.ins
  const loyalty = software(committed('loyalty'), ['io', 'data', 'mac'])
  const area = Uint8Array.from({ length: 72 }, (_, i) => i)
  const module = await product(
    [{ ins: totals, program: 3, function: 3 }],
    [],
    [
      ...recordsOfObject('software', 3, loyalty, crypto.sha256(loyalty)),
      { kind: 'put', object: 'product-data', id: dataAreaOf(3), bytes: area },
    ],
  )
  assert.equal(await answerOf(module, totals, new Uint8Array(0)), encodeHex(area.subarray(0, 28)))
})

test('[D13b] user commands are refused in issuer mode, and in customization mode outside and inside its channel', async () => {
  const { module, channel } = await unlocked()
  await writeRecords(channel, [
    ...added,
    {
      kind: 'vectors',
      vectors: [
        { ins: info, program: 1, function: 1 },
        { ins: line, program: 2, function: 3 },
      ],
    },
    ...activated('PREPARE', 'BEGIN', 'REQUEST PAYMENT'),
  ])
  for (const ins of [info, line, digit, commands.PREPARE.ins, commands['REQUEST PAYMENT'].ins]) {
    const { sw } = await speakTo(channel, ins, data)
    assert.ok([0x6985, 0x6d00].includes(sw), `${hex(ins)} ${sw.toString(16)}`)
  }
  module.reset()
  for (const ins of [info, line]) assert.equal(await answerOf(module, ins), '6985')
  assert.equal(await answerOf(module, digit), '6982')
  const fresh = powerUp(crypto, masked.chip())
  for (const name of Object.keys(commands) as CommandName[]) {
    if (commands[name].modes.some((mode) => (mode as string) === 'issuer')) continue
    assert.equal((await speak(transportTo(fresh), name)).sw, 0x6d00, name)
  }
})

test('WRITE: what is malformed, foreign or not allowed is refused whole; not a byte stays', async () => {
  const good: WriteRecord = { kind: 'put', object: 'product-data', id: 1, bytes: Uint8Array.of(0x41) }
  const raw = (kind: number, id: number, bytes: Uint8Array) =>
    concat(
      Uint8Array.of(kind, id >>> 24, (id >>> 16) & 255, (id >>> 8) & 255, id & 255, 0, bytes.length),
      bytes,
    )
  // No known test key: what is refused is the place.
  const key = serializeAesKeyObject(placeKey)
  const point = fixtureKey(crypto, 'a point').publicPoint
  const place = serializeKeyPlace({ kind: 'application', usage: 'M6', source: 0 })
  const wrong: [name: string, bytes: Uint8Array][] = [
    ['nothing', new Uint8Array(0)],
    ['cut short', serializeWriteRecords([good, good]).subarray(0, -1)],
    ['an empty object', raw(6, 1, new Uint8Array(0))],
    ...[1, 2, 4, 5, 9, 11, 12, 13, 14, 15, 17, 0xf4, 0xff].map((kind): [string, Uint8Array] => [
      `kind ${kind}`,
      raw(kind, 0, Uint8Array.of(1)),
    ]),
    ['the identity key', raw(8, keyPlaces.identity, key)],
    ['the operating key', raw(8, keyPlaces.operating, key)],
    ['the pending key', raw(8, keyPlaces.pending, key)],
    ['the customization keys', raw(8, keyPlaces.customization, key)],
    ['a key of a security domain that is not there', raw(8, ((securityDomainKeys + 1) << 16) | 1, key)],
    ['a public key of a security domain', raw(10, ((securityDomainKeys << 16) | 1) >>> 0, point)],
    ['a key place of a security domain', raw(7, ((securityDomainKeys << 16) | 1) >>> 0, place)],
    ['a known test key', raw(8, 0x0020_0101, serializeAesKeyObject(new Uint8Array(16)))],
    ['more of a key', raw(0xf0, 0x0020_0102, concat(Uint8Array.of(8), placeKey.subarray(8)))],
    ['a private key', raw(8, 0x0020_0101, concat(Uint8Array.of(0xb1), new Uint8Array(32).fill(1)))],
    ['a key of a wrong length', raw(8, 0x0020_0101, key.subarray(0, 16))],
    ['a public key not on the curve', raw(10, 1, concat(Uint8Array.of(4), new Uint8Array(64).fill(1)))],
    ['software over the ROM program', raw(3, 1, Uint8Array.of(1))],
    ['a vector to nowhere', raw(0xf1, 0, Uint8Array.of(0xd4, 9, 1))],
    ['a vector to a native entry that ROM has not', raw(0xf1, 0, Uint8Array.of(0xd4, 0, 0xee))],
    ['an unknown native entry', raw(0xf2, 0xee, new Uint8Array(0))],
    ['an addition to nothing', raw(0xf0, 7, Uint8Array.of(6, 1))],
    [
      'a digest that does not hold',
      concat(raw(6, 1, Uint8Array.of(1)), raw(0xf3, 1, concat(Uint8Array.of(6), new Uint8Array(32)))),
    ],
  ]
  const { module, medium, channel } = await unlocked()
  const begun: WriteRecord = { kind: 'put', object: 'key', id: 0x0020_0102, bytes: key }
  assert.equal(await writeRecords(channel, [{ ...good, bytes: Uint8Array.of(0x40) }, begun]), 0x9000)
  const before = image(medium, module)
  for (const [name, bytes] of wrong) {
    // A good record before it: it must not stay either.
    const reply = await speak(
      channel,
      'WRITE',
      name === 'nothing' ? bytes : concat(serializeWriteRecords([good]), bytes),
    )
    assert.notEqual(reply.sw, 0x9000, name)
    assert.equal(equal(image(medium, module), before), true, name)
  }
  assert.equal(await writeRecords(channel, [good]), 0x9000)
})

test('customization software that traps half-way, loops for ever or asks for what it may not leaves nothing behind', async () => {
  // chip.put(6, 1, 0, 4), then: unreachable · a loop · chip.put(13, 0, 0, 4), an event.
  const put = (kind: number, id: number) => [0x41, kind, 0x41, id, 0x41, 0, 0x41, 4, 0x10, 0]
  const endings = { ok: [], trap: [0x00], loop: [0x03, 0x40, 0x0c, 0, 0x0b], foreign: put(13, 0) }
  const expected = { ok: 0x9000, trap: 0x6985, loop: 0x6985, foreign: 0x6a80 }
  for (const [name, ending] of Object.entries(endings)) {
    const customization = wasmProgram({
      import: { from: 'chip', name: 'put', parameters: 4 },
      body: Uint8Array.from([...put(6, 1), ...ending]),
      data: Uint8Array.of(0x41, 0x42, 0x43, 0x44),
    })
    const chip = maskedChip({ crypto, program: committed('rom'), customization })
    const medium = chip.chip()
    const module = powerUp(crypto, medium)
    await speak(transportTo(module), 'WRITE SERIAL', serial)
    assert.equal(await unlockWith(module, chip.unlocking), 0x9000)
    const channel = await customizationChannel(crypto, module, chip.unlocking.key, serial)
    const before = image(medium, module)
    const { sw } = await speak(channel, 'WRITE', Uint8Array.of(1))
    assert.equal(sw, expected[name as keyof typeof expected], name)
    assert.equal(equal(image(medium, module), before), name !== 'ok', name)
  }
})

test('[D5a] a vector leads to functions without parameters and result only, of any program', async () => {
  const shapes = {
    '': 0x9000,
    '(param i32)': 0x6a80,
    '(result i32) (i32.const 1)': 0x6a88,
  }
  for (const [shape, expected] of Object.entries(shapes)) {
    const bytes = software(wat(`(module (memory (export "memory") 1) (func (export "f1") ${shape}))`), [])
    const { module, medium, channel } = await unlocked()
    assert.equal(await writeRecords(channel, [{ kind: 'put', object: 'software', id: 3, bytes }]), 0x9000)
    const before = image(medium, module)
    const vectors: WriteRecord = { kind: 'vectors', vectors: [{ ins: line, program: 3, function: 1 }] }
    assert.equal(await writeRecords(channel, [vectors]), expected, shape)
    assert.equal(equal(image(medium, module), before), expected !== 0x9000, shape)
  }
})

test('[D5g] FINISH looks at every vector again: software that was replaced by one without the function is refused', async () => {
  const { channel } = await unlocked()
  const shaped = (name: string): WriteRecord => {
    const bytes = software(wat(`(module (memory (export "memory") 1) (func (export "${name}")))`), [])
    return { kind: 'put', object: 'software', id: 3, bytes }
  }
  const vectors: WriteRecord = { kind: 'vectors', vectors: [{ ins: line, program: 3, function: 1 }] }
  assert.equal(await writeRecords(channel, [shaped('f1'), vectors, shaped('f2')]), 0x9000)
  assert.equal((await finish(channel)).sw, 0x6a88)
  assert.equal(await writeRecords(channel, [shaped('f1')]), 0x9000)
  assert.equal((await finish(channel)).sw, 0x9000)
})

test('customization software of any kind cannot write what the chip does not take: numbers too long, and additions to nothing', async () => {
  // i32.const in signed LEB128.
  const calls = {
    'an instruction of two bytes': ['vector', [0x41, 0xee, 0x03, 0x41, 1, 0x41, 2], 0x6a80],
    'a program of two bytes': ['vector', [0x41, 0x12, 0x41, 0x81, 0x02, 0x41, 2], 0x6a80],
    'a function of two bytes': ['vector', [0x41, 0x12, 0x41, 1, 0x41, 0x82, 0x02], 0x6a80],
    'an addition to nothing': ['append', [0x41, 6, 0x41, 7, 0x41, 0, 0x41, 4], 0x6a88],
    'an entry of nothing': ['activate', [0x41, 0xee, 0x01], 0x6a88],
  } as const
  for (const [name, [call, operands, expected]] of Object.entries(calls)) {
    const parameters = { vector: 3, append: 4, activate: 1 }[call]
    const customization = wasmProgram({
      import: { from: 'chip', name: call, parameters },
      body: Uint8Array.of(...operands, 0x10, 0),
      data: Uint8Array.of(1, 2, 3, 4),
    })
    const chip = maskedChip({ crypto, program: committed('rom'), customization })
    const medium = chip.chip()
    const module = powerUp(crypto, medium)
    await speak(transportTo(module), 'WRITE SERIAL', serial)
    assert.equal(await unlockWith(module, chip.unlocking), 0x9000, name)
    const channel = await customizationChannel(crypto, module, chip.unlocking.key, serial)
    const before = image(medium, module)
    assert.equal((await speak(channel, 'WRITE', Uint8Array.of(1))).sw, expected, name)
    assert.equal(equal(image(medium, module), before), true, name)
  }
})

test('customization software that asks for more than input, output and the chip does not run', async () => {
  const imports = [
    { from: 'random', name: 'fill', parameters: 2 },
    { from: 'data', name: 'read', parameters: 3 },
  ]
  for (const one of imports) {
    const body = Uint8Array.of(0x00)
    const customization = wasmProgram({ import: one, body, data: Uint8Array.of(0x41) })
    const chip = maskedChip({ crypto, program: committed('rom'), customization })
    const medium = chip.chip()
    const module = powerUp(crypto, medium)
    await speak(transportTo(module), 'WRITE SERIAL', serial)
    assert.equal(await unlockWith(module, chip.unlocking), 0x9000)
    const channel = await customizationChannel(crypto, module, chip.unlocking.key, serial)
    const before = image(medium, module)
    let instances = 0
    const engine = webAssembly as { Instance: typeof webAssembly.Instance }
    const { Instance: make } = engine
    engine.Instance = new Proxy(make, {
      construct: (target, args: [object, never]) => {
        instances++
        return new target(...args)
      },
    })
    try {
      assert.equal((await speak(channel, 'WRITE', Uint8Array.of(1))).sw, 0x6985)
    } finally {
      engine.Instance = make
    }
    assert.equal(instances, 0, one.from)
    assert.equal(equal(image(medium, module), before), true)
  }
})

test('[D5g] software that does not fit is refused and nothing changed; what is no program never runs', async () => {
  const { module, medium, channel } = await unlocked()
  const large: WriteRecord[] = recordsOfObject(
    'software',
    3,
    new Uint8Array(60_000).fill(1),
    new Uint8Array(32),
  )
  let writes = 0
  let last = 0x9000
  let before = image(medium, module)
  for (const write of packWrites(large)) {
    last = (await speak(channel, 'WRITE', write)).sw
    if (last !== 0x9000) break
    before = image(medium, module)
    writes++
  }
  assert.equal(last, 0x6a84)
  assert.equal(equal(image(medium, module), before), true)
  assert.equal(writes > 10, true)
  // The part that was written is an object like another and can be replaced.
  const nonsense = software(Uint8Array.of(1, 2, 3, 4), ['io'])
  assert.equal(
    await writeRecords(channel, [{ kind: 'put', object: 'software', id: 3, bytes: nonsense }]),
    0x9000,
  )
  const vectors: WriteRecord = { kind: 'vectors', vectors: [{ ins: line, program: 3, function: 3 }] }
  const written = image(medium, module)
  assert.equal(await writeRecords(channel, [vectors]), 0x6a80)
  assert.equal(equal(image(medium, module), written), true)
  assert.equal((await finish(channel)).sw, 0x6a80)
  for (const [interfaces, answer] of [
    [[], 0x6a80],
    [['io'], 0x9000],
  ] as const) {
    const bytes = software(committed('added'), interfaces)
    assert.equal(await writeRecords(channel, [{ kind: 'put', object: 'software', id: 3, bytes }]), 0x9000)
    assert.equal(await writeRecords(channel, [vectors]), answer)
  }
  assert.equal((await finish(channel)).sw, 0x9000)
})

test('a program reaches only the interfaces and keys that its object grants', async () => {
  const credit = programInstructions.CREDIT.ins
  const vectors: WriteRecord = { kind: 'vectors', vectors: [{ ins: credit, program: 3, function: 1 }] }
  for (const granted of [['io'], ['io', 'mac'], ['io', 'data']] as const) {
    const loyalty = software(committed('loyalty'), granted)
    const { channel } = await unlocked()
    await writeRecords(channel, recordsOfObject('software', 3, loyalty, crypto.sha256(loyalty)))
    assert.equal(await writeRecords(channel, [vectors]), 0x6a80)
  }
  const loyalty = software(committed('loyalty'), ['io', 'data', 'mac'])
  const place = serializeKeyPlace({ kind: 'application', usage: 'M6', source: 0 })
  const module = await product(
    [{ ins: credit, program: 3, function: 1 }],
    [],
    [
      ...recordsOfObject('software', 3, loyalty, crypto.sha256(loyalty)),
      { kind: 'put', object: 'product-data', id: dataAreaOf(3), bytes: new Uint8Array(72) },
      { kind: 'put', object: 'key-place', id: 0x0020_0101, bytes: place },
      { kind: 'put', object: 'key', id: 0x0020_0101, bytes: serializeAesKeyObject(placeKey) },
    ],
  )
  // The place is there and filled, and the object does not name it.
  const command = concat(decodeHex('00200101'), new Uint8Array(35), Uint8Array.of(1))
  assert.equal(await answerOf(module, credit, command), '6a88')
})

test('[D6b] rights are read from EEPROM when a program is made: one that they no longer cover does not run', async () => {
  const totals = programInstructions.TOTALS.ins
  const loyalty = software(committed('loyalty'), ['io', 'data', 'mac'])
  const module = await product(
    [{ ins: totals, program: 3, function: 3 }],
    [],
    [
      ...recordsOfObject('software', 3, loyalty, crypto.sha256(loyalty)),
      { kind: 'put', object: 'product-data', id: dataAreaOf(3), bytes: new Uint8Array(72) },
    ],
  )
  const nothing = new Uint8Array(0)
  assert.equal((await answerOf(module, totals, nothing)).length, 56)
  const { nvm, objects } = module.parts
  // version(1) ‖ rights(1): io alone, then all of it again.
  const rights = objects.find('software', 3)!.address + 1
  nvm.transaction((tx) => tx.write(rights, Uint8Array.of(0x01)))
  assert.equal(await answerOf(module, totals, nothing), '6985')
  nvm.transaction((tx) => tx.write(rights, Uint8Array.of(loyalty[1]!)))
  assert.equal((await answerOf(module, totals, nothing)).length, 56)
})

test('a power cut at every write of a WRITE leaves all of it or nothing', async () => {
  const { medium } = await unlocked()
  const records: WriteRecord[] = [
    { kind: 'put', object: 'product-data', id: 1, bytes: new Uint8Array(300).fill(1) },
    { kind: 'put', object: 'key', id: 0x0020_0101, bytes: serializeAesKeyObject(placeKey) },
    { kind: 'vectors', vectors: [{ ins: line, program: 1, function: 2 }] },
    ...activated('PREPARE'),
  ]
  const report = await everyPowerCut({
    name: 'write',
    prepare: () => medium.snapshot(),
    async run(cut) {
      await writeRecords(await channelOf(powerUp(crypto, cut)), records)
    },
    check(after) {
      const { objects, keys } = powerUp(crypto, after).parts
      const there = [
        objects.find('product-data', 1) !== undefined,
        keys.has(0x0020_0101),
        objects.read('vector-table', 0)?.length === 6,
      ]
      assert.equal(new Set(there).size, 1)
      return there[0] ? 'new' : 'old'
    },
    repeatable: true,
  })
  assert.ok(report.cuts > 10)
})

test('what customization writes are kinds that the directory knows by the same numbers', () => {
  for (const [name, number] of Object.entries(customizationObjects)) {
    assert.equal(objectKinds[name as keyof typeof customizationObjects].number, number)
  }
})

function image(medium: Medium, module: Module): Uint8Array {
  return memoryImage({ medium, ram: module.parts.ram }).bytes
}

function hex(byte: number): string {
  return byte.toString(16).padStart(2, '0').toUpperCase()
}
