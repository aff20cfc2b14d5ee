import assert from 'node:assert/strict'
import { test } from 'node:test'
import { concat, decodeHex, encodeHex, equal } from '@sealwright/core/bytes'
import {
  type CommandName,
  commands,
  keyPlaces,
  keyVersions,
  programInstructions,
} from '@sealwright/core/catalog'
import { openScp03 } from '@sealwright/core/channel/scp03'
import { protectedTransport } from '@sealwright/core/channel/secure-messaging'
import { portableCrypto as crypto } from '@sealwright/core/crypto'
import {
  documentChannelKeys,
  type ImageForm,
  scp03KeysOf,
  serializeAesKeyObject,
  serializeUnlockingData,
  serializeWriteRecords,
  type WriteRecord,
} from '@sealwright/core/customization'
import type { Transport } from '@sealwright/core/ports'
import { ramName } from '../src/customization/index.ts'
import { memoryImage } from '../src/memory-image/index.ts'
import {
  customizationChannel,
  powerUp,
  speak,
  transportTo,
  unlockWith,
  writeRecords,
} from '../src/testing/index.ts'
import { channelOf, chips, line, mounted, records, status } from './customization-form.ts'
import { activated, serial } from './product.ts'

for (const form of ['eeprom', 'ram'] as const) {
  test(`[D4b][D4c] ${form} form: power lost between any two commands of customization: the step goes on where the form says, and ends in the same memory`, async () => {
    const expected = await customized(form, -1)
    for (let lostAfter = 0; lostAfter < 4; lostAfter++) {
      assert.equal(equal(await customized(form, lostAfter), expected), true, `after ${lostAfter}`)
    }
  })
}

/** What a chip in customization mode answers outside its channel, every native command activated; all others with 6982 or 6985. */
const answeredPlain: Partial<Record<CommandName, number>> = {
  SELECT: 0x9000,
  // No such object.
  'GET DATA': 0x6a88,
  'CHIP STATUS': 0x9000,
  'SELF TEST': 0x9000,
  'GET EVENTS': 0x9000,
  // The set-up of the channel; here of one without keys, and without a set-up before it.
  'INITIALIZE UPDATE': 0x6a88,
  'EXTERNAL AUTHENTICATE': 0x6a88,
  // The software is there; without an identity pair there is nothing to sign with.
  UNLOCK: 0x6985,
  'PASSPORT HEAD': 0x6985,
}

test('[D4b][D7e] in customization mode every command runs in the customization channel; outside it only what reads and what opens the channel is answered', async () => {
  const medium = await mounted('eeprom')
  const module = powerUp(crypto, medium)
  assert.equal(await unlockWith(module, chips.eeprom.unlocking), 0x9000)
  const names = Object.keys(commands) as CommandName[]
  const channel = await channelOf(module, 'eeprom')
  assert.equal(await writeRecords(channel, [...records, ...activated(...names)]), 0x9000)
  module.reset()
  const before = memoryImage({ medium, ram: module.parts.ram }).bytes
  const transport = transportTo(module)
  for (const name of names) {
    const { sw } = await speak(
      transport,
      name,
      plainData[name] ?? new Uint8Array(0),
      name === 'SELECT' ? 4 : name === 'GET DATA' ? 0 : 0,
    )
    const expected = answeredPlain[name]
    if (expected === undefined)
      assert.ok([0x6982, 0x6985, 0x6d00].includes(sw), `${name}: ${sw.toString(16)}`)
    else assert.equal(sw, expected, name)
    module.reset()
  }
  for (const ins of [programInstructions.WRITE.ins, 0x02, 0xff]) {
    assert.equal(encodeHex(module.transmit(Uint8Array.of(0x80, ins, 0, 0))), '6982')
  }
  assert.equal(encodeHex(module.transmit(Uint8Array.of(0x80, line, 0, 0))), '6985')
  assert.equal(equal(memoryImage({ medium, ram: module.parts.ram }).bytes, before), true)
})

