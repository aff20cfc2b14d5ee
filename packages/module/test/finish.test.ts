import assert from 'node:assert/strict'
import { test } from 'node:test'
import { concat, decodeHex, equal } from '@sealwright/core/bytes'
import {
  type CommandName,
  certificateIds,
  type chipModes,
  commands,
  keyPlaces,
  productDataIds,
  programInstructions,
  publicKeyIds,
  receiptIds,
} from '@sealwright/core/catalog'
import { portableCrypto as crypto } from '@sealwright/core/crypto'
import {
  checkIdentityRequest,
  dataAreaOf,
  parseChipStatus,
  parseIdentityKey,
  recordsOfObject,
  serializeAesKeyObject,
  serializeSoftware,
  type WriteRecord,
} from '@sealwright/core/customization'
import { serializeKeyPlace } from '@sealwright/core/key-download'
import type { Transport } from '@sealwright/core/ports'
import { scriptedEntropy } from '@sealwright/core/testing'
import { controlIds, openMemory } from '../src/eeprom/index.ts'
import type { Module } from '../src/index.ts'
import { type Medium, RamMedium } from '../src/medium/index.ts'
import { type MemoryImage, memoryImage } from '../src/memory-image/index.ts'
import { otpBits } from '../src/otp/index.ts'
import {
  customizationChannel,
  everyPowerCut,
  fixtureCertificate,
  fixtureKey,
  maskedChip,
  powerUp,
  type Scenario,
  speak,
  transportTo,
  unlockWith,
  writeRecords,
} from '../src/testing/index.ts'
import { committed } from './programs.ts'

const serial = decodeHex('0102030405060708')
const masked = maskedChip({ crypto, program: committed('rom'), customization: committed('customization') })
const manufacturer = fixtureKey(crypto, 'finish manufacturer')
const root = fixtureCertificate(
  crypto,
  {
    role: 'manufacturer-root',
    subject: { commonName: 'manufacturer' },
    publicPoint: manufacturer.publicPoint,
    issuer: 'self',
  },
  manufacturer,
)
const point = 0x0020_0101
const pointKey = scriptedEntropy('key of the point').bytes(16)
const loyalty = serializeSoftware({
  version: 1,
  interfaces: ['io', 'data', 'mac'],
  budget: 1_000_000,
  keyPlaces: [point],
  program: committed('loyalty'),
})
const base: WriteRecord[] = [
  { kind: 'put', object: 'public-key', id: publicKeyIds.manufacturer, bytes: root.publicPoint },
  ...recordsOfObject('software', 3, loyalty, crypto.sha256(loyalty)),
  { kind: 'put', object: 'product-data', id: dataAreaOf(3), bytes: new Uint8Array(72) },
  { kind: 'put', object: 'key', id: point, bytes: serializeAesKeyObject(pointKey) },
  {
    kind: 'put',
    object: 'key-place',
    id: point,
    bytes: serializeKeyPlace({ kind: 'application', usage: 'M6', source: 0 }),
  },
  { kind: 'vectors', vectors: [{ ins: programInstructions.CREDIT.ins, program: 3, function: 1 }] },
  ...activated('SELECT', 'GET DATA', 'CHIP STATUS', 'SELF TEST', 'GET EVENTS', 'PASSPORT HEAD', 'PREPARE'),
]
const all: WriteRecord[] = [...base, ...activated('MAKE IDENTITY', 'STORE IDENTITY', 'FINISH')]

test('[D7a] FINISH is refused before customization has activated it', async () => {
  const { module, channel } = await unlocked()
  assert.equal(
    await writeRecords(channel, [...base, ...activated('MAKE IDENTITY', 'STORE IDENTITY')]),
    0x9000,
  )
  await storeIdentity(channel)
  assert.equal((await speak(channel, 'FINISH')).sw, 0x6d00)
  assert.equal(await mode(module), 'customization')
  const again = await reopened(module)
  assert.equal(await writeRecords(again, activated('FINISH')), 0x9000)
  assert.equal((await speak(again, 'FINISH')).sw, 0x9000)
})

test('[D7a] FINISH with other parameters or with data is refused; as it must be it works', async () => {
  const { module, medium, channel } = await unlocked()
  await writeRecords(channel, all)
  await storeIdentity(channel)
  const before = imageOf(medium, module).section('eeprom')!
  assert.equal((await speak(channel, 'FINISH', new Uint8Array(0), 1)).sw, 0x6a86)
  assert.equal((await speak(channel, 'FINISH', Uint8Array.of(1))).sw, 0x6700)
  assert.equal(equal(imageOf(medium, module).section('eeprom')!, before), true)
  assert.equal((await speak(channel, 'FINISH')).sw, 0x9000)
})

