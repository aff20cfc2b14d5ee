import { ascii, equal, Reader, requireFormatVersion, u32, Writer } from '../bytes/index.ts'
import { labels } from '../catalog/index.ts'
import { withHandle } from '../crypto/index.ts'
import { AuthError } from '../errors/index.ts'
import type { Crypto } from '../ports/index.ts'
import type { Binding } from '../x509/index.ts'

/**
 * The unit's signature for an operating key, without the key in it (B7): 01 ‖ notBefore(4) ‖ notAfter(4) ‖ nonce(16) ‖ customer(16) ‖
 * SHA-256 of the central system's point(32) ‖ signature(64). Whoever checks it takes key and serial number from the module.
 */
export interface BareCertificate {
  /** Seconds since 1970. */
  readonly notBefore: number
  readonly notAfter: number
  readonly binding: Binding
  /** r‖s by the unit over `bareCertificateInput`, 64 bytes. */
  readonly signature: Uint8Array
}

const version = 0x01

/** Whether bytes in the place of an operating certificate are a bare one: DER begins with 30. */
export function isBareCertificate(bytes: Uint8Array): boolean {
  return bytes[0] === version
}

export function parseBareCertificate(bytes: Uint8Array): BareCertificate {
  const r = new Reader(bytes, 'bare certificate')
  requireFormatVersion('bare certificate', r.u8('version'))
  const bare = {
    notBefore: r.u32('not before'),
    notAfter: r.u32('not after'),
    binding: {
      nonce: r.take(16, 'nonce'),
      customer: r.take(16, 'customer'),
      centralKeyHash: r.take(32, 'central key hash'),
    },
    signature: r.take(64, 'signature'),
  }
  r.end()
  if (bare.notAfter < bare.notBefore) throw r.fail('the validity ends before it begins')
  return bare
}

export function serializeBareCertificate({
  notBefore,
  notAfter,
  binding,
  signature,
}: BareCertificate): Uint8Array {
  const { nonce, customer, centralKeyHash } = binding
  return new Writer()
    .u8(version)
    .u32(notBefore)
    .u32(notAfter)
    .bytes(nonce)
    .bytes(customer)
    .bytes(centralKeyHash)
    .bytes(signature)
    .finish()
}

/** What the unit signs: "OPS1" ‖ serial(8) ‖ notBefore(4) ‖ notAfter(4) ‖ nonce ‖ customer ‖ central key hash ‖ point(65). */
export function bareCertificateInput(
  serial: Uint8Array,
  point: Uint8Array,
  { notBefore, notAfter, binding }: Omit<BareCertificate, 'signature'>,
): Uint8Array[] {
  const { nonce, customer, centralKeyHash } = binding
  const head = [ascii(labels.bareCertificate.text), serial, u32(notBefore), u32(notAfter)]
  return [...head, nonce, customer, centralKeyHash, point]
}

export type BareReason = 'not-yet-valid' | 'expired' | 'customer-differs' | 'signature'

/** What fails in a bare certificate under a unit's key that is trusted; undefined when it holds. */
export function bareCertificateReason(
  bare: BareCertificate,
  module: { readonly serial: Uint8Array; readonly point: Uint8Array },
  unit: { readonly point: Uint8Array; readonly customer?: Uint8Array | undefined },
  at: number,
  crypto: Crypto,
): BareReason | undefined {
  if (at < bare.notBefore) return 'not-yet-valid'
  if (at > bare.notAfter) return 'expired'
  if (unit.customer !== undefined && !equal(bare.binding.customer, unit.customer)) return 'customer-differs'
  const input = bareCertificateInput(module.serial, module.point, bare)
  try {
    const holds = withHandle(crypto.ecPublicKey(unit.point), (key) => key.verify(bare.signature, ...input))
    return holds ? undefined : 'signature'
  } catch (error) {
    if (error instanceof AuthError) return 'signature'
    throw error
  }
}
