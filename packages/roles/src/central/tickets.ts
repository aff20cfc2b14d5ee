import { encodeHex, equal } from '@sealwright/core/bytes'
import { decodeCanonical, documentKeyId } from '@sealwright/core/cbor'
import { DecodeError, UsageError } from '@sealwright/core/errors'
import { requireFingerprint } from '@sealwright/core/personalization'
import type { Crypto } from '@sealwright/core/ports'
import { parseCardLogFile, rebuildCertificates } from '@sealwright/core/signing-card'
import {
  highestCount,
  type Merged,
  mergeTickets,
  parseTicket,
  parseTicketRecord,
  prepareTicket,
  type Ticket,
} from '@sealwright/core/tickets'
import { type Certificate, parseCertificate } from '@sealwright/core/x509'
import type { PartyPorts } from '../ports/index.ts'
import { openCardLog } from './acknowledge-log.ts'
import { acknowledgedLogs, identityPoint } from './issue-card.ts'
import { sessionKey } from './key.ts'
import { knownUnits, unitsFor } from './units.ts'

export interface IssueTicketInput {
  /** The unit's certificate, DER: which key, for which customer. */
  readonly unit: Uint8Array
  /** SHA-256 of the unit's public key as told by another way, 32 bytes. Not needed for a unit that was enrolled. */
  readonly fingerprint?: Uint8Array
  /** Certificates, 1 to 65535. */
  readonly count: number
  /** The last moment at which it counts, seconds since 1970. */
  readonly until: number
}

export interface IssuedTicket {
  readonly ticket: Ticket
  /** The bytes of the `ticket` document. */
  readonly document: Uint8Array
}

/** Signs the next ticket for this unit. It takes the place of the one before, whatever is left of that. */
export async function issueTicket(ports: PartyPorts, input: IssueTicketInput): Promise<IssuedTicket> {
  const { clock, crypto, entropy, store, vault } = ports
  const { count, until } = input
  const certificate = parseCertificate(input.unit)
  if (certificate.role !== 'unit' || certificate.customer === undefined) {
    throw new UsageError("expected a unit's certificate")
  }
  await requireKnown(ports, certificate.publicPoint, input.fingerprint)
  const issued = clock.now()
  if (!Number.isInteger(count) || count < 1 || count > highestCount) {
    throw new UsageError(`a ticket allows 1 to ${highestCount} certificates`)
  }
  if (!Number.isInteger(until) || until <= issued || until > 0xffff_ffff) {
    throw new UsageError('a ticket ends in the future')
  }
  const unit = documentKeyId(certificate.publicPoint, crypto)
  const last = (await ticketsOf(ports, unit)).at(-1)
  const number = (last?.ticket.number ?? 0) + 1
  const { customer } = certificate
  const ticket: Ticket = { id: entropy.bytes(16), unit, customer, number, count, issued, until }
  const unsigned = prepareTicket(ticket, await vault.publicPoint(sessionKey), crypto)
  const document = unsigned.finish(await vault.sign(sessionKey, unsigned.toBeSigned))
  await store.write(`${folderOf(unit)}${String(number).padStart(10, '0')}.ticket`, document)
  return { ticket, document }
}

/** The unit must be an enrolled one; where none was ever enrolled, its fingerprint must have been told. */
async function requireKnown(
  ports: PartyPorts,
  point: Uint8Array,
  told: Uint8Array | undefined,
): Promise<void> {
  const { length } = await knownUnits(ports)
  if (length > 0) await unitsFor(ports, { point })
  else if (told === undefined) {
    throw new UsageError("the fingerprint of the unit's key is needed, or the unit has to be enrolled")
  }
  requireFingerprint(point, told, ports.crypto)
}

export interface MergeTicketsInput {
  /** Files of units: `ticket record`, or the `card log` of a signing card. */
  readonly records: readonly Uint8Array[]
  /** Certificates that were found otherwise, DER: operating ones, and units' that know no record. */
  readonly certificates?: readonly Uint8Array[]
}

/**
 * Lays the records of units beside the tickets that were issued here: gaps, double use, certificates that no ticket allows. A unit's record
 * is believed in nothing but what is signed, and in how many numbers it says to have used. Logs of cards that were acknowledged here count with
 * them.
 */
