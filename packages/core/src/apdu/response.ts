import { copyBytes, Reader } from '../bytes/index.ts'
import { DecodeError, UsageError } from '../errors/index.ts'

/** A response APDU (ISO/IEC 7816-4, 5.1): data, and the status word as one number, e.g. 0x9000. */
export interface Response {
  readonly data: Uint8Array
  readonly sw: number
}

/** Parses data ‖ SW1 SW2. Status words begin with 6 or 9 and are not 60XX. */
export function parseResponse(bytes: Uint8Array): Response {
  if (bytes.length < 2) throw new DecodeError(`response APDU: expected 2 bytes or more, got ${bytes.length}`)
  if (bytes.length > 0x1_0002) throw new DecodeError('response APDU: more than 65536 bytes of data')
  const r = new Reader(bytes, 'response APDU')
  const data = r.take(bytes.length - 2, 'data')
  const sw = r.u16('status word')
  if (!isStatusWord(sw)) throw r.fail(`no status word: ${sw.toString(16).padStart(4, '0')}`)
  r.end()
  return { data, sw }
}

export function serializeResponse({ data, sw }: Response): Uint8Array {
  if (!isStatusWord(sw)) throw new UsageError(`no status word: ${sw}`)
  if (data.length > 0x1_0000) throw new UsageError('a response APDU holds at most 65536 bytes of data')
  const { length } = data
  const bytes = new Uint8Array(length + 2)
  copyBytes(data, 0, length, bytes, 0)
  bytes[length] = sw >>> 8
  bytes[length + 1] = sw & 0xff
  return bytes
}

export function isSuccess(sw: number): boolean {
  return sw === 0x9000
}

/** Warnings 62XX and 63XX: the command was processed, and secure messaging protects the answer. */
export function isWarning(sw: number): boolean {
  return sw >>> 8 === 0x62 || sw >>> 8 === 0x63
}

function isStatusWord(sw: number): boolean {
  return (sw & 0xf000) === 0x9000 || (sw >= 0x6100 && sw < 0x7000)
}
