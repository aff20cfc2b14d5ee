import { concat, type Reader } from '../bytes/index.ts'
import { UsageError } from '../errors/index.ts'

/** A length in BER form of 1 to 3 bytes, minimal (GPC 2.3.1, 11.1.5). */
export function readBerLength(r: Reader): number {
  const first = r.u8('length')
  if (first < 0x80) return first
  if (first !== 0x81 && first !== 0x82) throw r.fail('length form is not definite, or is too long')
  const length = first === 0x81 ? r.u8('length') : r.u16('length')
  if (length < (first === 0x81 ? 0x80 : 0x100)) throw r.fail('length is not minimal')
  return length
}

export function serializeBerLength(length: number): Uint8Array {
  if (length < 0x80) return Uint8Array.of(length)
  if (length < 0x100) return Uint8Array.of(0x81, length)
  if (length < 0x1_0000) return Uint8Array.of(0x82, length >>> 8, length & 0xff)
  throw new UsageError(`a field cannot hold ${length} bytes`)
}

/** A field with its length in front. */
export function readField(r: Reader, field: string): Uint8Array {
  return r.take(readBerLength(r), field)
}

export function serializeField(value: Uint8Array): Uint8Array {
  return concat(serializeBerLength(value.length), value)
}
