import { ascii, equal, fromAscii, Reader, requireFormatVersion, Writer } from '../bytes/index.ts'
import { UsageError } from '../errors/index.ts'

/** What the issuer hands the owner of a module: the key of its document channel. Secret. */
export interface ModulePapers {
  readonly version: 1
  /** 8 bytes. */
  readonly serial: Uint8Array
  /** Name of the product, 1 to 32 printable ASCII characters. */
  readonly product: string
  /** 16 or 32 bytes. */
  readonly documentKey: Uint8Array
}

const magic = ascii('SWMP')

/** "SWMP"(4) ‖ version(1) ‖ serial(8) ‖ length(1) ‖ product ‖ length(1) ‖ document key. */
export function serializeModulePapers({ version, serial, product, documentKey }: ModulePapers): Uint8Array {
  if (serial.length !== 8) throw new UsageError(`serial number: expected 8 bytes, got ${serial.length}`)
  return new Writer()
    .bytes(magic)
    .u8(version)
    .bytes(serial)
    .u8(product.length)
    .bytes(ascii(product))
    .u8(documentKey.length)
    .bytes(documentKey)
    .finish()
}

export function parseModulePapers(bytes: Uint8Array): ModulePapers {
  const r = new Reader(bytes, 'papers of a module')
  if (!equal(r.take(4, 'magic'), magic)) throw r.fail('not the papers of a module')
  requireFormatVersion('module papers', r.u8('version'))
  const serial = r.take(8, 'serial number')
  const name = r.take(r.u8('length of the product'), 'product')
  if (name.length < 1 || name.length > 32 || name.some((byte) => byte < 0x20 || byte > 0x7e)) {
    throw r.fail('product: expected 1 to 32 ASCII characters')
  }
  const documentKey = r.take(r.u8('length of the document key'), 'document key')
  if (documentKey.length !== 16 && documentKey.length !== 32) {
    throw r.fail('document key: expected 16 or 32 bytes')
  }
  r.end()
  return { version: 1, serial, product: fromAscii(name), documentKey }
}
