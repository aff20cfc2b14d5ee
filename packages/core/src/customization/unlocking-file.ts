import { ascii, equal, Reader, Writer } from '../bytes/index.ts'
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
  const version = r.u8('version')
  if (version !== 1) throw r.fail(`format version ${version}, expected 1`)
  const romDigest = r.take(32, 'ROM digest')
  const form = parseImageForm(r)
  const unlocking = parseUnlockingData(r.take(64, 'unlocking data'))
  r.end()
  return { version, romDigest, form, unlocking }
}
