import { ascii, concat, equal, Reader, requireFormatVersion, wipe } from '@sealwright/core/bytes'
import { formats, labels } from '@sealwright/core/catalog'
import { DecodeError } from '@sealwright/core/errors'

/** What comes behind the name of a key file that is sealed. */
export const sealedEnding = '.sealed'

/** AES-GCM under a key that no key file holds: of a passphrase, or in a token. */
export interface KeySealer {
  /** 12 fresh random bytes. */
  nonce(): Uint8Array
  /** ciphertext ‖ tag(16) */
  seal(nonce: Uint8Array, plaintext: Uint8Array, associated: Uint8Array): Promise<Uint8Array>
  /** The plaintext, which the caller wipes; undefined when the tag does not hold. */
  open(nonce: Uint8Array, sealed: Uint8Array, associated: Uint8Array): Promise<Uint8Array | undefined>
}

/** "SWSK"(4) ‖ version(1) ‖ nonce(12) ‖ key file sealed by AES-GCM, with its tag(16). */
export interface SealedKeyFile {
  /** 12 bytes. */
  readonly nonce: Uint8Array
  /** At least 17 bytes. */
  readonly sealed: Uint8Array
}

export function parseSealedKeyFile(bytes: Uint8Array): SealedKeyFile {
  const r = new Reader(bytes, 'sealed key file')
  if (!equal(r.take(magic.length, 'magic'), magic)) throw r.fail('not a sealed key file')
  requireFormatVersion('sealed key file', r.u8('version'))
  const nonce = r.take(12, 'nonce')
  const sealed = bytes.slice(r.offset)
  if (sealed.length <= 16) throw r.fail('it holds no key')
  return { nonce: nonce.slice(), sealed }
}

export function serializeSealedKeyFile({ nonce, sealed }: SealedKeyFile): Uint8Array {
  return concat(magic, Uint8Array.of(formats['sealed key file'].newest), nonce, sealed)
}

/** @param file the key's name with the ending of its kind: the seal binds it, so that no key takes another one's place */
export async function sealKeyFile(sealer: KeySealer, file: string, bytes: Uint8Array): Promise<Uint8Array> {
  const nonce = sealer.nonce()
  return serializeSealedKeyFile({ nonce, sealed: await sealer.seal(nonce, bytes, associated(file)) })
}

/** The key file; the caller wipes it. DecodeError `key-file-changed` when the seal does not hold. */
export async function openKeyFile(sealer: KeySealer, file: string, bytes: Uint8Array): Promise<Uint8Array> {
  const { nonce, sealed } = parseSealedKeyFile(bytes)
  const opened = await sealer.open(nonce, sealed, associated(file))
  if (opened === undefined) {
    throw new DecodeError(`the seal of the key file ${file} does not hold`, { code: 'key-file-changed' })
  }
  const kept = new Uint8Array(opened)
  wipe(opened)
  return kept
}

function associated(file: string): Uint8Array {
  return concat(ascii(labels.sealedKeyFile.text), new TextEncoder().encode(file))
}

const magic = ascii('SWSK')
