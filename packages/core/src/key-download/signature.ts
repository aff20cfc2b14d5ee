import { ascii, concat, equal, u32 } from '../bytes/index.ts'
import { labels } from '../catalog/index.ts'
import { withHandle } from '../crypto/index.ts'
import type { AesKey, Crypto } from '../ports/index.ts'
import { type Attributes, serializeAttributes } from './attributes.ts'
import type { DownloadContext } from './derivation.ts'

/** Makes SAS: with KS1, or with the key authority's private key. */
export interface KeySigner {
  sign(...parts: readonly Uint8Array[]): Uint8Array
}

/** Checks SAS: KS1, or the key authority's public key. */
export interface KeySignatureCheck {
  verify(signature: Uint8Array, ...parts: readonly Uint8Array[]): boolean
}

/** SAS input: "SAS1" ‖ SN ‖ R ‖ REF1 ‖ REF2 ‖ XCTR ‖ ATTR ‖ TA. It names the addressee, so nobody can forward it. */
export function signatureInput(
  context: DownloadContext,
  attributes: Attributes,
  key: Uint8Array,
): Uint8Array[] {
  const { serial, random, source, destination, counter } = context
  return [
    ascii(labels.signature.text),
    serial,
    random,
    u32(source),
    u32(destination),
    u32(counter),
    serializeAttributes(attributes),
    key,
  ]
}

/** SAS by CMAC under KS1 (suites A101, A201). */
export function cmacSignature(unitSignatureKey: AesKey): KeySigner & KeySignatureCheck {
  return {
    sign: (...parts) => unitSignatureKey.cmac(...parts),
    verify: (signature, ...parts) => equal(unitSignatureKey.cmac(...parts), signature),
  }
}

/** SAS by ECDSA P-256 (suites A103, A203), or Ed25519 (A102, A202), checked with the key authority's public key. */
export function publicKeySignature(crypto: Crypto, publicKey: Uint8Array): KeySignatureCheck {
  return {
    verify: (signature, ...parts) => {
      if (publicKey.length === 32) return crypto.ed25519Verify(publicKey, concat(...parts), signature)
      return withHandle(crypto.ecPublicKey(publicKey), (key) => key.verify(signature, ...parts))
    },
  }
}
