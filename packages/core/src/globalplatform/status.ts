import { concat, Reader } from '../bytes/index.ts'
import { DecodeError, UsageError } from '../errors/index.ts'
import { parseTlvs, serializeTlvs, type Tlv, tlv } from '../tlv/index.ts'
import { asAid, readAid, requireAid, serializeAid } from './aid.ts'
import { type Privileges, parsePrivileges, serializePrivileges } from './privileges.ts'

/** What GET STATUS lists: P1 (GPC 2.3.1, 11.4.2.1). */
export const statusScopes = {
  'issuer-domain': 0x80,
  applications: 0x40,
  'load-files': 0x20,
  'load-files-and-modules': 0x10,
} as const

export type StatusScope = keyof typeof statusScopes

/** P2: bit 1 asks for what follows an answer that ended with 6310, bit 2 for the TLV form (GPC 2.3.1, 11.4.2.2). */
export interface StatusForm {
  readonly next: boolean
  readonly tlv: boolean
}

/** Data field: 4F filter [5C tags wanted] (GPC 2.3.1, 11.4.2.3). */
export interface StatusRequest {
  /** An AID or the front of one; empty for all. */
  readonly filter: Uint8Array
  /** Tags that an entry shall have, each 1 or 2 bytes. */
  readonly tags?: readonly number[]
}

/**
 * One entry of the registry: E3 { 4F, 9F70, C5, CF*, C4, CE, 84*, CC } (GPC 2.3.1, table 11-36). Written in this order; cards have others, so
 * that any is read.
 */
export interface RegistryEntry {
  readonly aid: Uint8Array
  /** The card's, domain's, application's or load file's state; see life-cycle.ts. */
  readonly state: number
  readonly privileges?: Privileges
  /** Implicit selection, one byte for each interface and channel. */
  readonly implicitSelection?: readonly number[]
  readonly loadFile?: Uint8Array
  /** Version of a load file. */
  readonly version?: Uint8Array
  readonly modules?: readonly Uint8Array[]
  /** The security domain that it belongs to. */
  readonly securityDomain?: Uint8Array
  /** Objects that cards add. */
  readonly others?: readonly Tlv[]
}

export function parseStatusScope(p1: number): StatusScope {
  const name = (Object.keys(statusScopes) as StatusScope[]).find((one) => statusScopes[one] === p1)
  if (!name) throw new DecodeError('GET STATUS: expected 80, 40, 20 or 10 in P1')
  return name
}

export function parseStatusForm(p2: number): StatusForm {
  if ((p2 & ~0x03) !== 0) throw new DecodeError('GET STATUS: expected 00 to 03 in P2')
  return { next: (p2 & 0x01) !== 0, tlv: (p2 & 0x02) !== 0 }
}

export function serializeStatusForm({ next, tlv: form }: StatusForm): number {
  return (next ? 0x01 : 0) | (form ? 0x02 : 0)
}

export function parseStatusRequest(bytes: Uint8Array): StatusRequest {
  const what = 'GET STATUS data'
  const [filter, tags, ...others] = parseTlvs(bytes, what)
  if (filter?.tag !== 0x4f || filter.value.length > 16)
    throw new DecodeError(`${what}: expected a filter, tag 4F`)
  if (tags === undefined) return { filter: filter.value }
  if (tags.tag !== 0x5c || others.length > 0) throw new DecodeError(`${what}: expected a tag list, 5C, last`)
  const r = new Reader(tags.value, `${what}, tag list`)
  const list: number[] = []
  while (r.remaining > 0) {
    const first = r.u8('tag')
    list.push((first & 0x1f) === 0x1f ? (first << 8) | r.u8('tag') : first)
  }
  return { filter: filter.value, tags: list }
}

export function serializeStatusRequest({ filter, tags }: StatusRequest): Uint8Array {
  if (filter.length > 16) throw new UsageError('GET STATUS: the filter has at most 16 bytes')
  const list = [tlv(0x4f, filter)]
  if (tags) list.push(tlv(0x5c, ...tags.map(tagBytes)))
  return serializeTlvs(list)
}

function tagBytes(tag: number): Uint8Array {
  const bytes = tag > 0xff ? [tag >>> 8, tag & 0xff] : [tag]
  if (tag > 0xffff || ((bytes[0]! & 0x1f) === 0x1f) !== (bytes.length === 2)) {
    throw new UsageError('GET STATUS: the tag list holds tags of 1 or 2 bytes')
  }
  return Uint8Array.from(bytes)
}

/** The TLV form: any number of E3, none in an empty answer. A list has no end of its own: entries may follow in the next answer. */
export function parseRegistryEntries(bytes: Uint8Array): RegistryEntry[] {
  const what = 'registry'
  return parseTlvs(bytes, what).map(({ tag, value }) => {
    if (tag !== 0xe3) throw new DecodeError(`${what}: expected entries of tag E3`)
    return parseEntry(parseTlvs(value, `${what} entry`))
  })
}

