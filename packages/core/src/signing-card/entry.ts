import { ascii, Reader, requireFormatVersion, Writer } from '../bytes/index.ts'
import { labels } from '../catalog/index.ts'
import { UsageError } from '../errors/index.ts'
import { type BeginRequest, parseBeginRequest, serializeBeginRequest } from '../personalization/index.ts'
import type { Crypto } from '../ports/index.ts'
import type { TicketNumber } from '../x509/index.ts'
import { isCertificateNumber } from './issued-certificates.ts'

/** What one entry of a signing card's log says. */
export type CardLogBody =
  | {
      readonly kind: 'key-made'
      /** The unit's key, 65 bytes. */
      readonly point: Uint8Array
      /** MAKE UNIT KEY's data. */
      readonly order: Uint8Array
    }
  | {
      readonly kind: 'unit-certified'
      /** Number and signature (64 bytes) of the central system's certificate that the card signed with it. */
      readonly centralNumber: Uint8Array
      readonly centralSignature: Uint8Array
      /** The unit's certificate, DER. */
      readonly unit: Uint8Array
    }
  | {
      readonly kind: 'document-taken'
      /** A document of the central system, as it came. */
      readonly document: Uint8Array
    }
  | ({ readonly kind: 'operating-certified' } & OperatingBody)

/** One signature for a module: what the certificate was made of, who approved it, and the signature. */
export interface OperatingBody {
  /** Serial number of the module, 8 bytes. */
  readonly serial: Uint8Array
  readonly begin: BeginRequest
  /** 65 bytes. */
  readonly point: Uint8Array
  readonly ticket: TicketNumber
  readonly certificateNumber: Uint8Array
  /** Key ids of the two people, 16 bytes each. */
  readonly requester: Uint8Array
  readonly approver: Uint8Array
  /** SHA-256 of their documents, in the order in which they came, 32 bytes. */
  readonly approvals: Uint8Array
  /** r‖s of the certificate, 64 bytes, low s. */
  readonly signature: Uint8Array
}

export interface CardLogEntry {
  /** 1, 2, 3 … */
  readonly number: number
  /** The log before it, 32 bytes: `cardLogLink` of the entry before, `cardLogStart` before the first. */
  readonly previous: Uint8Array
  readonly body: CardLogBody
}

const kinds = {
  'key-made': 0x01,
  'unit-certified': 0x02,
  'document-taken': 0x03,
  'operating-certified': 0x04,
} as const satisfies Record<CardLogBody['kind'], number>

/** version(1) ‖ number(4) ‖ previous(32) ‖ kind(1) ‖ body. */
export function serializeCardLogEntry({ number, previous, body }: CardLogEntry): Uint8Array {
  if (number < 1) throw new UsageError('the entries of a log begin at 1')
  const w = new Writer()
    .u8(version)
    .u32(number)
    .bytes(sized(previous, 32, 'previous'))
    .u8(kinds[body.kind])
  return writeBody(w, body).finish()
}

export function parseCardLogEntry(bytes: Uint8Array): CardLogEntry {
  const r = new Reader(bytes, 'card log entry')
  requireFormatVersion('card log entry', r.u8('version'))
  const number = r.u32('number')
  if (number === 0) throw r.fail('number expected at least 1')
  const previous = r.take(32, 'previous')
  const entry = { number, previous, body: readBody(r) }
  r.end()
  return entry
}

/** What the log of a card begins with: SHA-256("CLG0" ‖ serial of the card(8) ‖ the unit's point(65)). */
export function cardLogStart(crypto: Crypto, serial: Uint8Array, point: Uint8Array): Uint8Array {
  return crypto.sha256(ascii(labels.cardLogStart.text), serial, point)
}

/** The log after an entry: SHA-256("CLG1" ‖ the entry's bytes). */
export function cardLogLink(crypto: Crypto, entry: Uint8Array): Uint8Array {
  return crypto.sha256(ascii(labels.cardLogLink.text), entry)
}

function writeBody(w: Writer, body: CardLogBody): Writer {
  switch (body.kind) {
    case 'key-made':
      return w.bytes(sized(body.point, 65, 'point')).bytes(some(body.order, 'order'))
    case 'unit-certified':
      return w
        .bytes(numbered(body.centralNumber))
        .bytes(sized(body.centralSignature, 64, 'signature'))
        .bytes(some(body.unit, "unit's certificate"))
    case 'document-taken':
      return w.bytes(some(body.document, 'document'))
    case 'operating-certified':
      if (body.ticket.number < 1) throw new UsageError('the numbers of a ticket begin at 1')
      return w
        .bytes(sized(body.serial, 8, 'serial number'))
        .bytes(serializeBeginRequest(body.begin))
        .bytes(sized(body.point, 65, 'point'))
        .bytes(sized(body.ticket.id, 16, 'ticket id'))
        .u32(body.ticket.number)
        .bytes(numbered(body.certificateNumber))
        .bytes(sized(body.requester, 16, 'requester'))
        .bytes(sized(body.approver, 16, 'approver'))
        .bytes(sized(body.approvals, 32, 'approvals'))
        .bytes(sized(body.signature, 64, 'signature'))
  }
}

function readBody(r: Reader): CardLogBody {
  const code = r.u8('kind')
  const kind = (Object.keys(kinds) as CardLogBody['kind'][]).find((name) => kinds[name] === code)
  switch (kind) {
    case 'key-made':
      return { kind, point: r.take(65, 'point'), order: restOf(r, 'order') }
    case 'unit-certified':
      return {
        kind,
        centralNumber: numberOf(r),
        centralSignature: r.take(64, 'signature'),
        unit: restOf(r, "unit's certificate"),
      }
    case 'document-taken':
      return { kind, document: restOf(r, 'document') }
    case 'operating-certified': {
      const body = {
        kind,
        serial: r.take(8, 'serial number'),
        begin: parseBeginRequest(r.take(36, 'data of BEGIN')),
        point: r.take(65, 'point'),
        ticket: { id: r.take(16, 'ticket id'), number: r.u32('running number') },
        certificateNumber: numberOf(r),
        requester: r.take(16, 'requester'),
        approver: r.take(16, 'approver'),
        approvals: r.take(32, 'approvals'),
        signature: r.take(64, 'signature'),
      }
      if (body.ticket.number === 0) throw r.fail('running number expected at least 1')
      return body
    }
    case undefined:
      throw r.fail('the kind is not known')
  }
}

function restOf(r: Reader, field: string): Uint8Array {
  const rest = r.rest()
  if (rest.length === 0) throw r.fail(`${field} is missing`)
  return rest
}

function numberOf(r: Reader): Uint8Array {
  const number = r.take(16, 'number of the certificate')
  if (!isCertificateNumber(number)) throw r.fail('the number of the certificate expected 40 to 7F first')
  return number
}

function numbered(number: Uint8Array): Uint8Array {
  if (!isCertificateNumber(number)) throw new UsageError('expected the number of a certificate, 16 bytes')
  return number
}

function some(bytes: Uint8Array, field: string): Uint8Array {
  if (bytes.length === 0) throw new UsageError(`${field} expected`)
  return bytes
}

function sized(bytes: Uint8Array, length: number, field: string): Uint8Array {
  if (bytes.length !== length) throw new UsageError(`${field}: expected ${length} bytes, got ${bytes.length}`)
  return bytes
}

const version = 0x01
