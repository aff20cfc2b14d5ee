import assert from 'node:assert/strict'
import { test } from 'node:test'
import { concat, decodeHex, equal } from '@sealwright/core/bytes'
import { commands, keyPlaces, statusWords, unlockTries } from '@sealwright/core/catalog'
import { portableCrypto as crypto } from '@sealwright/core/crypto'
import {
  parseChipStatus,
  sealImage,
  serializeCustomizationImage,
  serializeUnlockingData,
  signCustomizationImage,
  type UnlockingData,
} from '@sealwright/core/customization'
import type { AesKey, Crypto } from '@sealwright/core/ports'
import { scriptedEntropy } from '@sealwright/core/testing'
import { openMemory } from '../src/eeprom/index.ts'
import type { Module } from '../src/index.ts'
import { layOutMask, maskGeometry, programMask } from '../src/mask/index.ts'
import { type Medium, RamMedium } from '../src/medium/index.ts'
import { type MemoryImage, memoryImage } from '../src/memory-image/index.ts'
import {
  answeringProgram,
  customizationChannel,
  everyPowerCut,
  fixtureKey,
  type MaskedChip,
  maskedChip,
  powerUp,
  speak,
  transportTo,
  unlockWith,
  writeRecords,
} from '../src/testing/index.ts'
import { committed } from './programs.ts'

const serial = decodeHex('0102030405060708')
const refused = statusWords['security-not-satisfied'].sw
const outOfOrder = statusWords['conditions-not-satisfied'].sw
const program = committed('rom')
const masked = maskedChip({ crypto, program, customization: committed('customization') })
const inRam = maskedChip({ crypto, program, customization: committed('customization'), form: 'ram' })
const productName = [{ kind: 'put', object: 'product-data', id: 1, bytes: Uint8Array.of(0x41) }] as const

test('[D3a] the right key and hash: the chip decrypts, compares, checks the signature and leaves issuer mode', async () => {
  const medium = await mounted(masked)
  const module = powerUp(crypto, medium)
  assert.equal(await unlockWith(module, masked.unlocking), 0x9000)
  const { objects, otp } = openMemory(medium)
  assert.deepEqual(objects.read('customization-software', 0), committed('customization'))
  assert.equal(otp.test('mode-customization'), true)
  const after = await status(module)
  assert.deepEqual([after.mode, after.triesLeft], ['customization', unlockTries])
  assert.deepEqual(
    module.parts.events.list(2).map(({ digest }) => digest),
    [masked.unlocking.hash],
  )
})

test('[D3b][D3c] a wrong key and a wrong hash are refused alike; only the try is counted', async () => {
  const { key, hash } = masked.unlocking
  await staysAsItWas(masked, { key: flipped(key, 0), hash })
  await staysAsItWas(masked, { key: flipped(key, 31), hash })
  await staysAsItWas(masked, { key, hash: flipped(hash, 0) })
  await staysAsItWas(masked, { key, hash: flipped(hash, 31) })
})

test('[D3d] a wrong key with the hash of its own result is refused', async () => {
  const key = flipped(masked.unlocking.key, 7)
  const handle = crypto.aes(key)
  const image = masked.encryptedImage
  const result = handle.ctr(image.subarray(0, 16), image.subarray(16))
  await staysAsItWas(masked, { key, hash: crypto.sha256(result) })
})

