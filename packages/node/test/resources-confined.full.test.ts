import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { ascii, concat, decodeHex, encodeHex, u32 } from '@sealwright/core/bytes'
import { keyPlaces, resourceStates } from '@sealwright/core/catalog'
import { withHandle } from '@sealwright/core/crypto'
import { serializeKeyPlace } from '@sealwright/core/key-download'
import { applicationInput } from '@sealwright/core/resources'
import { scriptedEntropy } from '@sealwright/core/testing'
import { areaOf as pagesOf } from '@sealwright/module/medium'
import { fixtureTime } from '@sealwright/module/testing'
import { endChannel } from '@sealwright/roles/channel'
import * as operator from '@sealwright/roles/operator'
import * as supplier from '@sealwright/roles/supplier'
import {
  done,
  type ResourceWorld,
  repowered,
  resourceWorld,
  supplierChannel,
  unchanged,
} from './resources-world.ts'
import { wat } from './wat.ts'

// Applications in their resources, and what they reach of the rest: nothing.

const keyPlace = 0x0020_0101
const foreignPlace = 0x0020_0102
const key = scriptedEntropy('key of the probe').bytes(16)

/**
 * A program whose command data say what to do: 01 offset(4) length(4) reads its area, 02 offset(4) bytes writes, 03 place(4) answers a
 * CMAC over nothing, 04 bytes signs, 05 the time, 06 counts its calls in its own memory, 07 writes and loops for ever, 08 writes and traps, 09 writes
 * and reads outside its memory, 0A writes and refuses with 6A80, 0B writes and answers with status 63C1.
 */
const probe = wat(`(module
  (import "io" "input_length" (func $input_length (result i32)))
  (import "io" "input" (func $input (param i32 i32 i32)))
  (import "io" "output" (func $output (param i32 i32)))
  (import "io" "refuse" (func $refuse (param i32)))
  (import "io" "status" (func $status (param i32)))
  (import "data" "read" (func $read (param i32 i32 i32)))
  (import "data" "write" (func $write (param i32 i32 i32)))
  (import "data" "size" (func $size (result i32)))
  (import "mac" "cmac" (func $cmac (param i32 i32 i32 i32)))
  (import "sign" "sign" (func $sign (param i32 i32 i32)))
  (import "clock" "now" (func $now (result i64)))
  (memory (export "memory") 1)
  (global $calls (mut i32) (i32.const 0))
  (func $number (param $at i32) (result i32) (local $v i32) (local $i i32)
    (loop $next
      (local.set $v (i32.or (i32.shl (local.get $v) (i32.const 8)) (i32.load8_u (i32.add (local.get $at) (local.get $i)))))
      (local.set $i (i32.add (local.get $i) (i32.const 1)))
      (br_if $next (i32.lt_u (local.get $i) (i32.const 4))))
    (local.get $v))
  (func $scribble (i32.store (i32.const 4096) (i32.const 0x01010101)) (call $write (i32.const 0) (i32.const 4096) (i32.const 4)))
  (func (export "process") (local $length i32) (local $what i32)
    (global.set $calls (i32.add (global.get $calls) (i32.const 1)))
    (local.set $length (call $input_length))
    (call $input (i32.const 0) (i32.const 0) (local.get $length))
    (local.set $what (i32.load8_u (i32.const 0)))
    (if (i32.eq (local.get $what) (i32.const 1)) (then
      (call $read (call $number (i32.const 1)) (i32.const 8192) (call $number (i32.const 5)))
      (call $output (i32.const 8192) (call $number (i32.const 5)))))
    (if (i32.eq (local.get $what) (i32.const 2)) (then
      (call $write (call $number (i32.const 1)) (i32.const 5) (i32.sub (local.get $length) (i32.const 5)))))
    (if (i32.eq (local.get $what) (i32.const 3)) (then
      (call $cmac (call $number (i32.const 1)) (i32.const 0) (i32.const 0) (i32.const 8192))
      (call $output (i32.const 8192) (i32.const 16))))
    (if (i32.eq (local.get $what) (i32.const 4)) (then
      (call $sign (i32.const 1) (i32.sub (local.get $length) (i32.const 1)) (i32.const 8192))
      (call $output (i32.const 8192) (i32.const 64))))
    (if (i32.eq (local.get $what) (i32.const 5)) (then
      (i64.store (i32.const 8192) (call $now))
      (call $output (i32.const 8192) (i32.const 8))))
    (if (i32.eq (local.get $what) (i32.const 6)) (then
      (i32.store8 (i32.const 8192) (global.get $calls))
      (call $output (i32.const 8192) (i32.const 1))))
    (if (i32.eq (local.get $what) (i32.const 7)) (then (call $scribble) (loop $ever (br $ever))))
    (if (i32.eq (local.get $what) (i32.const 8)) (then (call $scribble) (unreachable)))
    (if (i32.eq (local.get $what) (i32.const 9)) (then (call $scribble) (drop (i32.load (i32.const 65535)))))
    (if (i32.eq (local.get $what) (i32.const 10)) (then (call $scribble) (call $refuse (i32.const 0x6a80))))
    (if (i32.eq (local.get $what) (i32.const 11)) (then (call $scribble) (call $status (i32.const 0x63c1))))))`)

