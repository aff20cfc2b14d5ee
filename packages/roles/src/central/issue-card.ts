import { encodeHex, equal } from '@sealwright/core/bytes'
import { withHandle } from '@sealwright/core/crypto'
import { AuthError, PeerError, RefusedError, StateError } from '@sealwright/core/errors'
import type { LogEntry } from '@sealwright/core/log'
import { fingerprint, openCertificateRequest } from '@sealwright/core/personalization'
import type { Transport } from '@sealwright/core/ports'
import {
  parseUnitKeyAnswer,
  parseUnitKeyOrder,
  serializeUnitKeyOrder,
  unitKeyInput,
} from '@sealwright/core/signing-card'
import { parseCertificate } from '@sealwright/core/x509'
import { endChannel, plain } from '../channel/index.ts'
import {
  type CardTrust,
  documentHead,
  inDocumentChannel,
  keepPapers,
  moduleStep,
  readHead,
  requireCardIdentity,
} from '../custody/index.ts'
import type { PartyPorts } from '../ports/index.ts'
import { key } from './key.ts'
import type { KnownUnit } from './known-unit.ts'

export interface IssueCardInput extends CardTrust {
  /** The card's papers; absent when they were taken before. */
  readonly papers?: Uint8Array
  /** Common name of the unit, 1 to 64 characters. */
  readonly name: string
  /** The customer that the unit works for, 16 bytes. */
  readonly customer: Uint8Array
  /** The central system's name, as in its own request. */
  readonly centralName: string
  /** Entries of the card's log; 200 unless given. */
  readonly capacity?: number
}

export interface IssuedCard {
  /** Serial number of the card, 8 bytes. */
  readonly serial: Uint8Array
  /** The unit's key in it, 65 bytes: the central system knows it from the card itself. */
  readonly point: Uint8Array
  /** The unit's `certificate-request`, for the manufacturer. */
  readonly document: Uint8Array
  /** SHA-256 of the unit's key, to be told by another way. */
  readonly fingerprint: Uint8Array
  readonly entries: readonly LogEntry[]
}

/**
 * Issues a signing card (B24): the card makes the unit's pair for this central system, whose documents alone it takes from then on, and
 * vouches for it with its identity, which is checked up to the manufacturer's root. Run again it gives the same card's same request.
 */
export async function issueCard(
  ports: PartyPorts,
  transport: Transport,
  input: IssueCardInput,
): Promise<IssuedCard> {
  const { crypto, store } = ports
  await endChannel(transport)
  const channel = plain(transport)
  const { serial, mode } = await readHead(channel)
  if (mode !== 'user') throw new StateError(`the chip is in ${mode} mode: its issuer has not finished it`)
  if (input.papers !== undefined) await takePapers(ports, input.papers, serial)
  const identity = await requireCardIdentity(ports, channel, { ...input, serial })
  const order = await keptOrder(ports, serial, input)
  const { result, entries } = await moduleStep(ports, channel, {
    name: 'central issue-card',
    types: ['unit-key-made'],
    proven: () => documentHead(ports, transport),
    async run() {
      return inDocumentChannel(ports, transport, serial, async (inside) =>
        parseUnitKeyAnswer(
          await inside.send('MAKE UNIT KEY', { data: order }).catch((error) => {
            throw issuedBefore(error)
          }),
        ),
      )
    },
  })
  const { point, name, customer } = openCertificateRequest(result.request, 'unit', crypto)
  const vouched = withHandle(crypto.ecPublicKey(identity.publicPoint), (vouching) =>
    vouching.verify(result.proof, ...unitKeyInput(serial, point, crypto.sha256(order))),
  )
  if (!vouched) throw new AuthError()
  const asked = parseUnitKeyOrder(order)
  if (name !== asked.name || customer === undefined || !equal(customer, asked.customer)) {
    throw new PeerError('the card asks for another certificate than it was told to')
  }
  await store.write(cardFile(serial, 'identity'), identity.encoded)
  await store.write(cardFile(serial, 'request'), result.request)
  return { serial, point, document: result.request, fingerprint: fingerprint(point, crypto), entries }
}

/** The unit's key of a card that was issued here, 65 bytes; undefined for another card. */
export async function issuedPoint(
  { crypto, store }: Pick<PartyPorts, 'crypto' | 'store'>,
  serial: Uint8Array,
): Promise<Uint8Array | undefined> {
  const request = await store.read(cardFile(serial, 'request'))
  return request && openCertificateRequest(request, 'unit', crypto).point
}

/** The units whose cards were issued here: their keys were made in these, and the cards themselves have vouched for them. */
export async function unitsOfCards({
  crypto,
  store,
}: Pick<PartyPorts, 'crypto' | 'store'>): Promise<KnownUnit[]> {
  const units: KnownUnit[] = []
  for (const name of await store.list('cards/')) {
    const request = name.endsWith('.request') ? await store.read(name) : undefined
    if (request === undefined) continue
    const { point, customer } = openCertificateRequest(request, 'unit', crypto)
    units.push({ point, ...(customer === undefined ? {} : { customer }) })
  }
  return units
}

/** The logs of cards as far as they were acknowledged here: maps `card log`. */
export async function acknowledgedLogs({ store }: Pick<PartyPorts, 'store'>): Promise<Uint8Array[]> {
  const logs: Uint8Array[] = []
  for (const name of await store.list('cards/')) {
    const log = name.endsWith('.log') ? await store.read(name) : undefined
    if (log !== undefined) logs.push(log)
  }
  return logs
}

/** The identity key of a card that was issued here, as it was checked then, 65 bytes. */
export async function identityPoint(
  { store }: Pick<PartyPorts, 'store'>,
  serial: Uint8Array,
): Promise<Uint8Array | undefined> {
  const identity = await store.read(cardFile(serial, 'identity'))
  return identity && parseCertificate(identity).publicPoint
}

/** The store's name for what is kept of a card: the order, its identity certificate, the unit's request, the newest log. */
export function cardFile(serial: Uint8Array, what: 'order' | 'identity' | 'request' | 'log'): string {
  return `cards/${encodeHex(serial).toLowerCase()}.${what}`
}

/** What the card says when it has made a key for another order. */
function issuedBefore(error: unknown): unknown {
  if (!(error instanceof RefusedError) || error.code !== 'module-already-there') return error
  return new StateError(
    'the card has been issued already, by another central system or under another order',
    {
      code: 'card-issued',
    },
  )
}

async function takePapers(ports: PartyPorts, papers: Uint8Array, serial: Uint8Array): Promise<void> {
  const taken = await keepPapers(ports, papers)
  if (equal(taken.serial, serial)) return
  throw new StateError('the papers are of another card than the one here; nothing was sent', {
    code: 'wrong-module',
    details: { papers: encodeHex(taken.serial), connected: encodeHex(serial) },
  })
}

/** What the card is told, kept before it is: signatures differ from run to run, and a card takes one order in its life. */
async function keptOrder(
  ports: PartyPorts,
  serial: Uint8Array,
  { name, customer, centralName, capacity = 200 }: IssueCardInput,
): Promise<Uint8Array> {
  const { store } = ports
  const file = cardFile(serial, 'order')
  const kept = await store.read(file)
  if (kept !== undefined) {
    const order = parseUnitKeyOrder(kept)
    if (order.name === name && equal(order.customer, customer)) return kept
    throw new StateError('this card was issued under another name, or for another customer', {
      code: 'card-issued',
    })
  }
  const { document: central } = await key(ports, { name: centralName })
  const order = serializeUnitKeyOrder({ capacity, customer, name, central })
  await store.write(file, order)
  return order
}
