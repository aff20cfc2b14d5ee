import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseResponse } from '@sealwright/core/apdu'
import { concat, decodeHex, encodeHex } from '@sealwright/core/bytes'
import {
  type CommandName,
  certificateIds,
  commands,
  dataTags,
  keyPlaces,
  productDataIds,
  programInstructions,
  publicKeyIds,
  statusWords,
  unlockTries,
} from '@sealwright/core/catalog'
import { portableCrypto as crypto } from '@sealwright/core/crypto'
import {
  customizationChannelKeys,
  parseChipStatus,
  sealImage,
  serializeAesKeyObject,
  serializeCustomizationImage,
  signCustomizationImage,
} from '@sealwright/core/customization'
import { scriptedEntropy } from '@sealwright/core/testing'
import { controlIds, type Objects, openMemory, type Transaction } from '../src/eeprom/index.ts'
import type { Module } from '../src/index.ts'
import { layOutMask, maskGeometry, programMask } from '../src/mask/index.ts'
import { RamMedium } from '../src/medium/index.ts'
import { serializeVectors } from '../src/rom/index.ts'
import {
  answeringProgram,
  customizationChannel,
  fixtureKey,
  powerUp,
  speak,
  transportTo,
  unlockWith,
} from '../src/testing/index.ts'
import { masked, serial, software } from './product.ts'
import { committed } from './programs.ts'

// Whoever holds a chip, its file and key, the mask and the delivery note, and no unlocking data.

const service: ReadonlySet<number> = new Set(
  (['CHIP STATUS', 'SELF TEST', 'WRITE SERIAL', 'UNLOCK'] as const).map((name) => commands[name].ins),
)
const theirKey = scriptedEntropy('a key of the thief').bytes(32)
const thief = fixtureKey(crypto, 'thief')
const own = signCustomizationImage({ version: 1, form: 'eeprom', program: committed('customization') }, thief)
const plaintext = serializeCustomizationImage(own)
const theirImage = sealImage(crypto, theirKey, new Uint8Array(16), plaintext)
const theirs = { key: theirKey, hash: crypto.sha256(plaintext) }

test('[D9f] a stolen chip takes no unlocking data that can be made from what lies in the factory; then it is scrap', async () => {
  const medium = await mounted()
  const { rom } = masked.mask
  const image = masked.encryptedImage
  const known = [
    crypto.sha256(rom),
    crypto.sha256(image),
    image.slice(0, 32),
    image.slice(16, 48),
    image.slice(-32),
    masked.client.publicPoint.slice(1, 33),
    masked.client.publicPoint.slice(33),
    crypto.sha256(masked.client.publicPoint),
    crypto.sha256(serial),
    new Uint8Array(32),
    new Uint8Array(32).fill(0xff),
    concat(serial, serial, serial, serial),
    theirKey,
  ]
  const pairs = known.flatMap((key) => known.map((hash) => ({ key, hash })))
  // The hash of what a key makes of the image: known too, if the key is.
  const results = known.map((key) => {
    const handle = crypto.aes(key)
    const result = handle.ctr(image.subarray(0, 16), image.subarray(16))
    handle[Symbol.dispose]()
    return { key, hash: crypto.sha256(result) }
  })
  let tried = 0
  for (const unlocking of [...results, ...pairs]) {
    const expected = tried < unlockTries ? 0x6982 : 0x6983
    assert.equal(await unlockWith(powerUp(crypto, medium), unlocking), expected)
    tried++
  }
  assert.ok(tried > unlockTries)
  assert.deepEqual(answering(powerUp(crypto, medium)), service)
})

