import { ascii, equal, Reader, requireFormatVersion, Writer } from '../bytes/index.ts'
import { UsageError } from '../errors/index.ts'
import { type ImageForm, imageForms, parseImageForm } from './customization-image.ts'

/** Whether every chip of a lot has unlocking data of its own, or one key opens all. */
export const lotKinds = { 'own-keys': 0x00, 'one-key': 0x01 } as const
export type LotKind = keyof typeof lotKinds

/** What the issuer keeps of one lot, and gives nobody. Secret. */
export interface LotFile {
  readonly version: 1
  /** 8 bytes. */
  readonly lot: Uint8Array
  readonly kind: LotKind
  /** How many chips were ordered, from 1. */
  readonly count: number
  /** SHA-256 of the ROM image. */
  readonly romDigest: Uint8Array
  readonly form: ImageForm
  /** SHA-256 of the image's plaintext: the same for all chips, which all carry the same software. */
  readonly hash: Uint8Array
  /** What the keys of all images and the document keys come from, 32 bytes. */
  readonly secret: Uint8Array
}

const magic = ascii('SWLS')

/** "SWLS"(4) ‖ version(1) ‖ lot(8) ‖ kind(1) ‖ count(4) ‖ ROM digest(32) ‖ form(1) ‖ hash(32) ‖ secret(32). */
export function serializeLotFile(file: LotFile): Uint8Array {
  const { lot, romDigest, hash, secret } = file
  if (lot.length !== 8 || [romDigest, hash, secret].some(({ length }) => length !== 32)) {
    throw new UsageError('lot file: expected 8, 32, 32 and 32 bytes')
  }
  return new Writer()
    .bytes(magic)
    .u8(file.version)
    .bytes(lot)
    .u8(lotKinds[file.kind])
    .u32(file.count)
    .bytes(romDigest)
    .u8(imageForms[file.form])
    .bytes(hash)
    .bytes(secret)
    .finish()
}

export function parseLotFile(bytes: Uint8Array): LotFile {
  const r = new Reader(bytes, 'lot file')
  if (!equal(r.take(4, 'magic'), magic)) throw r.fail('not a lot file')
  requireFormatVersion('lot file', r.u8('version'))
  const lot = r.take(8, 'lot')
  const kind = parseLotKind(r)
  const count = parseLotCount(r)
  const romDigest = r.take(32, 'ROM digest')
  const form = parseImageForm(r)
  const hash = r.take(32, 'hash')
  const secret = r.take(32, 'secret')
  r.end()
  return { version: 1, lot, kind, count, romDigest, form, hash, secret }
}

/** The byte that names a kind. */
export function parseLotKind(r: Reader): LotKind {
  const code = r.u8('kind')
  const kind = (Object.keys(lotKinds) as LotKind[]).find((name) => lotKinds[name] === code)
  if (kind === undefined) throw r.fail(`no kind of lot has the code ${code}`)
  return kind
}

/** The number of chips of a lot. */
export function parseLotCount(r: Reader): number {
  const count = r.u32('count')
  if (count === 0) throw r.fail('a lot without chips')
  return count
}
