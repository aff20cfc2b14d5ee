import { wipe } from '@sealwright/core/bytes'
import { labels } from '@sealwright/core/catalog'
import { deriveKey, withHandle } from '@sealwright/core/crypto'
import { UsageError } from '@sealwright/core/errors'
import type { AesKey, Crypto } from '@sealwright/core/ports'

export const chipKeyLength = 32
export const chipIdLength = 16
export const chipKeyCheckLength = 8

/** What seals a chip's memory: the chip key, 32 bytes, and the chip's own 16 bytes, which are not secret. */
export interface ChipKey {
  readonly crypto: Crypto
  readonly key: Uint8Array
  readonly chipId: Uint8Array
}

type SealKeyLabel = 'sealPageKey' | 'sealRootKey' | 'sealCounterKey'

/** A key for one purpose from the chip key (SP 800-108r1, 4.1, AES-CMAC; context: the chip's identifier): AES-256. */
export function sealKey({ crypto, key, chipId }: ChipKey, label: SealKeyLabel): AesKey {
  const bytes = derived({ crypto, key, chipId }, labels[label].text, chipKeyLength)
  try {
    return crypto.aes(bytes)
  } finally {
    wipe(bytes)
  }
}

/** Tells whether a key is the one that a file was sealed under, 8 bytes; says nothing about the key itself. */
export function chipKeyCheck(chip: ChipKey): Uint8Array {
  return derived(chip, labels.chipKeyCheck.text, chipKeyCheckLength)
}

function derived({ crypto, key, chipId }: ChipKey, label: string, length: number): Uint8Array {
  if (key.length !== chipKeyLength || chipId.length !== chipIdLength) {
    throw new UsageError(`a chip key has ${chipKeyLength} bytes and a chip identifier ${chipIdLength}`)
  }
  return withHandle(crypto.aes(key), (handle) => deriveKey(handle, label, chipId, length))
}