test('[D9f] whatever is written into the EEPROM of a stolen chip, it answers service commands and nothing else', async () => {
  const program = software(answeringProgram('mine'), ['io'])
  const set = customizationChannelKeys(crypto, theirKey, serial)
  const vectors = Object.values(commands)
    .map(({ ins, entry }) => ({ ins, program: 0, function: entry }))
    .sort((a, b) => a.ins - b.ins)
  const mine = serializeVectors([{ ins: 0x02, program: 3, function: 0 }])
  const edits: Record<string, (tx: Transaction, objects: Objects) => void> = {
    'tries given back': (tx, objects) => objects.put(tx, 'tries', 0, Uint8Array.of(0)),
    'vectors to every native entry': (tx, objects) =>
      objects.put(tx, 'vector-table', 0, serializeVectors(vectors)),
    'a vector to own software': (tx, objects) => {
      objects.put(tx, 'software', 3, program)
      objects.put(tx, 'vector-table', 0, mine)
    },
    'own customization software': (tx, objects) =>
      objects.put(tx, 'customization-software', 0, committed('customization')),
    'own keys of the customization channel': (tx, objects) => {
      for (const [i, key] of [set.enc, set.mac, set.dek].entries()) {
        objects.put(tx, 'key', keyPlaces.customization + i, serializeAesKeyObject(key))
      }
    },
    'keys of the document channel': (tx, objects) => {
      for (const i of [0, 1, 2]) {
        objects.put(tx, 'key', keyPlaces.document + i, serializeAesKeyObject(theirKey.subarray(0, 16)))
      }
    },
    'an unlock record': (tx, objects) =>
      objects.put(tx, 'control', controlIds.unlockRecord, concat(Uint8Array.of(0), theirs.hash)),
    'state operating': (tx, objects) =>
      objects.put(tx, 'control', controlIds.personalizationState, Uint8Array.of(0x0f)),
    'a manufacturer of his own, and identical modules': (tx, objects) => {
      objects.put(tx, 'public-key', publicKeyIds.manufacturer, thief.publicPoint)
      objects.put(tx, 'product-data', productDataIds.flags, Uint8Array.of(1))
    },
    // It gets another one then, as a blank chip does.
    'no serial number': (tx, objects) => {
      objects.remove(tx, 'control', controlIds.serial)
      for (const { id } of objects.list('event')) objects.remove(tx, 'event', id)
    },
    'no image': (tx, objects) => void objects.remove(tx, 'encrypted-image', 0),
    'an image of his own': (tx, objects) => objects.put(tx, 'encrypted-image', 0, theirImage),
  }
  const all: typeof edits = {
    ...edits,
    'all of it': (tx, objects) => {
      for (const [name, edit] of Object.entries(edits)) if (!name.startsWith('no ')) edit(tx, objects)
    },
  }
  for (const [name, edit] of Object.entries(all)) {
    const medium = await mounted()
    const { nvm, objects } = openMemory(medium)
    nvm.transaction((tx) => edit(tx, objects))
    const module = powerUp(crypto, medium)
    assert.deepEqual(answering(module), service, name)
    const { mode } = parseChipStatus((await speak(transportTo(module), 'CHIP STATUS')).data)
    assert.equal(mode, 'issuer', name)
    assert.equal(await unlockWith(module, theirs), 0x6982, name)
    await assert.rejects(customizationChannel(crypto, module, theirKey, serial))
    // The right data still work where the image is the client's: the issuer gets his chip back.
    const image = openMemory(medium).objects.read('encrypted-image', 0)
    if (image !== undefined && encodeHex(image) === encodeHex(masked.encryptedImage)) {
      assert.equal(await unlockWith(module, masked.unlocking), 0x9000, name)
    }
  }
})

test('[D9f] an older image of a chip is a chip that needs the unlocking data, or none', async () => {
  const medium = await mounted()
  const older = medium.snapshot()
  assert.equal(
    await unlockWith(powerUp(crypto, medium), { ...masked.unlocking, hash: new Uint8Array(32) }),
    0x6982,
  )
  const module = powerUp(crypto, medium)
  assert.equal(await unlockWith(module, masked.unlocking), 0x9000)
  const unlocked = medium.snapshot()
  // EEPROM of before under the one-time memory of now, and the other way round.
  for (const [otp, eeprom] of [
    [unlocked, older],
    [older, unlocked],
  ] as const) {
    const mixed = new RamMedium(older.geometry)
    const pages = new Map(eeprom.pages)
    const page = otp.pages.get(0)
    if (page === undefined) pages.delete(0)
    else pages.set(0, page)
    mixed.restore({ ...eeprom, pages })
    assert.throws(() => powerUp(crypto, mixed), { code: 'memory-rolled-back' })
  }
  const back = RamMedium.from(older)
  const again = powerUp(crypto, back)
  assert.deepEqual(answering(again), service)
  assert.equal(await unlockWith(again, theirs), 0x6982)
})