test('[D3e] an image that the manufacturer encrypted under a key of his own is refused, signed by whomever', async () => {
  const key = scriptedEntropy('a key of his own').bytes(32)
  const theirs = fixtureKey(crypto, 'manufacturer who cheats')
  const own = { version: 1, form: 'eeprom', program: answeringProgram('mine') } as const
  const genuine = signCustomizationImage({ ...own, program: committed('customization') }, masked.client)
  const plaintexts = [
    serializeCustomizationImage(signCustomizationImage(own, theirs)),
    serializeCustomizationImage({ ...own, signature: new Uint8Array(64) }),
    // The client's signature over other software, and over another form.
    serializeCustomizationImage({ ...own, signature: genuine.signature }),
    serializeCustomizationImage({ ...genuine, form: 'ram' }),
  ]
  for (const plaintext of plaintexts) {
    const encryptedImage = sealImage(crypto, key, new Uint8Array(16), plaintext)
    const mask = layOutMask({
      eepromSize: 64 * 1024,
      clientKey: masked.client.publicPoint,
      program,
      encryptedImage,
    })
    await staysAsItWas(
      { ...masked, encryptedImage, chip: () => chipOf(mask) },
      { key, hash: crypto.sha256(plaintext) },
    )
  }
  // The harness is sound: the client's own image under that key does unlock.
  const plaintext = serializeCustomizationImage(genuine)
  const mask = layOutMask({
    eepromSize: 64 * 1024,
    clientKey: masked.client.publicPoint,
    program,
    encryptedImage: sealImage(crypto, key, new Uint8Array(16), plaintext),
  })
  const module = powerUp(crypto, await mounted({ ...masked, chip: () => chipOf(mask) }))
  assert.equal(await unlockWith(module, { key, hash: crypto.sha256(plaintext) }), 0x9000)
})

test("[D3e] the client's own signature on bytes that are no program unlocks nothing", async () => {
  const image = { version: 1, form: 'eeprom', program: Uint8Array.of(1, 2, 3) } as const
  const plaintext = serializeCustomizationImage(signCustomizationImage(image, masked.client))
  const { key } = masked.unlocking
  const mask = layOutMask({
    eepromSize: 64 * 1024,
    clientKey: masked.client.publicPoint,
    program,
    encryptedImage: sealImage(crypto, key, new Uint8Array(16), plaintext),
  })
  await staysAsItWas({ ...masked, chip: () => chipOf(mask) }, { key, hash: crypto.sha256(plaintext) })
})

test('[D3f] after 64 failed tries the chip is scrap: the right key is refused with 6983, and the status says so', async () => {
  const medium = await mounted(masked)
  const wrong = { ...masked.unlocking, hash: flipped(masked.unlocking.hash, 3) }
  for (let left = unlockTries - 1; left >= 0; left--) {
    // A reset or a loss of power between the tries gives none back.
    const module = powerUp(crypto, medium)
    assert.equal(await unlockWith(module, wrong), refused)
    assert.equal((await status(module)).triesLeft, left)
  }
  const module = powerUp(crypto, medium)
  const before = imageOf(medium, module)
  assert.equal(await unlockWith(module, masked.unlocking), statusWords.blocked.sw)
  assert.equal(await unlockWith(powerUp(crypto, medium), masked.unlocking), 0x6983)
  assert.equal(equal(imageOf(medium, module).bytes, before.bytes), true)
  assert.deepEqual([(await status(module)).mode, (await status(module)).triesLeft], ['issuer', 0])
})

test('[D3g] the try is durable before anything is decrypted, and a cut anywhere gives no free one', async () => {
  const medium = await mounted(masked)
  const seen: number[] = []
  const spying: Crypto = spyOnCtr(() => seen.push(triesUsed(medium)))
  assert.equal(await unlockWith(powerUp(spying, medium), masked.unlocking), 0x9000)
  assert.deepEqual(seen, [1])

  const wrong = { ...masked.unlocking, hash: flipped(masked.unlocking.hash, 3) }
  const before = (await mounted(masked)).snapshot()
  let compared = 0
  const report = await everyPowerCut({
    name: 'unlock with a wrong hash',
    prepare: () => before,
    async run(cut) {
      compared = 0
      await unlockWith(
        powerUp(
          spyOnCtr(() => compared++),
          cut,
        ),
        wrong,
      )
    },
    async check(after) {
      const { mode, triesLeft } = await status(powerUp(crypto, after))
      assert.equal(mode, 'issuer')
      assert.ok(triesLeft === unlockTries - 1 || compared === 0, 'a try was free')
      return triesLeft === unlockTries ? 'old' : 'new'
    },
  })
  assert.ok(report.cuts > 4)
})

