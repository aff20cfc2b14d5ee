import { encodeCanonical, MapReader } from '@sealwright/core/cbor'
import { UsageError } from '@sealwright/core/errors'
import { isPersonId } from '@sealwright/core/people'
import { isBearable, type PinCost } from './slow-hash.ts'

/** What is kept of a person who has a PIN here: a slow hash, and how many tries are left. */
export interface PinHolder {
  /** Name tag, see `isPersonId`. */
  readonly id: string
  /** 16 bytes. */
  readonly salt: Uint8Array
  readonly cost: PinCost
  /** scrypt of the PIN, 32 bytes. */
  readonly verifier: Uint8Array
  /** 0 to `mostTries`; 0 is locked. */
  readonly triesLeft: number
}

/** Wrong PINs in a row before a person is locked. */
export const mostTries = 5
export const shortestPin = 6
export const longestPin = 64

export function serializePinHolder({ id, salt, cost, verifier, triesLeft }: PinHolder): Uint8Array {
  return encodeCanonical({
    v: 1,
    format: 'sealwright PIN holder',
    id,
    salt,
    cost: { ...cost },
    verifier,
    triesLeft,
  })
}

export function parsePinHolder(bytes: Uint8Array): PinHolder {
  const r = MapReader.of(bytes, 'PIN holder')
  r.begin('PIN holder')
  const cost = r.map('cost')
  const holder: PinHolder = {
    id: r.text('id'),
    salt: r.bytes('salt', 16),
    cost: { logN: cost.uint('logN'), r: cost.uint('r'), p: cost.uint('p') },
    verifier: r.bytes('verifier', 32),
    triesLeft: r.uint('triesLeft', mostTries),
  }
  cost.end()
  r.end()
  if (!isPersonId(holder.id)) throw r.fail('id is no name tag')
  if (!isBearable(holder.cost)) throw r.fail('scrypt parameters outside what this program computes')
  return holder
}

/** Refuses a tag that is none, and a PIN that is too short or too long. */
export function requirePin(id: string, pin: Uint8Array): void {
  if (!isPersonId(id)) {
    throw new UsageError('expected a name tag of 1 to 32 of a-z, 0-9, dot, hyphen and underscore')
  }
  if (pin.length < shortestPin || pin.length > longestPin) {
    throw new UsageError(`a PIN here has ${shortestPin} to ${longestPin} bytes`)
  }
}
