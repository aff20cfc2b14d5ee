import { Reader, u32, wipe } from '@sealwright/core/bytes'
import { withHandle } from '@sealwright/core/crypto'
import {
  isSuite,
  type LoaderKeyEntry,
  type Profile,
  parseSetEntry,
  type Suite,
  unitApplicationKey,
  unitSignatureKey,
  unitTransportKey,
} from '@sealwright/core/key-download'
import type { AesKey } from '@sealwright/core/ports'
import { Refusal } from '../dispatch/refusal.ts'
import type { Objects, Transaction } from '../eeprom/index.ts'
import type { Parts } from '../parts.ts'

/** Key places of a set in the loader: T and KS. */
export function setPlaces(set: number): { transport: number; signature: number } {
  const place = 0xff10_0001 + set * 0x100
  return { transport: place, signature: place + 1 }
}

/** Key place of an application key in the loader: REF1 is the place. */
export function applicationPlace(source: number): number {
  return source
}

export interface LoaderSet {
  readonly set: number
  readonly profile: Profile
  readonly suite: Suite
}

export function loaderSet({ objects }: Pick<Parts, 'objects'>, set: number): LoaderSet {
  const bytes = objects.read('key-set', set)
  const entry = bytes === undefined ? undefined : parseSetEntry(bytes)
  if (entry === undefined || !isSuite(entry.suite)) throw new Refusal('reference-not-found')
  return { set, profile: entry.profile, suite: entry.suite }
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
  { set, profile }: LoaderSet,
  { source, diversified }: LoaderKeyEntry,
  serial: Uint8Array,
  work: (unit: UnitKeys) => T,
): T {
  const places = setPlaces(set)
  const place = applicationPlace(source)
  const signature = unitSignatureKey(keys.aes(places.signature), serial)
  const lendApplication = (use: (key: Uint8Array) => T): T => {
    if (!diversified) return keys.lend(place, use)
    const own = unitApplicationKey(keys.aes(place), serial)
    try {
      return use(own)
    } finally {
      wipe(own)
    }
  }
  const lendTransport = (use: (key: AesKey) => T): T => {
    const stored = keys.aes(places.transport)
    if (profile === 'shared') return use(stored)
    const own = unitTransportKey(stored, serial)
    try {
      return withHandle(crypto.aes(own), use)
    } finally {
      wipe(own)
    }
  }
  try {
    return lendTransport((transport) =>
      lendApplication((application) => work({ transport, signature, application })),
    )
  } finally {
    wipe(signature)
  }
}

/** XCTR as last used; 0 before the first. */
export function exportCounter(objects: Objects): number {
  const bytes = objects.read('loader-state', counterId)
  return bytes === undefined ? 0 : new Reader(bytes, 'XCTR').u32('counter')
}

export function storeExportCounter(tx: Transaction, objects: Objects, counter: number): void {
  if (counter > 0xffff_ffff) throw new Refusal('conditions-not-satisfied')
  objects.put(tx, 'loader-state', counterId, u32(counter))
}

const counterId = 1
