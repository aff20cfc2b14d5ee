import { concat, encodeHex } from '@sealwright/core/bytes'
import { encodeCanonical, MapReader, parseDocument } from '@sealwright/core/cbor'
import { DecodeError } from '@sealwright/core/errors'
import { type LogEntry, leafHash, linkOfEntry, MerkleTree, parseEntry } from '@sealwright/core/log'
import type { PartyPorts } from '../ports/index.ts'
import { type LogRefusal, parseLogRefusal, serializeLogRefusal } from './refusal.ts'

/** What the log knows of one module. */
export interface ModuleRecord {
  /** Chain after the last entry. */
  readonly chain: Uint8Array
  /** Places of its entries in the log, in their order; entry n stands at `places[n - 1]`. */
  readonly places: readonly number[]
}

/** A leaf: an entry as it was handed in, or a refusal. */
export type Leaf =
  | { readonly kind: 'entry'; readonly document: Uint8Array; readonly entry: LogEntry }
  | { readonly kind: 'refusal'; readonly refusal: LogRefusal }

/**
 * The log itself. Its leaves are files and the truth; hashes and modules' records are an index beside them that is rebuilt from the
 * leaves where it is behind or missing.
 */
export class LogBook {
  readonly tree: MerkleTree
  readonly #ports: Pick<PartyPorts, 'store' | 'crypto'>
  readonly #hashes: Uint8Array[]
  readonly #modules: Map<string, ModuleRecord>
  /** Digests, in hex, of what was refused. */
  readonly #refused: Set<string>

  private constructor(ports: Pick<PartyPorts, 'store' | 'crypto'>, index: Index) {
    this.#ports = ports
    this.#hashes = index.hashes
    this.#modules = index.modules
    this.#refused = index.refused
    this.tree = new MerkleTree(ports.crypto, index.hashes)
  }

  static async open(ports: Pick<PartyPorts, 'store' | 'crypto'>): Promise<LogBook> {
    const leaves = (await ports.store.list(leafFolder)).length
    const bytes = await ports.store.read(indexFile)
    const index = bytes && parseIndex(bytes)
    const usable = index !== undefined && index.hashes.length <= leaves
    const book = new LogBook(ports, usable ? index : { hashes: [], modules: new Map(), refused: new Set() })
    for (let place = book.tree.size; place < leaves; place++) book.#note(await book.leafBytes(place))
    return book
  }

  /** Rebuilds everything from the leaves, whatever the index says. */
  static async rebuild(ports: Pick<PartyPorts, 'store' | 'crypto'>): Promise<LogBook> {
    await ports.store.remove(indexFile)
    return LogBook.open(ports)
  }

  get size(): number {
    return this.tree.size
  }

  module(serial: Uint8Array): ModuleRecord | undefined {
    return this.#modules.get(encodeHex(serial))
  }

  /** Serial numbers in hex, each with how many entries it has. */
  modules(): { serial: string; entries: number }[] {
    return [...this.#modules].map(([serial, { places }]) => ({ serial, entries: places.length }))
  }

  hasRefused(digest: Uint8Array): boolean {
    return this.#refused.has(encodeHex(digest))
  }

  async leaf(place: number): Promise<Leaf> {
    return parseLeaf(await this.leafBytes(place))
  }

  async leafBytes(place: number): Promise<Uint8Array> {
    const bytes = await this.#ports.store.read(leafFile(place))
    if (bytes === undefined) throw new DecodeError(`log: leaf ${place} is missing`)
    return bytes
  }

  async append(document: Uint8Array): Promise<number> {
    return this.#append(document)
  }

  async appendRefusal(refusal: LogRefusal): Promise<number> {
    return this.#append(serializeLogRefusal(refusal))
  }

  /** Writes the index; without it the next start reads the new leaves again. */
  async save(): Promise<void> {
    const index = { hashes: this.#hashes, modules: this.#modules, refused: this.#refused }
    await this.#ports.store.write(indexFile, serializeIndex(index))
  }

  async #append(bytes: Uint8Array): Promise<number> {
    const place = this.size
    await this.#ports.store.write(leafFile(place), bytes)
    this.#note(bytes)
    return place
  }

  #note(bytes: Uint8Array): void {
    const { crypto } = this.#ports
    const leaf = parseLeaf(bytes)
    const hash = leafHash(bytes, crypto)
    this.#hashes.push(hash)
    const place = this.tree.append(hash)
    if (leaf.kind === 'refusal') {
      this.#refused.add(encodeHex(leaf.refusal.digest))
      return
    }
    const serial = encodeHex(leaf.entry.serial)
    const places = this.#modules.get(serial)?.places ?? []
    this.#modules.set(serial, { chain: linkOfEntry(leaf.entry, crypto), places: [...places, place] })
  }
}

function parseLeaf(bytes: Uint8Array): Leaf {
  // A document begins with its tag, a refusal with a map.
  if (bytes[0] !== 0xd2) return { kind: 'refusal', refusal: parseLogRefusal(bytes) }
  return { kind: 'entry', document: bytes, entry: parseEntry(parseDocument(bytes)) }
}

interface Index {
  readonly hashes: Uint8Array[]
  readonly modules: Map<string, ModuleRecord>
  readonly refused: Set<string>
}

function serializeIndex({ hashes, modules, refused }: Index): Uint8Array {
  const records = [...modules].map(([serial, { chain, places }]) => [serial, { chain, places }] as const)
  return encodeCanonical({
    v: 1,
    format,
    hashes: concat(...hashes),
    modules: new Map(records),
    refused: [...refused],
  })
}

function parseIndex(bytes: Uint8Array): Index {
  const r = MapReader.of(bytes, 'log index')
  r.begin('log index')
  const all = r.bytes('hashes')
  if (all.length % 32 !== 0) throw r.fail('hashes expected 32 bytes each')
  const records = r.value('modules')
  if (!(records instanceof Map)) throw r.fail('modules expected a map')
  const modules = new Map<string, ModuleRecord>()
  for (const [serial, record] of records) {
    const m = new MapReader(record, 'log index module')
    const places = m.array('places', (place) => {
      if (typeof place !== 'number') throw m.fail('places expected numbers')
      return place
    })
    modules.set(String(serial), { chain: m.bytes('chain', 32), places })
    m.end()
  }
  const refused = r.array('refused', (digest) => {
    if (typeof digest !== 'string') throw r.fail('refused expected text')
    return digest
  })
  r.end()
  const hashes = Array.from({ length: all.length / 32 }, (_, i) => all.slice(32 * i, 32 * i + 32))
  return { hashes, modules, refused: new Set(refused) }
}

function leafFile(place: number): string {
  return `${leafFolder}${String(place).padStart(10, '0')}`
}

const leafFolder = 'leaves/'
const indexFile = 'index'
const format = 'sealwright log index'
