import { crc32 } from 'node:zlib'
import { concat, equal, Reader, u32 } from '@sealwright/core/bytes'
import { Journal } from '@sealwright/module/journal'
import { type Geometry, pageSize, RamMedium, totalPages } from '@sealwright/module/medium'
import { checkLength, checkSum, damaged, headerLength, readGeometry, unknownHeader } from './chip-header.ts'

/**
 * Chip files of format version 1, which were not sealed: a header whose bytes 26 to 59 are zeros, then for every page a slot of 264
 * bytes: content(256) ‖ 01 ‖ zeros(3) ‖ CRC-32 of page number(4) ‖ content; all zeros: never written.
 */
export interface FirstFormat {
  readonly geometry: Geometry
  /** Every page that was written, by number. An interrupted transaction is carried out or dropped, as the next start would have done. */
  readonly pages: ReadonlyMap<number, Uint8Array>
}

/** DecodeError `memory-damaged` for a file that was cut, lengthened or changed. */
export function parseFirstFormat(bytes: Uint8Array): FirstFormat {
  const r = new Reader(bytes.subarray(0, headerLength), 'chip file')
  r.take(8, 'magic and version')
  const geometry = readGeometry(r)
  const reserved = r.take(34, 'reserved')
  const sum = r.u32('checksum')
  checkSum(bytes, sum)
  if (reserved.some((byte) => byte !== 0)) throw damaged(unknownHeader)
  checkLength(bytes.length, headerLength + slotLength * totalPages(geometry))
  const pages = new Map<number, Uint8Array>()
  const torn = new Set<number>()
  for (let page = 0; page < totalPages(geometry); page++) {
    const at = headerLength + page * slotLength
    const slot = bytes.subarray(at, at + slotLength)
    if (slot.every((byte) => byte === 0)) continue
    pages.set(page, slot.slice(0, pageSize))
    if (!equal(slot.subarray(pageSize), slotTail(page, slot.subarray(0, pageSize)))) torn.add(page)
  }
  // A page that a power cut tore is whole again after the journal has done its work.
  const medium = RamMedium.from({ geometry, pages, damaged: torn })
  new Journal(medium).recover()
  const settled = medium.snapshot()
  const [broken] = settled.damaged
  if (broken !== undefined) throw damaged(`page ${broken} does not hold what was last written`)
  return { geometry, pages: settled.pages }
}

const slotLength = pageSize + 8

function slotTail(page: number, content: Uint8Array): Uint8Array {
  return concat(Uint8Array.of(1, 0, 0, 0), u32(crc32(content, crc32(u32(page)))))
}
