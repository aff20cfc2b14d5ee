import { type Reader, Writer } from '@sealwright/core/bytes'
import { type ResourceState, resourceStateOf, resourceStates } from '@sealwright/core/catalog'
import {
  type AgreementNumber,
  interfacesOf,
  isAgreementNumber,
  isApplicationId,
  mostBlocks,
  mostPlaces,
} from '@sealwright/core/resources'

/** Part of a resource's area: from `start`, `length` bytes. */
export interface Span {
  readonly start: number
  readonly length: number
}

/** The program that runs, and its data area. */
export interface LoadedProgram {
  readonly version: number
  /** SHA-256 of the manifest, 32 bytes. */
  readonly manifest: Uint8Array
  readonly program: Span
  readonly data: Span
}

/** A package that is being loaded beside it. */
export interface PendingLoad extends LoadedProgram {
  /** Identifies the package, 16 bytes. */
  readonly package: Uint8Array
  /** Root of the tree over the encrypted blocks, 32 bytes. */
  readonly root: Uint8Array
  /** Whether the package brings the content of the data area. */
  readonly loadsData: boolean
  readonly blockSize: number
  /** Block i is bit i mod 8 of byte i div 8; 64 bytes. */
  readonly bitmap: Uint8Array
}

/** One resource as DEF defines it. Everything up to `loaded` is the operator's; the rest keeps account of the supplier's loads. */
export interface Definition {
  readonly id: number
  readonly state: Exclude<ResourceState, 'deleted'>
  /** Interfaces granted (catalog/interfaces.ts). */
  readonly rights: number
  readonly agreement: AgreementNumber
  /** Units that one call may spend. */
  readonly budget: number
  readonly aid: Uint8Array
  /** The supplier's public key, 65 bytes. */
  readonly supplier: Uint8Array
  /** Key id of the operator who reserved it, 16 bytes. */
  readonly operator: Uint8Array
  /** The area, `end` not included. */
  readonly start: number
  readonly end: number
  /** Key places that `mac` and `cipher` reach. */
  readonly places: readonly number[]
  /** SHA-256 of the reservation, 32 bytes. */
  readonly reservation: Uint8Array
  readonly loaded?: LoadedProgram | undefined
  readonly pending?: PendingLoad | undefined
}

const bitmapLength = mostBlocks / 8

/** The part of an entry of DEF behind the form byte, without the zeros that fill it. */
export function serializeDefinition(definition: Definition): Uint8Array {
  const { places, loaded, pending } = definition
  const w = new Writer()
    .u8(definition.id)
    .u8(resourceStates[definition.state].code)
    .u8(definition.rights)
    .u8(definition.agreement)
    .u32(definition.budget)
    .u8(definition.aid.length)
    .bytes(padded(definition.aid, 16))
    .bytes(definition.supplier)
    .bytes(definition.operator)
    .u32(definition.start)
    .u32(definition.end)
    .u8(places.length)
  for (let i = 0; i < mostPlaces; i++) w.u32(places[i] ?? 0)
  w.bytes(definition.reservation)
  w.u8(loaded === undefined ? 0 : 1)
  if (loaded !== undefined) writeProgram(w, loaded)
  w.u8(pending === undefined ? 0 : 1)
  if (pending !== undefined) {
    writeProgram(w, pending)
    w.bytes(pending.package).bytes(pending.root)
    w.u8(pending.loadsData ? 1 : 0)
      .u16(pending.blockSize)
      .bytes(pending.bitmap)
  }
  return w.finish()
}

/** Reads it from an entry; the caller checks the zeros behind it. */
export function parseDefinition(r: Reader): Definition {
  const id = r.u8('resource')
  const state = resourceStateOf(r.u8('state'))
  if (id === 0 || state === undefined || state === 'deleted') throw r.fail('no such resource or state')
  const rights = r.u8('rights')
  if (interfacesOf(rights) === undefined) throw r.fail('unknown right')
  const agreement = r.u8('key-agreement parameters')
  if (!isAgreementNumber(agreement)) throw r.fail('unknown key-agreement parameters')
  const budget = r.u32('budget')
  const aidLength = r.u8('length of the AID')
  const aid = takePadded(r, aidLength, 16, 'AID')
  if (!isApplicationId(aid)) throw r.fail('no AID of an application')
  const supplier = r.take(65, "supplier's key")
  const operator = r.take(16, 'operator')
  const start = r.u32('start')
  const end = r.u32('end')
  if (end <= start) throw r.fail('the area ends before it begins')
  const placeCount = r.u8('number of key places')
  const all = Array.from({ length: mostPlaces }, () => r.u32('key place'))
  if (placeCount > mostPlaces || all.slice(placeCount).some((place) => place !== 0)) {
    throw r.fail('no such number of key places')
  }
  const places = all.slice(0, placeCount)
  const reservation = r.take(32, 'reservation')
  const loaded = flag(r, 'loaded') ? readProgram(r) : undefined
  const pending = flag(r, 'pending') ? readPending(r) : undefined
  return {
    ...{ id, state, rights, agreement, budget, aid, supplier, operator, start, end, places, reservation },
    ...(loaded === undefined ? {} : { loaded }),
    ...(pending === undefined ? {} : { pending }),
  }
}

export function emptyBitmap(): Uint8Array {
  return new Uint8Array(bitmapLength)
}

/** version(4) ‖ manifest(32) ‖ program: start(4) length(4) ‖ data: start(4) length(4). */
function writeProgram(w: Writer, { version, manifest, program, data }: LoadedProgram): void {
  w.u32(version).bytes(manifest)
  for (const { start, length } of [program, data]) w.u32(start).u32(length)
}

function readProgram(r: Reader): LoadedProgram {
  const span = (field: string): Span => ({ start: r.u32(field), length: r.u32(field) })
  return {
    version: r.u32('version'),
    manifest: r.take(32, 'manifest'),
    program: span('program'),
    data: span('data'),
  }
}

function readPending(r: Reader): PendingLoad {
  return {
    ...readProgram(r),
    package: r.take(16, 'package'),
    root: r.take(32, 'root'),
    loadsData: flag(r, 'loads data'),
    blockSize: r.u16('block size'),
    bitmap: r.take(bitmapLength, 'bitmap'),
  }
}

function flag(r: Reader, field: string): boolean {
  const value = r.u8(field)
  if (value > 1) throw r.fail(`${field} expected 0 or 1`)
  return value === 1
}

function padded(bytes: Uint8Array, length: number): Uint8Array {
  const out = new Uint8Array(length)
  out.set(bytes)
  return out
}

function takePadded(r: Reader, length: number, width: number, field: string): Uint8Array {
  const bytes = r.take(width, field)
  if (length > width || bytes.subarray(length).some((byte) => byte !== 0))
    throw r.fail(`${field} is not padded`)
  return bytes.slice(0, length)
}
