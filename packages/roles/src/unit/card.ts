import { encodeHex, equal } from '@sealwright/core/bytes'
import type { EventType } from '@sealwright/core/catalog'
import { documentKeyId, parseDocument } from '@sealwright/core/cbor'
import { PeerError, RefusedError, StateError, UsageError } from '@sealwright/core/errors'
import type { LogEntry } from '@sealwright/core/log'
import {
  type ApprovalRequest,
  checkRoster,
  parseRoster,
  serializeApprovalRequest,
} from '@sealwright/core/people'
import type { Transport } from '@sealwright/core/ports'
import {
  parseLogAcknowledgement,
  type RebuiltLog,
  type SigningCardState,
  serializeCardLogFile,
  serializeCertificateOrder,
} from '@sealwright/core/signing-card'
import { checkTicket, parseTicket, serializeTicketRecord } from '@sealwright/core/tickets'
import { parseCertificate, requirePath } from '@sealwright/core/x509'
import { type Channel, endChannel, plain } from '../channel/index.ts'
import {
  type CardTrust,
  moduleStep,
  provenHead,
  readHead,
  readProvenCardLog,
  readSigningCard,
  requireCardIdentity,
  requireNotRestored,
  type SigningCard,
} from '../custody/index.ts'
import type { PartyPorts } from '../ports/index.ts'
import { writeRecord } from './record.ts'

/** Whether a card has the unit's key, whose documents it takes, what is left of its ticket and its log. */
export async function showCard(transport: Transport): Promise<SigningCard> {
  await endChannel(transport)
  return readSigningCard(plain(transport))
}

export interface InitCardInput extends CardTrust {
  /** The manufacturer's certificate for the key in the card, DER. */
  readonly certificate: Uint8Array
}

/** Gives the card its certificate. The card checks it too, and certifies the central system's key with it. */
export async function initCard(
  ports: PartyPorts,
  transport: Transport,
  input: InitCardInput,
): Promise<SigningCard & { readonly entries: readonly LogEntry[] }> {
  const { clock, crypto } = ports
  const certificate = parseCertificate(input.certificate)
  const { insecureAcceptTest = false } = input
  const anchor = parseCertificate(input.root)
  requirePath(
    { chain: [certificate], anchor, role: 'unit', at: clock.now(), insecureAcceptTest },
    ["unit's certificate", "manufacturer's root"],
    crypto,
  )
  return cardStep(ports, transport, input, ['unit-certified'], async (channel, { state }) => {
    const { customer, publicPoint } = certificate
    const wrong =
      !equal(publicPoint, state.point) || customer === undefined || !equal(customer, state.customer)
    if (wrong) {
      throw new PeerError(
        "the unit's certificate does not hold: it is for another key or customer than the card's",
        {
          code: 'certificate-refused',
          details: { certificate: "unit's certificate", reason: 'other-key' },
        },
      )
    }
    await channel.send('STORE UNIT CERTIFICATE', { data: input.certificate })
  })
}

export interface TakeInput extends CardTrust {
  /** Documents of the central system: rosters, tickets, acknowledgements of the log. */
  readonly documents: readonly Uint8Array[]
}

/** Lays documents of the central system before the card, in their order. One that the card does not take is explained; those before it are taken. */
export async function takeByCard(
  ports: PartyPorts,
  transport: Transport,
  input: TakeInput,
): Promise<SigningCard & { readonly entries: readonly LogEntry[] }> {
  return cardStep(ports, transport, input, ['card-document-taken'], async (channel, card) => {
    for (const data of input.documents) {
      try {
        await channel.send('ADMINISTER', { data })
      } catch (error) {
        if (!(error instanceof RefusedError)) throw error
        if (error.code === 'module-no-space') throw logFull(error, card)
        if (error.code !== 'module-wrong-data') throw error
        throw new RefusedError(
          error.statusWord,
          `the card does not take the document: ${whyNot(ports, card, data)}`,
          {
            code: 'card-document-refused',
            details: error.details,
          },
        )
      }
    }
  })
}

/** The check that the card makes, as far as what it shows goes. */
function whyNot({ crypto }: PartyPorts, { serial, state }: SigningCard, bytes: Uint8Array): string {
  const { centralPoint: issuerPoint, customer, point } = state
  const { type } = parseDocument(bytes)
  const older = 'it is older than what the card has taken, or leaps too far ahead of the time that it knows'
  if (type === 'roster') {
    const at = Math.max(state.time, parseRoster(bytes).roster.issued)
    const result = checkRoster(bytes, { issuerPoint, at }, crypto)
    return result.ok ? older : result.text
  }
  if (type === 'ticket') {
    const at = Math.max(state.time, parseTicket(bytes).ticket.issued)
    const unit = documentKeyId(point, crypto)
    const result = checkTicket(bytes, { issuerPoint, unit, customer, at }, crypto)
    return result.ok ? older : result.text
  }
  if (type === 'log-acknowledgement') {
    const { acknowledgement } = parseLogAcknowledgement(bytes)
    if (!equal(acknowledgement.card, serial)) return 'it is for the log of another card'
    return 'it names another log than the card has, or is not of the central system that issued the card'
  }
  return `a card takes rosters, tickets and acknowledgements of its log, and this is a ${type}`
}

