import { encodeHex, equal } from '@sealwright/core/bytes'
import { parseDocument, type SignedDocument, verifyDocument } from '@sealwright/core/cbor'
import { withHandle } from '@sealwright/core/crypto'
import { DecodeError } from '@sealwright/core/errors'
import { chainStart, type LogEntry, parseEntry } from '@sealwright/core/log'
import type { PartyPorts } from '../ports/index.ts'
import { findEnrolment } from './enrolment.ts'
import { LogBook } from './log-book.ts'

/** What became of one entry that was handed in. */
export type Outcome =
  /** It stands in the log at `place` now. */
  | { readonly kind: 'appended'; readonly entry: LogEntry; readonly place: number }
  /** It stood there already. */
  | { readonly kind: 'known'; readonly entry: LogEntry; readonly place: number }
  /** It is in order and waits for entries before it. */
  | { readonly kind: 'waiting'; readonly entry: LogEntry; readonly missing: number }
  /** It is not taken; the refusal stands in the log at `place`. */
  | { readonly kind: 'refused'; readonly entry?: LogEntry; readonly reason: string; readonly place?: number }

/**
 * Takes signed entries in any order. Each must be signed by an enrolled party under its name and continue its module's chain; one whose
 * predecessors are missing waits. What is refused is recorded as refused, once.
 */
export async function append(ports: PartyPorts, documents: readonly Uint8Array[]): Promise<Outcome[]> {
  const book = await LogBook.open(ports)
  const outcomes = new Map<Uint8Array, Outcome>()
  const before = book.size
  const read: Read[] = []
  for (const document of documents) {
    const found = await readEntry(ports, document)
    if (typeof found === 'string') outcomes.set(document, await refuse(ports, book, document, found))
    else read.push({ document, entry: found })
  }
  read.sort((a, b) => order(a.entry, b.entry))
  for (const { document, entry } of read) {
    outcomes.set(document, await take(ports, book, document, entry))
    await takeWaiting(ports, book, entry.serial)
  }
  if (book.size > before) await book.save()
  return documents.map((document) => outcomes.get(document)!)
}

interface Read {
  readonly document: Uint8Array
  readonly entry: LogEntry
}

/** The entry, or why its document is none that the log can take. */
async function readEntry(ports: PartyPorts, document: Uint8Array): Promise<LogEntry | string> {
  let signed: SignedDocument
  let entry: LogEntry
  try {
    signed = parseDocument(document)
    entry = parseEntry(signed)
  } catch (error) {
    if (error instanceof DecodeError) return `not an entry: ${error.message}`
    throw error
  }
  const enrolment = await findEnrolment(ports, signed.keyId)
  if (enrolment === undefined) return 'no party is enrolled with the key that signed it'
  const { crypto } = ports
  const holds = withHandle(crypto.ecPublicKey(enrolment.point), (key) =>
    verifyDocument(signed, 'entry', key, crypto),
  )
  if (!holds) return 'the signature is wrong'
  if (entry.party !== enrolment.party) return `stated by ${entry.party}, signed by ${enrolment.party}`
  return entry
}

async function take(
  ports: PartyPorts,
  book: LogBook,
  document: Uint8Array,
  entry: LogEntry,
): Promise<Outcome> {
  const record = book.module(entry.serial)
  const last = record?.places.length ?? 0
  if (entry.number <= last) {
    const place = record!.places[entry.number - 1]!
    if (equal(await book.leafBytes(place), document)) return { kind: 'known', entry, place }
    const there = await book.leaf(place)
    const same = there.kind === 'entry' && isSameEvent(there.entry, entry)
    const by = there.kind === 'entry' ? there.entry.party : 'nobody'
    const reason = same
      ? `event ${entry.number} was recorded by ${by} already`
      : `contradicts entry ${entry.number}, which was recorded by ${by}`
    return refuse(ports, book, document, reason, entry)
  }
  if (entry.number > last + 1) {
    await ports.store.write(waitingFile(ports, document, entry), document)
    return { kind: 'waiting', entry, missing: last + 1 }
  }
  const broken = record === undefined ? startProblem(ports, entry) : !equal(record.chain, entry.previous)
  if (broken) return refuse(ports, book, document, "does not continue the module's chain", entry)
  return { kind: 'appended', entry, place: await book.append(document) }
}

/** Takes what waited for the entries that have just come. */
async function takeWaiting(ports: PartyPorts, book: LogBook, serial: Uint8Array): Promise<void> {
  for (const name of await ports.store.list(waitingPrefix(serial))) {
    const document = await ports.store.read(name)
    if (document === undefined) continue
    const entry = parseEntry(parseDocument(document))
    if (entry.number > (book.module(serial)?.places.length ?? 0) + 1) return
    await take(ports, book, document, entry)
    await ports.store.remove(name)
  }
}

/** Whether a first entry contradicts what it says was masked. */
function startProblem({ crypto }: PartyPorts, entry: LogEntry): boolean {
  const rom = entry.details.get('rom')
  const image = entry.details.get('image')
  if (!(rom instanceof Uint8Array) || !(image instanceof Uint8Array)) return false
  return !equal(chainStart(crypto, rom, image), entry.previous)
}

async function refuse(
  ports: PartyPorts,
  book: LogBook,
  document: Uint8Array,
  reason: string,
  entry?: LogEntry,
): Promise<Outcome> {
  const digest = ports.crypto.sha256(document)
  const told = entry === undefined ? { reason } : { reason, entry }
  if (book.hasRefused(digest)) return { kind: 'refused', ...told }
  const place = await book.appendRefusal({ digest, reason, at: ports.clock.now() })
  return { kind: 'refused', ...told, place }
}

function isSameEvent(a: LogEntry, b: LogEntry): boolean {
  return a.type === b.type && equal(a.previous, b.previous) && equal(a.digest, b.digest)
}

function order(a: LogEntry, b: LogEntry): number {
  const [first, second] = [encodeHex(a.serial), encodeHex(b.serial)]
  return first === second ? a.number - b.number : first < second ? -1 : 1
}

function waitingPrefix(serial: Uint8Array): string {
  return `waiting/${encodeHex(serial).toLowerCase()}-`
}

function waitingFile({ crypto }: PartyPorts, document: Uint8Array, { serial, number }: LogEntry): string {
  const digest = encodeHex(crypto.sha256(document).subarray(0, 8)).toLowerCase()
  return `${waitingPrefix(serial)}${String(number).padStart(10, '0')}-${digest}`
}
