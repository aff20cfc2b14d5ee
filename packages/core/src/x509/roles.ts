/** What a certificate's key may do; names and bit numbers of RFC 5280 section 4.2.1.3. */
export const keyUsageBits = {
  digitalSignature: 0,
  nonRepudiation: 1,
  keyEncipherment: 2,
  dataEncipherment: 3,
  keyAgreement: 4,
  keyCertSign: 5,
  cRLSign: 6,
  encipherOnly: 7,
  decipherOnly: 8,
} as const

export type KeyUsage = keyof typeof keyUsageBits

/** Arc of all our object identifiers: a UUID under 2.25 (X.667), which needs no registration. */
export const arc = '2.25.315099234770222913721656438490422605588'

interface RoleRow {
  readonly oid: string
  /** For a certification authority the longest path below it, else undefined. */
  readonly pathLength: number | undefined
  readonly keyUsage: readonly KeyUsage[]
  /** Roles whose key may sign such a certificate; `self` for one that signs itself. */
  readonly issuedBy: readonly string[]
  /** What the certificate must carry besides. */
  readonly carries: readonly ('module serial' | 'customer' | 'binding')[]
}

/** The parties' and modules' roles, each an OID in extended key usage, and what holds for its certificates. */
export const roles = {
  'manufacturer-root': {
    oid: `${arc}.1.1`,
    pathLength: 1,
    keyUsage: ['keyCertSign'],
    issuedBy: ['self'],
    carries: [],
  },
  unit: {
    oid: `${arc}.1.2`,
    pathLength: 0,
    keyUsage: ['digitalSignature', 'keyCertSign'],
    issuedBy: ['manufacturer-root'],
    carries: ['customer'],
  },
  'module-identity': {
    oid: `${arc}.1.3`,
    pathLength: undefined,
    keyUsage: ['digitalSignature', 'keyAgreement'],
    issuedBy: ['manufacturer-root'],
    carries: ['module serial'],
  },
  'module-operating': {
    oid: `${arc}.1.4`,
    pathLength: undefined,
    keyUsage: ['digitalSignature', 'keyAgreement'],
    issuedBy: ['unit'],
    carries: ['module serial', 'binding'],
  },
  'central-system': {
    oid: `${arc}.1.5`,
    pathLength: undefined,
    keyUsage: ['digitalSignature', 'keyAgreement'],
    issuedBy: ['unit'],
    carries: [],
  },
  manufacturer: {
    oid: `${arc}.1.6`,
    pathLength: undefined,
    keyUsage: ['digitalSignature'],
    issuedBy: ['manufacturer-root'],
    carries: [],
  },
  authority: {
    oid: `${arc}.1.7`,
    pathLength: 0,
    keyUsage: ['digitalSignature', 'keyCertSign'],
    issuedBy: ['self'],
    carries: [],
  },
  operator: {
    oid: `${arc}.1.8`,
    pathLength: undefined,
    keyUsage: ['digitalSignature', 'keyAgreement'],
    issuedBy: ['authority'],
    carries: [],
  },
  supplier: {
    oid: `${arc}.1.9`,
    pathLength: undefined,
    keyUsage: ['digitalSignature', 'keyAgreement'],
    issuedBy: ['authority'],
    carries: [],
  },
  issuer: {
    oid: `${arc}.1.10`,
    pathLength: undefined,
    keyUsage: ['digitalSignature'],
    issuedBy: ['manufacturer-root', 'authority'],
    carries: [],
  },
  mounter: {
    oid: `${arc}.1.11`,
    pathLength: undefined,
    keyUsage: ['digitalSignature'],
    issuedBy: ['manufacturer-root', 'authority'],
    carries: [],
  },
  loader: {
    oid: `${arc}.1.12`,
    pathLength: undefined,
    keyUsage: ['digitalSignature'],
    issuedBy: ['manufacturer-root', 'authority'],
    carries: [],
  },
  /** A unit's key for channels with modules; its signing key does nothing but certify. */
  'unit-channel': {
    oid: `${arc}.1.14`,
    pathLength: undefined,
    keyUsage: ['digitalSignature', 'keyAgreement'],
    issuedBy: ['unit'],
    carries: [],
  },
  log: {
    oid: `${arc}.1.13`,
    pathLength: undefined,
    keyUsage: ['digitalSignature'],
    issuedBy: ['manufacturer-root', 'authority'],
    carries: [],
  },
} as const satisfies Record<string, RoleRow>

export type RoleName = keyof typeof roles

/** The role's row with the types that all rows share. */
export function roleRow(role: RoleName): RoleRow {
  return roles[role]
}

export function roleOfOid(oid: string): RoleName | undefined {
  return (Object.keys(roles) as RoleName[]).find((name) => roles[name].oid === oid)
}

/** Extensions by object identifier: the four of RFC 5280 that the profile uses, and our own. */
export const extensionOids = {
  subjectKeyIdentifier: '2.5.29.14',
  keyUsage: '2.5.29.15',
  basicConstraints: '2.5.29.19',
  authorityKeyIdentifier: '2.5.29.35',
  extKeyUsage: '2.5.29.37',
  /** NULL: made with test keys, for test modules only. */
  test: `${arc}.2.1`,
  /** OCTET STRING (16): the customer that a unit works for. */
  customer: `${arc}.2.2`,
  /** SEQUENCE of OCTET STRINGs nonce (16), customer (16), SHA-256 of the central system's point (32). */
  binding: `${arc}.2.3`,
  /** SEQUENCE of OCTET STRING ticket id (16) and INTEGER running number: from which quota the unit issued it, and as which one of it. */
  ticket: `${arc}.2.4`,
} as const