const interfaces = ['io', 'data', 'mac', 'sign', 'clock'] as const
const size = 100

/** Two neighbours with the probe in them, area against area, data against data as near as they come. */
async function neighbours(): Promise<ResourceWorld> {
  const world = await resourceWorld({
    eepromSize: 64 * 1024,
    prepare({ tx, objects, keys }) {
      for (const place of [keyPlace, foreignPlace]) {
        const row = serializeKeyPlace({ kind: 'application', usage: 'M6', source: 0x0001_0a01 })
        objects.put(tx, 'key-place', place, row)
        keys.putAes(tx, place, key)
      }
    },
  })
  for (const [last, places] of [
    [1, [keyPlace]],
    [2, []],
  ] as const) {
    const aid = aidOf(last)
    const { document } = await supplier.request(world.supplier, {
      ...{ name: `probe ${last}`, aid, size: probe.length + size, interfaces, places },
    })
    const { resource } = await operator.reserve(world.operator, world.transport, { request: document })
    const { activation } = await operator.activate(world.operator, world.transport, { resource: resource.id })
    const data = new Uint8Array(size).fill(0xc0 + last)
    await supplier.load(world.supplier, world.transport, { activation, program: probe, data })
  }
  return world
}

function aidOf(last: number): Uint8Array {
  return concat(ascii('PROBE'), Uint8Array.of(last))
}

/** One command to a selected probe. */
async function ask(
  { transport }: ResourceWorld,
  data: Uint8Array,
): Promise<{ readonly sw: string; readonly data: Uint8Array }> {
  const head = Uint8Array.of(0x80, 0x01, 0x00, 0x00, data.length)
  const bytes = await transport.transmit(concat(head, data, Uint8Array.of(0)))
  return { sw: encodeHex(bytes.subarray(-2)), data: bytes.slice(0, -2) }
}

async function select({ transport }: ResourceWorld, last: number): Promise<string> {
  const aid = aidOf(last)
  const head = Uint8Array.of(0x00, 0xa4, 0x04, 0x00, aid.length)
  return encodeHex((await transport.transmit(concat(head, aid))).slice(-2))
}

const read = (offset: number, length: number) =>
  concat(Uint8Array.of(1), u32(offset >>> 0), u32(length >>> 0))
const write = (offset: number, ...bytes: number[]) =>
  concat(Uint8Array.of(2), u32(offset >>> 0), Uint8Array.from(bytes))

function areaOf(world: ResourceWorld, id: number): Uint8Array {
  const { definitions, nvm } = world.fixture.module.parts
  const { start, length } = definitions.find(id)!.loaded!.data
  return nvm.read(start, length)
}

suite('the data area', () => {
  test('[C9a] its first and last byte are read and written', async () => {
    const world = await neighbours()
    await select(world, 1)
    assert.equal((await ask(world, write(0, 0xaa))).sw, '9000')
    assert.equal((await ask(world, write(size - 1, 0xbb))).sw, '9000')
    const whole = await ask(world, read(0, size))
    assert.deepEqual(
      [whole.sw, whole.data[0], whole.data[size - 1], whole.data[1]],
      ['9000', 0xaa, 0xbb, 0xc1],
    )
    assert.deepEqual(areaOf(world, 1), whole.data)
    assert.equal((await ask(world, read(size, 0))).sw, '9000')
  })

  test('[C9a] start − 1 and end + 1 are neither read nor written', async () => {
    const world = await neighbours()
    await select(world, 1)
    for (const data of [
      read(-1, 1),
      read(-1, 2),
      read(size, 1),
      read(size - 1, 2),
      read(0, size + 1),
      read(1, size),
      read(0x8000_0000, 1),
      read(1, 0xffff_ffff),
      write(-1, 1),
      write(-1, 1, 2),
      write(size, 1),
      write(size - 1, 1, 2),
      write(0x7fff_ffff, 1),
    ]) {
      assert.deepEqual(await unchanged(world, () => ask(world, data)), {
        sw: '6985',
        data: new Uint8Array(0),
      })
    }
  })

  test('[C9a] what one application keeps cannot be read from another', async () => {
    const world = await neighbours()
    await select(world, 1)
    const canary = [...ascii('canary of resource 1')]
    assert.equal((await ask(world, write(0, ...canary))).sw, '9000')
    await select(world, 2)
    const whole = await ask(world, read(0, size))
    assert.deepEqual(whole.data, new Uint8Array(size).fill(0xc2))
    assert.ok(!Buffer.from(whole.data).includes(Buffer.from(canary)))
    const { nvm } = world.fixture.module.parts
    assert.ok(Buffer.from(nvm.read(0, nvm.size)).includes(Buffer.from(canary)), 'the search finds it')
    // Nothing that another one writes reaches it.
    for (let offset = 0; offset < size; offset++) await ask(world, write(offset, 0xee))
    assert.deepEqual([...areaOf(world, 1).subarray(0, canary.length)], canary)
  })
})

