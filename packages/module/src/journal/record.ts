import { equal, Reader } from '@sealwright/core/bytes'
import { pageSize } from '../medium/index.ts'
import { checksum } from './checksum.ts'

/**
 * What one transaction leaves in the journal: the new content of every page it changes.
 * Whole pages, not differences, so that a page which a power cut made unreadable can be written again.
 *
 *   header  magic "SWJ1"(4) ‖ length of the entries(4) ‖ number of entries(4) ‖ checksum of magic to entries(8)
 *   entry   page(2) ‖ number of runs(1) ‖ run…        pages strictly ascending
 *   run     offset(1) ‖ length − 1(1) ‖ bytes         what lies between runs is zero
 */
export type JournalRecord = ReadonlyMap<number, Uint8Array>

export const headerLength = 20
const magic = 0x53574a31

/** The one serialization of a record; a gap of up to two zeros stays inside a run, a longer one ends it. */
export function serializeRecord(record: JournalRecord): Uint8Array {
  const pages = [...record.keys()].sort((a, b) => a - b)
  const plan = pages.map((page) => ({ page, bytes: record.get(page)!, runs: runsOf(record.get(page)!) }))
  const length = plan.reduce(
    (sum, { runs }) => sum + 3 + runs.reduce((inner, run) => inner + 2 + run.length, 0),
    0,
  )
  // One buffer of the final size: pieces would leave more copies of secrets behind.
  const out = new Uint8Array(headerLength + length)
  const view = new DataView(out.buffer)
  view.setUint32(0, magic)
  view.setUint32(4, length)
  view.setUint32(8, pages.length)
  let at = headerLength
  for (const { page, bytes, runs } of plan) {
    view.setUint16(at, page)
    out[at + 2] = runs.length
    at += 3
    for (const { offset, length } of runs) {
      out[at] = offset
      out[at + 1] = length - 1
      out.set(bytes.subarray(offset, offset + length), at + 2)
      at += 2 + length
    }
  }
  out.set(recordChecksum(out), 12)
  return out
}

/** The record at the front of a journal; what follows it is not looked at. DecodeError when there is none. */
export function parseRecord(bytes: Uint8Array): JournalRecord {
  const r = new Reader(bytes, 'journal record')
  if (r.u32('magic') !== magic) throw r.fail('no record')
  const length = r.u32('length')
  const count = r.u32('number of entries')
  const stored = r.take(8, 'checksum')
  const entries = r.child(length, 'entries')
  if (!equal(stored, recordChecksum(bytes.subarray(0, headerLength + length)))) {
    throw r.fail('checksum does not hold')
  }
  const record = new Map<number, Uint8Array>()
  let last = -1
  for (let i = 0; i < count; i++) {
    const page = entries.u16('page')
    if (page <= last) throw entries.fail('pages not ascending')
    last = page
    const content = new Uint8Array(pageSize)
    for (let runs = entries.u8('number of runs'), next = 0; runs > 0; runs--) {
      const offset = entries.u8('offset')
      const run = entries.take(entries.u8('length') + 1, 'run')
      if (offset < next || offset + run.length > pageSize) throw entries.fail('run out of place')
      content.set(run, offset)
      next = offset + run.length
    }
    record.set(page, content)
  }
  entries.end()
  return record
}

function recordChecksum(record: Uint8Array): Uint8Array {
  const covered = record.slice()
  covered.fill(0, 12, headerLength)
  const sum = checksum(covered)
  covered.fill(0)
  return sum
}

function runsOf(bytes: Uint8Array): { offset: number; length: number }[] {
  const runs: { offset: number; length: number }[] = []
  let offset = -1
  let end = -1
  for (let i = 0; i < bytes.length; i++) {
    if (bytes[i] === 0) continue
    if (offset < 0 || i - end > 2) {
      if (offset >= 0) runs.push({ offset, length: end - offset })
      offset = i
    }
    end = i + 1
  }
  if (offset >= 0) runs.push({ offset, length: end - offset })
  return runs
}