test('[D7b] FINISH erases the encrypted and the decrypted customization software and its keys: no image shows them', async () => {
  const { module, medium, channel } = await unlocked()
  await writeRecords(channel, all)
  await storeIdentity(channel)
  const slices = [
    ...slicesOf(masked.plaintext.subarray(66)),
    ...slicesOf(masked.encryptedImage),
    ...[0, 1, 2].map((i) => module.parts.objects.read('key', keyPlaces.customization + i)!.subarray(1)),
    // The record of UNLOCK: its hash stands in the event too, which stays.
    module.parts.objects.read('control', controlIds.unlockRecord)!.subarray(0, 12),
  ]
  const places = (image: MemoryImage) => slices.map((slice) => image.search(slice).length)
  assert.ok(places(imageOf(medium, module)).every((found) => found === 1))
  assert.equal((await speak(channel, 'FINISH')).sw, 0x9000)
  assert.ok(places(imageOf(medium, module)).every((found) => found === 0))
  const { objects } = powerUp(crypto, medium).parts
  assert.deepEqual(
    [
      objects.find('encrypted-image', 0),
      objects.find('customization-software', 0),
      ...[0, 1, 2].map((i) => objects.find('key', keyPlaces.customization + i)),
      objects.find('control', controlIds.unlockRecord),
    ],
    new Array(6).fill(undefined),
  )
})

test('[D7c] FINISH enters user mode, and GET EVENTS tells it', async () => {
  const { module, medium } = await finished()
  assert.equal(await mode(module), 'user')
  assert.equal(await mode(powerUp(crypto, medium)), 'user')
  const last = module.parts.events.list(1).at(-1)!
  assert.deepEqual(last.digest, crypto.sha256(module.parts.objects.read('vector-table', 0)!))
})

test('[D7d] after FINISH every write is attributed to an application or a command of the chip, and no other bytes change', async () => {
  const { module, medium } = await finished()
  const writers: string[] = []
  const written = new Set<number>()
  module.parts.nvm.onCommit = ({ writer, writes }) => {
    writers.push(writer)
    for (const { address, length } of writes) for (let i = 0; i < length; i++) written.add(address + i)
  }
  const before = imageOf(medium, module).section('eeprom')!
  const transport = transportTo(module)
  const record = concat(decodeHex('0000000000000007 00000000 00000000'))
  const key = crypto.aes(pointKey)
  const mac = key.cmac(new TextEncoder().encode('LOY1'), record)
  const credit = concat(decodeHex('00200101'), record, mac, decodeHex('00000005'))
  assert.equal((await speak(transport, 'CREDIT', credit)).sw, 0x9000)
  for (let ins = 0; ins < 0x100; ins++) {
    module.transmit(Uint8Array.of(0x80, ins, 0, 0))
    module.transmit(concat(Uint8Array.of(0x80, ins, 0, 0, 8), serial))
  }
  const after = imageOf(medium, module).section('eeprom')!
  const changed = [...after.keys()].filter((i) => after[i] !== before[i])
  assert.ok(changed.length > 0)
  assert.deepEqual(
    changed.filter((i) => !written.has(i)),
    [],
  )
  const known = new Set<string>([...Object.keys(commands), 'program 3'])
  assert.deepEqual(
    writers.filter((writer) => !known.has(writer)),
    [],
  )
  assert.ok(writers.includes('program 3'))
})

test('[D7e] FINISH without an identity certificate is refused, unless the product chose identical modules', async () => {
  const { module, medium, channel } = await unlocked()
  await writeRecords(channel, all)
  const before = imageOf(medium, module)
  assert.equal((await speak(channel, 'FINISH')).sw, 0x6985)
  await speak(channel, 'MAKE IDENTITY')
  assert.equal((await speak(channel, 'FINISH')).sw, 0x6985)
  assert.equal(await mode(module), 'customization')
  assert.equal(before.bytes.length > 0, true)
  const again = await reopened(module)
  const flags: WriteRecord = {
    kind: 'put',
    object: 'product-data',
    id: productDataIds.flags,
    bytes: Uint8Array.of(1),
  }
  assert.equal(await writeRecords(again, [flags]), 0x9000)
  assert.equal((await speak(again, 'FINISH')).sw, 0x9000)
  assert.equal(await mode(module), 'user')
})

