import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ascii } from '@sealwright/core/bytes'
import { commands, dataTags, keyPlaces, keyVersions } from '@sealwright/core/catalog'
import type { SecurityLevel } from '@sealwright/core/channel/secure-messaging'
import { portableCrypto as crypto } from '@sealwright/core/crypto'
import {
  dataAreaOf,
  serializeAesKeyObject,
  serializeWriteRecords,
  type WriteRecord,
} from '@sealwright/core/customization'
import { type KeyPlace, serializeKeyPlace } from '@sealwright/core/key-download'
import { scriptedEntropy } from '@sealwright/core/testing'
import {
  customizedModule,
  powerUp,
  refusalChanges,
  speak,
  transportTo,
  writeRecords,
} from '../../src/testing/index.ts'
import { activated, added, finish, productChip } from '../product.ts'
import {
  again,
  type Chip,
  customizationAgain,
  customizing,
  envelopeFrom,
  inForce,
  laterChip,
  openLater,
  samWith,
  send,
  serial,
} from './world.ts'

const sam = await samWith()
const made = await laterChip(sam)
const chip = () => again(made)
const records = serializeWriteRecords(inForce('product-data', dataAreaOf(2), ascii('changed')))
const initializeUpdate = { ins: 0x50, p1: keyVersions['later-customization'], data: new Uint8Array(8) }
const tag = dataTags.sealedCustomizationKey
const sealedForm = { ins: 0xca, p1: tag >>> 8, p2: tag & 0xff }

/** Does the work and says that the memory is what it was. */
async function changesNothing({ medium }: Pick<Chip, 'medium'>, work: () => Promise<void>): Promise<void> {
  const before = medium.clone()
  await work()
  assert.deepEqual(refusalChanges(before, medium), [])
}

test('[D10b] without the channel nothing is written: outside any, and in another one', async () => {
  const one = chip()
  await changesNothing(one, async () => {
    assert.equal((await speak(transportTo(one.module), 'CUSTOMIZE', records)).sw, 0x6982)
    assert.equal((await speak(transportTo(one.module), 'CUSTOMIZE')).sw, 0x6982)
  })
  // In the document channel of a module that has the command.
  const before = sam.module.parts.events.head()
  assert.equal((await speak(await sam.open(), 'CUSTOMIZE', records)).sw, 0x6982)
  assert.deepEqual(sam.module.parts.events.head(), before)
})

test('[D10b] every level of security but the full one is refused at the set-up', async () => {
  const one = chip()
  for (const level of [0x01, 0x03, 0x13] as SecurityLevel[]) {
    await changesNothing(one, () =>
      assert.rejects(openLater(sam, one, { level }), { statusWord: 0x6a86 }, level.toString(16)),
    )
  }
  for (const level of [0x00, 0x11] as SecurityLevel[]) {
    await assert.rejects(openLater(sam, one, { level }), { statusWord: 0x6a86 }, level.toString(16))
  }
  await openLater(sam, one)
})

test('[D10b] a write that was recorded opens nothing again, in its session or in another', async () => {
  const one = chip()
  const line: Uint8Array[] = []
  const channel = await openLater(sam, one, { line: (bytes) => line.push(bytes) })
  assert.equal((await speak(channel, 'CUSTOMIZE', records)).sw, 0x9000)
  const write = line.at(-1)!
  assert.equal(write[0], 0x84)
  await changesNothing(one, async () => {
    assert.deepEqual(one.module.transmit(write), Uint8Array.of(0x69, 0x82))
    // The channel is gone with it.
    assert.equal((await speak(transportTo(one.module), 'CUSTOMIZE', records)).sw, 0x6982)
    const other = await openLater(sam, one)
    assert.deepEqual(one.module.transmit(write), Uint8Array.of(0x69, 0x82))
    await assert.rejects(async () => {
      const { sw } = await speak(other, 'CUSTOMIZE', records)
      assert.equal(sw, 0x9000)
    })
  })
})

