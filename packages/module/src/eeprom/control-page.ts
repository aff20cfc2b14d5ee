import { ascii, equal, Reader, requireFormatVersion, Writer } from '@sealwright/core/bytes'
import { otpLength } from '../otp/index.ts'

/**
 * The first page of EEPROM: magic "SWEE"(4) ‖ format version(1) ‖ reserved(3) ‖ size(4) ‖ mode mark(32) ‖ zeros to 256.
 * The mode mark is a copy of the OTP bits, changed in the same transaction: an older EEPROM under a newer OTP shows.
 */
export interface ControlPage {
  readonly version: number
  readonly eepromSize: number
  readonly modeMark: Uint8Array
}

export const controlVersion = 1
export const modeMarkOffset = 12
const magic = ascii('SWEE')
const padding = 256 - modeMarkOffset - otpLength

export function serializeControlPage(page: ControlPage): Uint8Array {
  return new Writer()
    .bytes(magic)
    .u8(page.version)
    .u24(0)
    .u32(page.eepromSize)
    .bytes(page.modeMark)
    .bytes(new Uint8Array(padding))
    .finish()
}

export function parseControlPage(bytes: Uint8Array): ControlPage {
  const r = new Reader(bytes, 'control page')
  if (!equal(r.take(4, 'magic'), magic)) throw r.fail('not an EEPROM of Sealwright')
  const version = r.u8('version')
  requireFormatVersion('EEPROM', version)
  if (r.u24('reserved') !== 0) throw r.fail('reserved bytes not zero')
  const eepromSize = r.u32('size')
  const modeMark = r.take(otpLength, 'mode mark')
  if (r.take(padding, 'padding').some((byte) => byte !== 0)) throw r.fail('padding not zero')
  r.end()
  return { version, eepromSize, modeMark }
}
