import { copyBytes, equal, Reader } from '@sealwright/core/bytes'
import { pageSize } from '../medium/index.ts'
import { checksum } from './checksum.ts'

/**
 * What one transaction leaves in the journal: the new content of every page it changes.
 * Whole pages, not differences, so that a page which a power cut made unreadable can be written again.
 *
 *   header      magic(4) ‖ length of the entries(4) ‖ number of entries(4) ‖ checksum of magic to entries(8)
 *   attachment  magic "SWJ2": what the seal of the memory has to say(64); magic "SWJ1": none
 *   entry       page(2) ‖ number of runs(1) ‖ run…        pages strictly ascending
 *   run         offset(1) ‖ length − 1(1) ‖ bytes         what lies between runs is zero
 */
export interface JournalRecord {
  readonly pages: RecordPages
  /** Empty, or 64 bytes. */
  readonly attachment: Uint8Array
  /** The serialized entries; a view. */
  readonly entries: Uint8Array
}

/** New content by page number. */
export type RecordPages = ReadonlyMap<number, Uint8Array>

export const headerLength = 20
export const attachmentLength = 64
/** Bytes that a page takes at most: its entry, and one run. */
export const longestEntry = 3 + 2 + pageSize
const magics = { bare: 0x53574a31, attached: 0x53574a32 } as const

/** Bytes of the serialization without an attachment. */
export function recordLength(pages: RecordPages): number {
  let length = headerLength
  for (const bytes of pages.values()) {
    length += 3
    for (let start = nextRun(bytes, 0); start < bytes.length; ) {
      const end = endOfRun(bytes, start)
      length += 2 + end - start
      start = nextRun(bytes, end)
    }
  }
  return length
}

/**
 * The one serialization of a record; a gap of up to two zeros stays inside a run, a longer one ends it.
 * @param out zeros, at least as many as it is long, and its place: pieces would leave more copies of secrets behind
 * @param attach makes the attachment from the entries; absent: the record has none
 */
export function serializeRecord(
  record: RecordPages,
  attach?: (entries: Uint8Array) => Uint8Array,
  out: Uint8Array = new Uint8Array(recordLength(record) + (attach === undefined ? 0 : attachmentLength)),
): Uint8Array {
  const pages = [...record.keys()].sort((a, b) => a - b)
  const start = headerLength + (attach === undefined ? 0 : attachmentLength)
  let at = start
  for (const page of pages) {
    const bytes = record.get(page)!
    const head = at
    out[head] = page >>> 8
    out[head + 1] = page & 0xff
    at += 3
    for (let start = nextRun(bytes, 0); start < bytes.length; ) {
      const end = endOfRun(bytes, start)
      out[head + 2]!++
      out[at] = start
      out[at + 1] = end - start - 1
      copyBytes(bytes, start, end - start, out, at + 2)
      at += 2 + end - start
      start = nextRun(bytes, end)
    }
  }
  writeU32(out, 0, attach === undefined ? magics.bare : magics.attached)
  writeU32(out, 4, at - start)
  writeU32(out, 8, pages.length)
  if (attach !== undefined) out.set(attach(out.subarray(start, at)), headerLength)
  // The checksum's own place is still zero.
  const whole = out.subarray(0, at)
  whole.set(checksum(whole), 12)
  return whole
}

/** The record at the front of a journal; what follows it is not looked at. DecodeError when there is none. */
export function parseRecord(bytes: Uint8Array): JournalRecord {
  const r = new Reader(bytes, 'journal record')
  const magic = r.u32('magic')
  if (magic !== magics.bare && magic !== magics.attached) throw r.fail('no record')
  const length = r.u32('length')
  const count = r.u32('number of entries')
  const stored = r.take(8, 'checksum')
  const attachment = r.take(magic === magics.attached ? attachmentLength : 0, 'attachment').slice()
  const start = r.offset
  const entries = r.child(length, 'entries')
  if (!equal(stored, recordChecksum(bytes.subarray(0, r.offset)))) {
    throw r.fail('checksum does not hold')
  }
  const pages = new Map<number, Uint8Array>()
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
    pages.set(page, content)
  }
  entries.end()
  return { pages, attachment, entries: bytes.subarray(start, start + length) }
}

function recordChecksum(record: Uint8Array): Uint8Array {
  const covered = record.slice()
  covered.fill(0, 12, headerLength)
  const sum = checksum(covered)
  covered.fill(0)
  return sum
}

function writeU32(out: Uint8Array, at: number, value: number): void {
  for (let i = 0; i < 4; i++) out[at + i] = value >>> (24 - 8 * i)
}

/** Where the next byte that is not zero lies, from `start` on; the length when there is none. */
function nextRun(bytes: Uint8Array, start: number): number {
  let at = start
  while (at < bytes.length && bytes[at] === 0) at++
  return at
}

/** Where the run that begins at `start` ends: behind it come three zeros, or the end of the page. */
function endOfRun(bytes: Uint8Array, start: number): number {
  let end = start + 1
  for (let at = end; at < bytes.length && at - end < 3; at++) if (bytes[at] !== 0) end = at + 1
  return end
}
