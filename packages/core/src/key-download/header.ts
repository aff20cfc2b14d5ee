import { Reader, Writer } from '../bytes/index.ts'
import { cryptogramLengths, isSuite, type Suite } from './suite.ts'

/** HDR, 24 bytes: suite(2) ‖ SN(8) ‖ REF1(4) ‖ REF2(4) ‖ XCTR(4) ‖ length of C(2). */
export interface Header {
  readonly suite: Suite
  /** SN, 8 bytes. */
  readonly serial: Uint8Array
  /** REF1: which application key of the loader. */
  readonly source: number
  /** REF2: which key place of the module. */
  readonly destination: number
  /** XCTR: one counter per loader, never used twice. */
  readonly counter: number
  /** Bytes of C. */
  readonly length: number
}

export const headerLength = 24

export function parseHeader(bytes: Uint8Array): Header {
  const r = new Reader(bytes, 'HDR')
  const suite = r.u16('suite')
  if (!isSuite(suite)) throw r.fail(`suite ${suite.toString(16)} is not known`)
  const header: Header = {
    suite,
    serial: r.take(8, 'SN'),
    source: r.u32('REF1'),
    destination: r.u32('REF2'),
    counter: r.u32('XCTR'),
    length: r.u16('length of C'),
  }
  if (!cryptogramLengths(suite).includes(header.length))
    throw r.fail('C is not as long as the suite makes it')
  r.end()
  return header
}

export function serializeHeader(header: Header): Uint8Array {
  return new Writer()
    .u16(header.suite)
    .bytes(header.serial)
    .u32(header.source)
    .u32(header.destination)
    .u32(header.counter)
    .u16(header.length)
    .finish()
}
