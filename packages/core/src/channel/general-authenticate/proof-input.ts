import { ascii } from '../../bytes/index.ts'
import { labels } from '../../catalog/index.ts'

/** Who signs, and in which form. */
export type ProofRole = keyof typeof proofLabels

const proofLabels = {
  'dh-signed host': labels.dhSignedHost.text,
  'dh-signed module': labels.dhSignedModule.text,
  'signed-key host': labels.signedKeyHost.text,
  'signed-key module': labels.signedKeyModule.text,
} as const

export interface ProofStatement {
  readonly suite: number
  /** SHA-256 over P1, P2 and all messages so far, 32 bytes. */
  readonly transcript: Uint8Array
  /** SHA-256 of the host's identification, or of its point where the module knows it; 32 bytes. */
  readonly hostDigest: Uint8Array
  /** SHA-256 of the module's certificate as GET DATA shows it, 32 bytes. */
  readonly moduleDigest: Uint8Array
  /** Serial number of the module, 8 bytes. */
  readonly serial: Uint8Array
  /** Number of the resource; 00 in personalization. */
  readonly resource: number
}

/** What each side signs: role label ‖ suite ‖ transcript ‖ both certificates' digests ‖ serial number ‖ resource. */
export function proofInput(role: ProofRole, statement: ProofStatement): Uint8Array[] {
  const { suite, transcript, hostDigest, moduleDigest, serial, resource } = statement
  return [
    ascii(proofLabels[role]),
    Uint8Array.of(suite),
    transcript,
    hostDigest,
    moduleDigest,
    serial,
    Uint8Array.of(resource),
  ]
}
