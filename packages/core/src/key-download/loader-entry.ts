import { Reader, Writer } from '../bytes/index.ts'
import { type Attributes, attributesLength, parseAttributes, serializeAttributes } from './attributes.ts'
import { type Profile, profiles } from './transport-key.ts'

/** A set as the loader lists it: set(1) ‖ profile(1) ‖ suite(2) ‖ check value of T(5) ‖ check value of KS or first bytes of the public key's hash(5). */
export interface SetEntry {
  readonly set: number
  readonly profile: Profile
  readonly suite: number
  readonly transportCheck: Uint8Array
  readonly signatureCheck: Uint8Array
}

/**
 * What the loader's entry of an application key fixes: REF1(4) ‖ set(1) ‖ flags(1) ‖ exports left(4) ‖ ATTR(8) ‖ check value(5)
 * ‖ number of blocked serials(1) ‖ serials(8 each).
 */
export interface LoaderKeyEntry {
  readonly source: number
  readonly set: number
  /** Each module gets a key of its own (A11); fixed here, not by the caller. */
  readonly diversified: boolean
  /** Exports left; undefined: not limited. */
  readonly exportsLeft: number | undefined
  readonly attributes: Attributes
  readonly checkValue: Uint8Array
  readonly blocked: readonly Uint8Array[]
}

const unlimited = 0xffff_ffff

export function parseSetEntry(bytes: Uint8Array): SetEntry {
  const r = new Reader(bytes, 'set entry')
  const entry = readSetEntry(r)
  r.end()
  return entry
}

function readSetEntry(r: Reader): SetEntry {
  const set = r.u8('set')
  const code = r.u8('profile')
  const profile = (Object.keys(profiles) as Profile[]).find((name) => profiles[name] === code)
  if (profile === undefined) throw r.fail(`profile ${code} is not known`)
  return {
    set,
    profile,
    suite: r.u16('suite'),
    transportCheck: r.take(5, 'check value of T'),
    signatureCheck: r.take(5, 'check value of KS'),
  }
}

export function serializeSetEntry(entry: SetEntry): Uint8Array {
  return new Writer()
    .u8(entry.set)
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
  if (flags > 1) throw r.fail('flags: expected 00 or 01')
  const left = r.u32('exports left')
  return {
    source,
    set,
    diversified: flags === 1,
    exportsLeft: left === unlimited ? undefined : left,
    attributes: parseAttributes(r.take(attributesLength, 'ATTR')),
    checkValue: r.take(5, 'check value'),
    blocked: Array.from({ length: r.u8('number of blocked serials') }, () => r.take(8, 'blocked serial')),
  }
}

export function serializeLoaderKeyEntry(entry: LoaderKeyEntry): Uint8Array {
  const w = new Writer()
    .u32(entry.source)
    .u8(entry.set)
    .u8(entry.diversified ? 1 : 0)
    .u32(entry.exportsLeft ?? unlimited)
    .bytes(serializeAttributes(entry.attributes))
    .bytes(entry.checkValue)
    .u8(entry.blocked.length)
  for (const serial of entry.blocked) w.bytes(serial)
  return w.finish()
}

/** LIST KEYS: number of sets(1) ‖ sets ‖ number of keys(1) ‖ key entries. */
export interface LoaderList {
  readonly sets: readonly SetEntry[]
  readonly keys: readonly LoaderKeyEntry[]
}

export function parseLoaderList(bytes: Uint8Array): LoaderList {
  const r = new Reader(bytes, 'list of sets and keys')
  const sets = Array.from({ length: r.u8('number of sets') }, () => readSetEntry(r))
  const keys = Array.from({ length: r.u8('number of keys') }, () => readLoaderKeyEntry(r))
  r.end()
  return { sets, keys }
}

export function serializeLoaderList({ sets, keys }: LoaderList): Uint8Array {
  const w = new Writer().u8(sets.length)
  for (const set of sets) w.bytes(serializeSetEntry(set))
  w.u8(keys.length)
  for (const key of keys) w.bytes(serializeLoaderKeyEntry(key))
  return w.finish()
}

/**
 * Data of MAKE KEY: the entry without its check value: REF1(4) ‖ set(1) ‖ flags(1) ‖ exports left(4) ‖ ATTR(8) ‖ number of blocked
 * serials(1) ‖ serials. The loader makes the key itself.
 */
export type LoaderKeyOrder = Omit<LoaderKeyEntry, 'checkValue'>

export function parseLoaderKeyOrder(bytes: Uint8Array): LoaderKeyOrder {
  const r = new Reader(bytes, 'key order')
  const head = r.take(18, 'entry')
  const { checkValue: _, ...order } = parseLoaderKeyEntry(
    new Writer().bytes(head).bytes(new Uint8Array(5)).bytes(r.rest()).finish(),
  )
  return order
}

export function serializeLoaderKeyOrder(order: LoaderKeyOrder): Uint8Array {
  const bytes = serializeLoaderKeyEntry({ ...order, checkValue: new Uint8Array(5) })
  return new Writer().bytes(bytes.subarray(0, 18)).bytes(bytes.subarray(23)).finish()
}
