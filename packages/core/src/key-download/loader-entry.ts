import { encodeHex, Reader, Writer } from '../bytes/index.ts'
import { type Attributes, attributesLength, parseAttributes, serializeAttributes } from './attributes.ts'
import { type Profile, parseProfile, profiles } from './transport-key.ts'

/** The keys of a set now in force, and those that they replaced: modules in the field may still hold these (A1). */
export const generations = { present: 0x00, previous: 0x01 } as const
export type Generation = keyof typeof generations

/**
 * A set as the loader lists it, 15 bytes: set(1) ‖ generation(1) ‖ profile(1) ‖ suite(2) ‖ check value of T(5) ‖ check value of KS(5).
 */
export interface SetEntry {
  readonly set: number
  readonly generation: Generation
  readonly profile: Profile
  readonly suite: number
  readonly transportCheck: Uint8Array
  readonly signatureCheck: Uint8Array
}

/** Which modules get a key: all but the serial numbers listed, or only these. */
export interface ServedModules {
  readonly rule: 'all-but' | 'only'
  /** 8 bytes each, ascending, none twice. */
  readonly serials: readonly Uint8Array[]
}

/**
 * What the loader's entry of an application key fixes: REF1(4) ‖ set(1) ‖ flags(1) ‖ exports left(4) ‖ ATTR(8) ‖ check value(5)
 * ‖ number of serials(1) ‖ serials(8 each). Flags: 01 diversified, 02 only the modules listed.
 */
export interface LoaderKeyEntry {
  readonly source: number
  readonly set: number
  /** Each module gets a key of its own (A11); fixed here, not by the caller. */
  readonly diversified: boolean
  /** Exports left; undefined: not limited. */
  readonly exportsLeft: number | undefined
  readonly attributes: Attributes
  /** Of TA as the loader keeps it, by CMAC, 5 bytes. */
  readonly checkValue: Uint8Array
  readonly modules: ServedModules
}

const unlimited = 0xffff_ffff
const diversifiedFlag = 0x01
const onlyFlag = 0x02
const headLength = 18

export function parseSetEntry(bytes: Uint8Array): SetEntry {
  const r = new Reader(bytes, 'set entry')
  const entry = readSetEntry(r)
  r.end()
  return entry
}

function readSetEntry(r: Reader): SetEntry {
  const set = r.u8('set')
  const code = r.u8('generation')
  const generation = (Object.keys(generations) as Generation[]).find((name) => generations[name] === code)
  if (generation === undefined) throw r.fail(`generation ${code} is not known`)
  return {
    set,
    generation,
    profile: parseProfile(r),
    suite: r.u16('suite'),
    transportCheck: r.take(5, 'check value of T'),
    signatureCheck: r.take(5, 'check value of KS'),
  }
}

export function serializeSetEntry(entry: SetEntry): Uint8Array {
  return new Writer()
    .u8(entry.set)
    .u8(generations[entry.generation])
    .u8(profiles[entry.profile])
    .u16(entry.suite)
    .bytes(entry.transportCheck)
    .bytes(entry.signatureCheck)
    .finish()
}

export function parseLoaderKeyEntry(bytes: Uint8Array): LoaderKeyEntry {
  const r = new Reader(bytes, 'key entry')
  const entry = readLoaderKeyEntry(r)
  r.end()
  return entry
}

function readLoaderKeyEntry(r: Reader): LoaderKeyEntry {
  const source = r.u32('REF1')
  const set = r.u8('set')
  const flags = r.u8('flags')
  if (flags > (diversifiedFlag | onlyFlag)) throw r.fail('flags: expected 00 to 03')
  const left = r.u32('exports left')
  const attributes = parseAttributes(r.take(attributesLength, 'ATTR'))
  const checkValue = r.take(5, 'check value')
  const serials = Array.from({ length: r.u8('number of serials') }, () => r.take(8, 'serial'))
  // One order, so that there is one encoding, and no serial number twice.
  const texts = serials.map(encodeHex)
  if (texts.some((text, i) => i > 0 && text <= texts[i - 1]!)) throw r.fail('serials not ascending')
  return {
    source,
    set,
    diversified: (flags & diversifiedFlag) !== 0,
    exportsLeft: left === unlimited ? undefined : left,
    attributes,
    checkValue,
    modules: { rule: (flags & onlyFlag) === 0 ? 'all-but' : 'only', serials },
  }
}

export function serializeLoaderKeyEntry(entry: LoaderKeyEntry): Uint8Array {
  const { rule, serials } = entry.modules
  const w = new Writer()
    .u32(entry.source)
    .u8(entry.set)
    .u8((entry.diversified ? diversifiedFlag : 0) | (rule === 'only' ? onlyFlag : 0))
    .u32(entry.exportsLeft ?? unlimited)
    .bytes(serializeAttributes(entry.attributes))
    .bytes(entry.checkValue)
    .u8(serials.length)
  for (const serial of serials) w.bytes(serial)
  return w.finish()
}

/** LIST KEYS: number of sets(2) ‖ sets ‖ number of keys(2) ‖ key entries. */
export interface LoaderList {
  readonly sets: readonly SetEntry[]
  readonly keys: readonly LoaderKeyEntry[]
}

export function parseLoaderList(bytes: Uint8Array): LoaderList {
  const r = new Reader(bytes, 'loader list')
  const sets = Array.from({ length: r.u16('number of sets') }, () => readSetEntry(r))
  const keys = Array.from({ length: r.u16('number of keys') }, () => readLoaderKeyEntry(r))
  r.end()
  return { sets, keys }
}

export function serializeLoaderList({ sets, keys }: LoaderList): Uint8Array {
  const w = new Writer().u16(sets.length)
  for (const set of sets) w.bytes(serializeSetEntry(set))
  w.u16(keys.length)
  for (const key of keys) w.bytes(serializeLoaderKeyEntry(key))
  return w.finish()
}

/**
 * Data of MAKE KEY: the entry without its check value: REF1(4) ‖ set(1) ‖ flags(1) ‖ exports left(4) ‖ ATTR(8) ‖ number of
 * serials(1) ‖ serials. The loader makes the key itself.
 */
export type LoaderKeyOrder = Omit<LoaderKeyEntry, 'checkValue'>

export function parseLoaderKeyOrder(bytes: Uint8Array): LoaderKeyOrder {
  const r = new Reader(bytes, 'key order')
  const head = r.take(headLength, 'entry')
  const { checkValue: _, ...order } = parseLoaderKeyEntry(
    new Writer().bytes(head).bytes(new Uint8Array(5)).bytes(r.rest()).finish(),
  )
  return order
}

export function serializeLoaderKeyOrder(order: LoaderKeyOrder): Uint8Array {
  const bytes = serializeLoaderKeyEntry({ ...order, checkValue: new Uint8Array(5) })
  return new Writer()
    .bytes(bytes.subarray(0, headLength))
    .bytes(bytes.subarray(headLength + 5))
    .finish()
}
