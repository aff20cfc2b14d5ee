import { AuthError, UsageError } from '../errors/index.ts'

// What every backend of the port checks before it computes, in one place so that all refuse alike.

export function requireLength(bytes: Uint8Array, length: number, what: string): void {
  if (bytes.length !== length) throw new UsageError(`${what}: expected ${length} bytes, ${bytes.length} came`)
}

export function requireBlocks(data: Uint8Array): void {
  if (data.length % 16 !== 0)
    throw new UsageError(`CBC data: expected a multiple of 16 bytes, ${data.length} came`)
}

export function aesKeyLength(key: Uint8Array): 16 | 24 | 32 {
  const { length } = key
  if (length !== 16 && length !== 24 && length !== 32) {
    throw new UsageError(`AES key: expected 16, 24 or 32 bytes, ${length} came`)
  }
  return length
}

/** The uncompressed form is the only one; a point in another form is treated as one off the curve. */
export function requirePoint(point: Uint8Array): void {
  if (point.length !== 65 || point[0] !== 0x04) throw new AuthError()
}

/** A P-256 scalar lies in 1..n-1 (SEC 1, 3.2.1). Runs over all bytes whatever they are. */
export function requireScalar(scalar: Uint8Array): void {
  requireLength(scalar, 32, 'P-256 scalar')
  let borrow = 0
  let any = 0
  for (let i = 31; i >= 0; i--) {
    borrow = (scalar[i]! - p256Order[i]! - borrow) >>> 31
    any |= scalar[i]!
  }
  if (borrow === 0 || any === 0) throw new UsageError('P-256 scalar: expected a value in 1..n-1')
}

/** The secret behind a handle, until the handle is disposed of. */
export function requireLive<T>(secret: T | undefined): T {
  if (secret === undefined) throw new UsageError('the key was disposed of')
  return secret
}

/** The order n of the group of P-256 (SP 800-186, 3.2.1.3), big-endian. */
export const p256Order: Readonly<Uint8Array> = Uint8Array.of(
  ...[0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
  ...[0xbc, 0xe6, 0xfa, 0xad, 0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51],
)