/** @param tags of the request's tag list: an entry is written with these only */
export function serializeRegistryEntries(
  entries: readonly RegistryEntry[],
  tags?: readonly number[],
): Uint8Array {
  return serializeTlvs(
    entries.map((entry) => {
      const objects = entryObjects(entry).filter(({ tag }) => !tags || tags.includes(tag))
      return { tag: 0xe3, value: serializeTlvs(objects) }
    }),
  )
}

function parseEntry(objects: readonly Tlv[]): RegistryEntry {
  const what = 'registry entry'
  const one = (tag: number) => {
    const found = objects.filter((object) => object.tag === tag)
    if (found.length > 1) throw new DecodeError(`${what}: ${tag.toString(16)} stands twice`)
    return found[0]?.value
  }
  const aid = one(0x4f)
  const state = one(0x9f70)
  if (!aid || !state) throw new DecodeError(`${what}: expected 4F and 9F70`)
  // The first byte is the state; some cards have more.
  if (state.length < 1 || state.length > 4) throw new DecodeError(`${what}: expected a state of one byte`)
  const privileges = one(0xc5)
  const implicit = objects.filter(({ tag }) => tag === 0xcf)
  if (implicit.some(({ value }) => value.length !== 1)) {
    throw new DecodeError(`${what}: expected implicit selection of one byte`)
  }
  const modules = objects.filter(({ tag }) => tag === 0x84)
  const loadFile = one(0xc4)
  const version = one(0xce)
  const securityDomain = one(0xcc)
  const others = objects.filter(({ tag }) => !entryTags.has(tag))
  return {
    aid: asAid(aid, what),
    state: state[0]!,
    ...(privileges && { privileges: parsePrivileges(privileges) }),
    ...(implicit.length > 0 && { implicitSelection: implicit.map(({ value }) => value[0]!) }),
    ...(loadFile && { loadFile: asAid(loadFile, what) }),
    ...(version && { version }),
    ...(modules.length > 0 && { modules: modules.map(({ value }) => asAid(value, what)) }),
    ...(securityDomain && { securityDomain: asAid(securityDomain, what) }),
    ...(others.length > 0 && { others }),
  }
}

function entryObjects(entry: RegistryEntry): Tlv[] {
  const list = [tlv(0x4f, requireAid(entry.aid)), tlv(0x9f70, Uint8Array.of(entry.state))]
  if (entry.privileges) list.push(tlv(0xc5, serializePrivileges(entry.privileges)))
  for (const byte of entry.implicitSelection ?? []) list.push(tlv(0xcf, Uint8Array.of(byte)))
  if (entry.loadFile) list.push(tlv(0xc4, requireAid(entry.loadFile)))
  if (entry.version) list.push(tlv(0xce, entry.version))
  for (const module of entry.modules ?? []) list.push(tlv(0x84, requireAid(module)))
  if (entry.securityDomain) list.push(tlv(0xcc, requireAid(entry.securityDomain)))
  return [...list, ...(entry.others ?? [])]
}

const entryTags = new Set([0x4f, 0x9f70, 0xc5, 0xcf, 0xc4, 0xce, 0x84, 0xcc])

/** The old form: length ‖ AID ‖ state ‖ privileges(1), with the modules where they are asked for: count ‖ (length ‖ AID)*. */
export interface OldRegistryEntry {
  readonly aid: Uint8Array
  readonly state: number
  /** The first byte of the privileges; 00 for a load file. */
  readonly privileges: Privileges
  readonly modules?: readonly Uint8Array[]
}

/** @param scope what was asked for: only load files with modules have a list of them */
export function parseOldRegistryEntries(bytes: Uint8Array, scope: StatusScope): OldRegistryEntry[] {
  const r = new Reader(bytes, 'registry, old form')
  const entries: OldRegistryEntry[] = []
  while (r.remaining > 0) {
    const entry = {
      aid: readAid(r, 'AID'),
      state: r.u8('state'),
      privileges: parsePrivileges(r.take(1, 'privileges')),
    }
    if (scope !== 'load-files-and-modules') entries.push(entry)
    else {
      const modules = Array.from({ length: r.u8('number of modules') }, () => readAid(r, 'module AID'))
      entries.push({ ...entry, modules })
    }
  }
  return entries
}

/** An entry with or without modules that does not fit the scope is a UsageError. */
export function serializeOldRegistryEntries(
  entries: readonly OldRegistryEntry[],
  scope: StatusScope,
): Uint8Array {
  return concat(
    ...entries.map(({ aid, state, privileges, modules }) => {
      if ((modules !== undefined) !== (scope === 'load-files-and-modules')) {
        throw new UsageError('modules are listed with load files, where they are asked for, and only there')
      }
      if (privileges.length !== 1) throw new UsageError('the old form has privileges of one byte')
      const list = modules ? [Uint8Array.of(modules.length), ...modules.map(serializeAid)] : []
      return concat(serializeAid(aid), Uint8Array.of(state), serializePrivileges(privileges), ...list)
    }),
  )
}
