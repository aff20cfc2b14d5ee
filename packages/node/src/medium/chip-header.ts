import { crc32 } from 'node:zlib'
import { ascii, concat, equal, Reader, requireFormatVersion, u32, Writer } from '@sealwright/core/bytes'
import { formats } from '@sealwright/core/catalog'
import { DecodeError } from '@sealwright/core/errors'
import { type Geometry, pageSize } from '@sealwright/module/medium'
import { chipIdLength, chipKeyCheckLength, sealedSlotLength, slotCount } from '@sealwright/module/seal'

/**
 * What a chip file begins with, 64 bytes:
 *   "SWCHIP"(6) ‖ format version(2) ‖ page size(2) ‖ pages of OTP(4), EEPROM(4), journal(4), ROM(4) ‖ chipId(16) ‖
 *   check value of the chip key(8) ‖ zeros(10) ‖ CRC-32 of all before(4)
 * Behind it the slots of all pages in their order, then that of the seal record.
 */
export interface ChipHeader {
  readonly geometry: Geometry
  /** 16 bytes; not secret. */
  readonly chipId: Uint8Array
  /** 8 bytes: tells a wrong key from a changed memory. */
  readonly keyCheck: Uint8Array
}

export const headerLength = 64

const magic = ascii('SWCHIP')
const version = formats['chip file'].newest
const reservedLength = 10

export function fileLength(geometry: Geometry): number {
  return headerLength + sealedSlotLength * slotCount(geometry)
}

export function serializeHeader({ geometry, chipId, keyCheck }: ChipHeader): Uint8Array {
  const body = writeStart(version, geometry)
    .bytes(chipId)
    .bytes(keyCheck)
    .bytes(new Uint8Array(reservedLength))
  const bytes = body.finish()
  return concat(bytes, u32(crc32(bytes)))
}

/** The format version of a chip file, before anything else of it is looked at. */
export function headerVersion(bytes: Uint8Array): number {
  const r = new Reader(bytes, 'chip file')
  if (!equal(r.take(magic.length, 'magic'), magic)) throw r.fail('not a chip file')
  const found = r.u16('format version')
  requireFormatVersion('chip file', found)
  return found
}

export function parseHeader(bytes: Uint8Array): ChipHeader {
  const found = headerVersion(bytes)
  const r = new Reader(bytes, 'chip file')
  r.take(magic.length + 2, 'magic and version')
  const geometry = readGeometry(r)
  const chipId = r.take(chipIdLength, 'chip id')
  const keyCheck = r.take(chipKeyCheckLength, 'check value of the key')
  const reserved = r.take(reservedLength, 'reserved')
  const sum = r.u32('checksum')
  r.end()
  checkSum(bytes, sum)
  if (found !== version || reserved.some((byte) => byte !== 0)) throw damaged(unknownHeader)
  return { geometry, chipId, keyCheck }
}

/** What a header of any version that is read says of the file; nothing is opened for work by it. */
export function describeHeader(bytes: Uint8Array): {
  readonly version: number
  readonly geometry: Geometry
  readonly chipId: Uint8Array | undefined
} {
  const found = headerVersion(bytes)
  if (found === version) return { version: found, ...parseHeader(bytes) }
  checkSum(bytes, new Reader(bytes.subarray(headerLength - 4), 'chip file').u32('checksum'))
  const r = new Reader(bytes, 'chip file')
  r.take(magic.length + 2, 'magic and version')
  return { version: found, geometry: readGeometry(r), chipId: undefined }
}

/** The length that a header asks for is the file's, exactly. */
export function checkLength(actual: number, expected: number): void {
  if (actual !== expected) throw damaged(`${actual} bytes long, expected ${expected}`)
}

export function damaged(reason: string): DecodeError {
  return new DecodeError(`chip file: ${reason}`, { code: 'memory-damaged' })
}

export function writeStart(formatVersion: number, geometry: Geometry): Writer {
  return new Writer()
    .bytes(magic)
    .u16(formatVersion)
    .u16(geometry.pageSize)
    .u32(geometry.otpPages)
    .u32(geometry.eepromPages)
    .u32(geometry.journalPages)
    .u32(geometry.romPages)
}

export function readGeometry(r: Reader): Geometry {
  if (r.u16('page size') !== pageSize) throw damaged(unknownHeader)
  return {
    pageSize,
    otpPages: r.u32('OTP pages'),
    eepromPages: r.u32('EEPROM pages'),
    journalPages: r.u32('journal pages'),
    romPages: r.u32('ROM pages'),
  }
}

export function checkSum(bytes: Uint8Array, sum: number): void {
  if (sum !== crc32(bytes.subarray(0, headerLength - 4))) throw damaged('header checksum does not hold')
}

export const unknownHeader = 'header holds what no version of this program wrote'
