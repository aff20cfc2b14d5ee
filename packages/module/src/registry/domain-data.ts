import { concat, Reader, Writer } from '@sealwright/core/bytes'
import type { Objects, Transaction } from '../eeprom/index.ts'

/** What a security domain keeps beside its keys, each for one key (KID, KVN) or for none. */
const kinds = {
  /** 42, or what STORE DATA put under another tag of one or two bytes: the tag stands in the place of the key. */
  data: 0x01,
  /** Certificates of the key, DER or 7F21, one after another, leaf last. */
  certificates: 0x02,
  /** Serial numbers of certificates that the CA key may vouch for, each as length(1) ‖ bytes. */
  allowed: 0x03,
  /** Identifier of the CA whose key it is: of off-card entities (KLOC). */
  authority: 0x04,
  /** The same of the CA that vouches for the module (KLCC). */
  'module-authority': 0x05,
} as const
export type DomainDataKind = keyof typeof kinds

export class DomainData {
  readonly #objects: Objects

  constructor(objects: Objects) {
    this.#objects = objects
  }

  /** @param key KID(1) ‖ KVN(1) as one number, or a tag */
  read(domain: number, kind: DomainDataKind, key: number): Uint8Array | undefined {
    return this.#objects.read('domain-data', idOf(domain, kind, key))
  }

  /** Stores; empty bytes remove. */
  put(tx: Transaction, domain: number, kind: DomainDataKind, key: number, bytes: Uint8Array): void {
    if (bytes.length === 0) this.#objects.remove(tx, 'domain-data', idOf(domain, kind, key))
    else this.#objects.put(tx, 'domain-data', idOf(domain, kind, key), bytes)
  }

  /** Every object of a kind, by key. */
  list(domain: number, kind: DomainDataKind): { readonly key: number; readonly bytes: Uint8Array }[] {
    return this.#objects
      .list('domain-data')
      .filter(({ id }) => id >>> 16 === idOf(domain, kind, 0) >>> 16)
      .map(({ id }) => ({ key: id & 0xffff, bytes: this.#objects.read('domain-data', id)! }))
  }

  /** Serial numbers that the allow-list of a CA key names; undefined: there is none, every one is allowed. */
  allowed(domain: number, key: number): Uint8Array[] | undefined {
    const bytes = this.read(domain, 'allowed', key)
    if (bytes === undefined) return undefined
    const r = new Reader(bytes, 'allow-list')
    const serials: Uint8Array[] = []
    while (r.remaining > 0) serials.push(r.take(r.u8('length'), 'serial number'))
    return serials
  }

  putAllowed(tx: Transaction, domain: number, key: number, serials: readonly Uint8Array[]): void {
    const bytes = concat(...serials.map((one) => new Writer().u8(one.length).bytes(one).finish()))
    this.put(tx, domain, 'allowed', key, bytes)
  }

  /** Removes what is bound to one key. */
  removeKey(tx: Transaction, domain: number, key: number): void {
    for (const kind of ['certificates', 'allowed', 'authority', 'module-authority'] as const) {
      this.#objects.remove(tx, 'domain-data', idOf(domain, kind, key))
    }
  }

  /** Removes all data of a domain. */
  removeAll(tx: Transaction, domain: number): void {
    for (const { id } of this.#objects.list('domain-data')) {
      if (id >>> 24 === domain && ((id >>> 16) & 0xff) !== 0) this.#objects.remove(tx, 'domain-data', id)
    }
  }
}

/** A key as domain data name it: KID(1) ‖ KVN(1). */
export function keyReference(id: number, version: number): number {
  return (id << 8) | version
}

function idOf(domain: number, kind: DomainDataKind, key: number): number {
  return ((domain << 24) | (kinds[kind] << 16) | key) >>> 0
}