suite('programs that go wrong', () => {
  for (const [id, what, sw, data] of [
    ['C9c', 'runs for ever', '6985', 7],
    ['C9d', 'traps half-way', '6985', 8],
    ['C9e', 'reads outside its own memory', '6985', 9],
    ['C9d', 'refuses half-way', '6A80', 10],
  ] as const) {
    const works = async () => {
      const world = await neighbours()
      await select(world, 1)
      await ask(world, Uint8Array.of(6))
      assert.equal((await unchanged(world, () => ask(world, Uint8Array.of(data)))).sw, sw)
      // Its instance is dropped: the next one begins with zeros.
      assert.deepEqual([...(await ask(world, Uint8Array.of(6))).data], [1])
    }
    if (id === 'C9c') test(`[C9c] a program that ${what} is stopped and its writes are undone`, works)
    else if (id === 'C9d') test(`[C9d] a program that ${what} leaves nothing of its writes`, works)
    else test(`[C9e] a program that ${what} is stopped`, works)
  }

  test('a status of its own leaves what it wrote', async () => {
    const world = await neighbours()
    await select(world, 1)
    assert.equal((await ask(world, Uint8Array.of(11))).sw, '63C1')
    assert.deepEqual([...areaOf(world, 1).subarray(0, 4)], [1, 1, 1, 1])
  })
})

suite('interfaces', () => {
  test('[C9b] mac reaches the places of the reservation, and no other', async () => {
    const world = await neighbours()
    const cmac = (place: number) => concat(Uint8Array.of(3), u32(place))
    await select(world, 1)
    const expected = withHandle(world.crypto.aes(key), (aes) => aes.cmac())
    assert.deepEqual(await ask(world, cmac(keyPlace)), { sw: '9000', data: expected })
    for (const place of [foreignPlace, keyPlaces.document, keyPlaces.operating, keyPlaces.transport]) {
      assert.equal((await ask(world, cmac(place))).sw, '6A88')
    }
    await select(world, 2)
    assert.equal((await ask(world, cmac(keyPlace))).sw, '6A88')
  })

  test('[C9b] sign speaks for its own resource, behind its label', async () => {
    const world = await neighbours()
    const point = world.fixture.personalization!.operating.publicPoint
    const text = ascii('RSC1 a receipt that is none')
    for (const id of [1, 2]) {
      await select(world, id)
      const { data: signature } = await ask(world, concat(Uint8Array.of(4), text))
      withHandle(world.crypto.ecPublicKey(point), (operating) => {
        assert.ok(operating.verify(signature, ...applicationInput(id, text)))
        assert.ok(!operating.verify(signature, ...applicationInput(3 - id, text)))
        assert.ok(!operating.verify(signature, text))
      })
    }
  })

  test("clock tells the time that the resource's operator last brought", async () => {
    const world = await neighbours()
    world.clock.advance(1000)
    await operator.block(world.operator, world.transport, { resource: 2 })
    await select(world, 1)
    const { data } = await ask(world, Uint8Array.of(5))
    assert.equal(new DataView(data.buffer).getBigUint64(0, true), BigInt(fixtureTime + 1000))
  })

  test('[C9b] what DEF does not grant is not callable, though the program imports it', async () => {
    const world = await neighbours()
    const { definitions, nvm } = world.fixture.module.parts
    const definition = definitions.find(1)!
    nvm.transaction((tx) => definitions.put(tx, { ...definition, rights: definition.rights & ~0x20 }))
    await select(world, 1)
    assert.equal((await ask(world, Uint8Array.of(6))).sw, '6985')
  })
})