test('[D3g] a power cut at every write of UNLOCK leaves the chip in issuer mode or unlocked; the right key still unlocks', async () => {
  const before = (await mounted(masked)).snapshot()
  const report = await everyPowerCut({
    name: 'unlock',
    prepare: () => before,
    run: async (medium) => {
      await unlockWith(powerUp(crypto, medium), masked.unlocking)
    },
    async check(medium) {
      const module = powerUp(crypto, medium)
      const { mode, triesLeft } = await status(module)
      const stored = module.parts.objects.read('customization-software', 0)
      assert.equal(stored !== undefined, mode === 'customization')
      assert.equal(module.parts.keys.has(keyPlaces.customization), mode === 'customization')
      assert.ok(triesLeft >= unlockTries - 1)
      return mode === 'customization' ? 'new' : 'old'
    },
    repeatable: true,
  })
  assert.ok(report.cuts > 10)
})

test('[D3h] an UNLOCK that is cut short or too long is refused, and costs no try', async () => {
  const medium = await mounted(masked)
  const module = powerUp(crypto, medium)
  const data = serializeUnlockingData(masked.unlocking)
  const before = imageOf(medium, module)
  for (let length = 0; length < data.length; length++) {
    assert.equal((await speak(transportTo(module), 'UNLOCK', data.subarray(0, length))).sw, 0x6a80)
  }
  assert.equal((await speak(transportTo(module), 'UNLOCK', concat(data, Uint8Array.of(0)))).sw, 0x6a80)
  assert.equal((await speak(transportTo(module), 'UNLOCK', new Uint8Array(1000))).sw, 0x6a80)
  assert.equal((await speak(transportTo(module), 'UNLOCK', data, 0x01)).sw, 0x6a86)
  // Lc and data disagree.
  for (const cut of [6, 36, 68]) {
    const reply = module.transmit(
      concat(Uint8Array.of(0x80, commands.UNLOCK.ins, 0, 0, 64), data).subarray(0, cut),
    )
    assert.deepEqual([...reply], [0x67, 0x00])
  }
  assert.equal(equal(imageOf(medium, module).bytes, before.bytes), true)
})

test('[D4a] the stored software is what the processor runs: other software behaves otherwise', async () => {
  const other = maskedChip({ crypto, program, customization: answeringProgram('another one') })
  const answers: string[] = []
  for (const chip of [masked, other]) {
    const module = powerUp(crypto, await mounted(chip))
    assert.equal(await unlockWith(module, chip.unlocking), 0x9000)
    const channel = await customizationChannel(crypto, module, chip.unlocking.key, serial)
    const { data, sw } = await speak(channel, 'WRITE', decodeHex('06000000010001 41'))
    answers.push(`${sw.toString(16)} ${String.fromCharCode(...data)}`)
    assert.equal(module.parts.objects.read('product-data', 1) !== undefined, chip === masked)
  }
  assert.deepEqual(answers, ['9000 \x00\x01', '9000 another one'])
})

test('[D4b] EEPROM form: after a loss of power the software resumes, and UNLOCK is not taken again', async () => {
  const medium = await mounted(masked)
  assert.equal(await unlockWith(powerUp(crypto, medium), masked.unlocking), 0x9000)
  const module = powerUp(crypto, medium)
  const channel = await customizationChannel(crypto, module, masked.unlocking.key, serial)
  assert.equal(await writeRecords(channel, productName), 0x9000)
  const again = powerUp(crypto, medium)
  const before = imageOf(medium, again)
  assert.equal(await unlockWith(again, masked.unlocking), outOfOrder)
  assert.equal(equal(imageOf(medium, again).bytes, before.bytes), true)
})

