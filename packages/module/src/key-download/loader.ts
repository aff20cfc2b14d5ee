import { encodeHex, equal, Reader, u32, wipe } from '@sealwright/core/bytes'
import { keyPlaces, receiptIds, securityDomainKeys } from '@sealwright/core/catalog'
import { withHandle } from '@sealwright/core/crypto'
import {
  type Generation,
  generations,
  isSuite,
  type LoaderKeyEntry,
  parseLoaderKeyEntry,
  parseSetEntry,
  type SetEntry,
  type Suite,
  serializeSetEntry,
  unitApplicationKey,
  unitSignatureKey,
  unitTransportKey,
} from '@sealwright/core/key-download'
import type { AesKey } from '@sealwright/core/ports'
import { Refusal } from '../dispatch/refusal.ts'
import type { Objects, Transaction } from '../eeprom/index.ts'
import type { Parts } from '../parts.ts'

/** A set with the keys of one generation. */
export interface LoaderSet extends SetEntry {
  readonly suite: Suite
}

/** The set with its present or previous keys, or undefined. */
export function loaderSet(objects: Objects, set: number, generation: Generation): LoaderSet | undefined {
  const bytes = objects.read('key-set', objectId(set, generation))
  if (bytes === undefined) return undefined
  const entry = parseSetEntry(bytes)
  return isSuite(entry.suite) ? { ...entry, suite: entry.suite } : undefined
}

/** All sets with their generations. */
export function loaderSets(objects: Objects): SetEntry[] {
  return objects
    .list('key-set')
    .map(({ id }) => parseSetEntry(objects.read('key-set', id)!))
    .sort((a, b) => a.set - b.set || generations[a.generation] - generations[b.generation])
}

export interface SetKeys {
  readonly transport: Uint8Array
  readonly signature: Uint8Array
}

/** Whether the set has exactly these keys already, so that a repeated command changes nothing. */
export function holdsSet(
  { keys, objects }: Pick<Parts, 'keys' | 'objects'>,
  entry: SetEntry,
  set: SetKeys,
): boolean {
  const stored = objects.read('key-set', objectId(entry.set, 'present'))
  if (stored === undefined || !equal(stored, serializeSetEntry(entry))) return false
  const { transport, signature } = setPlaces(entry.set, 'present')
  return (
    keys.lend(transport, (key) => equal(key, set.transport)) &&
    keys.lend(signature, (key) => equal(key, set.signature))
  )
}

/** Enters a set; the keys that it had stay as its previous ones, for modules in the field that still hold them. */
export function putSet(
  { keys, objects }: Pick<Parts, 'keys' | 'objects'>,
  tx: Transaction,
  entry: SetEntry,
  set: SetKeys,
): void {
  const present = setPlaces(entry.set, 'present')
  const old = objects.read('key-set', objectId(entry.set, 'present'))
  if (old !== undefined) {
    const previous = setPlaces(entry.set, 'previous')
    keys.move(tx, present.transport, previous.transport)
    keys.move(tx, present.signature, previous.signature)
    const moved = serializeSetEntry({ ...parseSetEntry(old), generation: 'previous' })
    objects.put(tx, 'key-set', objectId(entry.set, 'previous'), moved)
  }
  keys.putAes(tx, present.transport, set.transport)
  keys.putAes(tx, present.signature, set.signature)
  objects.put(tx, 'key-set', objectId(entry.set, 'present'), serializeSetEntry(entry))
}

export function loaderKey(objects: Objects, source: number): LoaderKeyEntry | undefined {
  const bytes = objects.read('loader-key', source)
  return bytes === undefined ? undefined : parseLoaderKeyEntry(bytes)
}

/**
 * REF1 is the key's place; places of other keys are out of reach, also those that wait for a key: IMPORT KEY would put there
 * what EXPORT KEY would then give away under a T of the loader's choice.
 */
export function refuseReservedPlace(
  { keys, objects }: Pick<Parts, 'keys' | 'objects'>,
  source: number,
): void {
  const reserved =
    source === 0 ||
    source >>> 24 >= securityDomainKeys >>> 8 ||
    source === receiptIds.personalization ||
    (Object.values(keyPlaces) as number[]).includes(source)
  if (reserved || keys.has(source) || objects.has('key-place', source)) throw new Refusal('already-there')
}

/** Whether the entry lets this module have the key (A4). */
export function serves({ modules }: LoaderKeyEntry, serial: Uint8Array): boolean {
  const wanted = encodeHex(serial)
  return modules.serials.some((one) => encodeHex(one) === wanted) === (modules.rule === 'only')
}

/** What one module's keys are, for as long as the work takes: all wiped after (A3). */
export interface UnitKeys {
  /** T or TU, as the profile says. */
  readonly transport: AesKey
  /** KS1. */
  readonly signature: Uint8Array
  /** TA or TA'. */
  readonly application: Uint8Array
}

export function withUnitKeys<T>(
  { crypto, keys }: Pick<Parts, 'crypto' | 'keys'>,
  { set, generation, profile }: LoaderSet,
  { source, diversified }: LoaderKeyEntry,
  serial: Uint8Array,
  work: (unit: UnitKeys) => T,
): T {
  const places = setPlaces(set, generation)
  const lendApplication = (use: (key: Uint8Array) => T): T =>
    diversified ? lendWiped(unitApplicationKey(keys.aes(source), serial), use) : keys.lend(source, use)
  const lendTransport = (use: (key: AesKey) => T): T => {
    const stored = keys.aes(places.transport)
    if (profile === 'shared') return use(stored)
    return lendWiped(unitTransportKey(stored, serial), (own) => withHandle(crypto.aes(own), use))
  }
  return lendWiped(unitSignatureKey(keys.aes(places.signature), serial), (signature) =>
    lendTransport((transport) =>
      lendApplication((application) => work({ transport, signature, application })),
    ),
  )
}

/** The XCTR to be used next. */
export function nextExportCounter(objects: Objects): number {
  const bytes = objects.read('loader-state', counterId)
  if (bytes === undefined) return 1
  const r = new Reader(bytes, 'XCTR')
  const used = r.u32('counter')
  r.end()
  if (used === 0xffff_ffff) throw new Refusal('conditions-not-satisfied')
  return used + 1
}

export function storeExportCounter(tx: Transaction, objects: Objects, counter: number): void {
  objects.put(tx, 'loader-state', counterId, u32(counter))
}

/** Key places of a set in the loader: T and KS. */
export function setPlaces(
  set: number,
  generation: Generation = 'present',
): { transport: number; signature: number } {
  const transport = 0xff10_0001 + set * 0x100 + generations[generation] * 2
  return { transport, signature: transport + 1 }
}

function objectId(set: number, generation: Generation): number {
  return generations[generation] * 0x100 + set
}

function lendWiped<T>(key: Uint8Array, use: (key: Uint8Array) => T): T {
  try {
    return use(key)
  } finally {
    wipe(key)
  }
}

const counterId = 1
