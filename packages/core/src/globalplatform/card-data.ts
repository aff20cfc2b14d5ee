import { concat, equal, Reader, u16, u32 } from '../bytes/index.ts'
import { DecodeError, UsageError } from '../errors/index.ts'
import { parseTlvs, serializeTlv, serializeTlvs, type Tlv, tlv } from '../tlv/index.ts'
import { asAid, requireAid } from './aid.ts'

/** Tags of GET DATA (GPC 2.3.1, table 11-24 and appendix H; Amendment F, 7.2). */
export const dataTags = {
  'issuer-identification': 0x42,
  'card-image-number': 0x45,
  'card-data': 0x66,
  'card-capabilities': 0x67,
  'ca-identifier': 0x83,
  'sequence-counter': 0xc1,
  'confirmation-counter': 0xc2,
  'diversification-data': 0xcf,
  'security-level': 0xd3,
  'key-information': 0xe0,
  'application-list': 0x2f00,
  cplc: 0x9f7f,
  certificates: 0xbf21,
  'extended-resources': 0xff21,
  'ca-identifiers-kloc': 0xff33,
  'ca-identifiers-klcc': 0xff34,
} as const

export type DataTag = keyof typeof dataTags

/** A secure channel protocol that the card says it has, e.g. 03 with i = 70. */
export interface ProtocolIdentifier {
  readonly protocol: number
  /** `i`: one byte; SCP11 may add a second. */
  readonly parameter: readonly number[]
}

/**
 * Card recognition data: the value of tag 66, which is 73 { 06 GlobalPlatform, 60 { 06 version }, 63 { 06 identification scheme },
 * 64 { 06 protocol … }, further templates } (GPC 2.3.1, H.2). What is not read here is kept as it came.
 */
export interface CardRecognitionData {
  /** E.g. `2.3.1`. */
  readonly version: string | undefined
  readonly protocols: readonly ProtocolIdentifier[]
  /** All objects of template 73 in their order. */
  readonly objects: readonly Tlv[]
}

export function parseCardRecognitionData(value: Uint8Array): CardRecognitionData {
  const what = 'card recognition data'
  const [template, ...others] = parseTlvs(value, what)
  if (template?.tag !== 0x73 || others.length > 0) throw new DecodeError(`${what}: expected template 73`)
  const objects = parseTlvs(template.value, what)
  if (objects[0]?.tag !== 0x06 || !equal(objects[0].value, arc(1))) {
    throw new DecodeError(`${what}: expected the object identifier of GlobalPlatform first`)
  }
  let version: string | undefined
  const protocols: ProtocolIdentifier[] = []
  for (const { tag, value: content } of objects) {
    if (tag !== 0x60 && tag !== 0x64) continue
    for (const identifier of parseTlvs(content, what)) {
      if (identifier.tag !== 0x06) {
        throw new DecodeError(`${what}: expected object identifiers in template ${tag.toString(16)}`)
      }
      if (tag === 0x60) version = versionOf(identifier.value) ?? version
      else protocols.push(protocolOf(identifier.value, what))
    }
  }
  return { version, protocols, objects }
}

export function serializeCardRecognitionData({ objects }: Pick<CardRecognitionData, 'objects'>): Uint8Array {
  return serializeTlv({ tag: 0x73, value: serializeTlvs(objects) })
}

/**
 * Card recognition data as most cards state it. Leave SCP11 out unless it is wanted: GlobalPlatformPro stops at a protocol that it does not
 * know; tag 67 can state it too.
 * @param version e.g. `2.3.1`
 */
export function cardRecognitionData(
  version: string,
  protocols: readonly ProtocolIdentifier[],
): CardRecognitionData {
  if (!/^\d{1,2}(\.\d{1,2}){1,3}$/.test(version)) throw new UsageError('expected a version such as 2.3.1')
  const identifier = (...content: readonly Uint8Array[]) => serializeTlv(tlv(0x06, ...content))
  const objects = [
    tlv(0x06, arc(1)),
    tlv(0x60, identifier(arc(2), Uint8Array.from(version.split('.'), Number))),
    tlv(0x63, identifier(arc(3))),
    ...protocols.map(({ protocol, parameter }) => {
      if (parameter.length < 1 || parameter.length > 2) throw new UsageError('expected one or two bytes of i')
      return tlv(0x64, identifier(arc(4), Uint8Array.of(protocol, ...parameter)))
    }),
  ]
  return { version, protocols, objects }
}

