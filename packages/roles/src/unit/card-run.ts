import { equal } from '@sealwright/core/bytes'
import { longestApproval } from '@sealwright/core/catalog'
import { documentKeyId, parseDocument } from '@sealwright/core/cbor'
import { DecodeError, PeerError, RefusedError, StateError } from '@sealwright/core/errors'
import {
  approvalReasons,
  checkApprovals,
  parseApproval,
  parseRoster,
  type Roster,
} from '@sealwright/core/people'
import { type BeginRequest, parseBeginRequest } from '@sealwright/core/personalization'
import type { Transport } from '@sealwright/core/ports'
import {
  parseCardLogEntry,
  parseUnitKeyOrder,
  type SigningCardState,
  serializeIssueRequest,
} from '@sealwright/core/signing-card'
import type { Certificate } from '@sealwright/core/x509'
import { type Channel, endChannel, plain } from '../channel/index.ts'
import { type CardTrust, readCardLog, readSigningCard, type SigningCard } from '../custody/index.ts'
import type { PartyPorts } from '../ports/index.ts'
import { cardStep, logFull, notReady } from './card.ts'
import { type PersonalizationRecord, readRecords } from './record.ts'

/** What a card gives a run to work with in the place of the unit's own key and papers. */
export interface CardOfRun {
  readonly card: SigningCard
  /** DER. */
  readonly unit: Uint8Array
  /** The central system's certificate, DER, and its request as the card was told it. */
  readonly central: Uint8Array
  readonly centralRequest: Uint8Array
}

/** Reads what a run needs from the card; a StateError before the card has its certificate. */
export async function cardOfRun(transport: Transport): Promise<CardOfRun> {
  await endChannel(transport)
  const channel = plain(transport)
  const card = await readSigningCard(channel)
  if (card.certificates === undefined) throw notReady()
  const [first] = await readCardLog(channel)
  const body = first && parseCardLogEntry(first).body
  if (body?.kind !== 'key-made') throw new PeerError("the card's log does not begin with its key")
  return { card, ...card.certificates, centralRequest: parseUnitKeyOrder(body.order).central }
}

/**
 * The order at the card that a run carries out: the one whose nonce the approvals name. Without approvals the one whose certificate the unit
 * has already and the module not yet; else a StateError `approval-missing`.
 */
export async function orderOfRun(
  ports: PartyPorts,
  serial: Uint8Array,
  approvals: readonly Uint8Array[],
): Promise<PersonalizationRecord> {
  const records = await readRecords(ports, serial)
  if (approvals.length === 0) {
    const signed = records
      .filter(({ issued, receipt }) => issued !== undefined && receipt === undefined)
      .sort((a, b) => parseBeginRequest(a.begin).time - parseBeginRequest(b.begin).time)
    if (signed.length > 0) return signed.at(-1)!
    throw new StateError('the card signs what two people have approved, and there are no approvals', {
      code: 'approval-missing',
    })
  }
  const nonce = nonceOf(approvals[0]!)
  const record = records.find(({ begin }) => equal(parseBeginRequest(begin).nonce, nonce))
  if (record === undefined) throw notCounting('nonce', 0)
  if (record.receipt !== undefined) {
    throw new StateError('this order was carried out: its approvals are used up', { code: 'card-order-used' })
  }
  return record
}

export interface CardRun extends CardTrust {
  readonly transport: Transport
  readonly approvals: readonly Uint8Array[]
}

/** Has the card certify what the module has answered. The card decides; what it refuses is explained as far as it shows why. */
export async function issueByCard(
  ports: PartyPorts,
  run: CardRun,
  module: {
    readonly serial: Uint8Array
    readonly begin: BeginRequest
    readonly answer: Uint8Array
    readonly identity: Certificate
  },
): Promise<Uint8Array> {
  const { begin, answer, identity } = module
  const { nonce } = begin
  const data = serializeIssueRequest({ nonce, answer, identity: identity.encoded, approvals: run.approvals })
  let certificate: Uint8Array | undefined
  await cardStep(ports, run.transport, run, ['operating-certified'], async (channel, { state }) => {
    try {
      certificate = await channel.send('ISSUE CERTIFICATE', { data })
    } catch (error) {
      if (error instanceof RefusedError)
        throw await explained(ports, channel, { ...module, ...run, state }, error)
      throw error
    }
  })
  return certificate!
}

