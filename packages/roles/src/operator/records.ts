import { encodeHex } from '@sealwright/core/bytes'
import { type ResourceState, resourceStateOf, resourceStates } from '@sealwright/core/catalog'
import { encodeCanonical, MapReader } from '@sealwright/core/cbor'
import type { PartyPorts } from '../ports/index.ts'

/** A resource as the operator's records have it. */
export interface ResourceRecord {
  readonly id: number
  /** Name of the service, from the request. */
  readonly name: string
  readonly state: ResourceState
  readonly aid: Uint8Array
  /** The supplier's public key, 65 bytes. */
  readonly supplier: Uint8Array
  readonly start: number
  readonly end: number
  /** SHA-256 of the supplier's request, 32 bytes. */
  readonly request: Uint8Array
  /** The reservation and the module's receipt for it. */
  readonly reservation: Uint8Array
  readonly reserved: Uint8Array
  /** The first release and its receipt, once there was one. */
  readonly release?: Uint8Array | undefined
  readonly released?: Uint8Array | undefined
}

/** What the operator knows of one module, from its own documents. */
export interface ModuleRecord {
  /** 8 bytes. */
  readonly serial: Uint8Array
  /** Number of the last document made for it; 0: none. */
  readonly number: number
  /** Addresses of the resource zone, `end` not included. */
  readonly zone: { readonly start: number; readonly end: number }
  readonly resources: readonly ResourceRecord[]
  /** A document that was sent, or was about to be, and whose receipt has not come; with what it is to record. */
  readonly open?: OpenDocument | undefined
}

export interface OpenDocument {
  readonly document: Uint8Array
  /** For a reservation: name of the service, and digest of the request. */
  readonly name: string
  readonly request: Uint8Array
  /** The module's event number and the chain after it (32 bytes) before it was sent first, as the module signed them. */
  readonly since: number
  readonly chain: Uint8Array
}

export async function readModuleRecord(
  { store }: PartyPorts,
  serial: Uint8Array,
): Promise<ModuleRecord | undefined> {
  const bytes = await store.read(fileOf(serial))
  return bytes === undefined ? undefined : parseModuleRecord(bytes)
}

export async function writeModuleRecord({ store }: PartyPorts, record: ModuleRecord): Promise<void> {
  const { serial, number, zone, resources, open } = record
  await store.write(
    fileOf(serial),
    encodeCanonical({
      ...{ v: 1, format, serial, number, zone: { ...zone } },
      resources: resources.map((one) => ({ ...one, state: resourceStates[one.state].code })),
      ...(open === undefined ? {} : { open: { ...open } }),
    }),
  )
}

/** Every module that the operator has records of. */
export async function moduleRecords({ store }: PartyPorts): Promise<ModuleRecord[]> {
  const records: ModuleRecord[] = []
  for (const name of await store.list('modules/')) {
    const bytes = await store.read(name)
    if (bytes !== undefined) records.push(parseModuleRecord(bytes))
  }
  return records
}

export function parseModuleRecord(bytes: Uint8Array): ModuleRecord {
  const r = MapReader.of(bytes, 'module record')
  r.begin('operator records')
  const zone = r.map('zone')
  const open = r.optional('open', () => {
    const map = r.map('open')
    const value = {
      document: map.bytes('document'),
      name: map.text('name'),
      request: map.bytes('request'),
      since: map.uint('since'),
      chain: map.bytes('chain', 32),
    }
    map.end()
    return value
  })
  const record: ModuleRecord = {
    serial: r.bytes('serial', 8),
    number: r.uint('number'),
    zone: { start: zone.uint('start'), end: zone.uint('end') },
    resources: r.array('resources', (item) => parseResource(new MapReader(item, 'resource'))),
    ...(open === undefined ? {} : { open }),
  }
  zone.end()
  r.end()
  return record
}

function parseResource(r: MapReader): ResourceRecord {
  const state = resourceStateOf(r.uint('state', 0xff))
  if (state === undefined) throw r.fail('no such state')
  const release = r.optional('release', () => r.bytes('release'))
  const released = r.optional('released', () => r.bytes('released'))
  const record = {
    id: r.uint('id', 0xff),
    name: r.text('name'),
    state,
    aid: r.bytes('aid'),
    supplier: r.bytes('supplier', 65),
    start: r.uint('start'),
    end: r.uint('end'),
    request: r.bytes('request', 32),
    reservation: r.bytes('reservation'),
    reserved: r.bytes('reserved'),
    ...(release === undefined ? {} : { release }),
    ...(released === undefined ? {} : { released }),
  }
  r.end()
  return record
}

function fileOf(serial: Uint8Array): string {
  return `modules/${encodeHex(serial).toLowerCase()}`
}

const format = 'sealwright operator records'
