interface ObjectKindRow {
  /** The byte in the directory, 1 to 255. Never used again for another kind. */
  readonly number: number
  /** Whether its bytes must appear nowhere but in its place. */
  readonly secret: boolean
  /** Who is answerable for it, in the memory map. */
  readonly owner: 'module' | 'client' | 'manufacturer' | 'customer' | 'operator' | 'loader'
}

/** Every kind of object in the heap. A new kind is one row. */
export const objectKinds = {
  control: { number: 1, secret: false, owner: 'module' },
  'vector-table': { number: 2, secret: false, owner: 'client' },
  software: { number: 3, secret: false, owner: 'client' },
  /** The customization software as masked: under the unlocking key. */
  'encrypted-image': { number: 4, secret: false, owner: 'client' },
  'customization-software': { number: 5, secret: true, owner: 'client' },
  'product-data': { number: 6, secret: false, owner: 'client' },
  'key-place': { number: 7, secret: false, owner: 'client' },
  key: { number: 8, secret: true, owner: 'customer' },
  certificate: { number: 9, secret: false, owner: 'customer' },
  'public-key': { number: 10, secret: false, owner: 'customer' },
  receipt: { number: 11, secret: false, owner: 'module' },
  nonce: { number: 12, secret: false, owner: 'module' },
  event: { number: 13, secret: false, owner: 'module' },
  'session-data': { number: 14, secret: true, owner: 'module' },
  'authority-time': { number: 15, secret: false, owner: 'module' },
  operator: { number: 16, secret: false, owner: 'operator' },
  tries: { number: 17, secret: false, owner: 'module' },
  'key-set': { number: 18, secret: false, owner: 'loader' },
  'loader-key': { number: 19, secret: false, owner: 'loader' },
  'loader-state': { number: 20, secret: false, owner: 'loader' },
  /** SHA-256 of a certificate or of another party's public key: a changed byte is noticed when it is used. */
  digest: { number: 21, secret: false, owner: 'module' },
  /** GlobalPlatform registry: security domains, applications, load files; id 0 is the issuer security domain. */
  'registry-entry': { number: 22, secret: false, owner: 'client' },
  /** Certificates, lists and identifications of a security domain. */
  'domain-data': { number: 23, secret: false, owner: 'client' },
  /** How often a key set of SCP03 was used; id: place of its first key. */
  'sequence-counter': { number: 24, secret: false, owner: 'module' },
  'load-file': { number: 25, secret: false, owner: 'client' },
  /** What an installed application keeps; id: its number in the registry. */
  'application-data': { number: 26, secret: false, owner: 'client' },
  /** What a test module's security domain is put back to; keys among it are worth nothing. */
  factory: { number: 27, secret: false, owner: 'module' },
  /** The customization key as its SAM sealed it. */
  'sealed-key': { number: 28, secret: false, owner: 'client' },
  /** Software or product data that later customization has begun to write: kind(1) ‖ id(3). */
  draft: { number: 29, secret: false, owner: 'client' },
  /** Sessions that a SAM still gives keys for. */
  'sam-state': { number: 30, secret: false, owner: 'client' },
  /** What a signing card was made for, the head of its log, and the documents in force (signing-card/object-ids). */
  'signing-card': { number: 40, secret: false, owner: 'customer' },
  /** Entries of a signing card's log, by number. */
  'card-log': { number: 41, secret: false, owner: 'module' },
  /** Modules that a signing card was ordered to certify. */
  'certificate-order': { number: 42, secret: false, owner: 'module' },
  /** How long a limited key serves, and how far it has come; id: its place. */
  'key-limit': { number: 50, secret: false, owner: 'customer' },
} as const satisfies Record<string, ObjectKindRow>

export type ObjectKind = keyof typeof objectKinds

export function objectKindOf(number: number): ObjectKind | undefined {
  return kindByNumber.get(number)
}

const kindByNumber = new Map(
  Object.entries(objectKinds).map(([kind, row]): [number, ObjectKind] => [row.number, kind as ObjectKind]),
)
