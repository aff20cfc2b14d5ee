import { ascii, concat, Reader, u32, Writer } from '../bytes/index.ts'
import { labels } from '../catalog/index.ts'
import type { EcPublicKey } from '../ports/index.ts'

/** BEGIN: what the unit prescribes. salt(16) ‖ time(4, seconds since 1970) ‖ nonce(16). */
export interface BeginRequest {
  /** Influences the key pair (B6). */
  readonly salt: Uint8Array
  readonly time: number
  readonly nonce: Uint8Array
}

/** What BEGIN answers: the new public key and the identity key's signature over it. */
export interface BeginAnswer {
  /** Uncompressed point, 65 bytes. */
  readonly point: Uint8Array
  /** r‖s, 64 bytes. */
  readonly signature: Uint8Array
}

export function parseBeginRequest(bytes: Uint8Array): BeginRequest {
  const r = new Reader(bytes, 'BEGIN')
  const request = { salt: r.take(16, 'salt'), time: r.u32('time'), nonce: r.take(16, 'nonce') }
  r.end()
  return request
}

export function serializeBeginRequest({ salt, time, nonce }: BeginRequest): Uint8Array {
  return new Writer().bytes(salt).u32(time).bytes(nonce).finish()
}

export function parseBeginAnswer(bytes: Uint8Array): BeginAnswer {
  const r = new Reader(bytes, 'answer of BEGIN')
  const answer = { point: r.take(65, 'public key'), signature: r.take(64, 'signature') }
  r.end()
  return answer
}

export function serializeBeginAnswer({ point, signature }: BeginAnswer): Uint8Array {
  return concat(point, signature)
}

/** What the identity key signs: "BGN1" ‖ serial ‖ time ‖ nonce ‖ salt ‖ point. */
export function beginInput(
  serial: Uint8Array,
  { salt, time, nonce }: BeginRequest,
  point: Uint8Array,
): Uint8Array[] {
  return [ascii(labels.begin.text), serial, u32(time), nonce, salt, point]
}

/** What the new key itself signs in a module without identity: "BGN0" ‖ the same. It shows that the module has the key, not who it is. */
export function ownBeginInput(serial: Uint8Array, request: BeginRequest, point: Uint8Array): Uint8Array[] {
  return [ascii(labels.ownBegin.text), ...beginInput(serial, request, point).slice(1)]
}

/** The unit's check of a module without identity. Whoever stands between can make such an answer. */
export function verifyOwnBegin(
  own: EcPublicKey,
  serial: Uint8Array,
  request: BeginRequest,
  answer: BeginAnswer,
): boolean {
  return own.verify(answer.signature, ...ownBeginInput(serial, request, answer.point))
}

/** The unit's check: the identity key signed this serial, this time, this nonce, this salt and the key that came. */
export function verifyBegin(
  identity: EcPublicKey,
  serial: Uint8Array,
  request: BeginRequest,
  answer: BeginAnswer,
): boolean {
  return identity.verify(answer.signature, ...beginInput(serial, request, answer.point))
}
