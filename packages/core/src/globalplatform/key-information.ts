import { concat, Reader, u16 } from '../bytes/index.ts'
import { DecodeError, UsageError } from '../errors/index.ts'
import { parseTlvs, serializeTlv } from '../tlv/index.ts'

/** What a card tells of one key: identifier, version, and the type and length of each component. */
export interface KeyInformationEntry {
  readonly keyId: number
  readonly keyVersion: number
  readonly components: readonly KeyComponentInformation[]
  /** Of the extended form: usage and access conditions (GPC 2.3.1, table 11-29); each may be empty. */
  readonly extended?: { readonly usage: Uint8Array; readonly access: Uint8Array }
}

export interface KeyComponentInformation {
  /** As in PUT KEY: 88 AES, B0 EC public, B1 EC private, F0 curve, … */
  readonly type: number
  /**
   * Bytes of the component. Cards differ for elliptic curves: B0 is followed by 40 or 41 for P-256, F0 by the number of the curve.
   */
  readonly length: number
  /** Of the extended form: the mark FF is left out before this type; some cards write it before the first only. */
  readonly unmarked?: true
}

const entryTag = 0xc0

/** Of the extended form: stands before each component's type. */
const extendedMark = 0xff

/**
 * The value of the key information template, tag E0 (GPC 2.3.1, 11.3.3.1): C0 { KID ‖ KVN ‖ (type ‖ length)+ } for each key. An empty C0
 * stands for a security domain without keys, and so does no C0 at all.
 */
export function parseKeyInformation(value: Uint8Array): KeyInformationEntry[] {
  const what = 'key information'
  const list = parseTlvs(value, what)
  if (list.some(({ tag }) => tag !== entryTag)) throw new DecodeError(`${what}: expected entries of tag C0`)
  if (list.length === 1 && list[0]!.value.length === 0) return []
  return list.map(({ value: entry }) => parseEntry(entry))
}

/** No entries give one empty C0. */
export function serializeKeyInformation(entries: readonly KeyInformationEntry[]): Uint8Array {
  if (entries.length === 0) return serializeTlv({ tag: entryTag, value: new Uint8Array(0) })
  return concat(...entries.map((entry) => serializeTlv({ tag: entryTag, value: serializeEntry(entry) })))
}

function parseEntry(bytes: Uint8Array): KeyInformationEntry {
  const r = new Reader(bytes, 'key information entry')
  const keyId = r.u8('key identifier')
  const keyVersion = r.u8('key version')
  const components: KeyComponentInformation[] = []
  if (r.peek() !== extendedMark) {
    do {
      const type = r.u8('key type')
      if (type === extendedMark) throw r.fail('basic and extended form are mixed')
      components.push({ type, length: r.u8('length') })
    } while (r.remaining > 0)
    return { keyId, keyVersion, components }
  }
  // A length of key usage is at most 2; types are larger.
  while ((r.peek() ?? 0) > 2) {
    const type = r.u8('key type')
    components.push(
      type === extendedMark
        ? { type: r.u8('key type'), length: r.u16('length') }
        : { type, length: r.u16('length'), unmarked: true },
    )
  }
  const usage = r.take(r.u8('length of key usage'), 'key usage')
  const access = r.take(r.u8('length of key access'), 'key access')
  r.end()
  if (usage.length > 2 || access.length > 1) throw r.fail('key usage or key access is too long')
  return { keyId, keyVersion, components, extended: { usage, access } }
}

function serializeEntry({ keyId, keyVersion, components, extended }: KeyInformationEntry): Uint8Array {
  if (components.length === 0) throw new UsageError('key information: a key has at least one component')
  const head = Uint8Array.of(keyId, keyVersion)
  if (!extended) {
    for (const { length } of components) {
      if (length > 0xff) throw new UsageError('key information: the basic form holds lengths up to 255')
    }
    return concat(head, ...components.map(({ type, length }) => Uint8Array.of(type, length)))
  }
  const { usage, access } = extended
  if (usage.length > 2 || access.length > 1) throw new UsageError('key usage or key access is too long')
  return concat(
    head,
    ...components.map(({ type, length, unmarked }, i) => {
      if (unmarked && (i === 0 || type <= 2 || type === extendedMark)) {
        throw new UsageError('key information: this component needs its mark')
      }
      return concat(Uint8Array.from(unmarked ? [type] : [extendedMark, type]), u16(length))
    }),
    Uint8Array.of(usage.length),
    usage,
    Uint8Array.of(access.length),
    access,
  )
}