test('[D7f] a power cut at every write of FINISH ends in customization mode as before or in user mode with everything erased', async () => {
  const { medium, channel, module } = await unlocked()
  await writeRecords(channel, all)
  await storeIdentity(channel)
  const old = module.parts.objects.list().length
  const fewSlices = [slicesOf(masked.plaintext.subarray(66)), slicesOf(masked.encryptedImage)].flatMap(
    (some) => [some[0]!, some.at(-1)!],
  )
  const before = medium.snapshot()
  const scenario: Scenario = {
    name: 'finish',
    prepare: () => before,
    async run(cut) {
      const again = powerUp(crypto, cut)
      await speak(await channelOf(again), 'FINISH')
    },
    async check(after) {
      const again = powerUp(crypto, after)
      const { objects, keys, otp } = again.parts
      const image = imageOf(after, again)
      if ((await mode(again)) === 'customization') {
        assert.equal(objects.list().length, old)
        assert.equal(otp.test('wipe-intent'), false)
        await channelOf(again)
        return 'old'
      }
      assert.equal(await mode(again), 'user')
      assert.equal(keys.has(keyPlaces.customization), false)
      for (const slice of fewSlices) assert.deepEqual(image.search(slice), [])
      assert.equal(again.parts.events.list(1).filter(({ type }) => type === 5).length, 1)
      return 'new'
    },
  }
  const report = await everyPowerCut(scenario, { modes: ['whole', 'torn'] })
  assert.ok(report.cuts > 20)
})

test('[D7g][D4e] commands of customization, and UNLOCK, are refused for ever after FINISH', async () => {
  const { module, medium, channel } = await finished()
  const before = imageOf(medium, module)
  for (const name of ['WRITE', 'FINISH', 'MAKE IDENTITY', 'STORE IDENTITY'] as const) {
    assert.notEqual((await speak(channel, name, Uint8Array.of(1))).sw, 0x9000)
  }
  for (const again of [module, powerUp(crypto, medium)]) {
    again.reset()
    assert.equal(await unlockWith(again, masked.unlocking), 0x6d00)
    for (const name of ['WRITE', 'FINISH', 'MAKE IDENTITY', 'STORE IDENTITY', 'WRITE SERIAL'] as const) {
      assert.equal((await speak(transportTo(again), name, serial)).sw, 0x6d00)
    }
    await assert.rejects(customizationChannel(crypto, again, masked.unlocking.key, serial))
  }
  assert.equal(equal(imageOf(medium, module).section('eeprom')!, before.section('eeprom')!), true)
})

test('[D8a][D8b] one OTP bit is set a step, and the dump shows the mode after each', async () => {
  const medium = masked.chip()
  const steps: string[] = []
  const modes: string[] = []
  const watched = (module: Module): Module => {
    module.parts.nvm.onCommit = ({ otp }) => {
      assert.ok(otp.length <= 1)
      steps.push(...otp)
    }
    return module
  }
  const module = watched(powerUp(crypto, medium))
  const note = async () => {
    const { otp, mode } = parseChipStatus((await speak(transportTo(module), 'CHIP STATUS')).data)
    const set = Object.entries(otpBits).filter(([, n]) => (otp[n >> 3]! & (1 << (n & 7))) !== 0)
    modes.push(`${mode}: ${set.map(([name]) => name).join(' ')}`)
  }
  await speak(transportTo(module), 'WRITE SERIAL', serial)
  await note()
  await unlockWith(module, masked.unlocking)
  await note()
  const channel = await channelOf(module)
  await writeRecords(channel, all)
  await storeIdentity(channel)
  await speak(channel, 'FINISH')
  module.reset()
  await note()
  assert.deepEqual(steps, ['mode-customization', 'wipe-intent', 'wipe-done', 'mode-user'])
  assert.deepEqual(modes, [
    'issuer: ',
    'customization: mode-customization',
    'user: mode-customization mode-user wipe-intent wipe-done',
  ])
})

test('[D8c] customization is entered once: neither UNLOCK again nor an old encrypted image opens it again', async () => {
  const { module, medium } = await unlocked()
  const otp = openMemory(medium).otp.dump()
  module.reset()
  assert.equal(await unlockWith(module, masked.unlocking), 0x6985)
  assert.deepEqual(openMemory(medium).otp.dump(), otp)
  const done = await finished()
  // Whoever could write the image back into EEPROM would still find the mode beyond it.
  done.module.parts.nvm.transaction((tx) => {
    done.module.parts.objects.put(tx, 'encrypted-image', 0, masked.encryptedImage)
  })
  done.module.reset()
  assert.equal(await unlockWith(done.module, masked.unlocking), 0x6d00)
  assert.equal(await mode(done.module), 'user')
})

