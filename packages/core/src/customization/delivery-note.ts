import { ascii, equal, Reader, requireFormatVersion, Writer } from '../bytes/index.ts'

/** What the manufacturer sends along with chips: which mask they carry. Nothing of it is secret. */
export interface DeliveryNote {
  readonly version: 1
  /** SHA-256 of the ROM image: what CHIP STATUS says. */
  readonly romDigest: Uint8Array
  /** SHA-256 of the encrypted image. Both digests begin the event chain of every chip of the mask. */
  readonly imageDigest: Uint8Array
}

const magic = ascii('SWDN')

/** "SWDN"(4) ‖ version(1) ‖ romDigest(32) ‖ imageDigest(32). */
export function serializeDeliveryNote({ version, romDigest, imageDigest }: DeliveryNote): Uint8Array {
  return new Writer().bytes(magic).u8(version).bytes(romDigest).bytes(imageDigest).finish()
}

export function parseDeliveryNote(bytes: Uint8Array): DeliveryNote {
  const r = new Reader(bytes, 'delivery note')
  if (!equal(r.take(4, 'magic'), magic)) throw r.fail('not a delivery note')
  requireFormatVersion('delivery note', r.u8('version'))
  const romDigest = r.take(32, 'ROM digest')
  const imageDigest = r.take(32, 'image digest')
  r.end()
  return { version: 1, romDigest, imageDigest }
}