export async function mergeRecords(ports: PartyPorts, input: MergeTicketsInput): Promise<Merged> {
  const { crypto } = ports
  const issued = (await ticketsOf(ports)).map(({ ticket }) => ticket)
  const units: Uint8Array[] = (await knownUnits(ports)).map(({ point }) => point)
  const certificates: Certificate[] = []
  const used = new Map<string, number>()
  const found: Found[] = []
  for (const bytes of input.records) {
    const isLog = formatOf(bytes) === 'sealwright card log'
    found.push(isLog ? await ofCard(ports, bytes) : ofUnit(bytes, crypto))
  }
  // What a card may have overwritten since; its proof was checked when it was taken.
  for (const bytes of await acknowledgedLogs(ports)) found.push(ofLog(bytes, crypto))
  for (const record of found) {
    // Whoever writes a record names the unit's key. One that got a ticket is known here, or one that was enrolled.
    const keyId = documentKeyId(record.unit, crypto)
    if (issued.some(({ unit }) => equal(unit, keyId))) units.push(record.unit)
    certificates.push(...record.certificates)
    for (const [id, count] of record.used) used.set(id, Math.max(count, used.get(id) ?? 0))
  }
  for (const certificate of (input.certificates ?? []).map(parseCertificate)) {
    if (certificate.role === 'unit') units.push(certificate.publicPoint)
    else certificates.push(certificate)
  }
  return mergeTickets({ tickets: issued, units, certificates, used }, crypto)
}

/** What one record gives. */
interface Found {
  /** The unit's point, 65 bytes. */
  readonly unit: Uint8Array
  readonly certificates: readonly Certificate[]
  /** By ticket id in hex. */
  readonly used: ReadonlyMap<string, number>
}

function formatOf(bytes: Uint8Array): unknown {
  const value = decodeCanonical(bytes)
  return value instanceof Map ? value.get('format') : undefined
}

/**
 * A signing card's log, whose chain and signatures must hold, and which a card that was issued here must vouch for. What the card counted it
 * has signed: its log knows of no gaps.
 */
async function ofCard(ports: PartyPorts, bytes: Uint8Array): Promise<Found> {
  const { serial } = parseCardLogFile(bytes)
  if ((await identityPoint(ports, serial)) !== undefined) await openCardLog(ports, bytes)
  return ofLog(bytes, ports.crypto)
}

function ofLog(bytes: Uint8Array, crypto: Crypto): Found {
  const { serial, entries } = parseCardLogFile(bytes)
  const { point, certificates } = rebuildCertificates(serial, entries, crypto)
  return {
    unit: point,
    certificates: certificates
      .filter(({ role }) => role === 'module-operating')
      .map(({ certificate }) => certificate),
    used: new Map(),
  }
}

function ofUnit(bytes: Uint8Array, crypto: Crypto): Found {
  const record = parseTicketRecord(bytes)
  const unit = parseCertificate(record.unit)
  if (unit.role !== 'unit') throw new DecodeError("ticket record: expected the unit's certificate")
  const own = documentKeyId(unit.publicPoint, crypto)
  const used = new Map<string, number>()
  for (const { document, used: count } of record.tickets) {
    const { ticket } = parseTicket(document)
    if (equal(ticket.unit, own)) used.set(encodeHex(ticket.id), count)
  }
  return { unit: unit.publicPoint, certificates: record.certificates.map(parseCertificate), used }
}

/** The tickets that were issued, of one unit or of all, oldest first within a unit. */
export async function ticketsOf({ store }: PartyPorts, unit?: Uint8Array): Promise<IssuedTicket[]> {
  const found: IssuedTicket[] = []
  for (const name of await store.list(unit === undefined ? folder : folderOf(unit))) {
    const document = await store.read(name)
    if (document !== undefined) found.push({ ticket: parseTicket(document).ticket, document })
  }
  return found
}

function folderOf(unit: Uint8Array): string {
  return `${folder}${encodeHex(unit).toLowerCase()}/`
}

const folder = 'tickets/'
