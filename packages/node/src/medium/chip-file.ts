import { crc32 } from 'node:zlib'
import { ascii, concat, equal, Reader, requireFormatVersion, u32, Writer } from '@sealwright/core/bytes'
import { DecodeError } from '@sealwright/core/errors'
import { type Geometry, pageSize, totalPages } from '@sealwright/module/medium'

/**
 * The layout of a chip file: a header of 64 bytes, then a slot of 264 bytes for every page, in the order of pages.
 *
 *   header  magic "SWCHIP"(6) ‖ format version(2) ‖ page size(2) ‖ pages of OTP(4), EEPROM(4), journal(4), ROM(4) ‖ zeros(34)
 *           ‖ CRC-32 of all before(4)
 *   slot    content(256) ‖ 01 ‖ zeros(3) ‖ CRC-32 of page number(4) ‖ content(4); all zeros: never written
 */
export const headerLength = 64
export const slotLength = pageSize + 8
export const formatVersion = 1

const magic = ascii('SWCHIP')

export function fileLength(geometry: Geometry): number {
  return headerLength + slotLength * totalPages(geometry)
}

export function slotOffset(page: number): number {
  return headerLength + slotLength * page
}

export function serializeHeader(geometry: Geometry): Uint8Array {
  const body = new Writer()
    .bytes(magic)
    .u16(formatVersion)
    .u16(geometry.pageSize)
    .u32(geometry.otpPages)
    .u32(geometry.eepromPages)
    .u32(geometry.journalPages)
    .u32(geometry.romPages)
    .bytes(new Uint8Array(34))
    .finish()
  return concat(body, u32(crc32(body)))
}

/** Refuses a newer version by its number before it looks at anything that the version may have changed. */
export function parseHeader(bytes: Uint8Array): Geometry {
  const r = new Reader(bytes, 'chip file')
  if (!equal(r.take(magic.length, 'magic'), magic)) throw r.fail('not a chip file')
  const version = r.u16('format version')
  requireFormatVersion('chip file', version)
  const size = r.u16('page size')
  const geometry: Geometry = {
    pageSize,
    otpPages: r.u32('OTP pages'),
    eepromPages: r.u32('EEPROM pages'),
    journalPages: r.u32('journal pages'),
    romPages: r.u32('ROM pages'),
  }
  const reserved = r.take(34, 'reserved')
  const sum = r.u32('checksum')
  r.end()
  if (sum !== crc32(bytes.subarray(0, headerLength - 4))) throw damaged('header checksum does not hold')
  if (version !== formatVersion || size !== pageSize || reserved.some((byte) => byte !== 0)) {
    throw damaged('header holds what no version of this program wrote')
  }
  return geometry
}

export function serializeSlot(page: number, content: Uint8Array): Uint8Array {
  return concat(content, Uint8Array.of(1, 0, 0, 0), u32(slotSum(page, content)))
}

/** The page's content, or undefined when the slot does not hold together. */
export function parseSlot(page: number, slot: Uint8Array): Uint8Array | undefined {
  const content = slot.slice(0, pageSize)
  const tail = slot.subarray(pageSize)
  if (tail.every((byte) => byte === 0)) return content.some((byte) => byte !== 0) ? undefined : content
  return equal(tail, concat(Uint8Array.of(1, 0, 0, 0), u32(slotSum(page, content)))) ? content : undefined
}

export function damaged(reason: string): DecodeError {
  return new DecodeError(`chip file: ${reason}`, { code: 'memory-damaged' })
}

function slotSum(page: number, content: Uint8Array): number {
  return crc32(content, crc32(u32(page)))
}
