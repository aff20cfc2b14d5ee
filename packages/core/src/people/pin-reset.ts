import {
  encodeCanonical,
  isSignedBy,
  MapReader,
  parseDocument,
  prepareDocument,
  readDocument,
  type UnsignedDocument,
} from '../cbor/index.ts'
import { DecodeError } from '../errors/index.ts'
import type { Crypto } from '../ports/index.ts'
import { isPersonId } from './person.ts'

/** What the central system is asked for, and grants: that a locked person has tries again, or that a person is forgotten here. */
export interface PinReset {
  readonly id: string
  readonly change: 'unlock' | 'forget'
  /** Key id of the key that the two people guard, 16 bytes. */
  readonly actor: Uint8Array
  /** Random number of these rules, 16 bytes; another one after each reset, so that none counts twice. */
  readonly nonce: Uint8Array
}

/** The file that goes to the central system. */
export function serializePinResetRequest(reset: PinReset): Uint8Array {
  return encodeCanonical({ v: 1, format: 'sealwright PIN reset request', ...fieldsOf(reset) })
}

export function parsePinResetRequest(bytes: Uint8Array): PinReset {
  const r = MapReader.of(bytes, 'PIN reset request')
  r.begin('PIN reset request')
  const reset = readReset(r)
  r.end()
  return reset
}

/** The `pin-reset` document without its signature, which the central system's session key makes. */
export function preparePinReset(reset: PinReset, centralPoint: Uint8Array, crypto: Crypto): UnsignedDocument {
  return prepareDocument('pin-reset', fieldsOf(reset), centralPoint, crypto)
}

/** The reset, when the key at `centralPoint` has signed it; undefined when not. */
export function openPinReset(
  bytes: Uint8Array,
  centralPoint: Uint8Array,
  crypto: Crypto,
): PinReset | undefined {
  const signed = parseDocument(bytes)
  if (signed.type !== 'pin-reset') throw new DecodeError(`expected a pin-reset, got a ${signed.type}`)
  const r = readDocument(signed)
  const reset = readReset(r)
  r.end()
  return isSignedBy(signed, 'pin-reset', centralPoint, crypto) ? reset : undefined
}

function fieldsOf({ id, change, actor, nonce }: PinReset) {
  return { id, change, actor, nonce }
}

function readReset(r: MapReader): PinReset {
  const change = r.text('change')
  if (change !== 'unlock' && change !== 'forget') throw r.fail('change is not known')
  const reset: PinReset = {
    id: r.text('id'),
    change,
    actor: r.bytes('actor', 16),
    nonce: r.bytes('nonce', 16),
  }
  if (!isPersonId(reset.id)) throw r.fail('id is no name tag')
  return reset
}
