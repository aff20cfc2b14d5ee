import { concat } from '../bytes/index.ts'
import { UsageError } from '../errors/index.ts'
import type { AesKey } from '../ports/index.ts'
import { requireLength } from './argument-checks.ts'
import { kbkdfCmac } from './kbkdf.ts'

/**
 * Card key from a master key as GlobalPlatformPro's template `kdf3` makes it:
 * CMAC(master, i ‖ 000000 ‖ keyId ‖ 00 ‖ diversificationData), as long as the master key.
 * @param keyId 1 = ENC, 2 = MAC, 3 = DEK
 * @param diversificationData the 10 bytes that INITIALIZE UPDATE answers
 */
export function kdf3(masterKey: AesKey, keyId: 1 | 2 | 3, diversificationData: Uint8Array): Uint8Array {
  if (keyId < 1 || keyId > 3) throw new UsageError(`KDF3: expected key id 1, 2 or 3, ${keyId} came`)
  requireLength(diversificationData, 10, 'key diversification data')
  return kbkdfCmac(masterKey, concat(Uint8Array.of(0, 0, 0, keyId, 0), diversificationData), masterKey.length)
}
