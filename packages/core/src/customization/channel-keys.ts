import { concat, wipe } from '../bytes/index.ts'
import { labels } from '../catalog/index.ts'
import type { Scp03Keys } from '../channel/scp03/index.ts'
import { deriveKey, withHandle } from '../crypto/index.ts'
import { UsageError } from '../errors/index.ts'
import type { Crypto } from '../ports/index.ts'

/** The three static keys of an SCP03 channel, as bytes to store. Secret: `wipe` them. */
export interface ChannelKeySet {
  readonly enc: Uint8Array
  readonly mac: Uint8Array
  readonly dek: Uint8Array
}

/**
 * Keys of the customization channel from the unlocking key (32 bytes) and the chip's serial number (8):
 * SP 800-108 counter mode with AES-CMAC, label "CSK1", context serial ‖ key number (1 ENC, 2 MAC, 3 DEK), 32 bytes each.
 */
export function customizationChannelKeys(
  crypto: Crypto,
  unlockingKey: Uint8Array,
  serial: Uint8Array,
): ChannelKeySet {
  if (unlockingKey.length !== 32) throw lengthError('unlocking key', '32', unlockingKey.length)
  return derive(crypto, unlockingKey, labels.customizationKeys.text, serial)
}

/**
 * Keys of the document channel from the module's document key (16 or 32 bytes) and its serial number (8): as above,
 * label "DCK1", each as long as the document key.
 */
export function documentChannelKeys(
  crypto: Crypto,
  documentKey: Uint8Array,
  serial: Uint8Array,
): ChannelKeySet {
  if (documentKey.length !== 16 && documentKey.length !== 32) {
    throw lengthError('document key', '16 or 32', documentKey.length)
  }
  return derive(crypto, documentKey, labels.documentKeys.text, serial)
}

/**
 * First SCP03 keys of the issuer security domain from the document key (16 or 32 bytes) and the serial number (8): as above, label "ISD1",
 * each as long as the document key.
 */
export function firstDomainKeys(crypto: Crypto, documentKey: Uint8Array, serial: Uint8Array): ChannelKeySet {
  if (documentKey.length !== 16 && documentKey.length !== 32) {
    throw lengthError('document key', '16 or 32', documentKey.length)
  }
  return derive(crypto, documentKey, labels.securityDomainKeys.text, serial)
}

/**
 * Keys of the channel for later customization from the chip's customization key (32 bytes) and its serial number (8): as above, label "CLK1",
 * 32 bytes each.
 */
export function laterChannelKeys(
  crypto: Crypto,
  customizationKey: Uint8Array,
  serial: Uint8Array,
): ChannelKeySet {
  if (customizationKey.length !== 32) throw lengthError('customization key', '32', customizationKey.length)
  return derive(crypto, customizationKey, labels.laterCustomizationKeys.text, serial)
}

/** Handles for `openScp03`. The set may be wiped after; the caller disposes of `enc` and `mac`, the session of `dek`. */
export function scp03KeysOf(crypto: Crypto, set: ChannelKeySet): Required<Scp03Keys> {
  return { enc: crypto.aes(set.enc), mac: crypto.aes(set.mac), dek: crypto.aes(set.dek) }
}

export function wipeChannelKeys(set: ChannelKeySet): void {
  wipe(set.enc, set.mac, set.dek)
}

function derive(crypto: Crypto, key: Uint8Array, label: string, serial: Uint8Array): ChannelKeySet {
  if (serial.length !== 8) throw lengthError('serial number', '8', serial.length)
  return withHandle(crypto.aes(key), (handle) => {
    const one = (number: number) =>
      deriveKey(handle, label, concat(serial, Uint8Array.of(number)), key.length)
    return { enc: one(1), mac: one(2), dek: one(3) }
  })
}

function lengthError(what: string, expected: string, length: number): UsageError {
  return new UsageError(`${what}: expected ${expected} bytes, got ${length}`)
}
