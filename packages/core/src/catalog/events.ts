interface EventRow {
  readonly code: number
  readonly digest: string
  /** Roles (x509/roles.ts) of the parties whose step it is; `terminal` is a party without certificates. */
  readonly by: readonly string[]
}

/** Every event of a module's chain: its code, what its digest covers, and whose step it is. */
export const eventTypes = {
  'serial-written': { code: 0x01, digest: 'SHA-256 of the serial number', by: ['mounter', 'manufacturer'] },
  unlocked: {
    code: 0x02,
    digest: 'the hash that UNLOCK took: SHA-256 of the customization software',
    by: ['issuer'],
  },
  'identity-made': { code: 0x03, digest: 'SHA-256 of the public point', by: ['manufacturer', 'issuer'] },
  'identity-certified': {
    code: 0x04,
    digest: 'SHA-256 of the certificate',
    by: ['issuer', 'manufacturer'],
  },
  finished: { code: 0x05, digest: 'SHA-256 of the vector table', by: ['issuer', 'manufacturer'] },
  personalized: { code: 0x06, digest: 'SHA-256 of the operating certificate', by: ['unit'] },
  'transport-key-installed': { code: 0x07, digest: 'SHA-256 of place(4) and check value(5)', by: ['loader'] },
  'key-imported': {
    code: 0x08,
    digest: 'SHA-256 of REF2(4), XCTR(4), check value(5) and ACK(16)',
    by: ['terminal', 'loader'],
  },
  'key-exported': { code: 0x09, digest: 'SHA-256 of HDR', by: ['loader'] },
  'set-made': { code: 0x0a, digest: 'SHA-256 of set number and check value(5)', by: ['loader'] },
  'key-made': { code: 0x0b, digest: 'SHA-256 of REF1(4) and check value(5)', by: ['loader'] },
  'customization-key-stored': {
    code: 0x0c,
    digest: 'SHA-256 of the customization key as the SAM sealed it',
    by: ['issuer'],
  },
  'customized-later': {
    code: 0x0d,
    digest: 'SHA-256 of the records, of a key its check value(5)',
    by: ['issuer'],
  },
  'master-key-made': { code: 0x0e, digest: "SHA-256 of the master key's check value(5)", by: ['issuer'] },
  'customization-key-sealed': {
    code: 0x0f,
    digest: "SHA-256 of the chip's serial number(8) and of its customization key as sealed",
    by: ['issuer'],
  },
  'session-keys-given': {
    code: 0x18,
    digest: "SHA-256 of the chip's serial number(8) and both challenges(8 each)",
    by: ['issuer'],
  },
  'resource-reserved': { code: 0x10, digest: "SHA-256 of the operator's document", by: ['operator'] },
  'resource-blocked': { code: 0x11, digest: "SHA-256 of the operator's document", by: ['operator'] },
  'resource-released': { code: 0x12, digest: "SHA-256 of the operator's document", by: ['operator'] },
  'resource-deleted': { code: 0x13, digest: "SHA-256 of the operator's document", by: ['operator'] },
  'program-loaded': { code: 0x14, digest: 'SHA-256 of the manifest', by: ['supplier'] },
  'unit-key-made': {
    code: 0x40,
    digest: "the signing card's log after it",
    by: ['central-system'],
  },
  'unit-certified': { code: 0x41, digest: "the signing card's log after it", by: ['unit', 'central-system'] },
  'card-document-taken': {
    code: 0x42,
    digest: "the signing card's log after it",
    by: ['unit', 'central-system'],
  },
  'operating-certified': { code: 0x43, digest: "the signing card's log after it", by: ['unit'] },
  'card-keys-changed': {
    code: 0x30,
    digest: "SHA-256 of the security domain's AID and its key information template (E0)",
    by: ['issuer', 'operator'],
  },
  'card-content-changed': {
    code: 0x31,
    digest: 'SHA-256 of AID and new life cycle state(1), 00 for deleted',
    by: ['issuer', 'operator'],
  },
  'card-state-changed': {
    code: 0x32,
    digest: 'SHA-256 of the new card life cycle state(1)',
    by: ['issuer', 'operator'],
  },
  // Whoever keeps the module's file: its issuer until FINISH, then the place that it works in. Not who only talks to it.
  restored: {
    code: 0x21,
    digest: 'SHA-256 of the backup',
    by: ['issuer', 'terminal', 'loader', 'operator'],
  },
  transferred: { code: 0x22, digest: 'SHA-256 of the transfer', by: ['unit'] },
  'limited-key-taken': {
    code: 0x23,
    digest: 'SHA-256 of place(4), limits(12) and check value(5)',
    by: ['central-system'],
  },
  depersonalized: {
    code: 0x20,
    digest: 'SHA-256 of the operating certificate',
    // By command the central system's; by hand that of whoever keeps the module's file.
    by: ['central-system', 'terminal', 'loader', 'operator', 'unit', 'manufacturer'],
  },
} as const satisfies Record<string, EventRow>

export type EventType = keyof typeof eventTypes

export function eventTypeOf(code: number): EventType | undefined {
  for (const [name, row] of Object.entries(eventTypes)) if (row.code === code) return name as EventType
  return undefined
}