test('[D8d] mode bits that no step leads to are refused at start', async () => {
  const { medium } = await finished()
  const legal = new Set([0b000000, 0b000010, 0b010010, 0b110010, 0b110110, 0b111110])
  for (let bits = 0; bits < 64; bits++) {
    const changed = withOtp(medium, bits)
    const starts = () => powerUp(crypto, changed)
    // Bit 0 marks a test module, and this ROM is of none.
    if (!legal.has(bits)) assert.throws(starts, { code: /^memory-(damaged|rolled-back)$/ }, `bits ${bits}`)
    else assert.equal(starts().parts.life.mode(), modeOf(bits))
  }
})

test('[D8e] an old EEPROM image under a newer OTP is refused', async () => {
  const { medium: before } = await unlocked()
  const old = before.snapshot()
  const { medium } = await finished()
  const now = medium.snapshot()
  const pages = new Map(old.pages)
  pages.set(0, now.pages.get(0)!)
  const mixed = new RamMedium(old.geometry)
  mixed.restore({ ...old, pages })
  assert.throws(() => powerUp(crypto, mixed), { code: 'memory-rolled-back' })
  const issuer = masked.chip().snapshot()
  const back = new RamMedium(issuer.geometry)
  back.restore({ ...issuer, pages: new Map([...issuer.pages, [0, now.pages.get(0)!]]) })
  assert.throws(() => powerUp(crypto, back), { code: 'memory-rolled-back' })
})

test('MAKE IDENTITY gives one key: asked again, and after a loss of power, the same point', async () => {
  const { module, medium, channel } = await unlocked()
  await writeRecords(channel, all)
  const first = parseIdentityKey((await speak(channel, 'MAKE IDENTITY')).data)
  checkIdentityRequest(crypto, { serial, ...first })
  assert.deepEqual(parseIdentityKey((await speak(channel, 'MAKE IDENTITY')).data).point, first.point)
  const again = await channelOf(powerUp(crypto, medium))
  assert.deepEqual(parseIdentityKey((await speak(again, 'MAKE IDENTITY')).data).point, first.point)
  assert.equal(module.parts.events.head()?.number, 3)
})

test('STORE IDENTITY refuses certificates of another module, key, role and manufacturer, and a second one', async () => {
  const { module, medium, channel } = await unlocked()
  await writeRecords(channel, all)
  const { point: own } = parseIdentityKey((await speak(channel, 'MAKE IDENTITY')).data)
  const other = fixtureKey(crypto, 'another')
  const foreign = fixtureCertificate(
    crypto,
    {
      role: 'manufacturer-root',
      subject: { commonName: 'other' },
      publicPoint: other.publicPoint,
      issuer: 'self',
    },
    other,
  )
  const wrong = [
    identityCertificate(own, '0102030405060709'),
    identityCertificate(other.publicPoint),
    fixtureCertificate(
      crypto,
      { role: 'manufacturer', subject: { commonName: 'x' }, publicPoint: own, issuer: root },
      manufacturer,
    ),
    identityCertificate(own, undefined, foreign, other),
    identityCertificate(own, undefined, root, other),
    root,
  ]
  const before = imageOf(medium, module)
  for (const certificate of wrong) {
    assert.equal((await speak(channel, 'STORE IDENTITY', certificate.encoded)).sw, 0x6a80)
  }
  const good = identityCertificate(own)
  for (const bytes of [
    good.encoded.subarray(0, -1),
    concat(good.encoded, Uint8Array.of(0)),
    new Uint8Array(0),
  ]) {
    assert.equal((await speak(channel, 'STORE IDENTITY', bytes)).sw, 0x6a80)
  }
  assert.equal(equal(imageOf(medium, module).section('eeprom')!, before.section('eeprom')!), true)
  assert.equal((await speak(channel, 'STORE IDENTITY', good.encoded)).sw, 0x9000)
  assert.equal((await speak(channel, 'STORE IDENTITY', good.encoded)).sw, 0x9000)
  const another = fixtureCertificate(
    crypto,
    { ...profile(own), issuer: root, notAfter: 1_900_000_000 },
    manufacturer,
  )
  assert.equal((await speak(channel, 'STORE IDENTITY', another.encoded)).sw, 0x6a89)
  assert.deepEqual(module.parts.objects.read('certificate', certificateIds.identity.id), good.encoded)
})