test('[D10b] the keys of one session open no other: its EXTERNAL AUTHENTICATE fits no other challenge', async () => {
  const one = chip()
  const line: Uint8Array[] = []
  await openLater(sam, one, { line: (bytes) => line.push(bytes) })
  const [asked, authenticated] = line.slice(-2)
  one.module.reset()
  await changesNothing(one, async () => {
    assert.equal(one.module.transmit(asked!).at(-2), 0x90)
    assert.deepEqual(one.module.transmit(authenticated!), Uint8Array.of(0x69, 0x82))
    assert.equal(one.module.parts.channels.current, undefined)
  })
})

test('[D10b] every changed byte of a protected write is refused', async () => {
  const sent = { armed: -1, length: 0 }
  const tried = async (at: number) => {
    const one = chip()
    const transmit = one.module.transmit.bind(one.module)
    one.module.transmit = (bytes) => {
      if (sent.armed < 0 || bytes[0] !== 0x84) return transmit(bytes)
      sent.length = bytes.length
      return transmit(bytes.with(at, bytes[at]! ^ 0x01))
    }
    const channel = await openLater(sam, one)
    sent.armed = at
    await changesNothing(one, async () => {
      assert.notEqual((await speak(channel, 'CUSTOMIZE', records)).sw, 0x9000, `byte ${at}`)
    })
    sent.armed = -1
  }
  await tried(1)
  assert.ok(sent.length > 70)
  for (let at = 2; at < sent.length; at += 9) await tried(at)
})

test('[D10d] a product without it answers 6D00 for ever, and nothing in user mode switches it on', async () => {
  const { module, medium } = await productChip(
    [{ ins: 0xd4, program: 1, function: 1 }],
    ['SELECT', 'INITIALIZE UPDATE', 'EXTERNAL AUTHENTICATE', 'GET DATA'],
    added,
  )
  const transport = transportTo(module)
  const { request } = await customizing()
  const envelope = await envelopeFrom(await sam.open(), request)
  await changesNothing({ medium }, async () => {
    assert.equal((await speak(transport, 'CUSTOMIZE', records)).sw, 0x6d00)
    assert.equal((await send(transport, initializeUpdate)).sw, 0x6a88)
    assert.equal((await send(transport, sealedForm)).sw, 0x6a88)
    assert.equal((await speak(transport, 'PUT CUSTOMIZATION KEY', envelope)).sw, 0x6d00)
    assert.equal((await speak(transport, 'WRITE', serializeWriteRecords(activated('CUSTOMIZE')))).sw, 0x6d00)
  })
})

test('[D10d] FINISH takes it whole or not at all: no command without a key, no key without its command', async () => {
  for (const [natives, withKey] of [
    [['CUSTOMIZE'], false],
    [['PUT CUSTOMIZATION KEY'], true],
  ] as const) {
    const { channel, request, module } = await customizing()
    assert.equal(await writeRecords(channel, activated(...natives)), 0x9000)
    if (withKey) {
      const envelope = await envelopeFrom(await sam.open(), request)
      assert.equal((await speak(channel, 'PUT CUSTOMIZATION KEY', envelope)).sw, 0x9000)
    }
    assert.equal((await finish(channel)).sw, 0x6985)
    assert.equal(module.parts.life.mode(), 'customization')
  }
})

test('[D10d] before FINISH the channel does not open and CUSTOMIZE does not serve, whatever key is there', async () => {
  const { channel, request, module } = await customizing()
  assert.equal(await writeRecords(channel, activated('CUSTOMIZE', 'PUT CUSTOMIZATION KEY')), 0x9000)
  const envelope = await envelopeFrom(await sam.open(), request)
  assert.equal((await speak(channel, 'PUT CUSTOMIZATION KEY', envelope)).sw, 0x9000)
  assert.equal((await speak(channel, 'CUSTOMIZE', records)).sw, 0x6985)
  module.reset()
  assert.equal((await send(transportTo(module), initializeUpdate)).sw, 0x6a88)
  assert.equal((await speak(transportTo(module), 'CUSTOMIZE', records)).sw, 0x6985)
})