export interface CardOrderInput {
  /** Serial number of the module to be personalized, 8 bytes. */
  readonly serial: Uint8Array
  /** How long approvals are to count, in hours: 1 to 168; 24 unless given. */
  readonly hours?: number
}

/**
 * Orders a certificate for a module at the card, and writes what two people are to approve: the bytes of an `approval request` over the card's
 * own nonce.
 */
export async function orderByCard(
  ports: PartyPorts,
  transport: Transport,
  { serial, hours = 24 }: CardOrderInput,
): Promise<{ readonly request: ApprovalRequest; readonly document: Uint8Array }> {
  const { clock, crypto } = ports
  if (!Number.isInteger(hours) || hours < 1 || hours > mostHours) {
    throw new UsageError(`for a card, approvals count for 1 to ${mostHours} hours`)
  }
  await endChannel(transport)
  const channel = plain(transport)
  const { state, certificates } = await readSigningCard(channel)
  if (certificates === undefined) throw notReady()
  await requireNotRestored(channel)
  const time = clock.now()
  if (time < state.time) {
    throw new StateError('the clock here is behind the time that the card has heard: set it right', {
      code: 'clock-behind',
      details: { card: state.time, clock: time },
    })
  }
  const begin = await channel.send('ORDER CERTIFICATE', { data: serializeCertificateOrder({ serial, time }) })
  await writeRecord(ports, { serial, begin })
  const { customer, centralPoint, point } = state
  const request: ApprovalRequest = {
    matter: {
      action: 'personalize',
      object: { module: serial, customer, central: crypto.sha256(centralPoint) },
    },
    actor: documentKeyId(point, crypto),
    nonce: begin.slice(20),
    until: time + hours * 3600,
  }
  return { request, document: serializeApprovalRequest(request) }
}

export interface CardLog {
  /** Serial number of the card, 8 bytes. */
  readonly serial: Uint8Array
  readonly state: SigningCardState
  readonly log: RebuiltLog
  /** The log for the central system: a `card log`. */
  readonly file: Uint8Array
  /** What the central system merges with the records of other units; undefined while no ticket stands in the log that the card has. */
  readonly ticketRecord: Uint8Array | undefined
}

/** Reads the card's log, which the card's identity vouches for, and makes every certificate again from it alone. */
export async function readLogOfCard(
  ports: PartyPorts,
  transport: Transport,
  trust: CardTrust,
): Promise<CardLog> {
  await endChannel(transport)
  const channel = plain(transport)
  const { state, certificates } = await readSigningCard(channel)
  const { serial, entries, log, proof } = await readProvenCardLog(ports, channel, trust)
  return {
    ...{ serial, state, log, file: serializeCardLogFile({ serial, entries, proof }) },
    ticketRecord: certificates && ticketRecordOf(log, certificates.unit),
  }
}

function ticketRecordOf({ entries, certificates }: RebuiltLog, unit: Uint8Array): Uint8Array | undefined {
  const made = certificates.filter(({ role }) => role === 'module-operating')
  const tickets = entries.flatMap(({ body }) => {
    if (body.kind !== 'document-taken' || parseDocument(body.document).type !== 'ticket') return []
    const id = encodeHex(parseTicket(body.document).ticket.id)
    const numbers = made
      .filter(({ operating }) => encodeHex(operating!.ticket.id) === id)
      .map(({ operating }) => operating!.ticket.number)
    return [{ document: body.document, used: Math.max(0, ...numbers) }]
  })
  if (tickets.length === 0) return undefined
  return serializeTicketRecord({
    unit,
    tickets,
    certificates: made.map(({ certificate }) => certificate.encoded),
  })
}

/** A step at a card whose events go to the outbox, vouched for by the card's identity key. */
export async function cardStep(
  ports: PartyPorts,
  transport: Transport,
  trust: CardTrust,
  types: readonly EventType[],
  work: (channel: Channel, card: SigningCard) => Promise<unknown>,
): Promise<SigningCard & { readonly entries: readonly LogEntry[] }> {
  await endChannel(transport)
  const channel = plain(transport)
  const { serial } = await readHead(channel)
  const card = await readSigningCard(channel)
  const { publicPoint: point } = await requireCardIdentity(ports, channel, { ...trust, serial })
  await requireNotRestored(channel)
  const { crypto, entropy } = ports
  const { entries } = await moduleStep(ports, channel, {
    name: 'unit card',
    types,
    proven: () => provenHead(channel, entropy.bytes(16), { crypto, serial, point }),
    run: () => work(channel, card),
  })
  return { ...(await readSigningCard(channel)), entries }
}

/** A RefusedError `card-log-full`. */
export function logFull(
  { statusWord, details }: RefusedError,
  { state: { log } }: Pick<SigningCard, 'state'>,
): RefusedError {
  return new RefusedError(
    statusWord,
    `the card has no room in its log (${log.kept} of ${log.capacity} entries): it signs nothing before the central system has taken it`,
    { code: 'card-log-full', details },
  )
}

/** A StateError `card-not-ready`. */
export function notReady(): StateError {
  return new StateError('the card has no certificate of the manufacturer yet', { code: 'card-not-ready' })
}

/** `longestApproval` of the catalog, in hours. */
const mostHours = 168