async function unlocked(): Promise<{ module: Module; medium: RamMedium; channel: Transport }> {
  const medium = masked.chip()
  const module = powerUp(crypto, medium)
  await speak(transportTo(module), 'WRITE SERIAL', serial)
  assert.equal(await unlockWith(module, masked.unlocking), 0x9000)
  return { module, medium, channel: await channelOf(module) }
}

async function finished(): Promise<{ module: Module; medium: RamMedium; channel: Transport }> {
  const chip = await unlocked()
  assert.equal(await writeRecords(chip.channel, all), 0x9000)
  await storeIdentity(chip.channel)
  assert.equal((await speak(chip.channel, 'FINISH')).sw, 0x9000)
  return chip
}

function channelOf(module: Module): Promise<Transport> {
  return customizationChannel(crypto, module, masked.unlocking.key, serial)
}

function reopened(module: Module): Promise<Transport> {
  module.reset()
  return channelOf(module)
}

async function storeIdentity(channel: Transport): Promise<void> {
  const { point: own } = parseIdentityKey((await speak(channel, 'MAKE IDENTITY')).data)
  assert.equal((await speak(channel, 'STORE IDENTITY', identityCertificate(own).encoded)).sw, 0x9000)
}

function profile(own: Uint8Array, number = '0102030405060708') {
  return {
    role: 'module-identity' as const,
    subject: { commonName: 'module', serialNumber: number },
    publicPoint: own,
  }
}

function identityCertificate(own: Uint8Array, number?: string, issuer = root, signer = manufacturer) {
  return fixtureCertificate(crypto, { ...profile(own, number), issuer }, signer)
}

function activated(...names: CommandName[]): WriteRecord[] {
  return names.map((name) => ({ kind: 'activate', entry: commands[name].entry }))
}

async function mode(module: Module): Promise<string> {
  module.reset()
  return parseChipStatus((await speak(transportTo(module), 'CHIP STATUS')).data).mode
}

function imageOf(medium: Medium, module: Module): MemoryImage {
  return memoryImage({ medium, ram: module.parts.ram })
}

/** Every third run of 24 bytes: what remained of a piece would hold one. */
function slicesOf(bytes: Uint8Array): Uint8Array[] {
  const slices: Uint8Array[] = []
  for (let at = 0; at + 24 <= bytes.length; at += 72) slices.push(bytes.subarray(at, at + 24))
  return slices
}

/** The chip with other OTP bits, the mark in EEPROM changed to fit: what only tampering could bring about. */
function withOtp(medium: RamMedium, bits: number): RamMedium {
  const { pages, geometry } = medium.snapshot()
  const otp = new Uint8Array(256)
  otp[0] = bits
  const control = pages.get(1)!.slice()
  control.fill(0, 12, 44)
  control[12] = bits
  const changed = new RamMedium(geometry)
  changed.restore({ geometry, damaged: new Set(), pages: new Map([...pages, [0, otp], [1, control]]) })
  return changed
}

function modeOf(bits: number): keyof typeof chipModes {
  if ((bits & 0b1000) !== 0) return 'terminated'
  if ((bits & 0b0100) !== 0) return 'user'
  // A wipe that was begun is ended at start.
  if ((bits & 0b10000) !== 0) return 'user'
  return (bits & 0b0010) !== 0 ? 'customization' : 'issuer'
}

test('FINISH ends the customization channel with its answer', async () => {
  const { module, channel } = await unlocked()
  await writeRecords(channel, all)
  await storeIdentity(channel)
  assert.equal((await speak(channel, 'FINISH')).sw, 0x9000)
  assert.equal(module.parts.channels.current, undefined)
  assert.equal((await speak(channel, 'CHIP STATUS')).sw, 0x6982)
})

test('customization lays no key place where own keys or receipts that are no key’s lie', async () => {
  const { module, channel } = await unlocked()
  const bytes = serializeKeyPlace({ kind: 'application', usage: 'M6', source: 0 })
  for (const id of [receiptIds.personalization, receiptIds.load, receiptIds.load + 3, keyPlaces.document]) {
    assert.equal(await writeRecords(channel, [{ kind: 'put', object: 'key-place', id, bytes }]), 0x6982)
    assert.equal(module.parts.objects.find('key-place', id), undefined)
  }
})
