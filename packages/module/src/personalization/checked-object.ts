import { equal } from '@sealwright/core/bytes'
import { productDataIds } from '@sealwright/core/catalog'
import {
  isOutsideObject,
  type OutsideDigest,
  type OutsideKind,
  outsideKinds,
} from '@sealwright/core/personalization'
import type { Crypto } from '@sealwright/core/ports'
import { Refusal } from '../dispatch/refusal.ts'
import { type Objects, objectKinds, type Transaction } from '../eeprom/index.ts'
import type { Ram } from '../ram/index.ts'

type CheckedKind = 'certificate' | 'public-key'

interface Store {
  readonly objects: Objects
  readonly crypto: Crypto
  /** Where what is kept outside lies while it is used; whoever reads or writes no such object need not have it. */
  readonly ram?: Ram
}

/** Stores a certificate or another's public key together with its digest. */
export function putChecked(
  tx: Transaction,
  { objects, crypto, ram }: Store,
  kind: CheckedKind,
  id: number,
  bytes: Uint8Array,
): void {
  ram?.release(ramName(kind, id))
  if (isKeptOutside(objects, kind, id)) objects.remove(tx, kind, id)
  else objects.put(tx, kind, id, bytes)
  objects.put(tx, 'digest', digestId(kind, id), crypto.sha256(bytes))
}

/** Removes it with its digest. */
export function removeChecked(tx: Transaction, { objects, ram }: Store, kind: CheckedKind, id: number): void {
  ram?.release(ramName(kind, id))
  objects.remove(tx, kind, id)
  objects.remove(tx, 'digest', digestId(kind, id))
}

/**
 * Reads it; what is no longer what was stored is refused and not used. Objects stored without a digest are read as they are. One that is
 * kept outside is there once it was presented, and checked each time.
 */
export function readChecked(
  { objects, crypto, ram }: Store,
  kind: CheckedKind,
  id: number,
): Uint8Array | undefined {
  const digest = objects.read('digest', digestId(kind, id))
  if (digest === undefined) return objects.read(kind, id)
  const outside = isKeptOutside(objects, kind, id)
  const bytes = outside ? ram?.view(ramName(kind, id))?.slice() : objects.read(kind, id)
  if (outside && bytes === undefined) return undefined
  if (bytes === undefined || !equal(crypto.sha256(bytes), digest)) throw new Refusal('memory-failure')
  return bytes
}

/** SHA-256 of it, as it was stored or, without a digest, as it is; undefined when it is not there. */
export function checkedDigest(
  { objects, crypto }: Pick<Store, 'objects' | 'crypto'>,
  kind: CheckedKind,
  id: number,
): Uint8Array | undefined {
  const digest = objects.read('digest', digestId(kind, id))
  if (digest !== undefined) return digest
  const bytes = objects.read(kind, id)
  return bytes && crypto.sha256(bytes)
}

/** Takes an object that is kept outside into volatile memory. False when its hash is another; undefined when there is none outside. */
export function presentChecked(
  { objects, crypto, ram }: Required<Store>,
  kind: CheckedKind,
  id: number,
  bytes: Uint8Array,
): boolean | undefined {
  const digest = objects.read('digest', digestId(kind, id))
  if (digest === undefined || !isKeptOutside(objects, kind, id)) return undefined
  if (!equal(crypto.sha256(bytes), digest)) return false
  ram.release(ramName(kind, id))
  ram.allocate(ramName(kind, id), bytes.length).set(bytes)
  return true
}

/** What is kept outside, by its hash. */
export function outsideDigests({ objects }: Pick<Store, 'objects'>): OutsideDigest[] {
  return (Object.keys(outsideKinds) as OutsideKind[]).flatMap((kind) =>
    outsideKinds[kind].ids.flatMap((id) => {
      const digest = objects.read('digest', digestId(kind, id))
      return digest === undefined || !isKeptOutside(objects, kind, id) ? [] : [{ kind, id, digest }]
    }),
  )
}

/** Whether the product has it outside. */
function isKeptOutside(objects: Objects, kind: CheckedKind, id: number): boolean {
  const flags = objects.read('product-data', productDataIds.flags)?.[0] ?? 0
  return (flags & outsideFlag) !== 0 && isOutsideObject(kind, id)
}

function ramName(kind: CheckedKind, id: number): string {
  return `outside ${kind} ${id}`
}

/** Flag in the product data: certificates and the central system's key are kept outside. */
const outsideFlag = 0x02

// Kinds share the numbers of their objects: the kind's own number stands above the id.
function digestId(kind: CheckedKind, id: number): number {
  return (objectKinds[kind].number << 16) | id
}
