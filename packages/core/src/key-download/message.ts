import { concat, Reader } from '../bytes/index.ts'
import { type Header, headerLength, parseHeader, serializeHeader } from './header.ts'

/** What EXPORT KEY answers and IMPORT KEY takes: HDR(24) ‖ C ‖ CAS(16). */
export interface KeyMessage {
  readonly header: Header
  /** C: the encrypted key, R, attributes and signature; whole blocks. */
  readonly cryptogram: Uint8Array
  /** CAS: CMAC over HDR ‖ C. */
  readonly certificate: Uint8Array
}

export const checkLength = 16

export function parseKeyMessage(bytes: Uint8Array): KeyMessage {
  const r = new Reader(bytes, 'key message')
  const header = parseHeader(r.take(headerLength, 'HDR'))
  const message = {
    header,
    cryptogram: r.take(header.length, 'C'),
    certificate: r.take(checkLength, 'CAS'),
  }
  r.end()
  return message
}

export function serializeKeyMessage({ header, cryptogram, certificate }: KeyMessage): Uint8Array {
  return concat(serializeHeader(header), cryptogram, certificate)
}
