import { crc32 } from 'node:zlib'
import {
  allZero,
  ascii,
  concat,
  equal,
  fixedBytes,
  Reader,
  requireFormatVersion,
  u32,
  Writer,
} from '@sealwright/core/bytes'
import { formats } from '@sealwright/core/catalog'
import { DecodeError } from '@sealwright/core/errors'
import { parseWrappedKey, serializeWrappedKey, type WrappedKey } from './passphrase.ts'

/**
 * The file that holds a chip's key and its rollback counter.
 *
 *   head  "SWCK"(4) ‖ version(1) ‖ chipId(16) ‖ protection(1): 00 bare, 01 passphrase ‖ key(32), or wrapped key(79) ‖ zeros ‖
 *         CRC-32 of bytes 0 to 507(4)
 *   cell  at 512 and at 1024, each in a sector of its own, so that a torn one leaves the other; zeros behind it
 */
export const keyFileLength = 1536
export const cellOffset = 512
export const cellStride = 512

export type KeyHead = { readonly chipId: Uint8Array } & (
  | { readonly protection: 'bare'; readonly key: Uint8Array }
  | { readonly protection: 'passphrase'; readonly wrapped: WrappedKey }
)

export type KeyProtection = KeyHead['protection']

const magic = ascii('SWCK')
const headLength = cellOffset
const keyLength = 32
const protections = ['bare', 'passphrase'] as const satisfies readonly KeyProtection[]

/** What comes before the key: it is bound to a wrapped key. */
export function keyHeadStart(chipId: Uint8Array, protection: KeyProtection): Uint8Array {
  return new Writer()
    .bytes(magic)
    .u8(formats['chip key file'].newest)
    .bytes(chipId)
    .u8(protections.indexOf(protection))
    .finish()
}

/** The first 512 bytes. The caller wipes the result. */
export function serializeKeyHead(head: KeyHead): Uint8Array {
  const out = new Uint8Array(headLength)
  const start = keyHeadStart(head.chipId, head.protection)
  out.set(start)
  out.set(head.protection === 'bare' ? head.key : serializeWrappedKey(head.wrapped), start.length)
  out.set(u32(crc32(out.subarray(0, headLength - 4))), headLength - 4)
  return out
}

/** Reads the first 512 bytes; a checksum that does not hold is told from a wrong key or passphrase. The caller wipes the key. */
export function parseKeyHead(bytes: Uint8Array): KeyHead {
  const r = new Reader(bytes, 'chip key file')
  if (!equal(r.take(magic.length, 'magic'), magic)) throw r.fail('not a chip key file')
  requireFormatVersion('chip key file', r.u8('version'))
  const chipId = r.take(16, 'chip id')
  const protection = protections[r.u8('protection')]
  if (protection === undefined) throw r.fail('expected protection 0 or 1')
  if (bytes.length !== headLength) throw r.fail(`its head has ${bytes.length} bytes, expected ${headLength}`)
  if (!equal(bytes.subarray(headLength - 4), u32(crc32(bytes.subarray(0, headLength - 4))))) {
    throw new DecodeError('chip key file: its checksum does not hold: it was changed', {
      code: 'chip-key-damaged',
    })
  }
  const wrapped = protection === 'passphrase' ? parseWrappedKey(r) : undefined
  const start = wrapped === undefined ? r.offset + keyLength : r.offset
  if (!allZero(bytes.subarray(start, headLength - 4))) throw r.fail('reserved bytes are not zero')
  if (wrapped !== undefined) return { chipId, protection: 'passphrase', wrapped }
  const key = fixedBytes(keyLength)
  key.set(bytes.subarray(r.offset, start))
  return { chipId, protection: 'bare', key }
}

/** A whole key file from its head and the two counter cells. */
export function serializeKeyFile(head: Uint8Array, cells: readonly Uint8Array[]): Uint8Array {
  const padded = cells.map((cell) => concat(cell, new Uint8Array(cellStride - cell.length)))
  return concat(head, ...padded)
}
