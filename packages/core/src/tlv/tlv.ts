import { concat, Reader, u32 } from '../bytes/index.ts'
import { UsageError } from '../errors/index.ts'

/** One BER-TLV data object (ISO/IEC 7816-4, 5.2.2). `tag` holds the tag bytes as one number, e.g. 0x5F49. */
export interface Tlv {
  readonly tag: number
  readonly value: Uint8Array
}

export function tlv(tag: number, ...parts: readonly Uint8Array[]): Tlv {
  return { tag, value: concat(...parts) }
}

/** Parses a list of data objects that fills `bytes`. Tags of up to 3 bytes, minimal definite lengths only. */
export function parseTlvs(bytes: Uint8Array, what = 'data objects'): Tlv[] {
  const r = new Reader(bytes, what)
  const list: Tlv[] = []
  while (r.remaining > 0) {
    const tag = readTag(r)
    list.push({ tag, value: r.take(readLength(r), `value of tag ${tag.toString(16)}`) })
  }
  return list
}

/** A tag that `parseTlvs` would not read, or more than 16 MiB, is a UsageError. */
export function serializeTlv({ tag, value }: Tlv): Uint8Array {
  return concat(tagBytes(tag), lengthBytes(value.length), value)
}

export function serializeTlvs(list: readonly Tlv[]): Uint8Array {
  return concat(...list.map(serializeTlv))
}

/** The value of the first object with this tag. */
export function findTlv(list: readonly Tlv[], tag: number): Uint8Array | undefined {
  return list.find((object) => object.tag === tag)?.value
}

function readTag(r: Reader): number {
  const bytes = [r.u8('tag')]
  if ((bytes[0]! & 0x1f) === 0x1f) bytes.push(r.u8('tag'))
  if (bytes.length === 2 && bytes[1]! >= 0x80) bytes.push(r.u8('tag'))
  if (!isTag(bytes)) throw r.fail('tag is 00, not minimal, or longer than 3 bytes')
  return bytes.reduce((tag, byte) => (tag << 8) | byte)
}

function isTag(bytes: readonly number[]): boolean {
  const [first = 0, second = 0, third = 0] = bytes
  if (first === 0x00) return false
  if ((first & 0x1f) !== 0x1f) return bytes.length === 1
  if (bytes.length === 2) return second >= 0x1f && second < 0x80
  return bytes.length === 3 && second > 0x80 && third < 0x80
}

function readLength(r: Reader): number {
  const first = r.u8('length')
  if (first < 0x80) return first
  const width = first - 0x80
  if (width < 1 || width > 3) throw r.fail('length form is not definite, or is too long')
  const length = width === 1 ? r.u8('length') : width === 2 ? r.u16('length') : r.u24('length')
  if (length < (width === 1 ? 0x80 : 1 << (8 * (width - 1)))) throw r.fail('length is not minimal')
  return length
}

function tagBytes(tag: number): Uint8Array {
  const bytes = u32(tag).subarray(tag > 0xff_ffff ? 0 : tag > 0xffff ? 1 : tag > 0xff ? 2 : 3)
  if (!isTag([...bytes])) throw new UsageError(`${tag.toString(16)} is no tag of a data object`)
  return bytes
}

function lengthBytes(length: number): Uint8Array {
  if (length < 0x80) return Uint8Array.of(length)
  if (length < 0x100) return Uint8Array.of(0x81, length)
  if (length < 0x1_0000) return Uint8Array.of(0x82, length >>> 8, length & 0xff)
  if (length < 0x100_0000) return Uint8Array.of(0x83, length >>> 16, (length >>> 8) & 0xff, length & 0xff)
  throw new UsageError(`a data object cannot hold ${length} bytes`)
}
