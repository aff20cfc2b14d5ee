import { readFileSync } from 'node:fs'
import { concat, decodeHex, equal, u32 } from '@sealwright/core/bytes'
import {
  type CommandName,
  keyPlaces,
  keyVersions,
  productDataIds,
  programInstructions,
} from '@sealwright/core/catalog'
import { kcvCmac, withHandle } from '@sealwright/core/crypto'
import { dataAreaOf, documentChannelKeys, serializeSoftware } from '@sealwright/core/customization'
import {
  type Attributes,
  cmacSignature,
  type DownloadContext,
  type KeyRequest,
  type KeySigner,
  type LoaderKeyEntry,
  type Profile,
  parseKeyRequest,
  type Suite,
  sealKey,
  serializeKeyPlace,
  serializeLoaderKeyEntry,
  serializeSetData,
  serializeSetEntry,
  serializeTransportKeyData,
  unitSignatureKey,
  unitTransportKey,
} from '@sealwright/core/key-download'
import { type BookingRequest, serializeBookingRequest } from '@sealwright/core/loyalty'
import type { Crypto, Entropy, Transport } from '@sealwright/core/ports'
import { scriptedEntropy } from '@sealwright/core/testing'
import { Module } from '@sealwright/module'
import { setPlaces } from '@sealwright/module/key-download'
import { areaOf, type Medium, type RamMedium } from '@sealwright/module/medium'
import { parseVectors, serializeVectors } from '@sealwright/module/rom'
import { customizedModule, type Fixture, type FixtureOptions } from '@sealwright/module/testing'
import { type Channel, openScp03, plain } from '@sealwright/roles/channel'
import { nodeCrypto } from '../src/crypto/index.ts'
import { inProcess } from '../src/transport/index.ts'

export const fuel = { place: 0x0020_0101, source: 0x0001_0a01 }
export const other = { place: 0x0020_0102, source: 0x0001_0a02 }
/** A place whose REF2 equals its REF1. */
export const same = { place: 0x0001_0a03, source: 0x0001_0a03 }
export const dataPlace = 0x0020_0201
export const transportKey = decodeHex('00112233445566778899AABBCCDDEEFF')
export const signatureKey = decodeHex('A0A1A2A3A4A5A6A7A8A9AAABACADAEAF')
export const applicationKey = decodeHex('3F419E1CB7079442AA37474C2EFBF8B8')
export const serial = decodeHex('0102030405060708')
export const otherSerial = decodeHex('0102030405060709')
export const loaderSerial = decodeHex('9999999999999999')

export const m6: Attributes = {
  ...{ usage: 'M6', algorithm: 'A', mode: 'C', version: 1 },
  ...{ exportability: 'N', keyLength: 16 },
}

/** What a unit of the set holds, or the loader of it. */
export interface SetKeys {
  readonly profile?: Profile
  readonly T?: Uint8Array
  readonly KS?: Uint8Array
  readonly suite?: Suite
  /** A test module, unless false: the keys that stand here are those of the worked example, which no other module takes (X9). */
  readonly test?: boolean
}

export interface UnitOptions extends SetKeys {
  readonly crypto?: Crypto
  readonly serial?: Uint8Array
  readonly seed?: string
  readonly entropy?: Entropy
  readonly suites?: readonly Suite[]
  /** The key authority's public key in the place of KS1. */
  readonly authority?: Uint8Array
  /** Without T. */
  readonly bare?: boolean
  /** Places that the loyalty program is granted; the two fuels' unless given. */
  readonly granted?: readonly number[]
  /** Wasm in the place of the loyalty program. */
  readonly program?: Uint8Array
  readonly interfaces?: readonly ('io' | 'data' | 'mac' | 'cipher')[]
  readonly prepare?: FixtureOptions['prepare']
}

/** A module in operation that can be sent commands and watched. */
export interface Bench {
  readonly fixture: Fixture
  readonly module: Module
  readonly medium: RamMedium
  readonly serial: Uint8Array
  readonly transport: Transport
  /** Data and status word. */
  send(
    name: CommandName | keyof typeof programInstructions,
    data?: Uint8Array,
    p1?: number,
    p2?: number,
  ): Promise<{ data: Uint8Array; sw: number }>
}

