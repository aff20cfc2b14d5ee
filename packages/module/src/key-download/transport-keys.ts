import { keyPlaces } from '@sealwright/core/catalog'
import {
  cmacSignature,
  type KeySignatureCheck,
  publicKeySignature,
  type Suite,
  suiteRow,
} from '@sealwright/core/key-download'
import type { AesKey } from '@sealwright/core/ports'
import type { Transaction } from '../eeprom/index.ts'
import type { Parts } from '../parts.ts'

/** The places of one transport key and of what checks SAS with it: they come, wait and go together. */
interface Pair {
  readonly transport: number
  readonly signature: number
}

const present: Pair = { transport: keyPlaces.transport, signature: keyPlaces.signature }
const next: Pair = { transport: keyPlaces.transportNext, signature: keyPlaces.signatureNext }

/** One transport key that lives, as import tries it. */
export interface StoredTransportKey {
  /** T in profile `shared`, TU in profile `diversified`. */
  readonly key: AesKey
  /** What checks SAS of a suite, or undefined when the module was given nothing for it. */
  signatureCheck(suite: Suite): KeySignatureCheck | undefined
  /** After the first success under the next one: it takes the place of the old, which is gone. */
  confirm(tx: Transaction): void
}

type Needs = Pick<Parts, 'crypto' | 'keys' | 'objects'>

/** The transport keys that live: the one now valid, and the next where there is one. */
export function storedTransportKeys(parts: Needs): StoredTransportKey[] {
  return [present, next]
    .filter(({ transport }) => parts.keys.has(transport))
    .map((pair) => ({
      key: parts.keys.aes(pair.transport),
      signatureCheck: (suite) => signatureCheck(parts, pair, suite),
      confirm: (tx) => {
        if (pair === next) takeOver(parts, tx)
      },
    }))
}

/** KS1, or the key authority's public key. */
export type SignatureKey = { readonly ks1: Uint8Array } | { readonly publicKey: Uint8Array }

export interface NewTransportKey {
  readonly transport: Uint8Array
  readonly signature: SignatureKey
  /** Waits beside the present one for its first success. */
  readonly waits: boolean
}

/** Stores a transport key with what checks SAS; returns the place it lies in. The first one of a module does not wait. */
export function putTransportKeys(
  { keys, objects }: Needs,
  tx: Transaction,
  { transport, signature, waits }: NewTransportKey,
): number {
  if ('publicKey' in signature) keys.refuseTestKey(signature.publicKey)
  const pair = waits && keys.has(present.transport) ? next : present
  removeSignature({ keys, objects }, tx, pair)
  if (pair === present) remove({ keys, objects }, tx, next)
  keys.putAes(tx, pair.transport, transport)
  if ('ks1' in signature) keys.putAes(tx, pair.signature, signature.ks1)
  else objects.put(tx, 'public-key', pair.signature, signature.publicKey)
  return pair.transport
}

function signatureCheck(
  { crypto, keys, objects }: Needs,
  { signature: place }: Pair,
  suite: Suite,
): KeySignatureCheck | undefined {
  const { signature } = suiteRow(suite)
  if (signature === 'cmac') return keys.has(place) ? cmacSignature(keys.aes(place)) : undefined
  const publicKey = objects.read('public-key', place)
  if (publicKey === undefined || publicKey.length !== (signature === 'ed25519' ? 32 : 65)) return undefined
  return publicKeySignature(crypto, publicKey)
}

function takeOver({ keys, objects }: Needs, tx: Transaction): void {
  removeSignature({ keys, objects }, tx, present)
  keys.move(tx, next.transport, present.transport)
  const publicKey = objects.read('public-key', next.signature)
  if (publicKey !== undefined) objects.put(tx, 'public-key', present.signature, publicKey)
  else keys.move(tx, next.signature, present.signature)
  removeSignature({ keys, objects }, tx, next)
}

function remove(parts: Pick<Needs, 'keys' | 'objects'>, tx: Transaction, pair: Pair): void {
  if (parts.keys.has(pair.transport)) parts.keys.remove(tx, pair.transport)
  removeSignature(parts, tx, pair)
}

function removeSignature(
  { keys, objects }: Pick<Needs, 'keys' | 'objects'>,
  tx: Transaction,
  pair: Pair,
): void {
  if (keys.has(pair.signature)) keys.remove(tx, pair.signature)
  if (objects.find('public-key', pair.signature) !== undefined)
    objects.remove(tx, 'public-key', pair.signature)
}
