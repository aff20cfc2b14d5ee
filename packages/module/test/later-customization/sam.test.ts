import assert from 'node:assert/strict'
import { test } from 'node:test'
import { concat, u32 } from '@sealwright/core/bytes'
import { commands, eventTypes, keyPlaces } from '@sealwright/core/catalog'
import { portableCrypto as crypto } from '@sealwright/core/crypto'
import {
  laterChannelKeys,
  openSealedCustomizationKey,
  parseCustomizationKeyEnvelope,
  parseSamState,
  serializeSealedCustomizationKey,
  serializeSessionLimit,
  serializeSessionRequest,
} from '@sealwright/core/customization'
import { memoryImage } from '../../src/memory-image/index.ts'
import { refusalChanges, speak, transportTo } from '../../src/testing/index.ts'
import {
  again,
  type Chip,
  customizing,
  envelopeFrom,
  laterChip,
  openLater,
  type Sam,
  samWith,
  sealedOf,
  send,
  serial,
} from './world.ts'

const sam = await samWith()
const made = await laterChip(sam)
const chip = () => again(made)
const otherSerial = Uint8Array.of(8, 7, 6, 5, 4, 3, 2, 1)

/** The customization key of a chip, as only the SAM's memory gives it. */
async function keyOf({ module, serial: own }: Sam, of: Chip): Promise<Uint8Array> {
  const sealed = await sealedOf(of.module)
  return module.parts.keys.lend(keyPlaces.samMaster, (bytes) =>
    openSealedCustomizationKey({ crypto, master: crypto.aes(bytes), sam: own, serial: of.serial }, sealed),
  )
}

/** Nothing comes of it: the SAM counts no session, gives no keys, and the chip opens nothing. */
async function refused(from: Sam, to: Chip, opening: Parameters<typeof openLater>[2], sw: number, name = '') {
  const before = to.medium.clone()
  const events = from.module.parts.events.head()
  await assert.rejects(openLater(from, to, opening), { statusWord: sw }, name)
  assert.deepEqual(from.module.parts.events.head(), events, name)
  assert.deepEqual(refusalChanges(before, to.medium), [], name)
  assert.equal(to.module.parts.channels.current, undefined)
  to.module.reset()
}

test('[D10e] the keys of two chips differ, lie in them in sealed form, and only their SAM recovers them', async () => {
  const one = chip()
  const two = await laterChip(sam, { serial: otherSerial })
  const keys = [await keyOf(sam, one), await keyOf(sam, two)]
  assert.notDeepEqual(keys[0], keys[1])
  await openLater(sam, one)
  await openLater(sam, two)
  one.module.reset()
  two.module.reset()
  // Each refusal alike.
  await refused(sam, one, { sealed: await sealedOf(two.module) }, 0x6982, "another chip's")
  await refused(sam, two, { serial }, 0x6982, "another chip's serial number")
  const other = await samWith({ seed: 'other SAM', serial: Uint8Array.of(7, 7, 7, 7, 7, 7, 7, 7) })
  await refused(other, one, {}, 0x6982, "another SAM's")
  // One that says it is the same SAM has another master key all the same.
  const posing = await samWith({ seed: 'posing SAM' })
  await refused(posing, one, {}, 0x6982, 'another master key')
})

test('[D10e] a sealed form, a challenge or a cryptogram that was changed anywhere is refused', async () => {
  const one = chip()
  const length = serializeSessionRequest({
    ...{ serial, sealed: await sealedOf(one.module) },
    ...{ cardChallenge: new Uint8Array(8), cardCryptogram: new Uint8Array(8) },
  }).length
  for (let at = 0; at < length; at++) {
    const change = (request: Uint8Array) => request.with(at, request[at]! ^ 0x80)
    // Byte 8 is the format's version.
    await refused(sam, one, { change }, at === 8 ? 0x6a80 : 0x6982, `byte ${at}`)
  }
  await refused(sam, one, { change: (request) => request.subarray(1) }, 0x6a80)
  await refused(sam, one, { change: (request) => concat(request, Uint8Array.of(0)) }, 0x6a80)
})

