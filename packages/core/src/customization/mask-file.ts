import { ascii, equal, Reader, requireFormatVersion, Writer } from '../bytes/index.ts'
import { UsageError } from '../errors/index.ts'

/**
 * All that the chip manufacturer gets: a first part of the software (ROM) and the EEPROM's content, in which the customization
 * software lies encrypted. No key, no hash.
 */
export interface MaskFile {
  readonly version: 1
  /** Bytes of EEPROM of the chips that the mask is for. */
  readonly eepromSize: number
  readonly rom: Uint8Array
  /** The pages of EEPROM, 256 bytes each, that are not all zeros; ascending by number. */
  readonly eeprom: readonly MaskPage[]
}

export interface MaskPage {
  readonly number: number
  readonly bytes: Uint8Array
}

/** How a ROM image begins: the ROM of test modules has a magic of its own (X9). */
export const romMagics = { real: ascii('SWRM'), test: ascii('SWRT') } as const

/** Whether the chips of this mask are test modules. */
export function isTestMask({ rom }: Pick<MaskFile, 'rom'>): boolean {
  return equal(rom.subarray(0, 4), romMagics.test)
}

const magic = ascii('SWMK')
/** Bytes of a page. */
export const maskPageSize = 256

/**
 * "SWMK"(4) ‖ version(1) ‖ EEPROM size(4) ‖ length of ROM(4) ‖ number of pages(2) ‖ ROM ‖ pages: number(2) ‖ bytes(256).
 */
export function serializeMaskFile(mask: MaskFile): Uint8Array {
  const w = new Writer().bytes(magic).u8(mask.version).u32(mask.eepromSize).u32(mask.rom.length)
  w.u16(mask.eeprom.length).bytes(mask.rom)
  serializeMaskPages(w, mask.eeprom)
  return w.finish()
}

/** Pages: number(2) ‖ bytes(256). */
export function serializeMaskPages(w: Writer, pages: readonly MaskPage[]): void {
  for (const { number, bytes } of pages) {
    if (bytes.length !== maskPageSize)
      throw new UsageError(`page ${number}: expected 256 bytes, got ${bytes.length}`)
    w.u16(number).bytes(bytes)
  }
}

export function parseMaskFile(bytes: Uint8Array): MaskFile {
  const r = new Reader(bytes, 'mask file')
  if (!equal(r.take(4, 'magic'), magic)) throw r.fail('not a mask file')
  requireFormatVersion('mask file', r.u8('version'))
  const eepromSize = r.u32('EEPROM size')
  const romLength = r.u32('length of ROM')
  const count = r.u16('number of pages')
  const rom = r.take(romLength, 'ROM')
  const eeprom = parseMaskPages(r, count, eepromSize)
  r.end()
  return { version: 1, eepromSize, rom, eeprom }
}

/** So many pages, ascending, none all zeros, inside EEPROM. */
export function parseMaskPages(r: Reader, count: number, eepromSize: number): MaskPage[] {
  let last = -1
  return Array.from({ length: count }, () => {
    const number = r.u16('page number')
    if (number <= last) throw r.fail('pages not ascending')
    if ((number + 1) * maskPageSize > eepromSize) throw r.fail(`page ${number} lies outside EEPROM`)
    last = number
    const page = r.take(maskPageSize, 'page')
    if (page.every((byte) => byte === 0)) throw r.fail(`page ${number} is all zeros`)
    return { number, bytes: page }
  })
}

/** The mask file's pages from a whole EEPROM. */
export function maskPagesOf(eeprom: Uint8Array): MaskPage[] {
  const pages: MaskPage[] = []
  for (let number = 0; number * maskPageSize < eeprom.length; number++) {
    const bytes = eeprom.slice(number * maskPageSize, (number + 1) * maskPageSize)
    if (bytes.some((byte) => byte !== 0)) pages.push({ number, bytes })
  }
  return pages
}
