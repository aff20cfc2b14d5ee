import { concat, wipe } from '@sealwright/core/bytes'
import { commandByEntry, commands, keyPlaces, receiptIds, securityDomainKeys } from '@sealwright/core/catalog'
import { customizationObjects, parseAesKeyObject, programNumbers } from '@sealwright/core/customization'
import { Refusal } from '../dispatch/refusal.ts'
import { type ObjectKind, objectKindOf } from '../eeprom/index.ts'
import type { Parts } from '../parts.ts'
import type { ChipHost } from '../program/index.ts'
import { parseVectors, serializeVectors, type Vector } from '../rom/index.ts'
import type { Frame } from './frame.ts'
import { ProgramCache } from './program-cache.ts'
import { requireVector } from './software-check.ts'

type WriteParts = Pick<Parts, 'compile' | 'crypto' | 'keys' | 'objects' | 'rom'>

/**
 * Writes what customization may write: kinds of the client, never the module's own objects or keys that prove who the module is. One code for
 * the customization software and for later customization.
 * @param frame whose transaction is open when something is written
 */
export function customizationWrites(
  { compile, crypto, keys, objects, rom }: WriteParts,
  frame: Pick<Frame, 'tx'>,
): ChipHost {
  const cache = new ProgramCache(crypto, compile)
  const put = (kind: ObjectKind, id: number, bytes: Uint8Array): void => {
    if (kind === 'key') {
      if (ownKeyDomains.has(id >>> 16) || isOtherDomains(id)) throw new Refusal('security-not-satisfied')
      const key = parseAesKeyObject(bytes)
      keys.putAes(frame.tx, id, key)
      wipe(key)
      return
    }
    // Laid out as an application's, a key of a channel could be replaced by IMPORT KEY or used by a program; a receipt that is no
    // key's would be overwritten by a key's.
    if (kind === 'key-place' && isReservedPlace(id)) throw new Refusal('security-not-satisfied')
    if (kind === 'public-key' && isDomainPlace(id)) throw new Refusal('security-not-satisfied')
    if (kind === 'public-key' || kind === 'operator') {
      crypto.ecPublicKey(bytes)[Symbol.dispose]()
      keys.refuseTestKey(bytes)
    }
    objects.put(frame.tx, kind, id, bytes)
  }
  const vector = (ins: number, program: number, number: number): void => {
    if (ins > 0xff || program > 0xff || number > 0xff) throw new Refusal('wrong-data')
    requireVector({ objects, rom }, cache, { program, function: number })
    const old = parseVectors(objects.read('vector-table', 0) ?? new Uint8Array(0))
    const kept: Vector[] = old.filter((one) => one.ins !== ins)
    const table = [...kept, { ins, program, function: number }].sort((a, b) => a.ins - b.ins)
    objects.put(frame.tx, 'vector-table', 0, serializeVectors(table))
  }
  return {
    put: (kind, id, bytes) => put(writable(kind), id, bytes),
    append: (kind, id, bytes) => {
      const name = writable(kind)
      // A key or a public key is written whole, or not at all.
      if (name === 'key' || name === 'public-key' || name === 'operator') throw new Refusal('wrong-data')
      const begun = objects.read(name, id)
      if (begun === undefined) throw new Refusal('reference-not-found')
      if (begun.length + bytes.length > longestObject) throw new Refusal('no-space')
      put(name, id, concat(begun, bytes))
    },
    length: (kind, id) => objects.find(writable(kind), id)?.length,
    digest: (kind, id) => {
      const bytes = objects.read(writable(kind), id)
      if (bytes === undefined) throw new Refusal('reference-not-found')
      const digest = crypto.sha256(bytes)
      wipe(bytes)
      return digest
    },
    vector,
    activate: (entry) => {
      const name = commandByEntry.get(entry)
      if (name === undefined) throw new Refusal('reference-not-found')
      vector(commands[name].ins, programNumbers.native, entry)
    },
  }
}

function writable(number: number): ObjectKind {
  const kind = objectKindOf(number)
  if (kind === undefined || !Object.hasOwn(customizationObjects, kind)) throw new Refusal('wrong-data')
  return kind
}

/** Places of the module's own keys, of security domains, and of receipts that are no key's. */
export function isReservedPlace(id: number): boolean {
  return (
    id >>> 24 === 0xff ||
    isDomainPlace(id) ||
    id >>> 24 === receiptIds.load >>> 24 ||
    id === receiptIds.personalization
  )
}

/** Keys of security domains are laid out by their own commands; customization writes AES keys of the issuer's there, and nothing else. */
function isDomainPlace(id: number): boolean {
  return id >>> 24 === securityDomainKeys >>> 8
}

/** A place of a security domain that is not there yet: whoever makes it must find no key in it. */
function isOtherDomains(id: number): boolean {
  return isDomainPlace(id) && id >>> 16 !== securityDomainKeys
}

/** All but the document key's, which customization writes. */
const ownKeyDomains: ReadonlySet<number> = new Set(
  [
    keyPlaces.identity,
    keyPlaces.operating,
    keyPlaces.pending,
    keyPlaces.customization,
    keyPlaces['later-customization'],
    keyPlaces.samMaster,
  ].map((place) => place >>> 16),
)

/** Bytes of the longest object that customization writes. */
const longestObject = 0x2_0000