test('[D4b] a command of customization that comes without protection while its channel is open ends the channel; nothing was done', async () => {
  for (const name of ['WRITE', 'FINISH', 'MAKE IDENTITY', 'STORE IDENTITY', 'CHIP STATUS'] as const) {
    const medium = await mounted('eeprom')
    const module = powerUp(crypto, medium)
    await unlockWith(module, chips.eeprom.unlocking)
    const channel = await channelOf(module, 'eeprom')
    await writeRecords(channel, [...records, ...activated('MAKE IDENTITY', 'STORE IDENTITY')])
    const before = memoryImage({ medium, ram: module.parts.ram }).bytes
    assert.equal((await speak(transportTo(module), name)).sw, 0x6982, name)
    assert.equal(module.parts.channels.current, undefined)
    assert.equal((await speak(channel, name)).sw, 0x6982)
    assert.equal(equal(memoryImage({ medium, ram: module.parts.ram }).bytes, before), true, name)
  }
})

test('[D4c] RAM form: UNLOCK again inside the channel brings the software back and ends the channel; a new one opens', async () => {
  const medium = await mounted('ram')
  assert.equal(await unlockWith(powerUp(crypto, medium), chips.ram.unlocking), 0x9000)
  const module = powerUp(crypto, medium)
  const channel = await channelOf(module, 'ram')
  const data = serializeUnlockingData(chips.ram.unlocking)
  // The channel that its answer would be protected in has ended, and a host believes no other answer.
  await assert.rejects(speak(channel, 'UNLOCK', data), { code: 'authentication-failed' })
  assert.equal(module.parts.channels.current, undefined)
  assert.ok(module.parts.ram.view(ramName) !== undefined)
  assert.equal(await writeRecords(await channelOf(module, 'ram'), records), 0x9000)
})

test("[D4a] another channel than customization's, opened in customization mode under the document key, reaches neither the software nor FINISH", async () => {
  const medium = await mounted('eeprom')
  const module = powerUp(crypto, medium)
  assert.equal(await unlockWith(module, chips.eeprom.unlocking), 0x9000)
  const set = documentChannelKeys(crypto, new Uint8Array(32).fill(0x5a), serial)
  const keys: WriteRecord[] = [set.enc, set.mac, set.dek].map((key, i) => ({
    kind: 'put',
    object: 'key',
    id: keyPlaces.document + i,
    bytes: serializeAesKeyObject(key),
  }))
  const own = await channelOf(module, 'eeprom')
  assert.equal(await writeRecords(own, [...records, ...keys, ...activated('MAKE IDENTITY')]), 0x9000)
  module.reset()
  const transport = transportTo(module)
  const session = await openScp03(transport, {
    crypto,
    keys: scp03KeysOf(crypto, set),
    keyVersion: keyVersions.document,
    level: 0x33,
    hostChallenge: new Uint8Array(8),
  })
  assert.equal(module.parts.channels.current?.kind, 'document')
  const other = protectedTransport(transport, session)
  const before = memoryImage({ medium, ram: module.parts.ram }).bytes
  for (const name of ['WRITE', 'FINISH', 'MAKE IDENTITY'] as const) {
    assert.equal((await speak(other, name, name === 'WRITE' ? serial : undefined)).sw, 0x6982, name)
  }
  assert.equal(equal(memoryImage({ medium, ram: module.parts.ram }).bytes, before), true)
})

test('[D4a] the customization software takes class 80 in its channel; another class is 6E00 and writes nothing', async () => {
  const medium = await mounted('eeprom')
  const module = powerUp(crypto, medium)
  assert.equal(await unlockWith(module, chips.eeprom.unlocking), 0x9000)
  const channel = await channelOf(module, 'eeprom')
  const data = serializeWriteRecords(records.slice(0, 1))
  const before = memoryImage({ medium, ram: module.parts.ram }).bytes
  const write = (cla: number) =>
    channel.transmit(concat(Uint8Array.of(cla, programInstructions.WRITE.ins, 0, 0, data.length), data))
  assert.equal(encodeHex(await write(0x00)), '6E00')
  assert.equal(equal(memoryImage({ medium, ram: module.parts.ram }).bytes, before), true)
  assert.equal(encodeHex(await write(0x80)), '00019000')
})

