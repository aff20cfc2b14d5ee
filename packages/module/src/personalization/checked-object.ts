import { equal } from '@sealwright/core/bytes'
import type { Crypto } from '@sealwright/core/ports'
import { Refusal } from '../dispatch/refusal.ts'
import { type Objects, objectKinds, type Transaction } from '../eeprom/index.ts'

type CheckedKind = 'certificate' | 'public-key'

interface Store {
  readonly objects: Objects
  readonly crypto: Crypto
}

/** Stores a certificate or another's public key together with its digest. */
export function putChecked(
  tx: Transaction,
  { objects, crypto }: Store,
  kind: CheckedKind,
  id: number,
  bytes: Uint8Array,
): void {
  objects.put(tx, kind, id, bytes)
  objects.put(tx, 'digest', digestId(kind, id), crypto.sha256(bytes))
}

/** Removes it with its digest. */
export function removeChecked(tx: Transaction, { objects }: Store, kind: CheckedKind, id: number): void {
  objects.remove(tx, kind, id)
  objects.remove(tx, 'digest', digestId(kind, id))
}

/** Reads it; what is no longer what was stored is refused and not used. Objects stored without a digest are read as they are. */
export function readChecked(
  { objects, crypto }: Store,
  kind: CheckedKind,
  id: number,
): Uint8Array | undefined {
  const bytes = objects.read(kind, id)
  const digest = objects.read('digest', digestId(kind, id))
  if (digest === undefined) return bytes
  if (bytes === undefined || !equal(crypto.sha256(bytes), digest)) throw new Refusal('memory-failure')
  return bytes
}

/** SHA-256 of it, as it was stored or, without a digest, as it is; undefined when it is not there. */
export function checkedDigest(
  { objects, crypto }: Store,
  kind: CheckedKind,
  id: number,
): Uint8Array | undefined {
  const digest = objects.read('digest', digestId(kind, id))
  if (digest !== undefined) return digest
  const bytes = objects.read(kind, id)
  return bytes && crypto.sha256(bytes)
}

// Kinds share the numbers of their objects: the kind's own number stands above the id.
function digestId(kind: CheckedKind, id: number): number {
  return (objectKinds[kind].number << 16) | id
}
