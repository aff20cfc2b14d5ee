import { ascii, Reader, Writer } from '../bytes/index.ts'
import { labels } from '../catalog/index.ts'
import { DecodeError, UsageError } from '../errors/index.ts'

/** What MAKE UNIT KEY fixes in a signing card for good. */
export interface UnitKeyOrder {
  /** Entries that the card's log holds before it refuses to sign, at least `leastCapacity`. */
  readonly capacity: number
  /** The customer that the unit works for, 16 bytes. */
  readonly customer: Uint8Array
  /** Common name that the unit's certificate is to have, 1 to 64 characters. */
  readonly name: string
  /** The central system's `certificate-request`: its key rules the card from now on. */
  readonly central: Uint8Array
}

/** What MAKE UNIT KEY answers. */
export interface UnitKeyAnswer {
  /** r‖s by the card's identity key over `unitKeyInput`, 64 bytes: the pair was made in this card, for this order. */
  readonly proof: Uint8Array
  /** The `certificate-request` of the new key, which signed it in the card. */
  readonly request: Uint8Array
}

/** Room for the entries of the key, of its certificate, of a roster, of a ticket and of one signature. */
export const leastCapacity = 5

/** capacity(2) ‖ customer(16) ‖ length(1) ‖ name in UTF-8 ‖ central system's request. */
export function serializeUnitKeyOrder({ capacity, customer, name, central }: UnitKeyOrder): Uint8Array {
  const text = new TextEncoder().encode(name)
  if (!Number.isInteger(capacity) || capacity < leastCapacity || capacity > 0xffff) {
    throw new UsageError(`capacity of the log: expected ${leastCapacity} to 65535 entries, got ${capacity}`)
  }
  if (customer.length !== 16) throw new UsageError(`customer: expected 16 bytes, got ${customer.length}`)
  if (!isName(name) || text.length > 0xff) throw new UsageError('expected a name of 1 to 64 characters')
  if (central.length === 0) throw new UsageError("expected the central system's request")
  return new Writer().u16(capacity).bytes(customer).u8(text.length).bytes(text).bytes(central).finish()
}

export function parseUnitKeyOrder(bytes: Uint8Array): UnitKeyOrder {
  const r = new Reader(bytes, 'MAKE UNIT KEY')
  const capacity = r.u16('capacity')
  if (capacity < leastCapacity) throw r.fail(`capacity expected at least ${leastCapacity}`)
  const customer = r.take(16, 'customer')
  const name = textOf(r.take(r.u8('length of name'), 'name'))
  if (!isName(name)) throw r.fail('name expected 1 to 64 characters')
  const central = r.rest()
  if (central.length === 0) throw r.fail("the central system's request is missing")
  return { capacity, customer, name, central }
}

/** proof(64) ‖ request. */
export function serializeUnitKeyAnswer({ proof, request }: UnitKeyAnswer): Uint8Array {
  if (proof.length !== 64) throw new UsageError(`proof: expected 64 bytes, got ${proof.length}`)
  if (request.length === 0) throw new UsageError('expected a request')
  return new Writer().bytes(proof).bytes(request).finish()
}

export function parseUnitKeyAnswer(bytes: Uint8Array): UnitKeyAnswer {
  const r = new Reader(bytes, 'answer of MAKE UNIT KEY')
  const answer = { proof: r.take(64, 'proof'), request: r.rest() }
  if (answer.request.length === 0) throw r.fail('the request is missing')
  return answer
}

/** What the card's identity key signs: "UCK1" ‖ serial of the card(8) ‖ unit's point(65) ‖ SHA-256 of the order(32). */
export function unitKeyInput(serial: Uint8Array, point: Uint8Array, orderDigest: Uint8Array): Uint8Array[] {
  return [ascii(labels.unitKey.text), serial, point, orderDigest]
}

function isName(name: string): boolean {
  return name.length >= 1 && name.length <= 64
}

/** UTF-8 in its one form. */
function textOf(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch (cause) {
    throw new DecodeError('MAKE UNIT KEY: the name is no UTF-8', { cause })
  }
}