suite('selection', () => {
  test('memory lasts as long as the selection', async () => {
    const world = await neighbours()
    const calls = async () => (await ask(world, Uint8Array.of(6))).data[0]
    await select(world, 1)
    assert.deepEqual([await calls(), await calls()], [1, 2])
    await select(world, 1)
    assert.equal(await calls(), 1)
    await select(world, 2)
    assert.equal(await calls(), 1)
    await select(world, 1)
    assert.equal(await calls(), 1)
    world.fixture.module.reset()
    assert.equal(await select(world, 1), '9000')
    assert.equal(await calls(), 1)
  })

  test('[P8a] bytes of DEF or of the program that change below end what runs, and the new ones run', async () => {
    const world = await neighbours()
    const { nvm, definitions } = world.fixture.module.parts
    const count = Uint8Array.of(6)
    const calls = async (): Promise<number | undefined> => (await ask(world, count)).data[0]
    await select(world, 1)
    assert.deepEqual([await calls(), await calls()], [1, 2])
    const change = (address: number, bytes: Uint8Array): void => {
      const { medium } = world.fixture
      const { first } = pagesOf(medium.geometry, 'eeprom')
      for (const [i, byte] of bytes.entries()) {
        const page = medium.read(first + ((address + i) >> 8))
        page[(address + i) & 0xff] = byte
        medium.program(first + ((address + i) >> 8), page)
      }
    }
    const { program, data } = definitions.find(1)!.loaded!
    // A change of the medium elsewhere ends nothing.
    change(data.start, Uint8Array.of(0xc9))
    assert.equal(await calls(), 3)
    // i32.const 6, the command that counts, becomes 12.
    const bytes = Buffer.from(nvm.read(program.start, program.length))
    const at = bytes.lastIndexOf(Buffer.from([0x41, 6, 0x46]))
    assert.ok(at > 0)
    change(program.start + at + 1, Uint8Array.of(12))
    assert.equal((await ask(world, count)).data.length, 0)
    count[0] = 12
    assert.deepEqual([await calls(), await calls()], [2, 3])
    // The resource's state in DEF: reserved only.
    const { start } = nvm.zones.definition
    const { entries, entryLength } = nvm.zones.definition
    const slot = Array.from({ length: entries }, (_, i) => start + i * entryLength).find((address) => {
      const [form, id] = nvm.read(address, 2)
      return form === 1 && id === 1
    })!
    change(slot + 2, Uint8Array.of(resourceStates.blocked.code))
    assert.equal((await ask(world, count)).sw, '6985')
  })

  test('the memory of an application is in the memory image, and wiped when it is left', async () => {
    const world = await neighbours()
    await select(world, 1)
    await ask(world, concat(Uint8Array.of(0), ascii('a secret in the making')))
    const { programs } = world.fixture.module.parts
    const [one, ...others] = programs.memories()
    assert.equal(others.length, 0)
    assert.ok(Buffer.from(one!.memory).includes('a secret in the making'))
    await endChannel(world.transport)
    assert.ok(!Buffer.from(one!.memory).includes('a secret in the making'))
    assert.deepEqual(programs.memories(), [])
  })

  test('what an application learned in a channel is not for whoever speaks beside it', async () => {
    const world = await neighbours()
    const { transport } = world
    const count = Uint8Array.of(6)
    await supplier.run(world.supplier, transport, { aid: aidOf(1) }, async ({ command }) => {
      assert.deepEqual([...(await command(0x01, count)).data], [1])
      assert.deepEqual([...(await command(0x01, count)).data], [2])
      // Somebody on the line asks as well: the channel ends, and the next one to speak finds a new instance.
      assert.equal((await ask(world, count)).sw, '6982')
      assert.deepEqual([...(await ask(world, count)).data], [1])
      assert.equal((await command(0x01, count)).sw, 0x6982)
    })
  })

  test('nor does a channel find what was said before it', async () => {
    const world = await neighbours()
    await select(world, 1)
    await ask(world, Uint8Array.of(6))
    const channel = await supplierChannel(world, 1)
    const { data } = await channel.exchange({ name: 'count', ins: 0x01 }, { data: Uint8Array.of(6) })
    assert.deepEqual([...data], [1])
  })

  test('an AID is matched whole', async () => {
    const world = await neighbours()
    const short = aidOf(1).subarray(0, 5)
    const answer = await world.transport.transmit(concat(decodeHex('00A40400'), Uint8Array.of(5), short))
    assert.equal(encodeHex(answer), '6A82')
  })

  test('a resource without a program is not selected', async () => {
    const world = await resourceWorld()
    await done(world, { type: 'reservation', aid: aidOf(1) })
    await done(world, { type: 'release', number: 2 })
    assert.equal(await select(world, 1), '6A82')
  })

  test('after a block the application that was selected runs no more', async () => {
    const world = await neighbours()
    await select(world, 1)
    // The document comes through another power-up, as no command but SELECT reaches the module itself now.
    const { definitions, nvm } = world.fixture.module.parts
    const definition = definitions.find(1)!
    nvm.transaction((tx) => definitions.put(tx, { ...definition, state: 'blocked' }))
    assert.equal((await ask(world, Uint8Array.of(6))).sw, '6985')
    assert.equal(await select(repowered(world), 1), '6A82')
  })
})