interface Asked extends CardRun {
  readonly serial: Uint8Array
  readonly begin: BeginRequest
  readonly state: SigningCardState
}

/** The checks that the card makes, as far as what it shows goes, so that a person learns what to do. */
async function explained(
  ports: PartyPorts,
  channel: Channel,
  asked: Asked,
  error: RefusedError,
): Promise<Error> {
  const { state, begin } = asked
  const at = Math.max(begin.time, state.time)
  const { ticket } = state
  switch (error.code) {
    case 'module-no-space':
      return logFull(error, asked)
    case 'module-reference-not-found':
      return new StateError('the card keeps this order no more: a later one has taken its place', {
        code: 'card-order-used',
      })
    case 'module-wrong-data':
      return (await approvalFailure(ports, channel, asked, at)) ?? error
    case 'module-conditions-not-satisfied':
      if (ticket === undefined || at > ticket.until || ticket.used >= ticket.count) {
        return new StateError(`the card signs nothing more under its ticket: ${ticketText(ticket, at)}`, {
          code: 'card-ticket',
        })
      }
      if (state.roster === 0) {
        return new StateError('the card has no roster: nobody is known to it whose approval would count', {
          code: 'roster-missing',
        })
      }
      return new StateError(
        'the card has certified another key for this order, or its roster has ended: order again',
        { code: 'card-order-used' },
      )
    default:
      return error
  }
}

async function approvalFailure(
  { crypto }: PartyPorts,
  channel: Channel,
  { state, serial, begin, approvals }: Asked,
  at: number,
): Promise<Error | undefined> {
  const roster = await rosterOf(channel)
  if (roster === undefined) return undefined
  const { customer, centralPoint, point } = state
  const object = { module: serial, customer, central: crypto.sha256(centralPoint) }
  const matter = { action: 'personalize' as const, object }
  const expected = { roster, matter, actor: documentKeyId(point, crypto), nonce: begin.nonce, at }
  const result = checkApprovals(approvals, expected, crypto)
  if (!result.ok) return notCounting(result.reason, result.document)
  const late = approvals.findIndex(
    (bytes) => parseApproval(bytes).approval.until > begin.time + longestApproval,
  )
  return late < 0
    ? undefined
    : new PeerError(
        `approval ${late + 1} does not count: it ends more than 7 days after the order; nothing was signed`,
        {
          code: 'approval-refused',
          details: { reason: 'ended', approval: late + 1 },
        },
      )
}

/** The roster in force, from the card's log; undefined without one, or when its entry was acknowledged since. */
async function rosterOf(channel: Channel): Promise<Roster | undefined> {
  const last = (await readCardLog(channel))
    .map((bytes) => parseCardLogEntry(bytes).body)
    .findLast((body) => body.kind === 'document-taken' && parseDocument(body.document).type === 'roster')
  return last?.kind === 'document-taken' ? parseRoster(last.document).roster : undefined
}

function ticketText(ticket: SigningCardState['ticket'], at: number): string {
  if (ticket === undefined) return 'it has none'
  return at > ticket.until ? 'it has ended' : `all ${ticket.count} certificates that it allows have been made`
}

function nonceOf(approval: Uint8Array): Uint8Array {
  try {
    return parseApproval(approval).approval.nonce
  } catch (error) {
    if (error instanceof DecodeError) throw notCounting('malformed', 0)
    throw error
  }
}

/** A PeerError `approval-refused`. */
function notCounting(reason: keyof typeof approvalReasons, document: number | undefined): PeerError {
  const which =
    document === undefined ? 'the approvals do not count' : `approval ${document + 1} does not count`
  return new PeerError(`${which}: ${approvalReasons[reason]}; nothing was signed`, {
    code: 'approval-refused',
    details: { reason, ...(document === undefined ? {} : { approval: document + 1 }) },
  })
}