/** 1.2.840.114283.number: GlobalPlatform's arc. */
function arc(number: number): Uint8Array {
  return Uint8Array.of(0x2a, 0x86, 0x48, 0x86, 0xfc, 0x6b, number)
}

function under(parent: Uint8Array, content: Uint8Array): Uint8Array | undefined {
  return equal(content.subarray(0, parent.length), parent) ? content.subarray(parent.length) : undefined
}

function versionOf(content: Uint8Array): string | undefined {
  const arcs = under(arc(2), content)
  return arcs && arcs.length > 0 && arcs.every((byte) => byte < 0x80) ? arcs.join('.') : undefined
}

/** Protocol and i stand there as plain bytes, not as arcs in base 128 (GPC 2.3.1, table H-1): i may be 80 and more. */
function protocolOf(content: Uint8Array, what: string): ProtocolIdentifier {
  const [protocol, ...parameter] = under(arc(4), content) ?? []
  if (protocol === undefined || parameter.length < 1 || parameter.length > 2) {
    throw new DecodeError(`${what}: no protocol and i in template 64`)
  }
  return { protocol, parameter }
}

/** One secure channel protocol of the card capabilities: tag A0. */
export interface ProtocolCapability {
  readonly protocol: number
  /** Every `i` that can be had. */
  readonly parameters: Uint8Array
  /** Lengths of AES keys, bits 1, 2, 4 for 128, 192, 256; with SCP03. */
  readonly keyLengths?: number
}

/**
 * Card capabilities: the value of tag 67 (GPC 2.3.1, H.4). Objects 82 to 88 and later ones (privileges of applications, hashes, ciphers,
 * curves) are kept as they came.
 */
export interface CardCapabilities {
  readonly protocols: readonly ProtocolCapability[]
  readonly others: readonly Tlv[]
}

export function parseCardCapabilities(value: Uint8Array): CardCapabilities {
  const what = 'card capabilities'
  const list = parseTlvs(value, what)
  const first = list.findIndex(({ tag }) => tag !== 0xa0)
  const split = first < 0 ? list.length : first
  const others = list.slice(split)
  if (others.some(({ tag }) => tag === 0xa0)) throw new DecodeError(`${what}: expected the protocols first`)
  return { protocols: list.slice(0, split).map(({ value: content }) => parseCapability(content)), others }
}

export function serializeCardCapabilities({ protocols, others }: CardCapabilities): Uint8Array {
  if (others.some(({ tag }) => tag === 0xa0)) throw new UsageError('protocols stand in their own list')
  return serializeTlvs([...protocols.map(capabilityObject), ...others])
}

function parseCapability(content: Uint8Array): ProtocolCapability {
  const what = 'card capabilities, protocol'
  const [protocol, parameters, keyLengths, ...others] = parseTlvs(content, what)
  if (protocol?.tag !== 0x80 || protocol.value.length !== 1 || parameters?.tag !== 0x81) {
    throw new DecodeError(`${what}: expected 80 and 81`)
  }
  const capability = { protocol: protocol.value[0]!, parameters: parameters.value }
  if (keyLengths === undefined) return capability
  if (keyLengths.tag !== 0x82 || keyLengths.value.length !== 1 || others.length > 0) {
    throw new DecodeError(`${what}: expected key lengths of one byte, tag 82, last`)
  }
  return { ...capability, keyLengths: keyLengths.value[0]! }
}

function capabilityObject({ protocol, parameters, keyLengths }: ProtocolCapability): Tlv {
  const list = [tlv(0x80, Uint8Array.of(protocol)), tlv(0x81, parameters)]
  if (keyLengths !== undefined) list.push(tlv(0x82, Uint8Array.of(keyLengths)))
  return { tag: 0xa0, value: serializeTlvs(list) }
}

/** Card production life cycle data, tag 9F7F, 42 bytes: codes of those who made the chip and the card, as Visa's specification has them. */
export interface Cplc {
  readonly icFabricator: number
  readonly icType: number
  readonly operatingSystem: number
  readonly operatingSystemReleaseDate: number
  readonly operatingSystemReleaseLevel: number
  readonly icFabricationDate: number
  readonly icSerialNumber: number
  readonly icBatch: number
  readonly icModuleFabricator: number
  readonly icModulePackagingDate: number
  readonly iccManufacturer: number
  readonly icEmbeddingDate: number
  readonly icPrePersonalizer: number
  readonly icPrePersonalizationDate: number
  readonly icPrePersonalizationEquipment: number
  readonly icPersonalizer: number
  readonly icPersonalizationDate: number
  readonly icPersonalizationEquipment: number
}