/** A unit EI in operation: key places, T or TU and KS1, and the loyalty program over CREDIT and DEBIT. */
export function unit(options: UnitOptions = {}): Bench {
  const { crypto = nodeCrypto, profile = 'shared', T = transportKey, KS = signatureKey } = options
  const own = options.serial ?? serial
  const software = serializeSoftware({
    version: 1,
    interfaces: options.interfaces ?? ['io', 'data', 'mac'],
    budget: 5_000_000,
    keyPlaces: [...(options.granted ?? [fuel.place, other.place])].sort((a, b) => a - b),
    program: options.program ?? loyalty(),
  })
  return bench(options, {
    serial: own,
    prepare(parts) {
      const { tx, objects, keys } = parts
      const suites = options.suites ?? [0xa101, 0xa201]
      objects.put(
        tx,
        'product-data',
        productDataIds.suites,
        concat(...suites.map((one) => u32(one).subarray(2))),
      )
      const places = {
        [keyPlaces.transport]: { kind: 'transport', usage: 'K0', source: 0 },
        [keyPlaces.transportNext]: { kind: 'transport', usage: 'K0', source: 0 },
        [keyPlaces.signature]: { kind: 'signature', usage: 'M6', source: 0 },
        [keyPlaces.signatureNext]: { kind: 'signature', usage: 'M6', source: 0 },
        [fuel.place]: { kind: 'application', usage: 'M6', source: fuel.source },
        [other.place]: { kind: 'application', usage: '**', source: other.source },
        [same.place]: { kind: 'application', usage: 'M6', source: same.source },
        [dataPlace]: { kind: 'data', usage: '**', source: 0 },
      } as const
      for (const [id, place] of Object.entries(places))
        objects.put(tx, 'key-place', Number(id), serializeKeyPlace(place))
      if (options.bare !== true) {
        withHandle(crypto.aes(T), (key) =>
          keys.putAes(tx, keyPlaces.transport, profile === 'shared' ? T : unitTransportKey(key, own)),
        )
        if (options.authority !== undefined)
          objects.put(tx, 'public-key', keyPlaces.signature, options.authority)
        else
          withHandle(crypto.aes(KS), (key) =>
            keys.putAes(tx, keyPlaces.signature, unitSignatureKey(key, own)),
          )
      }
      objects.put(tx, 'software', 3, software)
      objects.put(tx, 'product-data', dataAreaOf(3), new Uint8Array(72))
      const vectors = parseVectors(objects.read('vector-table', 0)!)
      const { CREDIT, DEBIT } = programInstructions
      vectors.push({ ins: CREDIT.ins, program: 3, function: 1 }, { ins: DEBIT.ins, program: 3, function: 2 })
      objects.put(tx, 'vector-table', 0, serializeVectors(vectors.sort((a, b) => a.ins - b.ins)))
      options.prepare?.(parts)
    },
  })
}

export interface LoaderOptions extends SetKeys {
  readonly crypto?: Crypto
  readonly seed?: string
  /** Application keys of set 1; the worked example's for `fuel` unless given. */
  readonly keys?: readonly (Partial<LoaderKeyEntry> & {
    readonly source: number
    readonly key?: Uint8Array
  })[]
  /** Last XCTR. */
  readonly counter?: number
}

/** A loader AS with one set, 1, and the keys given; its entries are laid directly, so that their values are known. */
export function loader(options: LoaderOptions = {}): Bench {
  const { crypto = nodeCrypto, profile = 'shared', T = transportKey, KS = signatureKey } = options
  const { suite = 0xa101, keys: wanted = [{ source: fuel.source }], counter = 0 } = options
  return bench(options, {
    serial: loaderSerial,
    prepare({ tx, objects, keys }) {
      const check = (key: Uint8Array) => withHandle(crypto.aes(key), kcvCmac)
      const places = setPlaces(1)
      keys.putAes(tx, places.transport, T)
      keys.putAes(tx, places.signature, KS)
      const entry = { set: 1, generation: 'present', profile, suite } as const
      objects.put(
        ...([tx, 'key-set', 1] as const),
        serializeSetEntry({ ...entry, transportCheck: check(T), signatureCheck: check(KS) }),
      )
      for (const { key = applicationKey, ...one } of wanted) {
        keys.putAes(tx, one.source, key)
        const whole: LoaderKeyEntry = {
          ...{
            set: 1,
            diversified: false,
            exportsLeft: undefined,
            attributes: { ...m6, keyLength: key.length },
          },
          ...{ checkValue: check(key), modules: { rule: 'all-but', serials: [] } },
          ...one,
        }
        objects.put(tx, 'loader-key', one.source, serializeLoaderKeyEntry(whole))
      }
      if (counter > 0) objects.put(tx, 'loader-state', 1, u32(counter))
    },
  })
}

