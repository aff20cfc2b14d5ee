import assert from 'node:assert/strict'
import { test } from 'node:test'
import { command, parseResponse, serializeCommand } from '@sealwright/core/apdu'
import { concat, decodeHex, u16, u32 } from '@sealwright/core/bytes'
import { type CommandName, commands, keyPlaces, productDataIds } from '@sealwright/core/catalog'
import { portableCrypto as crypto, kcvCmac, privateScalar, withHandle } from '@sealwright/core/crypto'
import type { CustomizationObject } from '@sealwright/core/customization'
import { AuthError, DecodeError } from '@sealwright/core/errors'
import {
  serializeKeyPlace,
  serializeLoaderKeyOrder,
  serializeSetData,
  serializeTransportKeyData,
} from '@sealwright/core/key-download'
import {
  type OperatorDocument,
  prepareManifest,
  prepareOperatorDocument,
  sealPackageKey,
} from '@sealwright/core/resources'
import { scriptedEntropy } from '@sealwright/core/testing'
import fc from 'fast-check'
import type { OpenChannel } from '../src/channel/index.ts'
import { Refusal } from '../src/dispatch/refusal.ts'
import { type Objects, StorageFull, type Transaction } from '../src/eeprom/index.ts'
import { handlers } from '../src/handlers/index.ts'
import {
  customizationChannel,
  customizedModule,
  fixtureKey,
  fixtureTime,
  maskedChip,
  powerUp,
  speak,
  transportTo,
  unlockWith,
  writeRecords,
} from '../src/testing/index.ts'
import { committed } from './programs.ts'

// Parties that have their keys and channels rightfully, and send what no program of ours would.

const serial = decodeHex('0102030405060708')
const operator = fixtureKey(crypto, 'rightful operator')
const supplier = fixtureKey(crypto, 'rightful supplier')
const fuelPlace = 0x0020_0101
const dekBytes = new Uint8Array(16).fill(9)
const dek = crypto.aes(dekBytes)

function operatingModule(prepare?: (parts: { tx: Transaction; objects: Objects }) => void) {
  return customizedModule({
    ...{ crypto, serial, operating: true, eepromSize: 64 * 1024, operators: [operator.publicPoint] },
    prepare(parts) {
      const { tx, objects } = parts
      const transport = { kind: 'transport', usage: 'K0', source: 0 } as const
      objects.put(tx, 'key-place', keyPlaces.transport, serializeKeyPlace(transport))
      const application = { kind: 'application', usage: 'M6', source: 5 } as const
      objects.put(tx, 'key-place', fuelPlace, serializeKeyPlace(application))
      objects.put(tx, 'product-data', productDataIds.suites, decodeHex('A101A102A103A201'))
      prepare?.(parts)
    },
  })
}

/** What a handler sees of a channel: of every kind, since the dispatcher has let the command through. */
function channelOf(resource: number): OpenChannel {
  return { kind: 'supplier', session: { dek, close() {} } as never, resource }
}

const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length })
const extremes = fc.constantFrom(1, 0x7fff, 0x8000, 0xffff, 0x1_0000, 0x7fff_ffff, 0xffff_ffff)
const number = fc.oneof(fc.integer({ min: 1, max: 9000 }), extremes)
const mostly = (value: number) =>
  fc.oneof({ weight: 9, arbitrary: fc.constant(value) }, { weight: 1, arbitrary: fc.nat(255) })
const resource = fc.integer({ min: 1, max: 2 })

interface Sent {
  readonly name: CommandName
  readonly data: Uint8Array
}

const named = Object.keys(handlers) as CommandName[]
// These two end the module's life as it is here.
const harmless = named.filter((name) => name !== 'FINISH' && name !== 'UNLOCK')
const anything: fc.Arbitrary<Sent> = fc.record({
  name: fc.constantFrom(...harmless),
  data: fc.oneof(
    fc.uint8Array({ maxLength: 300 }),
    fc.constantFrom(0, 4, 8, 12, 16, 20, 32, 36, 65).chain(bytes),
  ),
})