test('[D7b] RAM form: FINISH wipes the customization software from RAM before its answer leaves', async () => {
  const medium = await mounted('ram')
  const module = powerUp(crypto, medium)
  assert.equal(await unlockWith(module, chips.ram.unlocking), 0x9000)
  const channel = await channelOf(module, 'ram')
  assert.equal(await writeRecords(channel, records), 0x9000)
  const part = chips.ram.plaintext.subarray(200, 232)
  const found = () =>
    memoryImage({ medium, ram: module.parts.ram })
      .search(part)
      .map(({ section }) => section)
  assert.deepEqual(found(), ['ram'])
  assert.equal((await speak(channel, 'FINISH')).sw, 0x9000)
  assert.deepEqual(found(), [])
  assert.equal(module.parts.ram.view(ramName), undefined)
})

test("[D4a] the channel's keys follow from unlocking key and serial number: another chip's, and another key's, open nothing", async () => {
  const medium = await mounted('eeprom')
  const module = powerUp(crypto, medium)
  await unlockWith(module, chips.eeprom.unlocking)
  const { key } = chips.eeprom.unlocking
  const other = decodeHex('0102030405060709')
  await assert.rejects(customizationChannel(crypto, module, key, other))
  await assert.rejects(
    customizationChannel(
      crypto,
      module,
      key.map((byte) => byte ^ 1),
      serial,
    ),
  )
  await assert.rejects(customizationChannel(crypto, module, chips.ram.encryptedImage.slice(0, 32), serial))
  const current = () => module.parts.channels.current?.kind
  assert.equal(current(), undefined)
  await channelOf(module, 'eeprom')
  assert.equal(current(), 'customization')
})

const plainData: Partial<Record<CommandName, Uint8Array>> = {
  'GET EVENTS': decodeHex('00000001'),
  'INITIALIZE UPDATE': new Uint8Array(8),
  'EXTERNAL AUTHENTICATE': new Uint8Array(16),
  UNLOCK: new Uint8Array(64),
  'PASSPORT HEAD': new Uint8Array(16),
}

/** A customization from UNLOCK to FINISH, with the power lost after the n-th command; the memory at the end. */
async function customized(form: ImageForm, lostAfter: number): Promise<Uint8Array> {
  const medium = await mounted(form)
  const { unlocking } = chips[form]
  let module = powerUp(crypto, medium)
  let channel: Transport | undefined
  const open = async (): Promise<Transport> => {
    channel ??= await channelOf(module, form)
    return channel
  }
  const steps: (() => Promise<number>)[] = [
    () => unlockWith(module, unlocking),
    async () => writeRecords(await open(), records.slice(0, 1)),
    async () => writeRecords(await open(), records.slice(1)),
    async () => (await speak(await open(), 'FINISH')).sw,
  ]
  for (const [i, step] of steps.entries()) {
    assert.equal(await step(), 0x9000, `${form}, step ${i}`)
    if (i !== lostAfter) continue
    module = powerUp(crypto, medium)
    channel = undefined
    if (i === steps.length - 1) break
    const there =
      module.parts.objects.has('customization-software', 0) || module.parts.ram.view(ramName) !== undefined
    assert.equal(there, form === 'eeprom')
    if (form === 'ram') {
      const closed = await channelOf(module, form)
      assert.equal(await writeRecords(closed, records), 0x6985)
      assert.equal((await speak(closed, 'FINISH')).sw === 0x9000, false)
      module.reset()
    }
    assert.equal(await unlockWith(module, unlocking), form === 'ram' ? 0x9000 : 0x6985)
  }
  const { nvm, rom, otp } = powerUp(crypto, medium).parts
  assert.equal((await status(powerUp(crypto, medium))).mode, 'user')
  return concat(otp.dump(), nvm.read(0, nvm.size), rom.bytes)
}
