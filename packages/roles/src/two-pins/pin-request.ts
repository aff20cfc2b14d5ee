import { encodeCanonical, MapReader } from '@sealwright/core/cbor'
import { type Matter, matterFields, readMatter } from '@sealwright/core/people'

/** What one person asked for with a PIN, what another confirmed, and whether it was used. */
export interface PinRequest {
  /** Random, 16 bytes: names the request. */
  readonly nonce: Uint8Array
  readonly matter: Matter
  readonly requester: string
  /** Seconds since 1970. */
  readonly at: number
  /** Random number of the process that asked, 16 bytes. */
  readonly session: Uint8Array
  readonly confirmed?: { readonly by: string; readonly at: number }
  /** When the signature that it was for was about to be made: it serves no second time. */
  readonly usedAt?: number
}

export function serializePinRequest(request: PinRequest): Uint8Array {
  const { nonce, matter, requester, at, session, confirmed, usedAt } = request
  return encodeCanonical({
    v: 1,
    format: 'sealwright PIN request',
    nonce,
    ...matterFields(matter),
    requester,
    at,
    session,
    ...(confirmed === undefined ? {} : { confirmed: { by: confirmed.by, at: confirmed.at } }),
    ...(usedAt === undefined ? {} : { usedAt }),
  })
}

export function parsePinRequest(bytes: Uint8Array): PinRequest {
  const r = MapReader.of(bytes, 'PIN request')
  r.begin('PIN request')
  const confirmed = r.has('confirmed') ? r.map('confirmed') : undefined
  const request: PinRequest = {
    nonce: r.bytes('nonce', 16),
    matter: readMatter(r),
    requester: r.text('requester'),
    at: r.uint('at'),
    session: r.bytes('session', 16),
    ...(confirmed === undefined ? {} : { confirmed: { by: confirmed.text('by'), at: confirmed.uint('at') } }),
    ...(r.has('usedAt') ? { usedAt: r.uint('usedAt') } : {}),
  }
  confirmed?.end()
  r.end()
  return request
}
