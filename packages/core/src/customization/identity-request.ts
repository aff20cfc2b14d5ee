import { ascii, concat, Reader, requireFormatVersion, Writer } from '../bytes/index.ts'
import { labels } from '../catalog/index.ts'
import { withHandle } from '../crypto/index.ts'
import { AuthError } from '../errors/index.ts'
import type { Crypto } from '../ports/index.ts'

/** The answer of MAKE IDENTITY. */
export interface IdentityKey {
  /** Uncompressed point, 65 bytes. */
  readonly point: Uint8Array
  /** The chip's OTP test bit. */
  readonly test: boolean
  /** The new key's own signature over `identityRequestInput`, 64 bytes. */
  readonly signature: Uint8Array
}

/** What goes to the manufacturer for the certificate: the answer with the serial number it belongs to. */
export interface IdentityRequest extends IdentityKey {
  readonly version: 1
  /** 8 bytes. */
  readonly serial: Uint8Array
}

/** "IDR1" ‖ serial(8) ‖ point(65) ‖ test(1). */
export function identityRequestInput(serial: Uint8Array, point: Uint8Array, test: boolean): Uint8Array {
  return concat(ascii(labels.identityRequest.text), serial, point, Uint8Array.of(Number(test)))
}

/** point(65) ‖ test(1) ‖ signature(64). */
export function serializeIdentityKey({ point, test, signature }: IdentityKey): Uint8Array {
  return new Writer().bytes(point).u8(Number(test)).bytes(signature).finish()
}

export function parseIdentityKey(bytes: Uint8Array): IdentityKey {
  const r = new Reader(bytes, 'identity key')
  const value = identityKey(r)
  r.end()
  return value
}

/** version(1) ‖ serial(8) ‖ point(65) ‖ test(1) ‖ signature(64): the file that the issuer gives the manufacturer. */
export function serializeIdentityRequest(request: IdentityRequest): Uint8Array {
  return new Writer().u8(request.version).bytes(request.serial).bytes(serializeIdentityKey(request)).finish()
}

export function parseIdentityRequest(bytes: Uint8Array): IdentityRequest {
  const r = new Reader(bytes, 'identity request')
  requireFormatVersion('identity request', r.u8('version'))
  const serial = r.take(8, 'serial number')
  const value = identityKey(r)
  r.end()
  return { version: 1, serial, ...value }
}

/** Checks that whoever made the request has the key. Throws AuthError. */
export function checkIdentityRequest(crypto: Crypto, request: Omit<IdentityRequest, 'version'>): void {
  const input = identityRequestInput(request.serial, request.point, request.test)
  const holds = withHandle(crypto.ecPublicKey(request.point), (key) => key.verify(request.signature, input))
  if (!holds) throw new AuthError()
}

function identityKey(r: Reader): IdentityKey {
  const point = r.take(65, 'point')
  if (point[0] !== 0x04) throw r.fail('expected an uncompressed point')
  const test = r.u8('test bit')
  if (test > 1) throw r.fail('the test bit is 00 or 01')
  return { point, test: test === 1, signature: r.take(64, 'signature') }
}
