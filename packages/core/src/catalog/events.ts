/** Every event of a module's chain: its code, and what its digest covers. */
export const eventTypes = {
  'serial-written': { code: 0x01, digest: 'SHA-256 of the serial number' },
  unlocked: { code: 0x02, digest: 'the hash that UNLOCK took: SHA-256 of the customization software' },
  'identity-made': { code: 0x03, digest: 'SHA-256 of the public point' },
  'identity-certified': { code: 0x04, digest: 'SHA-256 of the certificate' },
  finished: { code: 0x05, digest: 'SHA-256 of the vector table' },
  personalized: { code: 0x06, digest: 'SHA-256 of the operating certificate' },
  'transport-key-installed': { code: 0x07, digest: 'SHA-256 of place(4) and check value(5)' },
  'key-imported': { code: 0x08, digest: 'SHA-256 of REF2(4), XCTR(4), check value(5) and ACK(16)' },
  'key-exported': { code: 0x09, digest: 'SHA-256 of HDR' },
  'set-made': { code: 0x0a, digest: 'SHA-256 of set number and check value(5)' },
  'key-made': { code: 0x0b, digest: 'SHA-256 of REF1(4) and check value(5)' },
  'resource-reserved': { code: 0x10, digest: "SHA-256 of the operator's document" },
  'resource-blocked': { code: 0x11, digest: "SHA-256 of the operator's document" },
  'resource-released': { code: 0x12, digest: "SHA-256 of the operator's document" },
  'resource-deleted': { code: 0x13, digest: "SHA-256 of the operator's document" },
  'program-loaded': { code: 0x14, digest: 'SHA-256 of the manifest' },
  depersonalized: { code: 0x20, digest: 'SHA-256 of the operating certificate' },
} as const satisfies Record<string, { code: number; digest: string }>

export type EventType = keyof typeof eventTypes

export function eventTypeOf(code: number): EventType | undefined {
  for (const [name, row] of Object.entries(eventTypes)) if (row.code === code) return name as EventType
  return undefined
}
