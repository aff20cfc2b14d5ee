import { concat, Reader } from '../bytes/index.ts'
import { DecodeError, StateError, UsageError } from '../errors/index.ts'
import { parseTlvs, serializeTlv, serializeTlvs, type Tlv, tlv } from '../tlv/index.ts'
import { requireAid } from './aid.ts'
import {
  type KeyReference,
  keyReferenceObject,
  parseKeyReference,
  parseKeyReferenceTemplate,
} from './key-reference.ts'

/** How STORE DATA's content is laid out: P1 bits 5 and 4 (GPC 2.3.1, 11.11.2.1). */
export const storeDataStructures = { none: 0x00, dgi: 0x08, tlv: 0x10 } as const

/** What is encrypted under the data encryption key: P1 bits 7 and 6. */
export const storeDataEncryptions = { none: 0x00, 'application-dependent': 0x20, encrypted: 0x60 } as const

export type StoreDataStructure = keyof typeof storeDataStructures
export type StoreDataEncryption = keyof typeof storeDataEncryptions

/** P1 of STORE DATA. P2 is the block's number, from 0. */
export interface StoreDataForm {
  readonly last: boolean
  readonly encryption: StoreDataEncryption
  readonly structure: StoreDataStructure
  /** The command is of ISO case 4: an answer is expected. */
  readonly answer: boolean
}

export function parseStoreDataForm(p1: number): StoreDataForm {
  const of = <T extends string>(table: Record<T, number>, bits: number) =>
    (Object.keys(table) as T[]).find((name) => table[name] === bits)
  const encryption = of(storeDataEncryptions, p1 & 0x60)
  const structure = of(storeDataStructures, p1 & 0x18)
  if (!encryption || !structure || (p1 & 0x06) !== 0) throw new DecodeError('STORE DATA: reserved bits in P1')
  return { last: (p1 & 0x80) !== 0, encryption, structure, answer: (p1 & 0x01) !== 0 }
}

export function serializeStoreDataForm({ last, encryption, structure, answer }: StoreDataForm): number {
  return (
    (last ? 0x80 : 0) |
    storeDataEncryptions[encryption] |
    storeDataStructures[structure] |
    (answer ? 0x01 : 0)
  )
}

/** A data grouping: identifier(2) ‖ length(1, or FF and 2) ‖ data (GPC 2.3.1, 11.11.2.3; EMV CPS 1.1). */
export interface DataGrouping {
  readonly identifier: number
  readonly data: Uint8Array
}

export function parseDataGroupings(bytes: Uint8Array): DataGrouping[] {
  const r = new Reader(bytes, 'data groupings')
  const list: DataGrouping[] = []
  while (r.remaining > 0) {
    const identifier = r.u16('identifier')
    const short = r.u8('length')
    const length = short === 0xff ? r.u16('length') : short
    if (short === 0xff && length < 0xff) throw r.fail('length is not minimal')
    list.push({ identifier, data: r.take(length, 'data') })
  }
  return list
}

export function serializeDataGroupings(list: readonly DataGrouping[]): Uint8Array {
  return concat(
    ...list.map(({ identifier, data: { length }, data }) => {
      if (length > 0xffff) throw new UsageError(`a data grouping cannot hold ${length} bytes`)
      const head = length < 0xff ? [length] : [0xff, length >>> 8, length & 0xff]
      return concat(Uint8Array.of(identifier >>> 8, identifier & 0xff, ...head), data)
    }),
  )
}

/** Whose key a CA identifier names: that of off-card entities (KLOC) or that of cards (KLCC). */
export type CaKind = 'kloc' | 'klcc'

/** What a security domain is told in BER-TLV (Amendment F, 7.1; GPC 2.3.1, 11.11.3.2). */
export type DomainData =
  /** A6 { 80 00 or 01 ‖ 42 subject key identifier ‖ 83 key }; `kind` left out: 80 is not there, which means KLOC. */
  | {
      readonly kind: 'ca-identifier'
      readonly ca?: CaKind
      readonly identifier: Uint8Array
      readonly key: KeyReference
    }
  /** A6 { 83 key } ‖ BF21 { certificates, leaf last }. */
  | { readonly kind: 'certificates'; readonly key: KeyReference; readonly certificates: Uint8Array }
  /**
   * A6 { 83 key } ‖ [92 counter] ‖ 70 { 93 serial number … }. An empty list takes the one there is away. yubikit writes the content of X.509's
   * INTEGER, sign byte and all; see `sameSerialNumber`.
   */
  | {
      readonly kind: 'allow-list'
      readonly key: KeyReference
      readonly counter?: Uint8Array
      readonly serialNumbers: readonly Uint8Array[]
    }
  /** 4F: a new AID for the issuer security domain. */
  | { readonly kind: 'rename'; readonly aid: Uint8Array }
  /** Another data object, to be kept as it is. */
  | { readonly kind: 'object'; readonly object: Tlv }

const what = 'STORE DATA'

