import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ascii, concat, decodeHex, u32 } from '@sealwright/core/bytes'
import { dataTags, eventTypes, productDataIds } from '@sealwright/core/catalog'
import { portableCrypto as crypto, kcvCmac } from '@sealwright/core/crypto'
import {
  dataAreaOf,
  laterWrites,
  parseChipStatus,
  serializeAesKeyObject,
  serializeWriteRecords,
  type WriteRecord,
} from '@sealwright/core/customization'
import { serializeKeyPlace } from '@sealwright/core/key-download'
import { scriptedEntropy } from '@sealwright/core/testing'
import type { Module } from '../../src/index.ts'
import { answeringProgram, speak, transportTo } from '../../src/testing/index.ts'
import { activated, added, answerOf, software } from '../product.ts'
import { committed } from '../programs.ts'
import { again, inForce, laterChip, openLater, samWith, send } from './world.ts'

const newIns = 0xd0
const replacedIns = 0xd2
const completedIns = 0xd4
const place = 0x0020_0101
const sam = await samWith()
const first = software(answeringProgram('first'), ['io'])
const made = await laterChip(sam, {
  records: [
    ...added,
    { kind: 'put', object: 'software', id: 4, bytes: first },
    { kind: 'put', object: 'product-data', id: dataAreaOf(4), bytes: new Uint8Array(4) },
    {
      kind: 'vectors',
      vectors: [
        { ins: replacedIns, program: 4, function: 1 },
        { ins: completedIns, program: 1, function: 1 },
      ],
    },
  ],
})
const chip = () => again(made)
/** Answers to function 0 alone: its f1 is called f7. */
const processOnly = renamed(answeringProgram('x'), 'f1', 'f7')
const text = (value: string) => Buffer.from(value, 'ascii').toString('hex').toUpperCase()
const customize = async (channel: Parameters<typeof speak>[0], records: readonly WriteRecord[]) =>
  (await speak(channel, 'CUSTOMIZE', serializeWriteRecords(records))).sw

async function status(module: Module) {
  return parseChipStatus((await speak(transportTo(module), 'CHIP STATUS')).data)
}

async function eventNumber(module: Module): Promise<number> {
  return module.parts.events.head()!.number
}

test('[D10a][D10c] in the channel of the recovered key software, vector, data, place and key are written and run; the mode stays user', async () => {
  const one = chip()
  const before = await status(one.module)
  assert.equal(await answerOf(one.module, newIns), '6d00')
  const channel = await openLater(sam, one)
  const program = software(answeringProgram('later'), ['io'])
  const records: WriteRecord[] = [
    ...inForce('software', 5, program),
    ...inForce('product-data', dataAreaOf(5), ascii('area')),
    ...inForce('product-data', productDataIds.name, ascii('renamed')),
    {
      kind: 'put',
      object: 'key-place',
      id: place,
      bytes: serializeKeyPlace({ kind: 'application', usage: 'M6', source: 0 }),
    },
    { kind: 'put', object: 'key', id: place, bytes: serializeAesKeyObject(scriptedEntropy('own').bytes(16)) },
    { kind: 'vectors', vectors: [{ ins: newIns, program: 5, function: 1 }] },
    ...activated('SELF TEST'),
  ]
  const { data, sw } = await speak(channel, 'CUSTOMIZE', serializeWriteRecords(records))
  assert.equal(sw, 0x9000)
  assert.deepEqual(data, Uint8Array.of(0, records.length))
  one.module.reset()
  assert.equal(await answerOf(one.module, newIns), text('later'))
  assert.equal((await speak(transportTo(one.module), 'SELF TEST')).sw, 0x9000)
  assert.deepEqual(one.module.parts.objects.read('product-data', dataAreaOf(5)), ascii('area'))
  assert.equal(one.module.parts.keys.has(place), true)
  const name = await send(transportTo(one.module), {
    ins: 0xca,
    cla: 0,
    p1: 0xdf,
    p2: dataTags.product & 0xff,
  })
  assert.deepEqual(name.data, ascii('renamed'))
  const after = await status(one.module)
  assert.equal(after.mode, 'user')
  assert.deepEqual(after.otp, before.otp)
})

test('[D10a] software and a ROM function are replaced, and what runs changes with them', async () => {
  const one = chip()
  assert.equal(await answerOf(one.module, replacedIns), text('first'))
  const completed = await answerOf(one.module, completedIns)
  const channel = await openLater(sam, one)
  const second = software(answeringProgram('second'), ['io'])
  assert.equal(
    await customize(channel, [
      ...inForce('software', 4, second),
      { kind: 'vectors', vectors: [{ ins: completedIns, program: 4, function: 1 }] },
    ]),
    0x9000,
  )
  one.module.reset()
  assert.equal(await answerOf(one.module, replacedIns), text('second'))
  assert.notEqual(completed, text('second'))
  assert.equal(await answerOf(one.module, completedIns), text('second'))
})