const cplcFields = [
  ['icFabricator', 2],
  ['icType', 2],
  ['operatingSystem', 2],
  ['operatingSystemReleaseDate', 2],
  ['operatingSystemReleaseLevel', 2],
  ['icFabricationDate', 2],
  ['icSerialNumber', 4],
  ['icBatch', 2],
  ['icModuleFabricator', 2],
  ['icModulePackagingDate', 2],
  ['iccManufacturer', 2],
  ['icEmbeddingDate', 2],
  ['icPrePersonalizer', 2],
  ['icPrePersonalizationDate', 2],
  ['icPrePersonalizationEquipment', 4],
  ['icPersonalizer', 2],
  ['icPersonalizationDate', 2],
  ['icPersonalizationEquipment', 4],
] as const satisfies readonly (readonly [keyof Cplc, 2 | 4])[]

export function parseCplc(value: Uint8Array): Cplc {
  const r = new Reader(value, 'CPLC')
  const entries = cplcFields.map(([name, width]) => [name, width === 2 ? r.u16(name) : r.u32(name)] as const)
  r.end()
  return Object.fromEntries(entries) as unknown as Cplc
}

export function serializeCplc(cplc: Cplc): Uint8Array {
  return concat(...cplcFields.map(([name, width]) => (width === 2 ? u16(cplc[name]) : u32(cplc[name]))))
}

/** Sequence counter of SCP03, tag C1: 3 bytes. */
export function parseSequenceCounter(value: Uint8Array): number {
  const r = new Reader(value, 'sequence counter')
  const counter = r.u24('counter')
  r.end()
  return counter
}

export function serializeSequenceCounter(counter: number): Uint8Array {
  if (!Number.isInteger(counter) || counter < 0 || counter > 0xff_ffff) {
    throw new UsageError('expected a counter of 3 bytes')
  }
  return u32(counter).slice(1)
}

/** Key diversification data, tag CF: the 10 bytes that INITIALIZE UPDATE answers too. */
export function parseDiversificationData(value: Uint8Array): Uint8Array {
  const r = new Reader(value, 'key diversification data')
  const data = r.take(10, 'data')
  r.end()
  return data
}

/** Extended card resources, tag FF21 (ETSI TS 102 226, 8.2.1.7.2). */
export interface ExtendedResources {
  readonly applications: number
  /** Free bytes. */
  readonly nonVolatile: number
  readonly volatile: number
}

const resourceTags = [
  ['applications', 0x81],
  ['nonVolatile', 0x82],
  ['volatile', 0x83],
] as const

export function parseExtendedResources(value: Uint8Array): ExtendedResources {
  const what = 'extended card resources'
  const list = parseTlvs(value, what)
  if (list.length !== 3) throw new DecodeError(`${what}: expected 81, 82 and 83`)
  const entries = resourceTags.map(([name, tag], i) => {
    const object = list[i]!
    if (object.tag !== tag || object.value.length < 1 || object.value.length > 4) {
      throw new DecodeError(`${what}: expected ${tag.toString(16)} with 1 to 4 bytes`)
    }
    return [name, object.value.reduce((sum, byte) => sum * 256 + byte, 0)] as const
  })
  return Object.fromEntries(entries) as unknown as ExtendedResources
}

/** Writes four bytes each; other widths are read too. */
export function serializeExtendedResources(resources: ExtendedResources): Uint8Array {
  return serializeTlvs(resourceTags.map(([name, tag]) => tlv(tag, u32(resources[name]))))
}

/** The list of applications, data object 2F00: 61 { 4F AID } for each (GPC 2.3.1, H.6). */
export function parseApplicationList(value: Uint8Array): Uint8Array[] {
  const what = 'list of applications'
  return parseTlvs(value, what).map((template) => {
    const [aid, ...others] = template.tag === 0x61 ? parseTlvs(template.value, what) : []
    if (aid?.tag !== 0x4f || others.length > 0) throw new DecodeError(`${what}: expected 61 with one 4F`)
    return asAid(aid.value, what)
  })
}

export function serializeApplicationList(aids: readonly Uint8Array[]): Uint8Array {
  return serializeTlvs(aids.map((aid) => tlv(0x61, serializeTlv(tlv(0x4f, requireAid(aid))))))
}