/** Parses the content of all blocks of one STORE DATA, structure BER-TLV or none. */
export function parseDomainData(bytes: Uint8Array): DomainData {
  const list = parseTlvs(bytes, what)
  const [first, second, third] = list
  if (first?.tag === 0xa6) {
    const fields = parseTlvs(first.value, `${what}, A6`)
    if (list.length === 1) return parseCaIdentifier(fields)
    const key = parseKeyReferenceTemplate(first)
    if (second?.tag === 0xbf21 && list.length === 2)
      return { kind: 'certificates', key, certificates: second.value }
    const counter = second?.tag === 0x92 ? second.value : undefined
    const names = counter ? third : second
    if (names?.tag !== 0x70 || list.length !== (counter ? 3 : 2)) {
      throw new DecodeError(`${what}: expected certificates, BF21, or a list, 70, after A6`)
    }
    if (counter && (counter.length < 1 || counter.length > 8)) {
      throw new DecodeError(`${what}: expected a counter of 1 to 8 bytes`)
    }
    const serialNumbers = parseTlvs(names.value, `${what}, allow-list`).map(({ tag, value }) => {
      if (tag !== 0x93 || value.length < 1 || value.length > 21) {
        throw new DecodeError(`${what}: expected serial numbers of 1 to 21 bytes, tag 93`)
      }
      return value
    })
    return { kind: 'allow-list', key, ...(counter && { counter }), serialNumbers }
  }
  if (first === undefined || list.length > 1) throw new DecodeError(`${what}: expected one data object`)
  if (first.tag !== 0x4f) return { kind: 'object', object: first }
  if (first.value.length < 5 || first.value.length > 16) throw new DecodeError(`${what}: expected an AID`)
  return { kind: 'rename', aid: first.value }
}

export function serializeDomainData(data: DomainData): Uint8Array {
  switch (data.kind) {
    case 'ca-identifier': {
      if (data.identifier.length < 1 || data.identifier.length > 32) {
        throw new UsageError('expected a CA identifier of 1 to 32 bytes')
      }
      const fields = [tlv(0x42, data.identifier), keyReferenceObject(data.key)]
      if (data.ca) fields.unshift(tlv(0x80, Uint8Array.of(data.ca === 'klcc' ? 1 : 0)))
      return serializeTlv({ tag: 0xa6, value: serializeTlvs(fields) })
    }
    case 'certificates':
      return serializeTlvs([template(data.key), tlv(0xbf21, data.certificates)])
    case 'allow-list': {
      const { key, counter, serialNumbers } = data
      if (counter && (counter.length < 1 || counter.length > 8))
        throw new UsageError('expected a counter of 1 to 8 bytes')
      if (serialNumbers.some(({ length }) => length < 1 || length > 21)) {
        throw new UsageError('expected serial numbers of 1 to 21 bytes')
      }
      const names = serializeTlvs(serialNumbers.map((number) => tlv(0x93, number)))
      return serializeTlvs([template(key), ...(counter ? [tlv(0x92, counter)] : []), tlv(0x70, names)])
    }
    case 'rename':
      return serializeTlv(tlv(0x4f, requireAid(data.aid)))
    case 'object':
      if (data.object.tag === 0xa6 || data.object.tag === 0x4f) {
        throw new UsageError('this data object has a form of its own')
      }
      return serializeTlv(data.object)
  }
}

function parseCaIdentifier(fields: readonly Tlv[]): DomainData {
  const kind = fields[0]?.tag === 0x80 ? fields[0].value : undefined
  const [identifier, reference, ...others] = fields.slice(kind ? 1 : 0)
  if (identifier?.tag !== 0x42 || reference === undefined || others.length > 0) {
    throw new DecodeError(`${what}: expected 42 and 83 in A6`)
  }
  if (kind && (kind.length !== 1 || kind[0]! > 1)) throw new DecodeError(`${what}: expected 00 or 01 in 80`)
  if (identifier.value.length < 1 || identifier.value.length > 32) {
    throw new DecodeError(`${what}: expected a CA identifier of 1 to 32 bytes`)
  }
  const key = parseKeyReference(reference)
  const data = { kind: 'ca-identifier', identifier: identifier.value, key } as const
  return kind ? { ...data, ca: kind[0] === 1 ? 'klcc' : 'kloc' } : data
}

function template(key: KeyReference): Tlv {
  return tlv(0xa6, serializeTlv(keyReferenceObject(key)))
}

/** One STORE DATA: its form and number, and its part of the content. */
export interface StoreDataBlock {
  readonly last: boolean
  /** 0..255. */
  readonly number: number
  readonly data: Uint8Array
}

/** Cuts content into blocks of at most `size` bytes, for cards that take neither chaining nor long commands. */
export function splitStoreData(bytes: Uint8Array, size: number): StoreDataBlock[] {
  if (!Number.isInteger(size) || size < 1) throw new UsageError('expected a block size of at least one byte')
  const count = Math.max(1, Math.ceil(bytes.length / size))
  if (count > 256)
    throw new UsageError(`the data needs ${count} blocks of ${size} bytes; 256 can be numbered`)
  return Array.from({ length: count }, (_, number) => ({
    last: number === count - 1,
    number,
    data: bytes.slice(number * size, (number + 1) * size),
  }))
}

/** The card's side: takes blocks in their order and gives the content with the last. After a refusal it takes nothing any more. */
export class StoreDataCollector {
  readonly #limit: number
  readonly #parts: Uint8Array[] = []
  #length = 0
  #spent = false

  /** @param limit most bytes of the content */
  constructor(limit: number) {
    this.#limit = limit
  }

  /** @throws StateError for a number out of order, or after a refusal; DecodeError for more than the limit */
  add({ last, number, data }: StoreDataBlock): Uint8Array | undefined {
    if (this.#spent) throw new StateError('STORE DATA: the data were refused, or are complete')
    this.#spent = true
    if (number !== this.#parts.length) {
      throw new StateError(`STORE DATA: expected block ${this.#parts.length}, got ${number}`)
    }
    this.#length += data.length
    if (this.#length > this.#limit) throw new DecodeError(`STORE DATA: more than ${this.#limit} bytes`)
    this.#parts.push(data.slice())
    if (last) return concat(...this.#parts)
    if (this.#parts.length > 0xff) throw new DecodeError('STORE DATA: the last block cannot be numbered')
    this.#spent = false
    return undefined
  }
}