let documents = 0
const reservation = fc
  .record({
    ...{ resource, aid: fc.uint8Array({ minLength: 5, maxLength: 16 }), size: number },
    start: fc.option(number, { nil: undefined }),
    interfaces: fc.subarray(['io', 'data', 'random', 'mac', 'cipher', 'sign', 'clock'] as const),
    places: fc.constantFrom<number[]>([], [fuelPlace], [keyPlaces.transport], [0xffff_ffff]),
    onCurve: mostly(1),
    budget: fc.constantFrom(1, 20_000_000, 0x3fff_ffff),
  })
  .map(({ start, places, onCurve, ...fields }) => ({
    ...({ type: 'reservation', agreement: 1, ...fields } as const),
    places: fields.interfaces.some((one) => one === 'mac' || one === 'cipher') ? places : [],
    supplier: onCurve === 1 ? supplier.publicPoint : new Uint8Array(65).fill(4),
    ...(start === undefined ? {} : { start }),
  }))
const order = fc.record({ type: fc.constantFrom('block', 'release', 'deletion'), resource })
const operated: fc.Arbitrary<Sent> = fc.oneof(reservation, order, order).map((fields) => {
  const head = { module: serial, number: ++documents, time: fixtureTime }
  const document = { ...head, ...fields } as unknown as OperatorDocument
  const unsigned = prepareOperatorDocument(document, operator.publicPoint, crypto)
  return { name: 'OPERATE', data: unsigned.finish(operator.sign(unsigned.toBeSigned)) }
})
const block: fc.Arbitrary<Sent> = fc
  .record({
    index: fc.nat(600),
    hashes: fc.nat(12),
    content: fc.uint8Array({ minLength: 17, maxLength: 90 }),
  })
  .map(({ index, hashes, content }) => ({
    name: 'LOAD BLOCK',
    data: concat(u16(index), Uint8Array.of(hashes), new Uint8Array(32 * hashes), content),
  }))

function loaded(modulePoint: Uint8Array): fc.Arbitrary<Sent> {
  const fields = { resource, package: bytes(16), version: fc.integer({ min: 1, max: 5 }), program: number }
  const data = fc.record({ size: fc.oneof(fc.constant(0), number), load: fc.boolean() })
  const blockSize = fc.integer({ min: 64, max: 8192 })
  return fc.record({ ...fields, data, blockSize, root: bytes(32) }).map((rest) => {
    const unsigned = prepareManifest({ module: serial, ...rest }, supplier.publicPoint, crypto)
    const manifest = unsigned.finish(supplier.sign(unsigned.toBeSigned))
    const sealed = sealPackageKey(crypto, {
      ...{
        key: scriptedEntropy('package key').bytes(16),
        modulePoint,
        manifestDigest: crypto.sha256(manifest),
      },
      ephemeralScalar: privateScalar(crypto, new Uint8Array(48).fill(rest.version)),
    })
    return { name: 'LOAD MANIFEST', data: concat(u16(manifest.length), manifest, sealed) }
  })
}

const keyBytes = fc.constantFrom(16, 32).chain(bytes)
const suite = fc.constantFrom(0xa101, 0xa102, 0xa103, 0xa201, 0xa203, 0x0000)
const profile = fc.constantFrom('shared', 'diversified')
const transportKey: fc.Arbitrary<Sent> = fc
  .record({
    profile,
    suite,
    transport: keyBytes,
    key: fc.oneof(keyBytes, bytes(65)),
    symmetric: fc.boolean(),
  })
  .map(({ transport, key, symmetric, ...rest }) => ({
    name: 'PUT TRANSPORT KEY',
    data: serializeTransportKeyData({
      ...rest,
      transport: wrap(transport),
      signature:
        symmetric && key.length < 65
          ? { wrapped: wrap(key) }
          : { publicKey: key.length === 16 ? transport.slice(0, 0) : key },
    }),
  }))
const set: fc.Arbitrary<Sent> = fc
  .record({ set: fc.nat(255), profile, suite, transport: keyBytes, signature: keyBytes })
  .map(({ transport, signature, ...rest }) => ({
    name: 'MAKE SET',
    data: serializeSetData({ ...rest, transport: wrap(transport), signature: wrap(signature) }),
  }))

function wrap(key: Uint8Array) {
  const cryptogram = dek.cbcEncrypt(new Uint8Array(16), key)
  return { cryptogram, checkValue: withHandle(crypto.aes(key), kcvCmac) }
}

