import { DecodeError } from '../errors/index.ts'
import { findTlv, parseTlvs, serializeTlv, serializeTlvs, type Tlv, tlv } from '../tlv/index.ts'
import { asAid, requireAid } from './aid.ts'

/**
 * What SELECT of a security domain answers: 6F { 84 AID ‖ A5 { 73 { 06 GlobalPlatform } ‖ 9F6E … ‖ 9F65 longest data field } }
 * (GPC 2.3.1, 11.9.3.1). Applications answer what they like, so that a host reads only what it knows.
 */
export interface FileControlInformation {
  readonly aid: Uint8Array
  /** Objects of A5 in their order; undefined without A5. */
  readonly proprietary: readonly Tlv[] | undefined
  /** Objects of 6F besides 84 and A5. */
  readonly others: readonly Tlv[]
}

export function parseFileControlInformation(bytes: Uint8Array): FileControlInformation {
  const what = 'file control information'
  const [template, ...rest] = parseTlvs(bytes, what)
  if (template?.tag !== 0x6f || rest.length > 0) throw new DecodeError(`${what}: expected template 6F`)
  const [aid, ...objects] = parseTlvs(template.value, what)
  if (aid?.tag !== 0x84) throw new DecodeError(`${what}: expected the AID, tag 84, first`)
  const proprietary = objects[0]?.tag === 0xa5 ? parseTlvs(objects[0].value, what) : undefined
  const others = objects.slice(proprietary ? 1 : 0)
  if (others.some(({ tag }) => tag === 0xa5 || tag === 0x84))
    throw new DecodeError(`${what}: a tag stands twice`)
  return { aid: asAid(aid.value, what), proprietary, others }
}

export function serializeFileControlInformation(fci: FileControlInformation): Uint8Array {
  const { aid, proprietary, others } = fci
  const objects = [tlv(0x84, requireAid(aid))]
  if (proprietary) objects.push(tlv(0xa5, serializeTlvs(proprietary)))
  return serializeTlv({ tag: 0x6f, value: serializeTlvs([...objects, ...others]) })
}

/** What a security domain answers, which takes data fields of up to `longestData` bytes in a short APDU. */
export function domainFileControlInformation(aid: Uint8Array, longestData: number): FileControlInformation {
  const proprietary = [
    tlv(0x73, Uint8Array.of(0x06, 0x07, 0x2a, 0x86, 0x48, 0x86, 0xfc, 0x6b, 0x01)),
    tlv(0x9f65, Uint8Array.of(longestData)),
  ]
  return { aid: requireAid(aid), proprietary, others: [] }
}

/** The longest data field, 9F65, where the card states one. */
export function longestData({ proprietary }: FileControlInformation): number | undefined {
  const value = findTlv(proprietary ?? [], 0x9f65)
  if (value === undefined || value.length < 1 || value.length > 2) return undefined
  return value.reduce((sum, byte) => sum * 256 + byte, 0)
}