function bench(
  {
    crypto = nodeCrypto,
    seed,
    entropy,
    test = true,
  }: { crypto?: Crypto; seed?: string; entropy?: Entropy; test?: boolean },
  options: Pick<FixtureOptions, 'serial' | 'prepare'> & { serial: Uint8Array },
): Bench {
  const fixture = customizedModule({
    ...options,
    crypto,
    operating: true,
    test,
    eepromSize: 64 * 1024,
    ...(seed === undefined ? {} : { seed }),
    prepare(parts) {
      const set = documentChannelKeys(crypto, documentKey, options.serial)
      for (const [i, key] of [set.enc, set.mac, set.dek].entries())
        parts.keys.putAes(parts.tx, keyPlaces.document + i, key)
      options.prepare?.(parts)
    },
  })
  return powered(fixture, fixture.medium, crypto, entropy ?? scriptedEntropy(`${seed ?? 'bench'} power`))
}

/** Document key of every bench. */
export const documentKey = Uint8Array.from({ length: 32 }, (_, i) => 0xd0 ^ i)

/** The same module, powered up from its medium or another one. */
export function powered(
  fixture: Fixture,
  medium: Medium,
  crypto: Crypto = nodeCrypto,
  entropy: Entropy = scriptedEntropy('powered'),
): Bench {
  const module = new Module({
    medium,
    crypto,
    entropy,
    report: (error) => {
      throw error
    },
  })
  const transport = inProcess(module)
  const channel = plain(transport)
  return {
    fixture,
    module,
    medium: fixture.medium,
    serial: fixture.serial,
    transport,
    send: (name, data = new Uint8Array(0), p1 = 0, p2 = 0) => channel.exchange(name, { data, p1, p2 }),
  }
}

/** SCP03 under the document key; the caller ends it with `leave`. */
export function documentChannel({ transport, serial: own }: Bench, crypto = nodeCrypto): Promise<Channel> {
  const set = documentChannelKeys(crypto, documentKey, own)
  const keys = { enc: crypto.aes(set.enc), mac: crypto.aes(set.mac), dek: crypto.aes(set.dek) }
  return openScp03(transport, {
    ...{ crypto, entropy: scriptedEntropy('host'), keys },
    keyVersion: keyVersions.document,
  })
}

/** Keys as they travel in that channel. */
export function wrap(own: Uint8Array, key: Uint8Array, crypto = nodeCrypto) {
  const { dek } = documentChannelKeys(crypto, documentKey, own)
  return {
    cryptogram: withHandle(crypto.aes(dek), (handle) => handle.cbcEncrypt(new Uint8Array(16), key)),
    checkValue: withHandle(crypto.aes(key), kcvCmac),
  }
}

/** PUT TRANSPORT KEY in the document channel: T or TU, and KS1. */
export async function putTransport(to: Bench, T: Uint8Array, KS: Uint8Array, p1 = 0): Promise<void> {
  const profile = 'shared'
  const ks1 = withHandle(nodeCrypto.aes(KS), (key) => unitSignatureKey(key, to.serial))
  const suite = T.length === 16 ? 0xa101 : 0xa201
  const data = serializeTransportKeyData({
    ...{ profile, suite, transport: wrap(to.serial, T) },
    signature: { wrapped: wrap(to.serial, ks1) },
  })
  await inChannel(to, 'PUT TRANSPORT KEY', data, p1)
}

/** MAKE SET in the document channel: set 1, profile shared. */
export async function makeSet(of: Bench, T: Uint8Array, KS: Uint8Array): Promise<void> {
  const suite = T.length === 16 ? 0xa101 : 0xa201
  const [transport, signature] = [wrap(of.serial, T), wrap(of.serial, KS)]
  await inChannel(
    of,
    'MAKE SET',
    serializeSetData({ set: 1, profile: 'shared', suite, transport, signature }),
    0,
  )
}

async function inChannel(to: Bench, name: CommandName, data: Uint8Array, p1: number): Promise<void> {
  const channel = await documentChannel(to)
  const { sw } = await channel.exchange(name, { p1, data })
  channel.close()
  if (sw !== 0x9000) throw new Error(`${name} was refused with ${sw.toString(16)}`)
  await to.send('SELECT', new Uint8Array(0), 4)
}