test('[D10d] the key is stored in the customization channel only, and only one that was sealed for this chip', async () => {
  const { channel, request, module, medium } = await customizing()
  assert.equal(await writeRecords(channel, activated('CUSTOMIZE', 'PUT CUSTOMIZATION KEY')), 0x9000)
  const envelope = await envelopeFrom(await sam.open(), request)
  const other = await customizing({ serial: Uint8Array.of(9, 9, 9, 9, 9, 9, 9, 9) })
  const foreign = await envelopeFrom(await sam.open(), other.request)
  const before = medium.clone()
  for (let at = 0; at < envelope.length; at += 5) {
    const { sw } = await speak(channel, 'PUT CUSTOMIZATION KEY', envelope.with(at, envelope[at]! ^ 0x01))
    assert.ok(sw === 0x6982 || sw === 0x6a80, `byte ${at}: ${sw.toString(16)}`)
  }
  assert.equal((await speak(channel, 'PUT CUSTOMIZATION KEY', foreign)).sw, 0x6982)
  assert.equal((await speak(channel, 'PUT CUSTOMIZATION KEY', envelope.subarray(1))).sw, 0x6a80)
  assert.equal((await speak(channel, 'PUT CUSTOMIZATION KEY', envelope, 1)).sw, 0x6a86)
  assert.deepEqual(refusalChanges(before, medium), [])
  assert.equal((await speak(channel, 'PUT CUSTOMIZATION KEY', envelope)).sw, 0x9000)
  // The same again changes nothing, another one takes its place.
  const stored = medium.clone()
  assert.equal((await speak(channel, 'PUT CUSTOMIZATION KEY', envelope)).sw, 0x9000)
  assert.deepEqual(refusalChanges(stored, medium), [])
  const next = await envelopeFrom(await sam.open(), request)
  assert.equal((await speak(channel, 'PUT CUSTOMIZATION KEY', next)).sw, 0x9000)
  assert.equal((await finish(channel)).sw, 0x9000)
  module.reset()
  await openLater(sam, { module, medium, serial })
  // Outside the channel, in the mode that has the command.
  const bare = await customizing()
  assert.equal(await writeRecords(bare.channel, activated('PUT CUSTOMIZATION KEY')), 0x9000)
  bare.module.reset()
  assert.equal((await speak(transportTo(bare.module), 'PUT CUSTOMIZATION KEY', envelope)).sw, 0x6982)
})

test('a chip without an identity key takes no customization key', async () => {
  const { request } = await customizing()
  const envelope = await envelopeFrom(await sam.open(), request)
  const bare = await customizing({ identity: false })
  assert.equal(await writeRecords(bare.channel, activated('PUT CUSTOMIZATION KEY')), 0x9000)
  await changesNothing(bare, async () => {
    assert.equal((await speak(bare.channel, 'PUT CUSTOMIZATION KEY', envelope)).sw, 0x6985)
  })
})

test('where the customization software is gone with the power, no customization key is stored until UNLOCK', async () => {
  const chip = await customizing({ form: 'ram' })
  assert.equal(await writeRecords(chip.channel, activated('PUT CUSTOMIZATION KEY')), 0x9000)
  const envelope = await envelopeFrom(await sam.open(), chip.request)
  const medium = chip.medium.clone()
  const module = powerUp(crypto, medium)
  const channel = await customizationAgain(module, { serial, form: 'ram' })
  await changesNothing({ medium }, async () => {
    assert.equal((await speak(channel, 'PUT CUSTOMIZATION KEY', envelope)).sw, 0x6985)
  })
  assert.equal((await speak(chip.channel, 'PUT CUSTOMIZATION KEY', envelope)).sw, 0x9000)
})

