import { encodeHex, equal } from '../bytes/index.ts'
import { parseDocument, verifyDocument } from '../cbor/index.ts'
import { withHandle } from '../crypto/index.ts'
import { AuthError, PeerError } from '../errors/index.ts'
import { openCertificateRequest } from '../personalization/index.ts'
import type { Crypto } from '../ports/index.ts'
import { type Certificate, parseCertificate, serializeCertificate } from '../x509/index.ts'
import { type LogAcknowledgement, parseLogAcknowledgement } from './acknowledgement.ts'
import {
  type CardLogEntry,
  cardLogLink,
  cardLogStart,
  type OperatingBody,
  parseCardLogEntry,
} from './entry.ts'
import { centralTbs, operatingTbs } from './issued-certificates.ts'
import { parseUnitKeyOrder } from './unit-key.ts'

/** A certificate that a card signed, as its log gives it. */
export interface RebuiltCertificate {
  /** Number of the entry. */
  readonly entry: number
  readonly role: 'module-operating' | 'central-system'
  readonly certificate: Certificate
  /** What an operating certificate was made of. */
  readonly operating?: OperatingBody
}

export interface RebuiltLog {
  readonly entries: readonly CardLogEntry[]
  readonly certificates: readonly RebuiltCertificate[]
  /** Number of the last entry, and the log after it. */
  readonly number: number
  readonly chain: Uint8Array
  /** The unit's key, 65 bytes. */
  readonly point: Uint8Array
  /** Entries that lie no longer in the card: the central system has acknowledged them. */
  readonly acknowledged: number
}

/**
 * Checks the chain of a card's log (B15) and makes each certificate again, byte for byte, from the log alone. Every rebuilt certificate must be
 * signed by the unit's key. PeerError when entries are missing that nobody acknowledged, when the chain does not hold, or when a certificate
 * does not come out.
 * @param log the entries as READ LOG gives them, in order
 */
export function rebuildCertificates(
  serial: Uint8Array,
  log: readonly Uint8Array[],
  crypto: Crypto,
): RebuiltLog {
  try {
    return rebuilt(serial, log, crypto)
  } catch (error) {
    // A point off the curve, or a request that its key has not signed.
    if (error instanceof AuthError) throw broken(1, 'its keys are none')
    throw error
  }
}

function rebuilt(serial: Uint8Array, log: readonly Uint8Array[], crypto: Crypto): RebuiltLog {
  const entries = log.map(parseCardLogEntry)
  const [first] = entries
  if (first?.number !== 1 || first.body.kind !== 'key-made') throw broken(1, 'it does not begin with the key')
  const { point, order } = first.body
  const { central } = parseUnitKeyOrder(order)
  const { name, point: centralPoint } = openCertificateRequest(central, 'central-system', crypto)
  const acknowledged = requireChain({ serial, point, centralPoint }, log, entries, crypto)
  const certificates: RebuiltCertificate[] = []
  let unit: Certificate | undefined
  for (const { number, body } of entries) {
    if (body.kind === 'unit-certified') {
      unit = parseCertificate(body.unit)
      const { centralNumber: certificateNumber, centralSignature } = body
      const tbs = centralTbs(unit, { certificateNumber, name, point: centralPoint }, crypto)
      const certificate = signedBy(point, tbs, centralSignature, number, crypto)
      certificates.push({ entry: number, role: 'central-system', certificate })
    } else if (body.kind === 'operating-certified') {
      if (unit === undefined) throw broken(number, "there is no unit's certificate before it")
      const tbs = operatingTbs(unit, { ...body, centralPoint }, crypto)
      const certificate = signedBy(point, tbs, body.signature, number, crypto)
      certificates.push({ entry: number, role: 'module-operating', certificate, operating: body })
    }
  }
  const chain = cardLogLink(crypto, log.at(-1)!)
  return { entries, certificates, number: entries.at(-1)!.number, chain, point, acknowledged }
}

/** How many entries are not there, each acknowledged. */
function requireChain(
  { serial, point, centralPoint }: { serial: Uint8Array; point: Uint8Array; centralPoint: Uint8Array },
  log: readonly Uint8Array[],
  entries: readonly CardLogEntry[],
  crypto: Crypto,
): number {
  const taken = entries.flatMap((entry) => acknowledgementIn(entry, serial, centralPoint, crypto))
  let [number, chain, missing] = [0, cardLogStart(crypto, serial, point), 0]
  for (const [at, entry] of entries.entries()) {
    const gap = entry.number - number - 1
    if (gap < 0) throw broken(entry.number, 'it stands there twice, or too late')
    if (gap > 0 && !taken.some((one) => entry.number - 1 <= one.number)) {
      throw broken(entry.number, 'entries before it are missing')
    }
    const before = gap === 0 ? chain : taken.find((one) => one.number === entry.number - 1)?.chain
    if (before !== undefined && !equal(entry.previous, before)) {
      throw broken(entry.number, 'it does not follow the one before')
    }
    missing += gap
    number = entry.number
    chain = cardLogLink(crypto, log[at]!)
  }
  return missing
}

/** The acknowledgement that an entry holds, if the central system has signed it for this card. */
function acknowledgementIn(
  { body }: CardLogEntry,
  serial: Uint8Array,
  centralPoint: Uint8Array,
  crypto: Crypto,
): LogAcknowledgement[] {
  if (body.kind !== 'document-taken' || parseDocument(body.document).type !== 'log-acknowledgement') return []
  const { acknowledgement, signed } = parseLogAcknowledgement(body.document)
  const holds = withHandle(crypto.ecPublicKey(centralPoint), (key) =>
    verifyDocument(signed, 'log-acknowledgement', key, crypto),
  )
  return holds && equal(acknowledgement.card, serial) ? [acknowledgement] : []
}

function signedBy(
  point: Uint8Array,
  tbs: Uint8Array,
  signature: Uint8Array,
  entry: number,
  crypto: Crypto,
): Certificate {
  const holds = withHandle(crypto.ecPublicKey(point), (key) => key.verify(signature, tbs))
  if (!holds) throw broken(entry, "its certificate is not signed by the unit's key")
  return parseCertificate(serializeCertificate(tbs, signature))
}

function broken(entry: number, reason: string): PeerError {
  return new PeerError(`the card's log does not hold at entry ${entry}: ${reason}`, {
    code: 'card-log-broken',
    details: { entry, reason },
  })
}

/** Name of the file of a rebuilt certificate: the module's serial number, or `central`, and the number of the entry. */
export function rebuiltName({ entry, operating }: RebuiltCertificate): string {
  const subject = operating === undefined ? 'central' : encodeHex(operating.serial)
  return `${subject}-${String(entry).padStart(5, '0')}`
}
