import { Reader, Writer } from '../bytes/index.ts'
import { customizationRecords } from '../catalog/index.ts'
import { UsageError } from '../errors/index.ts'

/** Kinds of objects that customization may write, by their number in the module's directory. */
export const customizationObjects = {
  software: 3,
  'product-data': 6,
  'key-place': 7,
  key: 8,
  'public-key': 10,
  operator: 16,
} as const
export type CustomizationObject = keyof typeof customizationObjects

/** Lets `ins` run `function` of `program`: 0 = the ROM's native entries, 1 = the ROM's program, else software of this id. */
export interface WriteVector {
  readonly ins: number
  readonly program: number
  readonly function: number
}

/** One record in the data of WRITE, as the customization software of `programs/customization` reads them. */
export type WriteRecord =
  | {
      readonly kind: 'put'
      readonly object: CustomizationObject
      readonly id: number
      readonly bytes: Uint8Array
    }
  | {
      readonly kind: 'append'
      readonly object: CustomizationObject
      readonly id: number
      readonly bytes: Uint8Array
    }
  | { readonly kind: 'vectors'; readonly vectors: readonly WriteVector[] }
  /** `entry` is a native entry of the ROM. */
  | { readonly kind: 'activate'; readonly entry: number }
  | {
      readonly kind: 'verify'
      readonly object: CustomizationObject
      readonly id: number
      readonly digest: Uint8Array
    }

/** Bytes of records that one WRITE carries at most. */
export const writeLimit = 1024

const headerLength = 7

/** Records back to back: kind(1) ‖ id(4) ‖ length(2) ‖ bytes. */
export function serializeWriteRecords(records: readonly WriteRecord[]): Uint8Array {
  const w = new Writer()
  for (const record of records) {
    const { kind, id, bytes } = rawRecord(record)
    w.u8(kind).u32(id).u16(bytes.length).bytes(bytes)
  }
  return w.finish()
}

export function parseWriteRecords(bytes: Uint8Array): WriteRecord[] {
  const r = new Reader(bytes, 'WRITE records')
  const records: WriteRecord[] = []
  while (r.remaining > 0) {
    const kind = r.u8('kind')
    const id = r.u32('id')
    records.push(parseRecord(kind, id, r.child(r.u16('length'), `record ${records.length}`)))
  }
  return records
}

/** The records that store an object of any length: put, then append as often as needed, then the check of its digest. */
export function recordsOfObject(
  object: CustomizationObject,
  id: number,
  bytes: Uint8Array,
  digest: Uint8Array,
  limit = writeLimit,
): WriteRecord[] {
  const room = limit - headerLength - 1
  const records: WriteRecord[] = [{ kind: 'put', object, id, bytes: bytes.slice(0, room) }]
  for (let at = room; at < bytes.length; at += room) {
    records.push({ kind: 'append', object, id, bytes: bytes.slice(at, at + room) })
  }
  return records.length === 1 ? records : [...records, { kind: 'verify', object, id, digest }]
}

/** Packs records in order into as few WRITEs as their limit allows. */
export function packWrites(records: readonly WriteRecord[], limit = writeLimit): Uint8Array[] {
  const writes: Uint8Array[] = []
  let open: WriteRecord[] = []
  let length = 0
  for (const record of records) {
    const size = headerLength + rawRecord(record).bytes.length
    if (size > limit) throw new UsageError(`a record of ${size} bytes does not fit one WRITE of ${limit}`)
    if (length + size > limit) {
      writes.push(serializeWriteRecords(open))
      open = []
      length = 0
    }
    open.push(record)
    length += size
  }
  if (open.length > 0) writes.push(serializeWriteRecords(open))
  return writes
}

function rawRecord(record: WriteRecord): { kind: number; id: number; bytes: Uint8Array } {
  switch (record.kind) {
    case 'put':
      return { kind: customizationObjects[record.object], id: record.id, bytes: record.bytes }
    case 'append':
      return {
        kind: customizationRecords.append.kind,
        id: record.id,
        bytes: withObject(record.object, record.bytes),
      }
    case 'vectors':
      return {
        kind: customizationRecords.vector.kind,
        id: 0,
        bytes: Uint8Array.from(record.vectors.flatMap((one) => [one.ins, one.program, one.function])),
      }
    case 'activate':
      return { kind: customizationRecords.activate.kind, id: record.entry, bytes: new Uint8Array(0) }
    case 'verify':
      return {
        kind: customizationRecords.verify.kind,
        id: record.id,
        bytes: withObject(record.object, record.digest),
      }
  }
}

function parseRecord(kind: number, id: number, r: Reader): WriteRecord {
  switch (kind) {
    case customizationRecords.append.kind:
      return { kind: 'append', object: objectOf(r.u8('kind of object'), r), id, bytes: r.rest() }
    case customizationRecords.vector.kind: {
      if (id !== 0) throw r.fail('the id of vectors is 0')
      const vectors: WriteVector[] = []
      while (r.remaining > 0) {
        vectors.push({ ins: r.u8('ins'), program: r.u8('program'), function: r.u8('function') })
      }
      return { kind: 'vectors', vectors }
    }
    case customizationRecords.activate.kind:
      r.end()
      return { kind: 'activate', entry: id }
    case customizationRecords.verify.kind: {
      const object = objectOf(r.u8('kind of object'), r)
      const digest = r.take(32, 'digest')
      r.end()
      return { kind: 'verify', object, id, digest }
    }
    default:
      return { kind: 'put', object: objectOf(kind, r), id, bytes: r.rest() }
  }
}

function objectOf(number: number, r: Reader): CustomizationObject {
  const found = (Object.keys(customizationObjects) as CustomizationObject[]).find(
    (name) => customizationObjects[name] === number,
  )
  if (found === undefined) throw r.fail(`customization writes no objects of kind ${number}`)
  return found
}

function withObject(object: CustomizationObject, bytes: Uint8Array): Uint8Array {
  return new Writer().u8(customizationObjects[object]).bytes(bytes).finish()
}