test('[D10e] no command but its own reaches the places of these keys', async () => {
  const application = serializeKeyPlace({ kind: 'application', usage: '**', source: 5 })
  const key = serializeAesKeyObject(scriptedEntropy('own').bytes(16))
  const { channel } = await customizing()
  for (const place of [keyPlaces['later-customization'], keyPlaces.samMaster]) {
    for (const id of [place, place + 1, place + 2]) {
      assert.equal(await writeRecords(channel, [{ kind: 'put', object: 'key', id, bytes: key }]), 0x6982)
      const laid: WriteRecord = { kind: 'put', object: 'key-place', id, bytes: application }
      assert.equal(await writeRecords(channel, [laid]), 0x6982)
    }
  }
  // Section A's commands name a place by REF2 or a key of the loader by REF1: neither is one of these.
  const { module, medium } = customizedModule({ crypto, operating: true, eepromSize: 64 * 1024 })
  const before = medium.clone()
  for (const id of [0, 1, 2]) {
    const reference = new Uint8Array(4)
    new DataView(reference.buffer).setUint32(0, keyPlaces['later-customization'] + id)
    assert.equal((await speak(transportTo(module), 'PREPARE', reference)).sw, 0x6a88)
  }
  assert.deepEqual(refusalChanges(before, medium), [])
})

