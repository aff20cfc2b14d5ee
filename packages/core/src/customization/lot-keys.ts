import { concat, Reader, u32, Writer } from '../bytes/index.ts'
import { labels } from '../catalog/index.ts'
import { deriveKey, withHandle } from '../crypto/index.ts'
import { UsageError } from '../errors/index.ts'
import type { Crypto } from '../ports/index.ts'

/** Which encrypted image a chip of a lot carries. */
export interface LotImage {
  /** 8 random bytes that name the lot. */
  readonly lot: Uint8Array
  /** From 1; 0 in a lot whose chips all carry one image. */
  readonly index: number
}

/** lot(8) ‖ index(4) ‖ zeros(4): the iv names lot and image, so that whoever has the lot's secret finds the key without a table. */
export function lotImageIv({ lot, index }: LotImage): Uint8Array {
  requireLength('lot', lot, 8)
  return new Writer().bytes(lot).u32(index).u32(0).finish()
}

/** The image that an iv (16 bytes) names; undefined when it is not of that form. Any 12 bytes name some image: compare the lot. */
export function lotImageOf(iv: Uint8Array): LotImage | undefined {
  const r = new Reader(iv, 'iv')
  const image = { lot: r.take(8, 'lot'), index: r.u32('index') }
  const rest = r.u32('zeros')
  r.end()
  return rest === 0 ? image : undefined
}

/**
 * The unlocking key of an image, 32 bytes, from the lot's secret (32): SP 800-108 counter mode with AES-CMAC, label "LIK1", context
 * lot ‖ index(4). The caller wipes it.
 */
export function lotImageKey(crypto: Crypto, secret: Uint8Array, { lot, index }: LotImage): Uint8Array {
  requireLength('lot', lot, 8)
  return derive(crypto, secret, labels.lotImageKey.text, concat(lot, u32(index)))
}

/** The document key of a module of the lot, 32 bytes: as above, label "LDK1", context lot ‖ serial number(8). The caller wipes it. */
export function lotDocumentKey(
  crypto: Crypto,
  secret: Uint8Array,
  { lot, serial }: { readonly lot: Uint8Array; readonly serial: Uint8Array },
): Uint8Array {
  requireLength('lot', lot, 8)
  requireLength('serial number', serial, 8)
  return derive(crypto, secret, labels.lotDocumentKey.text, concat(lot, serial))
}

function derive(crypto: Crypto, secret: Uint8Array, label: string, context: Uint8Array): Uint8Array {
  requireLength("lot's secret", secret, 32)
  return withHandle(crypto.aes(secret), (key) => deriveKey(key, label, context, 32))
}

function requireLength(what: string, bytes: Uint8Array, length: number): void {
  if (bytes.length !== length) throw new UsageError(`${what}: expected ${length} bytes, got ${bytes.length}`)
}