test('[D10b] the SAM gives keys for its own challenge, once: what was recorded of an earlier session opens nothing', async () => {
  const one = chip()
  let recorded: Uint8Array | undefined
  await openLater(sam, one, {
    change(request) {
      recorded = request
      return request
    },
  })
  const channel = await sam.open()
  const before = sam.module.parts.events.head()
  assert.equal((await speak(channel, 'SESSION KEYS', recorded)).sw, 0x6985, 'no challenge')
  assert.equal((await speak(channel, 'BEGIN SESSION')).sw, 0x9000)
  assert.equal((await speak(channel, 'SESSION KEYS', recorded)).sw, 0x6982, 'another challenge')
  assert.equal((await speak(channel, 'SESSION KEYS', recorded)).sw, 0x6985, 'it is used up')
  assert.equal((await speak(channel, 'BEGIN SESSION')).sw, 0x9000)
  const later = await sam.open()
  assert.equal((await speak(later, 'SESSION KEYS', recorded)).sw, 0x6985, 'it ended with its channel')
  assert.deepEqual(sam.module.parts.events.head(), before)
})

test('[D10e] outside its document channel a SAM does nothing, without a master key neither', async () => {
  const { request } = await customizing()
  const asked = [
    ['MAKE MASTER KEY', serializeSessionLimit(undefined)],
    ['SEAL CUSTOMIZATION KEY', request],
    ['BEGIN SESSION', new Uint8Array(0)],
    ['SESSION KEYS', new Uint8Array(93)],
  ] as const
  const blank = await samWith({ blank: true })
  for (const [name, data] of asked.slice(1)) {
    const { sw } = await speak(blank.channel, name, data)
    assert.equal(sw, name === 'SESSION KEYS' ? 0x6a80 : 0x6985, name)
  }
  blank.module.reset()
  for (const [name, data] of asked) {
    assert.equal((await speak(transportTo(blank.module), name, data)).sw, 0x6982, name)
  }
  assert.equal(blank.module.parts.keys.has(keyPlaces.samMaster), false)
  assert.equal(blank.module.parts.events.head()?.number, 1)
})

test('[D10e] the master key is made once; asked again the SAM says how it stands', async () => {
  const fresh = await samWith({ sessions: 2 })
  const state = await speak(fresh.channel, 'MAKE MASTER KEY', serializeSessionLimit(7))
  const { checkValue, sessionsLeft } = parseSamState(state.data)
  assert.equal(sessionsLeft, 2)
  assert.ok(checkValue.some((byte) => byte !== 0))
  assert.equal(fresh.module.parts.events.head()?.number, 2)
  assert.equal((await speak(fresh.channel, 'MAKE MASTER KEY')).sw, 0x6a80)
  assert.equal((await speak(fresh.channel, 'MAKE MASTER KEY', serializeSessionLimit(7), 1)).sw, 0x6a86)
})

test('parameters and data that a command of the SAM does not have are refused', async () => {
  const { request } = await customizing()
  const channel = await sam.open()
  const before = sam.module.parts.events.head()
  for (const [name, data] of [
    ['SEAL CUSTOMIZATION KEY', request],
    ['BEGIN SESSION', new Uint8Array(0)],
    ['SESSION KEYS', new Uint8Array(93)],
  ] as const) {
    assert.equal((await speak(channel, name, data, 1)).sw, 0x6a86, name)
    const { ins } = commands[name]
    assert.equal((await send(channel, { ins, p2: 1, data })).sw, 0x6a86, name)
  }
  assert.equal((await speak(channel, 'BEGIN SESSION', Uint8Array.of(1))).sw, 0x6700)
  assert.deepEqual(sam.module.parts.events.head(), before)
})

test('[D10a] a SAM with a limit opens so many sessions and no more, and counts only those that it opened', async () => {
  const limited = await samWith({ sessions: 2 })
  const one = await laterChip(limited)
  await refused(limited, one, { serial: otherSerial }, 0x6982)
  for (let n = 0; n < 2; n++) {
    await openLater(limited, one)
    one.module.reset()
  }
  await refused(limited, one, {}, 0x6985)
  const { data } = await speak(await limited.open(), 'MAKE MASTER KEY', serializeSessionLimit(undefined))
  assert.equal(parseSamState(data).sessionsLeft, 0)
})

