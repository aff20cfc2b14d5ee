/**
 * Well-known numbers in the module's stores. A key place is a reference of four bytes:
 * domain(2) ‖ version(1) ‖ id(1) (key-download.md, 8.1: REF1, REF2).
 */
export const keyPlaces = {
  identity: 0xff00_0001,
  operating: 0xff00_0002,
  pending: 0xff00_0003,
  /** The first operating pair, where the product's policy has it made in customization. */
  manufactured: 0xff00_0004,
  /** SCP03 keys of the customization channel: ENC, MAC, DEK at id 1, 2, 3. */
  customization: 0xff01_0001,
  /** SCP03 keys under the document key: ENC, MAC, DEK at id 1, 2, 3. */
  document: 0xff02_0001,
  /** SCP03 keys under the chip's customization key: ENC, MAC, DEK at id 1, 2, 3. */
  'later-customization': 0xff03_0001,
  /** A SAM's master key. */
  samMaster: 0xff04_0001,
  /** The unit's signing key in a signing card. */
  unitSigning: 0xff05_0001,
  /** What the customer gave the module to prove itself with. */
  credential: 0xff06_0001,
  /** The transport key now valid, and the next one. */
  transport: 0x0010_0101,
  transportNext: 0x0010_0201,
  /** KS1, the symmetric key that checks SAS: with the transport key now valid, and with the next one. */
  signature: 0x0011_0101,
  signatureNext: 0x0011_0201,
} as const

/** Key version numbers of our own channels in INITIALIZE UPDATE: outside 01 to 7F and FF, which are GlobalPlatform's. */
export const keyVersions = { customization: 0x81, document: 0x82, 'later-customization': 0x83 } as const

/** Domain of a key place whose low byte is the number of a security domain; the issuer's is 0. The place's version and id are KVN and KID. */
export const securityDomainKeys = 0xfd00

/** Version of the first SCP03 keys of the issuer security domain that customization writes (30 to 3F by custom of the trade). */
export const firstDomainKeyVersion = 0x30

/** Key identifiers in INTERNAL, MUTUAL and GENERAL AUTHENTICATE of our own channels: whose keys, and in which form. */
export const channelKeys = {
  /** SCP11b with the identity key, P1 = 01. */
  identity: 0x40,
  /** SCP11a with operating key and stored central system, P1 = 01. */
  central: 0x41,
  /** SCP11a with operating key and the supplier of the resource numbered in P1. */
  supplier: 0x42,
  /** SCP11a with identity key and a unit whose certificates hold, P1 = 01. */
  unit: 0x43,
  /** GENERAL AUTHENTICATE without authentication, P1 = 01. */
  ephemeral: 0x44,
  /** GENERAL AUTHENTICATE with identity key and a unit whose certificates hold, P1 = 01. */
  'unit-dh-signed': 0x45,
  'unit-signed-key': 0x46,
  /** GENERAL AUTHENTICATE with operating key and the supplier of the resource numbered in P1. */
  'supplier-dh-signed': 0x47,
  'supplier-signed-key': 0x48,
} as const

/** Ids of certificate objects, and the GET DATA tags that read them. */
export const certificateIds = {
  identity: { id: 1, tag: 0xdf21 },
  operating: { id: 2, tag: 0xdf22 },
  unit: { id: 3, tag: 0xdf23 },
  central: { id: 4, tag: 0xdf24 },
  /** A signing card's: of the unit's key in it, and of the central system's key, signed with that. */
  signingUnit: { id: 5, tag: 0xdf31 },
  signingCentral: { id: 6, tag: 0xdf32 },
} as const

/** Other GET DATA tags. */
export const dataTags = {
  /** Serial number, 8 bytes (SDIN). */
  serial: 0x0045,
  /** Issuer identification, 8 bytes (SIN). */
  issuer: 0x0042,
  /** mode(1) state(1) event number(4). */
  state: 0xdf20,
  /** Key places: reference(4) kind(1) filled(1) check value(5, zeros when empty), repeated. */
  places: 0xdf25,
  /** Resources: id(1) state(1) start(4) end(4), AID LV, repeated. */
  resources: 0xdf26,
  /** Vectors in force: ins(1) program(1) function(1), repeated. */
  vectors: 0xdf27,
  /** Product name, text. */
  product: 0xdf28,
  /** Room for resources: start(4) end(4) of the zone, entries of DEF(2), free ones(2). */
  memory: 0xdf2a,
  /** certification(1: catalog/states) policy(1). */
  certification: 0xdf2b,
  /** The operating public key, 65 bytes. */
  operatingKey: 0xdf2c,
  /** Receipt of COMPLETE. */
  personalizationReceipt: 0xdf29,
  /** Receipt of the last DEPERSONALIZE. */
  depersonalizationReceipt: 0xdf2f,
  /** GlobalPlatform's life cycle state of the card, one byte (core/globalplatform, cardStates). */
  cardState: 0xdf2d,
  /** What the module proves its identity with, one byte (catalog/states.ts, identityProofs). */
  identityProof: 0xdf33,
  /** The least channel that personalization may run in, one byte (catalog/channel-forms). */
  channelPolicy: 0xdf34,
  /** Limited keys: place(4) check value(5) last second(4) uses left(4) uses left without newer time(4), repeated. */
  limitedKeys: 0xdf35,
  /** What is kept outside: kind(1) id(1) SHA-256(32), repeated. */
  outsideObjects: 0xdf36,
  /** The customization key as the SAM sealed it (core/customization). */
  sealedCustomizationKey: 0xdf2e,
  /** How a signing card stands (core/signing-card). */
  signingCard: 0xdf30,
} as const

/** Ids of public-key objects (65-byte points). */
export const publicKeyIds = { manufacturer: 1, central: 2, authority: 3, signingCentral: 4 } as const

/** Ids of product-data objects. */
export const productDataIds = {
  /** Product name, text. */
  name: 1,
  /** Accepted key-download suites, 2 bytes each. */
  suites: 2,
  /** One byte of flags: 01 identical modules (B22), FINISH needs no identity; 02 certificates are kept outside (B21). */
  flags: 3,
  /** Issuer identification (SIN), 8 bytes. */
  issuer: 4,
  /** Customer of the first personalization, 16 bytes; written by COMPLETE. */
  customer: 5,
  /** What personalization may allow besides the chain, one byte (core/personalization, policyBits); absent: nothing. */
  policy: 6,
  /** The least channel that personalization may run in, one byte (catalog/channel-forms); absent: the module's proof. */
  channelPolicy: 7,
} as const

/** Ids of receipt objects that are no key's. */
export const receiptIds = {
  personalization: 1,
  depersonalization: 0xfe01_0000,
  /** Plus the number of the resource: the receipt of the load that runs there. */
  load: 0xfe00_0000,
} as const

/** AID of the issuer security domain (GlobalPlatform). */
export const issuerDomainAid = Uint8Array.of(0xa0, 0x00, 0x00, 0x01, 0x51, 0x00, 0x00, 0x00)