/** PREPARE; the answer as it goes to the loader. */
export async function prepare(module: Bench, place = fuel.place, p1 = 0, p2 = 0): Promise<Uint8Array> {
  const { data, sw } = await module.send('PREPARE', u32(place), p1, p2)
  if (sw !== 0x9000) throw new Error(`PREPARE was refused with ${sw.toString(16)}`)
  return data
}

/** One whole EXPORT KEY in a channel of its own. */
export async function exportKey(
  from: Bench,
  request: Uint8Array,
  p1 = 0,
  p2 = 0,
): Promise<{ data: Uint8Array; sw: number }> {
  const channel = await documentChannel(from)
  const answer = await channel.exchange('EXPORT KEY', { data: request, p1, p2 })
  channel.close()
  await from.send('SELECT', new Uint8Array(0), 4)
  return answer
}

export function importKey(module: Bench, message: Uint8Array, p1 = message[1]!, p2 = 0) {
  return module.send('IMPORT KEY', message, p1, p2)
}

/** PREPARE, EXPORT KEY, IMPORT KEY; the receipt. */
export async function download(from: Bench, to: Bench, place = fuel.place): Promise<Uint8Array> {
  const exported = await exportKey(from, await prepare(to, place))
  if (exported.sw !== 0x9000) throw new Error(`EXPORT KEY was refused with ${exported.sw.toString(16)}`)
  const { data, sw } = await importKey(to, exported.data)
  if (sw !== 0x9000) throw new Error(`IMPORT KEY was refused with ${sw.toString(16)}`)
  return data
}

export interface SealOptions extends SetKeys {
  readonly crypto?: Crypto
  readonly counter?: number
  readonly key?: Uint8Array
  readonly attributes?: Partial<Attributes>
  readonly signer?: KeySigner
  /** Changes what the message is made for. */
  readonly context?: Partial<DownloadContext>
}

/** A message made by somebody who holds T and KS: for what no honest loader makes. */
export function sealed(request: Uint8Array | KeyRequest, options: SealOptions = {}): Uint8Array {
  const { crypto = nodeCrypto, profile = 'shared', T = transportKey, KS = signatureKey } = options
  const { suite = 0xa101, counter = 1, key = applicationKey } = options
  const asked = request instanceof Uint8Array ? parseKeyRequest(request) : request
  return withHandle(crypto.aes(T), (master) => {
    const stored = profile === 'shared' ? T : unitTransportKey(master, asked.serial)
    const ks1 = withHandle(crypto.aes(KS), (handle) => unitSignatureKey(handle, asked.serial))
    return sealKey({
      ...{ crypto, suite, key },
      storedKey: crypto.aes(stored),
      context: { ...asked, counter, ...options.context },
      attributes: { ...m6, keyLength: key.length, ...options.attributes },
      signer: options.signer ?? cmacSignature(crypto.aes(ks1)),
    })
  })
}

/** KCV of what lies at a place, by GET DATA; undefined when it is empty. */
export async function keyAt(module: Bench, place: number): Promise<Uint8Array | undefined> {
  const { data } = await module.send('GET DATA', new Uint8Array(0), 0xdf, 0x25)
  for (let at = 0; at < data.length; at += 11) {
    if (equal(data.subarray(at, at + 4), u32(place)))
      return data[at + 5] === 1 ? data.slice(at + 6, at + 11) : undefined
  }
  return undefined
}

export function checkValue(key: Uint8Array): Uint8Array {
  return withHandle(nodeCrypto.aes(key), kcvCmac)
}

export function credit(module: Bench, request: BookingRequest) {
  return module.send('CREDIT', serializeBookingRequest(request))
}

/** All non-volatile memory that can be written: equal means that not one transaction took place. */
export function memoryOf({ medium }: Pick<Bench, 'medium'>): Uint8Array {
  return concat(
    ...(['otp', 'eeprom', 'journal'] as const).map((name) => {
      const { first, pages } = areaOf(medium.geometry, name)
      return concat(...Array.from({ length: pages }, (_, i) => medium.read(first + i)))
    }),
  )
}

export function flipped(bytes: Uint8Array, bit: number): Uint8Array {
  const out = bytes.slice()
  out[bit >> 3]! ^= 1 << (bit & 7)
  return out
}

let wasm: Uint8Array | undefined
function loyalty(): Uint8Array {
  wasm ??= new Uint8Array(readFileSync(new URL('../../../programs/loyalty/loyalty.wasm', import.meta.url)))
  return wasm
}