test("[D10e] the SAM's own chain tells for which chip a key was sealed and a session opened", async () => {
  const fresh = await samWith({ seed: 'told' })
  const one = await laterChip(fresh)
  let context: Uint8Array = new Uint8Array(0)
  await openLater(fresh, one, {
    line(bytes) {
      if (bytes[1] === 0x50) context = bytes.slice(5, 13)
    },
    change(request) {
      context = concat(context, request.slice(77, 85))
      return request
    },
  })
  fresh.module.reset()
  const { data } = await send(transportTo(fresh.module), { ins: 0xb6, data: u32(3) })
  const sealed = serializeSealedCustomizationKey(await sealedOf(again(one).module))
  const told = [
    [eventTypes['customization-key-sealed'].code, crypto.sha256(serial, sealed)],
    [eventTypes['session-keys-given'].code, crypto.sha256(serial, context)],
  ] as const
  for (const [i, [type, digest]] of told.entries()) {
    const event = data.subarray(69 * i, 69 * i + 37)
    assert.deepEqual(event, concat(u32(3 + i), Uint8Array.of(type), digest))
  }
})

test('an identity request that nobody signed, and one of a test chip, get no key', async () => {
  const { request } = await customizing()
  const channel = await sam.open()
  const before = sam.module.parts.events.head()
  for (const at of [1, 20, 74, 80]) {
    const { sw } = await speak(channel, 'SEAL CUSTOMIZATION KEY', request.with(at, request[at]! ^ 1))
    assert.ok(sw === 0x6982 || sw === 0x6a80, `byte ${at}: ${sw.toString(16)}`)
  }
  assert.equal((await speak(channel, 'SEAL CUSTOMIZATION KEY', request.subarray(1))).sw, 0x6a80)
  const test = await customizing({ test: true })
  assert.equal((await speak(channel, 'SEAL CUSTOMIZATION KEY', test.request)).sw, 0x6985)
  assert.deepEqual(sam.module.parts.events.head(), before)
  const testSam = await samWith({ test: true, seed: 'test SAM' })
  await envelopeFrom(testSam.channel, test.request)
  assert.equal((await speak(testSam.channel, 'SEAL CUSTOMIZATION KEY', request)).sw, 0x6985)
})

test('[D10e] no key but that of a session is anywhere on the line or at the host: not the master key, not the customization key', async () => {
  const heard: Uint8Array[] = []
  const hearing = (module: Sam['module']): void => {
    const transmit = module.transmit.bind(module)
    module.transmit = (bytes) => {
      const answer = transmit(bytes)
      heard.push(bytes.slice(), answer.slice())
      return answer
    }
  }
  const fresh = await samWith({ seed: 'overheard' })
  hearing(fresh.module)
  const { request } = await customizing()
  const envelope = await envelopeFrom(await fresh.open(), request)
  // What the host has in the clear of the making.
  heard.push(envelope)
  const { sealed } = parseCustomizationKeyEnvelope(envelope)
  const one = await laterChip(fresh, { serial: otherSerial })
  hearing(one.module)
  const sessions: Uint8Array[] = []
  await openLater(fresh, one, { seen: (keys) => sessions.push(keys.slice()) })
  heard.push(...sessions)
  one.module.reset()
  const key = await keyOf(fresh, one)
  const master = fresh.module.parts.keys.lend(keyPlaces.samMaster, (bytes) => bytes.slice())
  const first = openSealedCustomizationKey(
    { crypto, master: crypto.aes(master), sam: fresh.serial, serial },
    sealed,
  )
  const { enc, mac, dek } = laterChannelKeys(crypto, key, otherSerial)
  const found = (needle: Uint8Array, all: readonly Uint8Array[]) =>
    all.some((bytes) =>
      [needle, needle.toReversed()].some((one) => Buffer.from(bytes).includes(Buffer.from(one))),
    )
  for (const secret of [key, first, master, enc, mac, dek]) assert.equal(found(secret, heard), false)
  // The search finds what is there.
  assert.equal(found(sessions[0]!.subarray(32, 64), heard), true)
  // The chip itself has the channel's keys and the sealed form, never the key; the SAM keeps neither.
  const image = ({ medium: memory, module: { parts } }: Pick<Chip, 'medium' | 'module'>) => [
    memoryImage({ medium: memory, ram: parts.ram }).bytes,
  ]
  for (const secret of [key, master]) assert.equal(found(secret, image(one)), false)
  for (const secret of [key, first, enc, mac, dek]) assert.equal(found(secret, image(fresh)), false)
  assert.equal(found(enc, image(one)), true)
  assert.equal(found(master, image(fresh)), true)
})