test('[D10a] a long change comes as drafts, which run in nothing until the last command puts all of it in force at once', async () => {
  const one = chip()
  const before = await eventNumber(one.module)
  // Longer than one command takes, and than the drafts of one command.
  const area = scriptedEntropy('area').bytes(20_000)
  const change = {
    software: [{ program: 4, wasm: 'second', interfaces: ['io', 'data'], budget: 1000, keyPlaces: [] }],
    data: [{ program: 4, bytes: area }],
    vectors: [{ ins: newIns, program: 4, function: 1 }],
  } as const
  const writes = laterWrites(change, { second: answeringProgram('second') }, crypto)
  assert.ok(writes.length >= 4)
  for (const data of writes.slice(0, -1)) {
    const channel = await openLater(sam, one)
    assert.equal((await speak(channel, 'CUSTOMIZE', data)).sw, 0x9000)
    one.module.reset()
    assert.equal(await answerOf(one.module, replacedIns), text('first'))
    assert.equal(await answerOf(one.module, newIns), '6d00')
    assert.deepEqual(one.module.parts.objects.read('product-data', dataAreaOf(4)), new Uint8Array(4))
  }
  assert.equal(await eventNumber(one.module), before)
  const channel = await openLater(sam, one)
  assert.equal((await speak(channel, 'CUSTOMIZE', writes.at(-1))).sw, 0x9000)
  one.module.reset()
  assert.equal(await answerOf(one.module, newIns), text('second'))
  assert.deepEqual(one.module.parts.objects.read('product-data', dataAreaOf(4)), area)
  assert.deepEqual(one.module.parts.objects.list('draft'), [])
})

test('[D10a] what is put in force is one event, whose digest is that of the records', async () => {
  const one = chip()
  const before = await eventNumber(one.module)
  const channel = await openLater(sam, one)
  const records = inForce('product-data', dataAreaOf(4), ascii('event'))
  assert.equal(await customize(channel, records.slice(0, 1)), 0x9000)
  assert.equal(await eventNumber(one.module), before)
  const data = serializeWriteRecords(records.slice(1))
  assert.equal((await speak(channel, 'CUSTOMIZE', data)).sw, 0x9000)
  one.module.reset()
  const events = await speak(transportTo(one.module), 'GET EVENTS', u32(before + 1))
  const expected = concat(
    u32(before + 1),
    Uint8Array.of(eventTypes['customized-later'].code),
    crypto.sha256(data),
  )
  assert.deepEqual(events.data.subarray(0, expected.length), expected)
  assert.equal(events.data.length, expected.length + 32)
})

test('the event of a key tells its check value, nothing that guesses could be tried against', async () => {
  const one = chip()
  const before = await eventNumber(one.module)
  const channel = await openLater(sam, one)
  const key = scriptedEntropy('own').bytes(16)
  const laid: WriteRecord = {
    kind: 'put',
    object: 'key-place',
    id: place,
    bytes: serializeKeyPlace({ kind: 'application', usage: 'M6', source: 0 }),
  }
  const put = (bytes: Uint8Array): WriteRecord => ({ kind: 'put', object: 'key', id: place, bytes })
  assert.equal(await customize(channel, [laid, put(serializeAesKeyObject(key))]), 0x9000)
  one.module.reset()
  const events = await speak(transportTo(one.module), 'GET EVENTS', u32(before + 1))
  const checkValue = kcvCmac(crypto.aes(key))
  const digest = crypto.sha256(serializeWriteRecords([laid, put(checkValue)]))
  assert.deepEqual(events.data.subarray(5, 37), digest)
})

test('[D10b] software that FINISH would not take is not put in force, nor is one that leaves a vector without its function', async () => {
  const one = chip()
  const channel = await openLater(sam, one)
  const before = await eventNumber(one.module)
  const program = answeringProgram('x')
  const cases: [name: string, records: WriteRecord[], sw: number][] = [
    ['no software', inForce('software', 5, ascii('nothing')), 0x6a80],
    ['no program', inForce('software', 5, software(ascii('nothing'), ['io'])), 0x6a80],
    ['what is not granted', inForce('software', 5, software(program, ['data'])), 0x6a80],
    [
      'a program without the function that a vector names',
      inForce('software', 4, software(processOnly, ['io'])),
      0x6a88,
    ],
    [
      'additional software that does not fit',
      inForce('software', 2, software(committed('loyalty'), ['io'])),
      0x6a80,
    ],
    [
      'good software beside bad',
      [...inForce('software', 6, first), ...inForce('software', 5, ascii('bad'))],
      0x6a80,
    ],
  ]
  for (const [name, records, sw] of cases) {
    assert.equal((await customize(channel, records)).toString(16), sw.toString(16), name)
  }
  one.module.reset()
  assert.equal(await eventNumber(one.module), before)
  assert.equal(await answerOf(one.module, replacedIns), text('first'))
  assert.deepEqual(
    one.module.parts.objects.list('software').map(({ id }) => id),
    [2, 4],
  )
})

