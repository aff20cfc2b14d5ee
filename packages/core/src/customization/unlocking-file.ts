import { ascii, equal, Reader, requireFormatVersion, Writer } from '../bytes/index.ts'
import {
  type ImageForm,
  imageForms,
  parseImageForm,
  parseUnlockingData,
  serializeUnlockingData,
  type UnlockingData,
} from './customization-image.ts'

/** What the issuer keeps of one mask, and gives nobody. Secret. */
export interface UnlockingFile {
  readonly version: 1
  /** SHA-256 of the ROM image: what CHIP STATUS of a chip made from this mask says. */
  readonly romDigest: Uint8Array
  readonly form: ImageForm
  readonly unlocking: UnlockingData
}

const magic = ascii('SWUD')

/** "SWUD"(4) ‖ version(1) ‖ romDigest(32) ‖ form(1) ‖ key(32) ‖ hash(32). */
export function serializeUnlockingFile({ version, romDigest, form, unlocking }: UnlockingFile): Uint8Array {
  return new Writer()
    .bytes(magic)
    .u8(version)
    .bytes(romDigest)
    .u8(imageForms[form])
    .bytes(serializeUnlockingData(unlocking))
    .finish()
}

export function parseUnlockingFile(bytes: Uint8Array): UnlockingFile {
  const r = new Reader(bytes, 'unlocking file')
  if (!equal(r.take(4, 'magic'), magic)) throw r.fail('not an unlocking file')
  requireFormatVersion('unlocking file', r.u8('version'))
  const romDigest = r.take(32, 'ROM digest')
  const form = parseImageForm(r)
  const unlocking = parseUnlockingData(r.take(64, 'unlocking data'))
  r.end()
  return { version: 1, romDigest, form, unlocking }
}