test('nothing that a party sends in its own channel is more than refused', () => {
  const { module, medium, power } = operatingModule()
  const { parts } = module
  const sent = fc.oneof(
    anything,
    operated,
    operated,
    block,
    loaded(parts.keys.point(keyPlaces.operating)),
    transportKey,
    set,
  )
  const done = new Set<CommandName>()
  fc.assert(
    fc.property(sent, mostly(0), mostly(0), resource, ({ name, data }, p1, p2, id) => {
      const { ins } = commands[name]
      try {
        const call = { name, cla: 0x80, ins, p1, p2, data, channel: channelOf(id), extended: false }
        handlers[name]!(parts, call)
        done.add(name)
      } catch (error) {
        parts.keys.forgetAll()
        const known = [Refusal, DecodeError, AuthError, StorageFull].some((one) => error instanceof one)
        if (!known) throw error
      }
    }),
    // One walk, so that what it reaches is the same each time.
    { numRuns: 2500, seed: 7, endOnFailure: true },
  )
  for (const name of ['OPERATE', 'LOAD MANIFEST', 'PUT TRANSPORT KEY', 'MAKE SET'] as const) {
    assert.ok(done.has(name), `${name} was never carried out`)
  }
  power(medium)
})

test('[A14e] a key place is no place for a key of the loader, so that no key that is imported later can be exported', () => {
  const { module } = operatingModule()
  const { parts } = module
  const call = (name: CommandName, data: Uint8Array) =>
    handlers[name]!(parts, {
      ...{ name, cla: 0x80, p1: 0, p2: 0, data },
      ins: commands[name].ins,
      channel: channelOf(0),
      extended: false,
    })
  const key = scriptedEntropy('key of the set').bytes(16)
  const known = {
    set: 1,
    profile: 'shared',
    suite: 0xa101,
    transport: wrap(key),
    signature: wrap(key),
  } as const
  call('MAKE SET', serializeSetData(known))
  const orderFor = (source: number) =>
    serializeLoaderKeyOrder({
      ...{ source, set: 1, diversified: false, exportsLeft: undefined },
      attributes: { usage: 'M6', algorithm: 'A', mode: 'C', version: 1, exportability: 'N', keyLength: 16 },
      modules: { rule: 'all-but', serials: [] },
    })
  assert.throws(() => call('MAKE KEY', orderFor(fuelPlace)), new Refusal('already-there'))
  assert.equal(parts.objects.has('loader-key', fuelPlace), false)
  call('MAKE KEY', orderFor(fuelPlace + 0x100))
})

test('the last events of a long chain are read without walking through it', () => {
  const { module } = operatingModule(({ tx, objects }) => {
    objects.put(tx, 'event', 0, concat(u32(0xf000_0000), new Uint8Array(32)))
    const last = concat(u32(0xf000_0000), Uint8Array.of(6), new Uint8Array(64))
    objects.put(tx, 'event', 1 + (0xefff_ffff % 64), last)
  })
  const data = u32(0)
  const answer = parseResponse(
    module.transmit(serializeCommand(command({ cla: 0x80, ins: commands['GET EVENTS'].ins, data, le: 256 }))),
  )
  assert.equal(answer.sw, 0x9000)
  assert.equal(answer.data.length, 69)
})

test("customization lays out no key of a channel or of the module as an application's, and no operator without a key", async () => {
  const masked = maskedChip({ crypto, program: committed('rom'), customization: committed('customization') })
  const module = powerUp(crypto, masked.chip())
  assert.equal((await speak(transportTo(module), 'WRITE SERIAL', serial)).sw, 0x9000)
  assert.equal(await unlockWith(module, masked.unlocking), 0x9000)
  const channel = await customizationChannel(crypto, module, masked.unlocking.key, serial)
  const place = serializeKeyPlace({ kind: 'application', usage: '**', source: 5 })
  const put = (object: CustomizationObject, id: number, content: Uint8Array) =>
    writeRecords(channel, [{ kind: 'put', object, id, bytes: content }])
  for (const id of [keyPlaces.identity, keyPlaces.customization, keyPlaces.document, 0xff10_0101]) {
    assert.equal(await put('key-place', id, place), 0x6982)
  }
  assert.equal(await put('operator', 1, new Uint8Array(65).fill(4)), 0x6982)
  assert.equal(await put('key-place', fuelPlace, place), 0x9000)
  assert.equal(await put('operator', 1, operator.publicPoint), 0x9000)
  const { objects } = module.parts
  assert.deepEqual(
    [...objects.list('key-place'), ...objects.list('operator')].map(({ id }) => id),
    [fuelPlace, 1],
  )
})
