import { u16, u32 } from '../bytes/index.ts'
import { DecodeError, UsageError } from '../errors/index.ts'
import { findTlv, parseTlvs, serializeTlvs, type Tlv, tlv } from '../tlv/index.ts'

/** Tags of load and install parameters (GPC 2.3.1, tables 11-48 and 11-49). */
export const installTags = {
  'application-specific': 0xc9,
  system: 0xef,
  uicc: 0xea,
  token: 0xb6,
} as const

/** Memory that the system specific parameters, tag EF, ask for: bytes, 2 or 4 on the wire. */
export const quotaTags = {
  /** Least non-volatile memory for the code, with load. */
  codeMinimum: 0xc6,
  volatile: 0xc7,
  nonVolatile: 0xc8,
  reservedVolatile: 0xd7,
  reservedNonVolatile: 0xd8,
} as const

export type Quota = keyof typeof quotaTags

/** The objects of a parameter field in their order, each tag once. Tags that are not read here are kept. */
export interface InstallParameters {
  readonly objects: readonly Tlv[]
  /** Value of C9: what the application gets; for a security domain see `parseDomainParameters`. */
  readonly applicationSpecific: Uint8Array | undefined
  readonly quotas: Readonly<Partial<Record<Quota, number>>>
}

export function parseInstallParameters(bytes: Uint8Array): InstallParameters {
  const what = 'install parameters'
  const objects = parseTlvs(bytes, what)
  if (new Set(objects.map(({ tag }) => tag)).size !== objects.length) {
    throw new DecodeError(`${what}: a tag stands twice`)
  }
  const system = parseTlvs(findTlv(objects, installTags.system) ?? new Uint8Array(0), `${what}, system`)
  const quotas: Partial<Record<Quota, number>> = {}
  for (const name of Object.keys(quotaTags) as Quota[]) {
    const found = system.filter(({ tag }) => tag === quotaTags[name])
    if (found.length === 0) continue
    const { value } = found[0]!
    if (found.length > 1 || (value.length !== 2 && value.length !== 4)) {
      throw new DecodeError(`${what}: expected one ${name} quota of 2 or 4 bytes`)
    }
    quotas[name] = value.reduce((sum, byte) => sum * 256 + byte, 0)
  }
  return { objects, applicationSpecific: findTlv(objects, installTags['application-specific']), quotas }
}

export function serializeInstallParameters({ objects }: Pick<InstallParameters, 'objects'>): Uint8Array {
  return serializeTlvs(objects)
}

/** C9 with these bytes, and EF where memory is asked for. */
export function installParameters(
  applicationSpecific: Uint8Array,
  quotas: Readonly<Partial<Record<Quota, number>>> = {},
): InstallParameters {
  const asked = (Object.keys(quotaTags) as Quota[]).flatMap((name) => {
    const value = quotas[name]
    return value === undefined ? [] : [tlv(quotaTags[name], value > 0xffff ? u32(value) : u16(value))]
  })
  const objects = [tlv(installTags['application-specific'], applicationSpecific)]
  if (asked.length > 0) objects.push(tlv(installTags.system, serializeTlvs(asked)))
  return { objects, applicationSpecific, quotas }
}

/** What C9 says of a new security domain (GPC 2.3.1, C.2 and Amendment A): each tag as most cards have it. */
export interface DomainParameters {
  /** 81, once for each: a secure channel protocol and its i. */
  readonly protocols: readonly { readonly protocol: number; readonly parameter: number }[]
  /** 82: which applications may be extradited to it. */
  readonly acceptExtraditionTo?: Uint8Array
  /** 83: how it may be deleted by itself. */
  readonly ownDeletion?: Uint8Array
  /** 87: whether what it has may be extradited away. */
  readonly acceptExtraditionFrom?: Uint8Array
  /** Other objects, in their order. */
  readonly others: readonly Tlv[]
}

const optionTags = [
  ['acceptExtraditionTo', 0x82],
  ['ownDeletion', 0x83],
  ['acceptExtraditionFrom', 0x87],
] as const

/** The value of C9; the objects stand in the order 81, 82, 83, 87, others. */
export function parseDomainParameters(bytes: Uint8Array): DomainParameters {
  const what = 'security domain parameters'
  const list = parseTlvs(bytes, what)
  let at = 0
  const protocols: { protocol: number; parameter: number }[] = []
  for (; list[at]?.tag === 0x81; at++) {
    const { value } = list[at]!
    if (value.length !== 2) throw new DecodeError(`${what}: expected protocol and i in 81`)
    protocols.push({ protocol: value[0]!, parameter: value[1]! })
  }
  const options: { -readonly [K in (typeof optionTags)[number][0]]?: Uint8Array } = {}
  for (const [name, tag] of optionTags) {
    if (list[at]?.tag !== tag) continue
    const { value } = list[at++]!
    if (value.length < 1 || value.length > 2)
      throw new DecodeError(`${what}: expected one or two bytes in ${name}`)
    options[name] = value
  }
  const others = list.slice(at)
  if (others.some(({ tag }) => tag === 0x81 || optionTags.some(([, known]) => known === tag))) {
    throw new DecodeError(`${what}: a tag stands twice, or in another order`)
  }
  return { protocols, ...options, others }
}

export function serializeDomainParameters(parameters: DomainParameters): Uint8Array {
  const list = parameters.protocols.map(({ protocol, parameter }) =>
    tlv(0x81, Uint8Array.of(protocol, parameter)),
  )
  for (const [name, tag] of optionTags) {
    const value = parameters[name]
    if (value === undefined) continue
    if (value.length < 1 || value.length > 2) throw new UsageError(`expected one or two bytes in ${name}`)
    list.push({ tag, value })
  }
  return serializeTlvs([...list, ...parameters.others])
}
