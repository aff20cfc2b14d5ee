import { ascii, equal, Reader, requireFormatVersion, Writer } from '../bytes/index.ts'
import { certificateIds, publicKeyIds } from '../catalog/index.ts'
import { UsageError } from '../errors/index.ts'

/** What may be kept outside, where the product says so (B21): P1 of PRESENT OBJECT, and the ids that P2 may name. */
export const outsideKinds = {
  certificate: {
    code: 0x01,
    ids: [certificateIds.operating.id, certificateIds.unit.id, certificateIds.central.id],
  },
  'public-key': { code: 0x02, ids: [publicKeyIds.central] },
} as const satisfies Record<string, { code: number; ids: readonly number[] }>

export type OutsideKind = keyof typeof outsideKinds

/** A certificate, or the central system's key, in the keeping of the apparatus. */
export interface OutsideObject {
  readonly kind: OutsideKind
  readonly id: number
  readonly bytes: Uint8Array
}

/** What the module keeps of it. */
export interface OutsideDigest {
  readonly kind: OutsideKind
  readonly id: number
  /** SHA-256, 32 bytes. */
  readonly digest: Uint8Array
}

export function isOutsideObject(kind: string, id: number): kind is OutsideKind {
  if (!Object.hasOwn(outsideKinds, kind)) return false
  const ids: readonly number[] = outsideKinds[kind as OutsideKind].ids
  return ids.includes(id)
}

export function outsideKindOf(code: number): OutsideKind | undefined {
  return (Object.keys(outsideKinds) as OutsideKind[]).find((kind) => outsideKinds[kind].code === code)
}

/** GET DATA DF36: kind(1) ‖ id(1) ‖ SHA-256(32), repeated. */
export function parseOutsideDigests(bytes: Uint8Array): OutsideDigest[] {
  const r = new Reader(bytes, 'objects kept outside')
  const digests: OutsideDigest[] = []
  while (r.remaining > 0) digests.push({ ...readName(r), digest: r.take(32, 'digest') })
  return digests
}

export function serializeOutsideDigests(digests: readonly OutsideDigest[]): Uint8Array {
  const w = new Writer()
  for (const { kind, id, digest } of digests) w.u8(outsideKinds[kind].code).u8(id).bytes(digest)
  return w.finish()
}

const magic = ascii('SWOO')

/** The apparatus's file: "SWOO"(4) ‖ 01 ‖ { kind(1) ‖ id(1) ‖ length(2) ‖ bytes }, repeated. Nothing in it is secret. */
export function serializeOutsideObjects(objects: readonly OutsideObject[]): Uint8Array {
  const w = new Writer().bytes(magic).u8(1)
  for (const { kind, id, bytes } of objects) {
    if (!isOutsideObject(kind, id)) throw new UsageError(`${kind} ${id} is not kept outside`)
    w.u8(outsideKinds[kind].code).u8(id).u16(bytes.length).bytes(bytes)
  }
  return w.finish()
}

export function parseOutsideObjects(bytes: Uint8Array): OutsideObject[] {
  const r = new Reader(bytes, 'outside objects')
  if (!equal(r.take(4, 'magic'), magic)) throw r.fail('not a file of objects kept outside')
  requireFormatVersion('outside objects', r.u8('version'))
  const objects: OutsideObject[] = []
  while (r.remaining > 0) objects.push({ ...readName(r), bytes: r.take(r.u16('length'), 'object') })
  return objects
}

function readName(r: Reader): { kind: OutsideKind; id: number } {
  const kind = outsideKindOf(r.u8('kind'))
  const id = r.u8('id')
  if (kind === undefined || !isOutsideObject(kind, id)) throw r.fail('an object that is not kept outside')
  return { kind, id }
}
