import { type FormatName, formats } from '../catalog/index.ts'
import { DecodeError } from '../errors/index.ts'

/**
 * Refuses a version of a format that is not read here: DecodeError `format-newer` for a later one, `bytes-malformed` for one that never
 * was. Called before anything is looked at that a version may have changed.
 */
export function requireFormatVersion(name: FormatName, version: number): void {
  requireVersion(name, version, formats[name])
}

/** The same for formats that another table lists. */
export function requireVersion(
  what: string,
  version: number,
  { oldest, newest }: { readonly oldest: number; readonly newest: number },
): void {
  if (version > newest) {
    throw new DecodeError(`${what}: format version ${version}, this program knows up to ${newest}`, {
      code: 'format-newer',
    })
  }
  if (version < oldest) {
    throw new DecodeError(`${what}: format version ${version}, expected ${oldest} to ${newest}`)
  }
}