test('whoever writes the one-time memory too, which no chip lets anybody do, runs what the mask holds in the clear, and nothing that was encrypted or added', async () => {
  const medium = await mounted()
  const { nvm, objects } = openMemory(medium)
  const line = programInstructions['CHECK LINE'].ins
  const info = programInstructions['PRODUCT INFO'].ins
  const names = Object.keys(commands) as CommandName[]
  const native = names.map((name) => ({
    ins: commands[name].ins,
    program: 0,
    function: commands[name].entry,
  }))
  const table = [...native, { ins: info, program: 1, function: 1 }, { ins: line, program: 1, function: 2 }]
  nvm.transaction((tx) => {
    objects.put(tx, 'vector-table', 0, serializeVectors(table.sort((a, b) => a.ins - b.ins)))
  })
  for (const bit of ['mode-customization', 'wipe-intent', 'wipe-done', 'mode-user'] as const) {
    nvm.transaction((tx) => tx.setOtp(bit))
  }
  const module = powerUp(crypto, medium)
  const sent = (ins: number, data = new Uint8Array(0)) =>
    parseResponse(module.transmit(concat(Uint8Array.of(0x80, ins, 0, 0, data.length), data)))
  // Masked in ROM in the clear: he had it before, in the mask.
  assert.equal(sent(line, Uint8Array.of(1)).sw, 0x9000)
  // What completes it, he has not.
  assert.equal(sent(info).sw, statusWords['function-not-supported'].sw)
  assert.equal(parseChipStatus((await speak(transportTo(module), 'CHIP STATUS')).data).mode, 'user')
  assert.notEqual(await unlockWith(module, masked.unlocking), 0x9000)
  // No identity: it proves nothing to anybody, and no unit personalizes it.
  assert.equal(objects.find('certificate', certificateIds.identity.id), undefined)
  for (const name of ['BEGIN', 'INTERNAL AUTHENTICATE', 'PREPARE', 'IMPORT KEY', 'EXPORT KEY'] as const) {
    assert.notEqual((await speak(transportTo(module), name, new Uint8Array(16))).sw, 0x9000, name)
  }
  const { sw } = parseResponse(
    module.transmit(decodeHex(`80CA${(dataTags.product ?? 0).toString(16).toUpperCase()}00`)),
  )
  assert.notEqual(sw, 0x9000)
})

test('whoever replaces the ROM has made another chip: it unlocks his own software, and says so by its digest', async () => {
  const mask = layOutMask({
    eepromSize: 64 * 1024,
    clientKey: thief.publicPoint,
    program: committed('rom'),
    encryptedImage: theirImage,
  })
  const medium = new RamMedium(maskGeometry(mask), mask.rom)
  programMask(medium, mask)
  const module = powerUp(crypto, medium)
  assert.equal((await speak(transportTo(module), 'WRITE SERIAL', serial)).sw, 0x9000)
  const { romDigest } = parseChipStatus((await speak(transportTo(module), 'CHIP STATUS')).data)
  assert.notDeepEqual(romDigest, crypto.sha256(masked.mask.rom))
  assert.equal(await unlockWith(module, masked.unlocking), 0x6982)
  assert.equal(await unlockWith(module, theirs), 0x9000)
})

/** A chip of the mask with its serial number. */
async function mounted(): Promise<RamMedium> {
  const medium = masked.chip()
  assert.equal((await speak(transportTo(powerUp(crypto, medium)), 'WRITE SERIAL', serial)).sw, 0x9000)
  return medium
}

/** The instructions that the chip takes, in classes of every kind, with data and without: those that are not refused as unknown or unprotected. */
function answering(module: Module): Set<number> {
  const taken = new Set<number>()
  // All classes there are, on a chip as it was delivered: issuer-mode.test.ts.
  for (const cla of [0x00, 0x01, 0x04, 0x0c, 0x80, 0x81, 0x84, 0x8c, 0xa0, 0xc0, 0xe0]) {
    for (let ins = 0; ins < 0x100; ins++) {
      for (const tail of ['', '0801020304050607', '00']) {
        const bytes = concat(Uint8Array.of(cla, ins, 0, 0), decodeHex(tail.length > 2 ? `${tail}08` : tail))
        const { sw } = parseResponse(module.transmit(bytes))
        const unknown = [0x6d00, 0x6e00, 0x6982].includes(sw) || ((cla & 0xfc) === 0 && ins === 0xc0)
        if (!unknown) taken.add(ins)
      }
    }
  }
  return taken
}
