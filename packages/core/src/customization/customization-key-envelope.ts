import { ascii, concat, Reader, Writer, wipe } from '../bytes/index.ts'
import { labels } from '../catalog/index.ts'
import { withHandle, x963Kdf } from '../crypto/index.ts'
import { AuthError } from '../errors/index.ts'
import type { AesKey, Crypto, EcPublicKey } from '../ports/index.ts'
import {
  parseSealedCustomizationKey,
  type SealedCustomizationKey,
  serializeSealedCustomizationKey,
} from './sealed-customization-key.ts'

/** A customization key on its way from the SAM to its chip: once for the SAM, once for the chip. Nobody between reads it. */
export interface CustomizationKeyEnvelope {
  /** What the chip keeps, for the SAM. */
  readonly sealed: SealedCustomizationKey
  /** Ephemeral point of the SAM, 65 bytes. */
  readonly ephemeral: Uint8Array
  /** AES-256-GCM of the key with its tag, for the chip, 48 bytes. */
  readonly box: Uint8Array
}

/** sealed key(69) ‖ ephemeral point(65) ‖ box(48): 182 bytes. */
export function serializeCustomizationKeyEnvelope(envelope: CustomizationKeyEnvelope): Uint8Array {
  return new Writer()
    .bytes(serializeSealedCustomizationKey(envelope.sealed))
    .bytes(envelope.ephemeral)
    .bytes(envelope.box)
    .finish()
}

export function parseCustomizationKeyEnvelope(bytes: Uint8Array): CustomizationKeyEnvelope {
  const r = new Reader(bytes, 'envelope of a customization key')
  const sealed = parseSealedCustomizationKey(r.take(69, 'sealed key'))
  const ephemeral = r.take(65, 'ephemeral point')
  if (ephemeral[0] !== 0x04) throw r.fail('expected an uncompressed point')
  const box = r.take(48, 'key for the chip')
  r.end()
  return { sealed, ephemeral, box }
}

/** The chip that an envelope is for. */
interface Addressee {
  readonly crypto: Crypto
  /** 8 bytes. */
  readonly serial: Uint8Array
  /** Public point of its identity key, 65 bytes. */
  readonly point: Uint8Array
}

/**
 * Seals the key to the chip's identity key: ephemeral ECDH, X9.63 KDF with SharedInfo "CKE1" ‖ ephemeral point ‖ chip's point ‖ serial ‖
 * SHA-256 of the key as sealed for the SAM, AES-256-GCM with a nonce of zeros, the sealed form as associated data. The scalar is overwritten.
 * @param ephemeralScalar 32 fresh bytes in 1..n−1
 */
export function sealCustomizationKeyToChip(
  chip: Addressee,
  input: {
    readonly key: Uint8Array
    readonly sealed: SealedCustomizationKey
    readonly ephemeralScalar: Uint8Array
  },
): CustomizationKeyEnvelope {
  const { crypto } = chip
  const { key, sealed, ephemeralScalar } = input
  return withHandle(crypto.ecPrivateKey(ephemeralScalar), (own) => {
    wipe(ephemeralScalar)
    const shared = withHandle(crypto.ecPublicKey(chip.point), (peer) => own.agree(peer))
    const associated = serializeSealedCustomizationKey(sealed)
    const box = withHandle(wrappingKey(chip, shared, own.publicPoint, associated), (wrapping) =>
      wrapping.gcmSeal(noNonce, key, associated),
    )
    return { sealed, ephemeral: own.publicPoint, box }
  })
}

/**
 * Opens it in the chip, which lends ECDH with its identity key. AuthError for anything that was not sealed for this chip. The caller wipes the
 * result.
 */
export function openCustomizationKeyEnvelope(
  chip: Addressee & { agree(peer: EcPublicKey): Uint8Array },
  { sealed, ephemeral, box }: CustomizationKeyEnvelope,
): Uint8Array {
  const shared = withHandle(chip.crypto.ecPublicKey(ephemeral), (peer) => chip.agree(peer))
  const associated = serializeSealedCustomizationKey(sealed)
  const key = withHandle(wrappingKey(chip, shared, ephemeral, associated), (wrapping) =>
    wrapping.gcmOpen(noNonce, box, associated),
  )
  if (key === undefined) throw new AuthError()
  return key
}

function wrappingKey(
  { crypto, serial, point }: Addressee,
  shared: Uint8Array,
  ephemeral: Uint8Array,
  sealed: Uint8Array,
): AesKey {
  const label = ascii(labels.customizationKeyEnvelope.text)
  const bytes = x963Kdf(crypto, shared, concat(label, ephemeral, point, serial, crypto.sha256(sealed)), 32)
  wipe(shared)
  const key = crypto.aes(bytes)
  wipe(bytes)
  return key
}

// The wrapping key serves one message.
const noNonce = new Uint8Array(12)
