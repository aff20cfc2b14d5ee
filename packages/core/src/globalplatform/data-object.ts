import { DecodeError } from '../errors/index.ts'
import { parseTlvs, serializeTlv } from '../tlv/index.ts'

/**
 * The value of a data object that GET DATA answered. Cards differ: with CLA 80 most answer the whole object, with CLA 00 the value only,
 * some always one of them. An answer that is exactly one object of this tag is taken as the whole object.
 */
export function valueOfAnswer(tag: number, answer: Uint8Array): Uint8Array {
  try {
    const list = parseTlvs(answer)
    if (list.length === 1 && list[0]!.tag === tag) return list[0]!.value
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error
  }
  return answer
}

/** The answer of a card to GET DATA: with CLA 80 the whole object, with CLA 00 its value. */
export function answerOf(tag: number, value: Uint8Array, whole: boolean): Uint8Array {
  return whole ? serializeTlv({ tag, value }) : value
}
