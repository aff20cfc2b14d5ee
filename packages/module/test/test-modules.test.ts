import assert from 'node:assert/strict'
import { test } from 'node:test'
import { decodeHex } from '@sealwright/core/bytes'
import { certificateIds, commands, publicKeyIds } from '@sealwright/core/catalog'
import { portableCrypto as crypto } from '@sealwright/core/crypto'
import {
  checkIdentityRequest,
  isTestModule,
  parseChipStatus,
  parseIdentityKey,
  sealImage,
  serializeAesKeyObject,
  serializeCustomizationImage,
  signCustomizationImage,
  type WriteRecord,
} from '@sealwright/core/customization'
import { scriptedEntropy } from '@sealwright/core/testing'
import { parseCertificate } from '@sealwright/core/x509'
import { openMemory, openNvm } from '../src/eeprom/index.ts'
import { layOutMask, maskGeometry, programMask } from '../src/mask/index.ts'
import { areaOf, RamMedium } from '../src/medium/index.ts'
import type { Module } from '../src/module.ts'
import { otpBits } from '../src/otp/index.ts'
import {
  customizationChannel,
  everyPowerCut,
  fixtureCertificate,
  fixtureKey,
  maskedChip,
  powerUp,
  speak,
  transportTo,
  unlockWith,
  writeRecords,
} from '../src/testing/index.ts'
import { committed } from './programs.ts'

const serial = decodeHex('0102030405060708')
const programs = { program: committed('rom'), customization: committed('customization') }
const real = maskedChip({ crypto, ...programs })
const marked = maskedChip({ crypto, ...programs, test: true })
const factoryKey = decodeHex('404142434445464748494A4B4C4D4E4F')
const place = 0x0020_0101
/** Of RFC 6979, appendix A.2.5. */
const testPair = crypto.ecPrivateKey(
  decodeHex('C9AFA9D845BA75166B5C215767B1D6934E50C3DB36E89B127B8A622B120F6721'),
)
const testPoint = testPair.publicPoint

test('[X9a] the ROM alone makes a test module: production sets the bit, CHIP STATUS shows it, a real chip never has it', async () => {
  for (const [masked, expected] of [
    [real, false],
    [marked, true],
  ] as const) {
    const medium = masked.chip()
    const page = medium.read(areaOf(medium.geometry, 'otp').first)
    assert.equal((page[0]! & 1) === 1, expected)
    const module = powerUp(crypto, medium)
    const status = parseChipStatus((await speak(transportTo(module), 'CHIP STATUS')).data)
    assert.equal((status.otp[0]! & (1 << otpBits.test)) !== 0, expected)
    assert.equal(isTestModule(status), expected)
  }
})

test('[X9a] a test bit that the ROM does not ask for, or one that is missing after issuer mode, is refused at start', async () => {
  const added = real.chip()
  openNvm(added).transaction((tx) => tx.setOtp('test'))
  assert.throws(() => powerUp(crypto, added), { code: 'memory-damaged' })

  const { medium } = await unlocked(real)
  openNvm(medium).transaction((tx) => tx.setOtp('test'))
  assert.throws(() => powerUp(crypto, medium), { code: 'memory-damaged' })

  const blank = new RamMedium(marked.chip().geometry, marked.mask.rom)
  openNvm(blank).transaction((tx) => tx.setOtp('mode-customization'))
  assert.throws(() => openMemory(blank), { code: 'memory-damaged' })
})

test('[X9a] a power cut at every write of the first start leaves a chip that starts as a test module', async () => {
  const report = await everyPowerCut({
    name: 'first start',
    prepare() {
      const medium = new RamMedium(marked.chip().geometry, marked.mask.rom)
      openNvm(medium)
      return medium.snapshot()
    },
    run: async (cut) => void openMemory(cut),
    check: (after) => (openMemory(after).otp.test('test') ? 'new' : 'old'),
  })
  assert.ok(report.cuts > 0)
})

test('[X9a] customization refuses known test keys of every kind: 6A80, and the WRITE that brings one changes nothing', async () => {
  for (const record of bringers()) {
    const { medium, channel, module } = await unlocked(real)
    const before = medium.snapshot().pages
    const beside: WriteRecord = { kind: 'put', object: 'product-data', id: 1, bytes: Uint8Array.of(0x41) }
    assert.equal(await writeRecords(channel, [beside, record]), 0x6a80, describe(record))
    assert.deepEqual(openMemory(medium).objects.read('product-data', 1), undefined)
    assert.deepEqual([...medium.snapshot().pages], [...before], describe(record))
    // The channel goes on, and the same place takes a key that is none.
    assert.equal(await writeRecords(channel, [{ ...record, bytes: fresh(record) }]), 0x9000, describe(record))
    module.reset()
  }
})

test('[X9c] a test module takes all of them', async () => {
  const { channel } = await unlocked(marked)
  for (const record of bringers())
    assert.equal(await writeRecords(channel, [record]), 0x9000, describe(record))
})

type Put = Extract<WriteRecord, { kind: 'put' }>

