import type { LotCertificate } from '@sealwright/core/customization'

/** What a manufacturer knows of the identity certificates that he issued, for whoever has him at hand. Serial numbers have 8 bytes. */
export interface CertificateRecord {
  /** Whether a serial number has a certificate. */
  has(serial: Uint8Array): boolean
  /** It, DER. */
  read(serial: Uint8Array): Promise<Uint8Array | undefined>
  /** Keeps certificates that modules have; those that are kept already stay as they are. Durable on return. */
  keep(certificates: readonly LotCertificate[]): Promise<void>
}
