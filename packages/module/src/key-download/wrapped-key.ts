import { equal, wipe } from '@sealwright/core/bytes'
import { kcvCmac, withHandle } from '@sealwright/core/crypto'
import type { WrappedKey } from '@sealwright/core/key-download'
import type { Crypto } from '@sealwright/core/ports'
import type { OpenChannel } from '../channel/index.ts'
import { Refusal } from '../dispatch/refusal.ts'

/** Opens a key under the channel's DEK (AES-CBC, IV zero) and checks its check value. The caller wipes the result. */
export function unwrapKey(
  crypto: Crypto,
  channel: OpenChannel | undefined,
  { cryptogram, checkValue }: WrappedKey,
): Uint8Array {
  const dek = channel?.session.dek
  if (dek === undefined) throw new Refusal('security-not-satisfied')
  const bytes = dek.cbcDecrypt(new Uint8Array(16), cryptogram)
  if (equal(withHandle(crypto.aes(bytes), kcvCmac), checkValue)) return bytes
  wipe(bytes)
  throw new Refusal('wrong-data')
}
