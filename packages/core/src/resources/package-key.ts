import { ascii, concat, Reader, wipe } from '../bytes/index.ts'
import { labels } from '../catalog/index.ts'
import { withHandle, x963Kdf } from '../crypto/index.ts'
import { AuthError } from '../errors/index.ts'
import type { Crypto, EcPublicKey } from '../ports/index.ts'

/** Bytes of a sealed package key: ephemeral point(65) ‖ AES-GCM of the key(16) with its tag(16). */
export const sealedKeyLength = 97

/**
 * Seals a package's AES key (16 bytes) to a module's operating key: ephemeral ECDH, X9.63 KDF with SharedInfo
 * "PCK1" ‖ ephemeral point ‖ module's point ‖ SHA-256 of the manifest, AES-128-GCM with a nonce of zeros. The scalar is overwritten.
 */
export function sealPackageKey(
  crypto: Crypto,
  input: {
    readonly key: Uint8Array
    readonly modulePoint: Uint8Array
    readonly manifestDigest: Uint8Array
    /** 32 fresh bytes in 1..n−1. */
    readonly ephemeralScalar: Uint8Array
  },
): Uint8Array {
  return withHandle(crypto.ecPrivateKey(input.ephemeralScalar), (ephemeral) => {
    wipe(input.ephemeralScalar)
    const shared = withHandle(crypto.ecPublicKey(input.modulePoint), (module) => ephemeral.agree(module))
    const point = ephemeral.publicPoint
    const wrapping = wrappingKey(crypto, shared, point, input.modulePoint, input.manifestDigest)
    return concat(
      point,
      withHandle(wrapping, (key) => key.gcmSeal(noNonce, input.key, input.manifestDigest)),
    )
  })
}

/**
 * Opens it at the module, which lends ECDH with its operating key. AuthError for anything that was not sealed for this key and
 * manifest. The caller wipes the result.
 */
export function openPackageKey(
  crypto: Crypto,
  input: {
    readonly sealed: Uint8Array
    readonly modulePoint: Uint8Array
    readonly manifestDigest: Uint8Array
    agree(peer: EcPublicKey): Uint8Array
  },
): Uint8Array {
  const r = new Reader(input.sealed, 'sealed package key')
  const point = r.take(65, 'ephemeral point')
  const box = r.take(32, 'sealed key')
  r.end()
  const shared = withHandle(crypto.ecPublicKey(point), (peer) => input.agree(peer))
  const wrapping = wrappingKey(crypto, shared, point, input.modulePoint, input.manifestDigest)
  const key = withHandle(wrapping, (handle) => handle.gcmOpen(noNonce, box, input.manifestDigest))
  if (key === undefined) throw new AuthError()
  return key
}

function wrappingKey(
  crypto: Crypto,
  shared: Uint8Array,
  ephemeral: Uint8Array,
  module: Uint8Array,
  manifestDigest: Uint8Array,
) {
  const info = concat(ascii(labels.packageKey.text), ephemeral, module, manifestDigest)
  const bytes = x963Kdf(crypto, shared, info, 16)
  wipe(shared)
  const key = crypto.aes(bytes)
  wipe(bytes)
  return key
}

// The wrapping key serves one message.
const noNonce = new Uint8Array(12)
