import { Reader } from '@sealwright/core/bytes'
import { securityDomainKeys } from '@sealwright/core/catalog'
import { InternalError } from '@sealwright/core/errors'
import {
  curves,
  factoryKeyVersion,
  type KeyInformationEntry,
  keyIdentifiers,
  keyTypes,
} from '@sealwright/core/globalplatform'
import type { Objects, Transaction } from '../eeprom/index.ts'
import type { KeyStore } from '../keys/index.ts'
import { issuerDomain, type Registry } from './registry.ts'

/** A key of a security domain, without its value. */
export interface DomainKey {
  readonly place: number
  readonly version: number
  readonly id: number
  /** Key type (GlobalPlatform 2.3.1, table 11-16), e.g. 88 AES, B0 EC public, B1 EC private, A1 RSA public. */
  readonly type: number
  /** Bytes of the key; of an RSA key those of its modulus. */
  readonly length: number
}

/** Keys of the security domains, in the one key store (design, section 4, Face): by domain, version (KVN) and id (KID). */
export class DomainKeys {
  readonly #objects: Objects
  readonly #keys: KeyStore

  constructor(objects: Objects, keys: KeyStore) {
    this.#objects = objects
    this.#keys = keys
  }

  /** Where a key of a security domain lies. */
  place(domain: number, version: number, id: number): number {
    return (((securityDomainKeys | domain) << 16) | (version << 8) | id) >>> 0
  }

  /** All keys of a domain, by version and id. */
  list(domain: number): DomainKey[] {
    const own = (id: number): boolean => id >>> 16 === (securityDomainKeys | domain)
    const secret = this.#objects
      .list('key')
      .filter(({ id }) => own(id))
      .map(({ id, length }) => ({ ...keyOf(id), type: this.#keys.type(id)!, length: length - 1 }))
    const open = this.#objects
      .list('public-key')
      .filter(({ id }) => own(id))
      .map(({ id }) => ({ ...keyOf(id), ...this.#publicKey(id) }))
    return [...secret, ...open]
      .map(({ place, version, id, type, length }) => ({ place, version, id, type, length }))
      .sort((a, b) => a.place - b.place)
  }

  /** What GET DATA E0 tells of them. */
  information(domain: number): KeyInformationEntry[] {
    return this.list(domain).map(({ version, id, type, length }) => ({
      keyId: id,
      keyVersion: version,
      ...informationOf(type, length),
    }))
  }

  find(domain: number, version: number, id: number): DomainKey | undefined {
    return this.list(domain).find((key) => key.version === version && key.id === id)
  }

  /** Versions of the complete SCP03 key sets: ENC, MAC and DEK, AES of one length. */
  sets(domain: number): number[] {
    const keys = this.list(domain)
    const versions = [...new Set(keys.map(({ version }) => version))]
    return versions.filter((version) => {
      const set = scp03Ids.map((id) => keys.find((key) => key.version === version && key.id === id))
      return set.every((key) => key?.type === keyTypes.aes && key.length === set[0]?.length)
    })
  }

  /** The set that version 0 means: the factory's while it is there, else the lowest version. */
  firstSet(domain: number): number | undefined {
    const versions = this.sets(domain)
    return versions.includes(factoryKeyVersion) ? factoryKeyVersion : versions[0]
  }

  /** The domain whose keys open channels with this one: itself, or the nearest above it that has a key set (GlobalPlatform 2.3.1, 7.2). */
  holder(registry: Registry, domain: number): number {
    for (let at = domain; at !== issuerDomain; ) {
      if (this.sets(at).length > 0) return at
      at = registry.find(at)?.domain ?? issuerDomain
    }
    return issuerDomain
  }

  /** A stored public key: type(1) ‖ point, or type(1) ‖ length of the modulus(2) ‖ modulus ‖ exponent. */
  publicKey(place: number): { readonly type: number; readonly bytes: Uint8Array } | undefined {
    const bytes = this.#objects.read('public-key', place)
    return bytes === undefined ? undefined : { type: bytes[0]!, bytes: bytes.subarray(1) }
  }

  putPublicKey(tx: Transaction, place: number, type: number, content: Uint8Array): void {
    const bytes = new Uint8Array(1 + content.length)
    bytes[0] = type
    bytes.set(content, 1)
    this.#objects.put(tx, 'public-key', place, bytes)
  }

  /** Removes a key with all that is bound to it: its sequence counter, tries and certificates are the caller's to name by place. */
  remove(tx: Transaction, place: number): void {
    this.#keys.remove(tx, place)
    this.#objects.remove(tx, 'public-key', place)
    this.#objects.remove(tx, 'sequence-counter', place)
    this.#objects.remove(tx, 'tries', place)
  }

  /** Sequence counter of a key set, 0 when it was never used (Amendment D, 6.2.2.1). */
  sequenceCounter(domain: number, version: number): number {
    const bytes = this.#objects.read(
      'sequence-counter',
      this.place(domain, version, keyIdentifiers['scp03-enc']),
    )
    if (bytes === undefined) return 0
    const r = new Reader(bytes, 'sequence counter')
    const counter = r.u24('counter')
    r.end()
    return counter
  }

  putSequenceCounter(tx: Transaction, domain: number, version: number, counter: number): void {
    const bytes = Uint8Array.of(counter >>> 16, (counter >>> 8) & 0xff, counter & 0xff)
    this.#objects.put(tx, 'sequence-counter', this.place(domain, version, keyIdentifiers['scp03-enc']), bytes)
  }

  #publicKey(place: number): { readonly type: number; readonly length: number } {
    const key = this.publicKey(place)
    if (key === undefined) throw new InternalError('a public key that was listed is gone')
    const { type, bytes } = key
    return { type, length: type === keyTypes['rsa-modulus'] ? (bytes[0]! << 8) | bytes[1]! : bytes.length }
  }
}

export const scp03Ids = [
  keyIdentifiers['scp03-enc'],
  keyIdentifiers['scp03-mac'],
  keyIdentifiers['scp03-dek'],
] as const

/** The largest sequence counter: then the key set opens no channel any more. */
export const lastSequenceCounter = 0xff_ffff

/** As YubiKey and most cards tell it: an elliptic key's curve beside it; a modulus too long for the basic form in the extended one. */
function informationOf(type: number, length: number): Pick<KeyInformationEntry, 'components' | 'extended'> {
  const curve = { type: keyTypes['key-parameter-reference'], length: curves['P-256'].reference }
  if (type === keyTypes['ec-public']) return { components: [{ type, length: length - 1 }, curve] }
  if (type === keyTypes['ec-private']) return { components: [{ type, length }, curve] }
  const none = new Uint8Array(0)
  return {
    components: [{ type, length }],
    ...(length > 0xff ? { extended: { usage: none, access: none } } : {}),
  }
}

function keyOf(place: number): { place: number; version: number; id: number } {
  return { place, version: (place >>> 8) & 0xff, id: place & 0xff }
}
