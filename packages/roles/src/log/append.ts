import { encodeHex, equal } from '@sealwright/core/bytes'
import { eventTypeOf, eventTypes } from '@sealwright/core/catalog'
import { parseDocument, type SignedDocument, verifyDocument } from '@sealwright/core/cbor'
import { withHandle } from '@sealwright/core/crypto'
import { DecodeError } from '@sealwright/core/errors'
import { chainStart, type LogEntry, parseEntry } from '@sealwright/core/log'
import type { PartyPorts } from '../ports/index.ts'
import { type Enrolment, findEnrolment, roleOf } from './enrolment.ts'
import { LogBook, type ModuleRecord } from './log-book.ts'

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
 * Takes signed entries in any order. Each must be signed by an enrolled party under its name, state a step of that party's role, and
 * continue its module's chain; one whose predecessors are missing waits. What is refused is recorded as refused, once.
 */
export async function append(ports: PartyPorts, documents: readonly Uint8Array[]): Promise<Outcome[]> {
  const book = await LogBook.open(ports)
  const outcomes = new Map<Uint8Array, Outcome>()
  const before = book.size
  const read: Read[] = []
  for (const document of documents) {
    const found = await readEntry(ports, document)
    if (typeof found === 'string') outcomes.set(document, await refuse(ports, book, document, found))
    else read.push({ document, ...found })
  }
  read.sort((a, b) => order(a.entry, b.entry))
  for (const { document, entry, foreign } of read) {
    outcomes.set(
      document,
      foreign === undefined
        ? await take(ports, book, document, entry)
        : await refuse(ports, book, document, foreign, entry),
    )
    await takeWaiting(ports, book, entry.serial)
  }
  if (book.size > before) await book.save()
  return documents.map((document) => outcomes.get(document)!)
}

interface Read {
  readonly document: Uint8Array
  readonly entry: LogEntry
  /** Why the step is not this party's to state. */
  readonly foreign: string | undefined
}

/** The entry, or why its document is none that the log can take. */
async function readEntry(ports: PartyPorts, document: Uint8Array): Promise<Omit<Read, 'document'> | string> {
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
  return { entry, foreign: foreignStep(entry, enrolment) }
}

function foreignStep({ type, party }: LogEntry, enrolment: Enrolment): string | undefined {
  const event = eventTypeOf(type)
  if (event === undefined) return `there is no event of type ${type}`
  const role = roleOf(enrolment)
  const by: readonly string[] = eventTypes[event].by
  return role !== undefined && by.includes(role) ? undefined : `${event} is no step of ${party}`
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
  const broken = record === undefined ? startProblem(ports, entry) : linkProblem(record, entry)
  if (broken !== undefined) return refuse(ports, book, document, broken, entry)
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

function linkProblem({ chain }: ModuleRecord, { previous }: LogEntry): string | undefined {
  return equal(chain, previous) ? undefined : "does not continue the module's chain"
}

/** Why an entry cannot be a module's first: the serial number written, on a chain from what it says was masked. */
function startProblem({ crypto }: PartyPorts, { type, details, previous }: LogEntry): string | undefined {
  if (type !== eventTypes['serial-written'].code) return 'the first event of a module is its serial number'
  const rom = details.get('rom')
  const image = details.get('image')
  if (!(rom instanceof Uint8Array) || !(image instanceof Uint8Array)) {
    return 'the first entry tells rom and image'
  }
  return equal(chainStart(crypto, rom, image), previous)
    ? undefined
    : 'does not start from the rom and image that it tells'
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
  const about = entry && { serial: entry.serial, number: entry.number, party: entry.party }
  const place = await book.appendRefusal({
    ...{ digest, reason, at: ports.clock.now() },
    ...(about && { about }),
  })
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