test('a key place laid again with the same bytes keeps its key', async () => {
  const one = chip()
  const channel = await openLater(sam, one)
  const put = (object: 'key-place' | 'key', bytes: Uint8Array): WriteRecord => ({
    kind: 'put',
    object,
    id: place,
    bytes,
  })
  const laid = put('key-place', serializeKeyPlace({ kind: 'application', usage: 'M6', source: 0 }))
  const key = put('key', serializeAesKeyObject(scriptedEntropy('own').bytes(16)))
  assert.equal(await customize(channel, [laid, key]), 0x9000)
  const stored = one.module.parts.objects.read('key', place)
  assert.equal(await customize(channel, [laid]), 0x9000)
  assert.deepEqual(one.module.parts.objects.read('key', place), stored)
})

test('a draft that is not the announced one, that was not begun, or that was left by a later command is not put in force', async () => {
  const one = chip()
  const channel = await openLater(sam, one)
  const area = dataAreaOf(4)
  const verify = (digest: Uint8Array): WriteRecord => ({
    kind: 'verify',
    object: 'product-data',
    id: area,
    digest,
  })
  const put = (bytes: Uint8Array): WriteRecord => ({ kind: 'put', object: 'product-data', id: area, bytes })
  const append = (bytes: Uint8Array): WriteRecord => ({
    kind: 'append',
    object: 'product-data',
    id: area,
    bytes,
  })
  const digest = crypto.sha256(ascii('draft'))
  assert.equal(await customize(channel, [append(ascii('aft'))]), 0x6a88)
  assert.equal(await customize(channel, [verify(digest)]), 0x6a88)
  assert.equal(await customize(channel, [put(ascii('dr'))]), 0x9000)
  assert.equal(await customize(channel, [verify(digest)]), 0x6a80)
  assert.equal(await customize(channel, [append(ascii('aft'))]), 0x9000)
  assert.deepEqual(one.module.parts.objects.read('product-data', area), new Uint8Array(4))
  assert.equal(await customize(channel, activated('SELF TEST')), 0x9000)
  assert.equal(await customize(channel, [verify(digest)]), 0x6a88)
  assert.equal(await customize(channel, [put(ascii('draft')), verify(digest)]), 0x9000)
  assert.deepEqual(one.module.parts.objects.read('product-data', area), ascii('draft'))
})

test('software of the size that the factory takes is replaced beside the running one', async () => {
  const one = chip()
  const channel = await openLater(sam, one)
  const loyalty = committed('loyalty')
  const change = {
    software: [
      {
        program: 4,
        wasm: 'loyalty',
        interfaces: ['io', 'data', 'mac'],
        budget: 5_000_000,
        keyPlaces: [],
        dataSize: 72,
      },
    ],
  } as const
  for (const data of laterWrites(change, { loyalty }, crypto)) {
    assert.equal((await speak(channel, 'CUSTOMIZE', data)).sw, 0x9000)
  }
  const stored = one.module.parts.objects.read('software', 4)!
  assert.deepEqual(stored.subarray(-loyalty.length), loyalty)
  assert.notEqual(await answerOf(one.module, replacedIns, decodeHex('00')), text('first'))
})

test('a draft is as long as an object of customization may be, and no longer', async () => {
  const one = await laterChip(sam, { eepromSize: 1024 * 1024 })
  const channel = await openLater(sam, one)
  const area = dataAreaOf(2)
  const bytes = new Uint8Array(0x7000)
  assert.equal(await customize(channel, [{ kind: 'put', object: 'product-data', id: area, bytes }]), 0x9000)
  const append = () => customize(channel, [{ kind: 'append', object: 'product-data', id: area, bytes }])
  for (let length = 2 * bytes.length; length <= 0x2_0000; length += bytes.length)
    assert.equal(await append(), 0x9000)
  assert.equal(await append(), 0x6a84)
  const [draft] = one.module.parts.objects.list('draft')
  assert.equal(draft!.length, 4 * bytes.length)
})

/** A program in which a text stands in the place of another of its length. */
function renamed(program: Uint8Array, from: string, to: string): Uint8Array {
  const at = Buffer.from(program).indexOf(from)
  assert.ok(at > 0 && from.length === to.length)
  const other = program.slice()
  other.set(ascii(to), at)
  return other
}