test('[D4c][D4d] RAM form: nothing decrypted is in EEPROM; after a loss of power only the recorded hash unlocks again, without a new OTP entry', async () => {
  const medium = await mounted(inRam)
  const first = powerUp(crypto, medium)
  assert.equal(await unlockWith(first, inRam.unlocking), 0x9000)
  const middle = inRam.plaintext.subarray(200, 232)
  assert.deepEqual(
    imageOf(medium, first)
      .search(middle)
      .map(({ section }) => section),
    ['ram'],
  )
  assert.equal(await unlockWith(first, inRam.unlocking), outOfOrder)
  const channel = await customizationChannel(crypto, first, inRam.unlocking.key, serial)
  assert.equal(await writeRecords(channel, productName), 0x9000)

  const module = powerUp(crypto, medium)
  const otp = openMemory(medium).otp.dump()
  const closed = await customizationChannel(crypto, module, inRam.unlocking.key, serial)
  assert.equal(await writeRecords(closed, productName), outOfOrder)
  assert.equal((await speak(closed, 'MAKE IDENTITY')).sw >= 0x6900, true)
  module.reset()
  const { key, hash } = inRam.unlocking
  assert.equal(await unlockWith(module, { key, hash: flipped(hash, 0) }), refused)
  assert.equal((await status(module)).triesLeft, unlockTries - 1)
  assert.equal(await unlockWith(module, { key: flipped(key, 0), hash }), refused)
  assert.equal(
    module.parts.ram.image().every((byte) => byte === 0),
    true,
  )
  assert.equal(await unlockWith(module, inRam.unlocking), 0x9000)
  const reopened = await customizationChannel(crypto, module, key, serial)
  assert.equal(await writeRecords(reopened, productName), 0x9000)
  assert.deepEqual(openMemory(medium).otp.dump(), otp)
  assert.equal(module.parts.events.head()?.number, 2)
  // A card reset takes the RAM as well.
  module.reset()
  assert.equal(await unlockWith(module, inRam.unlocking), 0x9000)
})

test("[D4d] RAM form: another image of the same client's, put in the place of the first one, does not unlock the second time", async () => {
  const medium = await mounted(inRam)
  assert.equal(await unlockWith(powerUp(crypto, medium), inRam.unlocking), 0x9000)
  const other = serializeCustomizationImage(
    signCustomizationImage({ version: 1, form: 'ram', program: answeringProgram('other') }, inRam.client),
  )
  const key = scriptedEntropy('another key').bytes(32)
  const { nvm, objects } = openMemory(medium)
  const put = (image: Uint8Array) => nvm.transaction((tx) => objects.put(tx, 'encrypted-image', 0, image))
  put(sealImage(crypto, key, new Uint8Array(16), other))
  const module = powerUp(crypto, medium)
  assert.equal(await unlockWith(module, { key, hash: crypto.sha256(other) }), refused)
  assert.deepEqual((await status(module)).triesLeft, unlockTries - 1)
  // The same key and image do unlock a chip that has taken none yet.
  const fresh = await mounted(inRam)
  const memory = openMemory(fresh)
  memory.nvm.transaction((tx) =>
    memory.objects.put(tx, 'encrypted-image', 0, sealImage(crypto, key, new Uint8Array(16), other)),
  )
  assert.equal(await unlockWith(powerUp(crypto, fresh), { key, hash: crypto.sha256(other) }), 0x9000)
  put(inRam.encryptedImage)
  assert.equal(await unlockWith(powerUp(crypto, medium), inRam.unlocking), 0x9000)
})

test('[D3b] a chip without room for what UNLOCK stores answers 6A84 and keeps nothing, in RAM neither; with room again it unlocks', async () => {
  for (const chip of [masked, inRam]) {
    const medium = await mounted(chip)
    const module = powerUp(crypto, medium)
    const { nvm, objects, ram } = module.parts
    nvm.transaction((tx) => {
      // So that counting a try needs no room.
      objects.put(tx, 'tries', 0, Uint8Array.of(0))
      for (const [id, { start, end }] of objects.free().entries()) {
        objects.put(tx, 'product-data', id, new Uint8Array(end - start))
      }
    })
    const before = imageOf(medium, module)
    assert.equal(await unlockWith(module, chip.unlocking), statusWords['no-space'].sw)
    const after = imageOf(medium, module)
    const changed = [...after.bytes.keys()].filter((i) => after.bytes[i] !== before.bytes[i])
    // The try.
    assert.deepEqual(
      changed.map((i) => [before.bytes[i], after.bytes[i]]),
      [[0, 1]],
    )
    assert.deepEqual(ram.list(), [])
    assert.equal((await status(module)).mode, 'issuer')
    nvm.transaction((tx) => {
      for (const { id } of objects.list('product-data')) objects.remove(tx, 'product-data', id)
    })
    assert.equal(await unlockWith(module, chip.unlocking), 0x9000)
  }
})