function bringers(): Put[] {
  const keys = [
    factoryKey,
    new Uint8Array(16),
    new Uint8Array(32).fill(0xff),
    decodeHex('2B7E151628AED2A6ABF7158809CF4F3C'),
  ]
  return [
    ...keys.map((key): Put => ({ kind: 'put', object: 'key', id: place, bytes: serializeAesKeyObject(key) })),
    ...[publicKeyIds.manufacturer, publicKeyIds.authority].map(
      (id): Put => ({ kind: 'put', object: 'public-key', id, bytes: testPoint }),
    ),
    { kind: 'put', object: 'operator', id: 1, bytes: testPoint },
  ]
}

function fresh({ object }: Put): Uint8Array {
  return object === 'key'
    ? serializeAesKeyObject(scriptedEntropy('a key that nobody knows').bytes(16))
    : fixtureKey(crypto, 'a pair that nobody knows').publicPoint
}

function describe({ object, id, bytes }: Put): string {
  return `${object} ${id}, ${bytes.length} bytes`
}

async function unlocked(masked: typeof real) {
  const medium = masked.chip()
  const module: Module = powerUp(crypto, medium)
  await speak(transportTo(module), 'WRITE SERIAL', serial)
  assert.equal(await unlockWith(module, masked.unlocking), 0x9000)
  const channel = await customizationChannel(crypto, module, masked.unlocking.key, serial)
  return { medium, module, channel }
}

test('[X9a] UNLOCK under a known key, or for the client with a known key, unlocks no real chip, and it counts as a failure', async () => {
  const other = scriptedEntropy('an unlocking key').bytes(32)
  const client = fixtureKey(crypto, 'a client')
  const cases = [
    { key: new Uint8Array(32).fill(0x42), pair: client },
    { key: other, pair: testPair },
  ]
  for (const { key, pair } of cases) {
    const image = signCustomizationImage(
      { version: 1, form: 'eeprom', program: programs.customization },
      pair,
    )
    const plaintext = serializeCustomizationImage(image)
    const encryptedImage = sealImage(crypto, key, new Uint8Array(16), plaintext)
    for (const test of [false, true]) {
      const mask = layOutMask({
        ...{ test, eepromSize: 64 * 1024, program: programs.program },
        ...{ clientKey: pair.publicPoint, encryptedImage },
      })
      const medium = new RamMedium(maskGeometry(mask), mask.rom)
      programMask(medium, mask)
      const module = powerUp(crypto, medium)
      await speak(transportTo(module), 'WRITE SERIAL', serial)
      const sw = await unlockWith(module, { key, hash: crypto.sha256(plaintext) })
      assert.equal(sw.toString(16), test ? '9000' : '6982')
      const status = parseChipStatus((await speak(transportTo(module), 'CHIP STATUS')).data)
      assert.deepEqual([status.mode, status.triesLeft], test ? ['customization', 64] : ['issuer', 63])
    }
  }
})

test('[X9b] STORE IDENTITY takes a marked certificate in a test module alone, and no other there: 6A80, nothing changed', async () => {
  for (const [masked, mark] of [
    [real, false],
    [marked, true],
  ] as const) {
    const { channel, medium, module } = await unlocked(masked)
    const manufacturer = fixtureKey(crypto, 'manufacturer')
    const put = {
      object: 'public-key',
      id: publicKeyIds.manufacturer,
      bytes: manufacturer.publicPoint,
    } as const
    const natives = (['MAKE IDENTITY', 'STORE IDENTITY', 'FINISH', 'CHIP STATUS'] as const).map(
      (name) => commands[name].entry,
    )
    assert.equal(
      await writeRecords(channel, [
        { kind: 'put', ...put },
        ...natives.map((entry) => ({ kind: 'activate' as const, entry })),
      ]),
      0x9000,
    )
    const identity = parseIdentityKey((await speak(channel, 'MAKE IDENTITY')).data)
    checkIdentityRequest(crypto, { serial, ...identity })
    assert.equal(identity.test, mark)
    const certificate = (test: boolean) =>
      fixtureCertificate(
        crypto,
        {
          role: 'module-identity',
          subject: { commonName: 'module', serialNumber: '0102030405060708' },
          publicPoint: identity.point,
          issuer: { subject: { commonName: 'manufacturer' }, publicPoint: manufacturer.publicPoint, test },
        },
        manufacturer,
      )
    assert.equal(certificate(true).test, true)
    const before = medium.snapshot().pages
    assert.equal((await speak(channel, 'STORE IDENTITY', certificate(!mark).encoded)).sw, 0x6a80)
    assert.deepEqual([...medium.snapshot().pages], [...before])
    assert.equal((await speak(channel, 'STORE IDENTITY', certificate(mark).encoded)).sw, 0x9000)
    assert.equal((await speak(channel, 'FINISH')).sw, 0x9000)
    const stored = module.parts.objects.read('certificate', certificateIds.identity.id)!
    assert.equal(parseCertificate(stored).test, mark)
    // For good: after FINISH the mark is what it was, and the first start of another power-up leaves it so.
    const again = powerUp(crypto, medium)
    assert.equal(again.parts.otp.test('test'), mark)
    const status = parseChipStatus((await speak(transportTo(again), 'CHIP STATUS')).data)
    assert.equal(isTestModule(status), mark)
  }
})
