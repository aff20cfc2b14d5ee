import { equal } from '../bytes/index.ts'
import { issuerDomainAid } from '../catalog/index.ts'
import type { MapReader } from '../cbor/index.ts'

/** Key places that one reservation grants, at most. */
export const mostPlaces = 8

/** Application identifiers have 5 to 16 bytes (ISO/IEC 7816-4); the issuer security domain's belongs to no resource. */
export function isApplicationId(aid: Uint8Array): boolean {
  return aid.length >= 5 && aid.length <= 16 && !equal(aid, issuerDomainAid)
}

export function readApplicationId(r: MapReader): Uint8Array {
  const aid = r.bytes('aid')
  if (!isApplicationId(aid)) throw r.fail('aid expected 5 to 16 bytes, and not the issuer security domain')
  return aid
}

/** Resources are numbered 1 to 255: P1 of MUTUAL AUTHENTICATE names one. */
export function readResource(r: MapReader): number {
  const resource = r.uint('resource', 0xff)
  if (resource === 0) throw r.fail('resource expected 1 to 255')
  return resource
}

/** References of key places, ascending, each once. */
export function readPlaces(r: MapReader): number[] {
  const places = r.array('places', (item) => {
    if (typeof item !== 'number' || item < 0 || item > 0xffff_ffff) throw r.fail('places expected references')
    return item
  })
  if (places.length > mostPlaces) throw r.fail(`places expected at most ${mostPlaces}`)
  if (places.some((place, i) => i > 0 && place <= places[i - 1]!)) throw r.fail('places expected ascending')
  return places
}

/** An uncompressed P-256 point; whether it lies on the curve is checked where it is used. */
export function readPoint(r: MapReader, field: string): Uint8Array {
  const point = r.bytes(field, 65)
  if (point[0] !== 0x04) throw r.fail(`${field} expected an uncompressed point`)
  return point
}

/** A number of at least 1. */
export function readPositive(r: MapReader, field: string, maximum?: number): number {
  const value = r.uint(field, maximum)
  if (value === 0) throw r.fail(`${field} expected at least 1`)
  return value
}
