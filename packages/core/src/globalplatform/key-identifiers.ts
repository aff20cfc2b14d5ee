import type { Reader } from '../bytes/index.ts'
import { UsageError } from '../errors/index.ts'

/** Key identifiers with a fixed meaning (Amendment D, 5.1 and Amendment F, 5.1). A set of SCP03 keys shares one version. */
export const keyIdentifiers = {
  'scp03-enc': 0x01,
  'scp03-mac': 0x02,
  'scp03-dek': 0x03,
  /** Public key of the CA that certifies off-card entities. */
  'ca-kloc': 0x10,
  scp11a: 0x11,
  scp11b: 0x13,
  scp11c: 0x15,
} as const

/** Version of the keys that a card of the factory has. */
export const factoryKeyVersion = 0xff

/** A certification authority's key for off-card entities: 10 or 20 to 2F (Amendment F, 5.1). */
export function isCaKeyIdentifier(keyId: number): boolean {
  return keyId === keyIdentifiers['ca-kloc'] || (keyId >= 0x20 && keyId <= 0x2f)
}

export function isKeyVersion(version: number): boolean {
  return Number.isInteger(version) && version >= 0x01 && version <= 0x7f
}

export function requireKeyVersion(version: number): void {
  if (!isKeyVersion(version)) throw new UsageError('expected a key version of 01 to 7F')
}

export function readKeyVersion(r: Reader): number {
  const version = r.u8('key version')
  if (!isKeyVersion(version)) throw r.fail('expected a key version of 01 to 7F')
  return version
}
