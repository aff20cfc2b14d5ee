import { concat, Reader, u16 } from '../bytes/index.ts'
import { DecodeError } from '../errors/index.ts'
import { parseTlvs, serializeTlv } from '../tlv/index.ts'
import { dataTags } from './card-data.ts'
import { readField, serializeField } from './length-value.ts'

/**
 * The value of a data object that GET DATA answered. Cards differ: with CLA 80 most answer the whole object, with CLA 00 the value only,
 * some always one of them, a few wrap it twice. An answer that is exactly one object of this tag is taken as the whole object.
 */
export function valueOfAnswer(tag: number, answer: Uint8Array): Uint8Array {
  const value = unwrapped(tag, answer)
  return value === answer ? answer : unwrapped(tag, value)
}

function unwrapped(tag: number, answer: Uint8Array): Uint8Array {
  try {
    if (isOutsideBer(tag)) {
      const r = new Reader(answer, 'data object')
      if (r.u16('tag') !== tag) return answer
      const value = readField(r, 'value')
      r.end()
      return value
    }
    const list = parseTlvs(answer)
    if (list.length === 1 && list[0]!.tag === tag) return list[0]!.value
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error
  }
  return answer
}

/** The answer of a card to GET DATA: with CLA 80 the whole object, with CLA 00 its value. A list (2F00) is its own object. */
export function answerOf(tag: number, value: Uint8Array, whole: boolean): Uint8Array {
  if (!whole || tag === dataTags['application-list']) return value
  return isOutsideBer(tag) ? concat(u16(tag), serializeField(value)) : serializeTlv({ tag, value })
}

/** FF21, FF33, FF34: tags that BER-TLV in ISO/IEC 7816-4 does not have, and cards write all the same. */
function isOutsideBer(tag: number): boolean {
  return tag >>> 8 === 0xff
}
