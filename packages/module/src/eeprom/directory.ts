import { Reader, Writer } from '@sealwright/core/bytes'
import { type ObjectKind, objectKindOf, objectKinds } from './object-kinds.ts'

/** Where an object lies. */
export interface ObjectEntry {
  readonly kind: ObjectKind
  readonly id: number
  readonly address: number
  readonly length: number
}

export const entryLength = 16

/** kind(1) ‖ id(4) ‖ address(4) ‖ length(4) ‖ zeros(3). A free entry is all zeros. */
export function serializeObjectEntry(entry: ObjectEntry): Uint8Array {
  return new Writer()
    .u8(objectKinds[entry.kind].number)
    .u32(entry.id)
    .u32(entry.address)
    .u32(entry.length)
    .u24(0)
    .finish()
}

export function parseObjectEntry(bytes: Uint8Array): ObjectEntry {
  const r = new Reader(bytes, 'directory entry')
  const number = r.u8('kind')
  const kind = objectKindOf(number)
  if (kind === undefined) throw r.fail(`unknown kind ${number}`)
  const entry = { kind, id: r.u32('id'), address: r.u32('address'), length: r.u32('length') }
  if (r.u24('reserved') !== 0) throw r.fail('reserved bytes not zero')
  r.end()
  return entry
}
