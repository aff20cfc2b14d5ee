import { concat, Reader, requireFormatVersion, Writer, wipe } from '../bytes/index.ts'
import { labels } from '../catalog/index.ts'
import { deriveKey, withHandle } from '../crypto/index.ts'
import { AuthError, UsageError } from '../errors/index.ts'
import type { AesKey, Crypto } from '../ports/index.ts'

/** Bytes of the key that opens a chip for later customization. */
export const customizationKeyLength = 32

/** A chip's customization key in the form that only its SAM opens. It lies in the chip and is no secret. */
export interface SealedCustomizationKey {
  readonly version: 1
  /** Serial number of the SAM, 8 bytes: which one to fetch. */
  readonly sam: Uint8Array
  /** 12 bytes. */
  readonly nonce: Uint8Array
  /** AES-256-GCM of the key with its tag, 48 bytes. */
  readonly box: Uint8Array
}

/** version(1) ‖ serial of the SAM(8) ‖ nonce(12) ‖ box(48): 69 bytes. */
export function serializeSealedCustomizationKey(sealed: SealedCustomizationKey): Uint8Array {
  const { version, sam, nonce, box } = sealed
  requireLength('serial number of the SAM', sam, 8)
  requireLength('nonce', nonce, 12)
  requireLength('sealed key', box, 48)
  return new Writer().u8(version).bytes(sam).bytes(nonce).bytes(box).finish()
}

export function parseSealedCustomizationKey(bytes: Uint8Array): SealedCustomizationKey {
  const r = new Reader(bytes, 'sealed customization key')
  requireFormatVersion('sealed customization key', r.u8('version'))
  const sealed = {
    version: 1,
    sam: r.take(8, 'serial number of the SAM'),
    nonce: r.take(12, 'nonce'),
    box: r.take(48, 'sealed key'),
  } as const
  r.end()
  return sealed
}

/** Both ends of the seal: the SAM, and the chip that the key is for. */
interface Seal {
  readonly crypto: Crypto
  readonly master: AesKey
  /** Serial number of the SAM, 8 bytes. */
  readonly sam: Uint8Array
  /** Serial number of the chip, 8 bytes. */
  readonly serial: Uint8Array
}

/**
 * Seals a customization key (32 bytes) in the SAM: AES-256-GCM under a key of its own for each chip, SP 800-108 from the master key with the
 * label "CKS1" and context sam ‖ serial. Associated data: version ‖ sam ‖ serial.
 * @param nonce 12 fresh random bytes
 */
export function sealCustomizationKey(
  seal: Seal,
  { key, nonce }: { readonly key: Uint8Array; readonly nonce: Uint8Array },
): SealedCustomizationKey {
  requireLength('customization key', key, customizationKeyLength)
  const { sam } = seal
  const box = withChipKey(seal, (handle) => handle.gcmSeal(nonce, key, associated(seal)))
  return { version: 1, sam, nonce, box }
}

/** Opens it. AuthError for another SAM's, another chip's or a changed one. The caller wipes the result. */
export function openSealedCustomizationKey(seal: Seal, { nonce, box }: SealedCustomizationKey): Uint8Array {
  const key = withChipKey(seal, (handle) => handle.gcmOpen(nonce, box, associated(seal)))
  if (key === undefined) throw new AuthError()
  return key
}

function withChipKey<T>({ crypto, master, sam, serial }: Seal, use: (key: AesKey) => T): T {
  const bytes = deriveKey(master, labels.sealedCustomizationKey.text, concat(sam, serial), 32)
  const handle = crypto.aes(bytes)
  wipe(bytes)
  return withHandle(handle, use)
}

function associated({ sam, serial }: Seal): Uint8Array {
  return concat(Uint8Array.of(1), sam, serial)
}

function requireLength(what: string, bytes: Uint8Array, length: number): void {
  if (bytes.length !== length) throw new UsageError(`${what}: expected ${length} bytes, got ${bytes.length}`)
}
