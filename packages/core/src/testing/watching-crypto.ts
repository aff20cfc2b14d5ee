import { concat } from '../bytes/index.ts'
import type { AesKey, Crypto } from '../ports/index.ts'

interface KeyUse {
  readonly primitive: string
  readonly input: Uint8Array
  /** A copy of what came out. */
  readonly value: Uint8Array
  /** The buffer that came out: whoever called must wipe it where it is secret. */
  readonly output: Uint8Array
}

/** One AES handle that was made, and what became of it. */
export interface WatchedKey {
  /** A copy of the key. */
  readonly bytes: Uint8Array
  /** The buffer that was handed in: whoever made the handle must wipe it. */
  readonly buffer: Uint8Array
  readonly uses: KeyUse[]
  disposed: boolean
}

export interface WatchingCrypto extends Crypto {
  /** Every AES handle since the start or the last `clear`, in order. */
  readonly keys: WatchedKey[]
  /** Called before a handle is made; may throw, as a cipher that breaks. */
  onKey: ((count: number) => void) | undefined
  /** Forgets what was seen; handles that live on are watched no longer. */
  clear(): void
}

/** A backend that notes every AES key, what it was used for, and whether it was given back. For tests of secrecy only. */
export function watchingCrypto(inner: Crypto): WatchingCrypto {
  const keys: WatchedKey[] = []

  function watch(handle: AesKey, key: WatchedKey): AesKey {
    const note = (primitive: string, input: Uint8Array, output: Uint8Array): Uint8Array => {
      key.uses.push({ primitive, input: input.slice(), value: output.slice(), output })
      return output
    }
    return {
      length: handle.length,
      encryptBlock: (block) => note('encryptBlock', block, handle.encryptBlock(block)),
      cbcEncrypt: (iv, data) => note('cbcEncrypt', data, handle.cbcEncrypt(iv, data)),
      cbcDecrypt: (iv, data) => note('cbcDecrypt', data, handle.cbcDecrypt(iv, data)),
      ctr: (block, data) => note('ctr', data, handle.ctr(block, data)),
      cmac: (...parts) => note('cmac', concat(...parts), handle.cmac(...parts)),
      gcmSeal: (nonce, plaintext, associated) =>
        note('gcmSeal', plaintext, handle.gcmSeal(nonce, plaintext, associated)),
      gcmOpen(nonce, sealed, associated) {
        const opened = handle.gcmOpen(nonce, sealed, associated)
        return opened && note('gcmOpen', sealed, opened)
      },
      [Symbol.dispose]() {
        key.disposed = true
        handle[Symbol.dispose]()
      },
    }
  }

  const watching: WatchingCrypto = {
    name: `${inner.name}, watching`,
    sha256: (...parts) => inner.sha256(...parts),
    hmacSha256: (key, ...parts) => inner.hmacSha256(key, ...parts),
    ecPrivateKey: (scalar) => inner.ecPrivateKey(scalar),
    ecPublicKey: (point) => inner.ecPublicKey(point),
    ed25519Verify: (key, message, signature) => inner.ed25519Verify(key, message, signature),
    ed25519PublicKey: (key) => inner.ed25519PublicKey(key),
    ed25519Sign: (key, message) => inner.ed25519Sign(key, message),
    aes(bytes) {
      watching.onKey?.(keys.length + 1)
      const key: WatchedKey = { bytes: bytes.slice(), buffer: bytes, uses: [], disposed: false }
      keys.push(key)
      return watch(inner.aes(bytes), key)
    },
    keys,
    onKey: undefined,
    clear: () => void keys.splice(0),
  }
  return watching
}