test('[D10b] what is not right in user mode is refused whole, whatever stands beside it', async () => {
  const one = chip()
  const own = 0x0020_0501
  const taken = 0x0020_0502
  const channel = await openLater(sam, one)
  const point = crypto.ecPrivateKey(new Uint8Array(32).fill(3)).publicPoint
  const otherUse = serializeKeyPlace({ kind: 'application', usage: 'D0', source: 0 })
  const laid = (kind: KeyPlace['kind']) => serializeKeyPlace({ kind, usage: 'M6', source: 0 })
  const put = (object: Extract<WriteRecord, { kind: 'put' }>['object'], id: number, bytes: Uint8Array) =>
    ({ kind: 'put', object, id, bytes }) as const
  const key = serializeAesKeyObject(scriptedEntropy('own').bytes(16))
  const good: WriteRecord[] = [
    put('key-place', own, laid('application')),
    put('key', own, key),
    put('key-place', taken, laid('data')),
  ]
  assert.equal((await speak(channel, 'CUSTOMIZE', serializeWriteRecords(good))).sw, 0x9000)
  one.module.parts.nvm.transaction((tx) => {
    one.module.parts.objects.put(tx, 'key-place', 0x0020_0503, laid('application'))
    one.module.parts.objects.put(tx, 'receipt', 0x0020_0503, new Uint8Array(1))
    one.module.parts.objects.put(tx, 'loader-key', 0x0020_0701, new Uint8Array(1))
  })
  const digest = new Uint8Array(32)
  const cases: [name: string, record: WriteRecord, sw: number][] = [
    ['a public key', put('public-key', 1, point), 0x6982],
    ['the central key', put('public-key', 2, point), 0x6982],
    ['an operator', put('operator', 1, point), 0x6982],
    ['flags', put('product-data', 3, Uint8Array.of(1)), 0x6982],
    ['the issuer identification', put('product-data', 4, new Uint8Array(8)), 0x6982],
    ['the customer', put('product-data', 5, new Uint8Array(16)), 0x6982],
    ['the policy', put('product-data', 6, Uint8Array.of(0xff)), 0x6982],
    ['data of no program', put('product-data', 0x200, Uint8Array.of(1)), 0x6982],
    ['the ROM program as software', put('software', 1, Uint8Array.of(1)), 0x6a80],
    ['software of no number', put('software', 0x100, Uint8Array.of(1)), 0x6a80],
    ...Object.entries(keyPlaces).flatMap(([name, place]): typeof cases => [
      [`the key ${name}`, put('key', place, key), 0x6982],
      [`the place ${name}`, put('key-place', place, laid('application')), 0x6982],
    ]),
    ['a key of a security domain', put('key', 0xfd00_3001, key), 0x6982],
    ['a place of a security domain', put('key-place', 0xfd00_3001, laid('application')), 0x6982],
    ['a receipt of a load', put('key-place', 0xfe00_0001, laid('application')), 0x6982],
    ['a place for T', put('key-place', 0x0020_0601, laid('transport')), 0x6982],
    ['a place for KS1', put('key-place', 0x0020_0601, laid('signature')), 0x6982],
    ['a place that is laid', put('key-place', own, laid('data')), 0x6a89],
    ['a place with a key, for another use', put('key-place', own, otherUse), 0x6a89],
    ['a place where a key of the loader lies', put('key-place', 0x0020_0701, laid('application')), 0x6a89],
    ['no place', put('key-place', 0x0020_0601, Uint8Array.of(9)), 0x6a80],
    ['a key for no place', put('key', 0x0020_0601, key), 0x6a88],
    ['a key for a place of data', put('key', taken, key), 0x6982],
    ['a key over one that was imported', put('key', 0x0020_0503, key), 0x6a89],
    ['a known test key', put('key', own, serializeAesKeyObject(new Uint8Array(16))), 0x6a80],
    ['no key', put('key', own, Uint8Array.of(0x88, 1)), 0x6a80],
    ['a longer key', { kind: 'append', object: 'key', id: own, bytes: Uint8Array.of(1) }, 0x6a80],
    ['the digest of a key', { kind: 'verify', object: 'key', id: own, digest }, 0x6a80],
    ['the digest of a place', { kind: 'verify', object: 'key-place', id: own, digest }, 0x6a80],
    [
      "another command's instruction",
      { kind: 'vectors', vectors: [{ ins: commands['GET DATA'].ins, program: 2, function: 1 }] },
      0x6982,
    ],
    [
      'a native entry under an instruction of its own choice',
      { kind: 'vectors', vectors: [{ ins: 0xd0, program: 0, function: commands['GET DATA'].entry }] },
      0x6982,
    ],
    ['a vector to nowhere', { kind: 'vectors', vectors: [{ ins: 0xd0, program: 9, function: 1 }] }, 0x6a88],
    [
      'a function that is none',
      { kind: 'vectors', vectors: [{ ins: 0xd0, program: 1, function: 99 }] },
      0x6a88,
    ],
    ['no native entry', { kind: 'activate', entry: 0xff }, 0x6a88],
    ...(
      [
        'UNLOCK',
        'WRITE SERIAL',
        'FINISH',
        'MAKE IDENTITY',
        'STORE IDENTITY',
        'PUT CUSTOMIZATION KEY',
      ] as const
    ).map((name): (typeof cases)[number] => [
      name,
      { kind: 'activate', entry: commands[name].entry },
      0x6982,
    ]),
  ]
  const beside = activated('SELF TEST')
  await changesNothing(one, async () => {
    for (const [name, record, sw] of cases) {
      for (const together of [[record], [...beside, record], [record, ...beside]]) {
        const answer = await speak(channel, 'CUSTOMIZE', serializeWriteRecords(together))
        assert.equal(answer.sw.toString(16), sw.toString(16), name)
      }
    }
    assert.equal((await speak(channel, 'CUSTOMIZE')).sw, 0x6a80)
    assert.equal((await speak(channel, 'CUSTOMIZE', records, 1)).sw, 0x6a86)
    for (let length = 1; length < records.length; length++) {
      const { sw } = await speak(channel, 'CUSTOMIZE', records.subarray(0, length))
      // A cut between two records leaves the first, which is a draft.
      if (sw !== 0x9000) assert.equal(sw, 0x6a80, `${length} bytes`)
      else assert.equal(length, 7 + ascii('changed').length)
    }
    const draft: WriteRecord = {
      kind: 'append',
      object: 'product-data',
      id: dataAreaOf(2),
      bytes: ascii('!'),
    }
    assert.equal((await speak(channel, 'CUSTOMIZE', serializeWriteRecords([draft]))).sw, 0x9000)
    one.module.parts.nvm.transaction((tx) => {
      for (const { id } of one.module.parts.objects.list('draft'))
        one.module.parts.objects.remove(tx, 'draft', id)
    })
  })
})