/** A chip of the mask with its serial number. */
async function mounted(chip: Pick<MaskedChip, 'chip'>): Promise<RamMedium> {
  const medium = chip.chip()
  const { sw } = await speak(transportTo(powerUp(crypto, medium)), 'WRITE SERIAL', serial)
  assert.equal(sw, 0x9000)
  return medium
}

function chipOf(mask: Parameters<typeof programMask>[1]): RamMedium {
  const medium = new RamMedium(maskGeometry(mask), mask.rom)
  programMask(medium, mask)
  return medium
}

/** The data are refused; besides the counted try every byte, and what runs, is as before; the right data then still work. */
async function staysAsItWas(chip: MaskedChip, wrong: UnlockingData): Promise<void> {
  const medium = await mounted(chip)
  const module = powerUp(crypto, medium)
  // So that counting changes one byte and lays nothing new.
  module.parts.nvm.transaction((tx) => module.parts.objects.put(tx, 'tries', 0, Uint8Array.of(1)))
  const before = imageOf(medium, module)
  assert.equal(await unlockWith(module, wrong), refused)
  const after = imageOf(medium, module)
  const changed = [...after.bytes.keys()].filter((i) => after.bytes[i] !== before.bytes[i])
  assert.deepEqual(
    changed.map((i) => [before.bytes[i], after.bytes[i]]),
    [[1, 2]],
  )
  assert.equal((await status(module)).mode, 'issuer')
  assert.deepEqual(await customizationRefused(module), [0x6d00, 0x6d00])
}

/** INITIALIZE UPDATE and WRITE of customization. */
async function customizationRefused(module: Module): Promise<number[]> {
  const transport = transportTo(module)
  const first = await speak(transport, 'INITIALIZE UPDATE', new Uint8Array(8), 1)
  return [first.sw, (await speak(transport, 'WRITE', Uint8Array.of(1))).sw]
}

async function status(module: Module) {
  return parseChipStatus((await speak(transportTo(module), 'CHIP STATUS')).data)
}

function imageOf(medium: Medium, module: Module): MemoryImage {
  return memoryImage({ medium, ram: module.parts.ram })
}

function triesUsed(medium: RamMedium): number {
  return openMemory(medium.clone()).objects.read('tries', 0)?.[0] ?? 0
}

/** The portable backend, which tells when an image is decrypted. */
function spyOnCtr(told: () => void): Crypto {
  return {
    ...crypto,
    aes(key) {
      const handle: AesKey = crypto.aes(key)
      return {
        length: handle.length,
        encryptBlock: (block) => handle.encryptBlock(block),
        cbcEncrypt: (iv, data) => handle.cbcEncrypt(iv, data),
        cbcDecrypt: (iv, data) => handle.cbcDecrypt(iv, data),
        ctr: (counter, data) => {
          told()
          return handle.ctr(counter, data)
        },
        cmac: (...parts) => handle.cmac(...parts),
        gcmSeal: (nonce, plain, associated) => handle.gcmSeal(nonce, plain, associated),
        gcmOpen: (nonce, sealed, associated) => handle.gcmOpen(nonce, sealed, associated),
        [Symbol.dispose]: () => handle[Symbol.dispose](),
      }
    },
  }
}

function flipped(bytes: Uint8Array, at: number): Uint8Array {
  return bytes.map((byte, i) => (i === at ? byte ^ 0x01 : byte))
}
