import { ascii, concat, Reader, wipe } from '../bytes/index.ts'
import type { Scp03Keys } from '../channel/scp03/index.ts'
import { diversifyWith, kdf3 } from '../crypto/index.ts'
import type { AesKey, Crypto } from '../ports/index.ts'

/** How a card's static keys come from what its issuer keeps. */
export const diversifications = {
  none: { meaning: 'every card has the same key, three times' },
  kdf3: {
    meaning: 'CMAC(master, i ‖ 000000 ‖ KID ‖ 00 ‖ diversification data), as GlobalPlatformPro has it',
  },
  an10922: { meaning: 'AN10922(master, diversification data ‖ "SCP03" ‖ KID)' },
} as const satisfies Record<string, { meaning: string }>

export type Diversification = keyof typeof diversifications

/** Static keys as bytes, each 16, 24 or 32; the owner wipes them. */
export interface Scp03KeyBytes {
  readonly enc: Uint8Array
  readonly mac: Uint8Array
  readonly dek: Uint8Array
}

/**
 * The three static keys of one card, as long as the master key.
 * @param diversificationData the 10 bytes that INITIALIZE UPDATE answers; not used by `none`
 */
export function diversifyScp03Keys(
  method: Diversification,
  masterKey: Uint8Array,
  diversificationData: Uint8Array,
  crypto: Crypto,
): Scp03KeyBytes {
  const master = crypto.aes(masterKey)
  try {
    const key = (keyId: 1 | 2 | 3) => diversified(method, master, masterKey, keyId, diversificationData)
    return { enc: key(1), mac: key(2), dek: key(3) }
  } finally {
    master[Symbol.dispose]()
  }
}

function diversified(
  method: Diversification,
  master: AesKey,
  masterKey: Uint8Array,
  keyId: 1 | 2 | 3,
  data: Uint8Array,
): Uint8Array {
  switch (method) {
    case 'none':
      return masterKey.slice()
    case 'kdf3':
      return kdf3(master, keyId, data)
    case 'an10922':
      // 16 bytes: with that length AN10922 and plain CMAC agree.
      return diversifyWith(master, concat(exactly(data), ascii('SCP03'), Uint8Array.of(keyId)))
  }
}

/** Handles of the keys, for a session. `enc` and `mac` are the caller's to dispose of, `dek` becomes the session's. */
export function scp03KeyHandles({ enc, mac, dek }: Scp03KeyBytes, crypto: Crypto): Required<Scp03Keys> {
  return { enc: crypto.aes(enc), mac: crypto.aes(mac), dek: crypto.aes(dek) }
}

export function wipeScp03Keys({ enc, mac, dek }: Scp03KeyBytes): void {
  wipe(enc, mac, dek)
}

/** The key that GlobalPlatform's test cards are delivered with: published, and no secret. */
export function testOnlyScp03Key(): Uint8Array {
  return Uint8Array.from({ length: 16 }, (_, i) => 0x40 + i)
}

function exactly(data: Uint8Array): Uint8Array {
  const r = new Reader(data, 'key diversification data')
  const ten = r.take(10, 'data')
  r.end()
  return ten
}
