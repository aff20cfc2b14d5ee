import { u32 } from '@sealwright/core/bytes'
import { certificateIds, dataTags, eventTypes } from '@sealwright/core/catalog'
import { PeerError, RefusedError, StateError } from '@sealwright/core/errors'
import {
  type CardLogProof,
  cardLogProof,
  parseCardLogEntry,
  parseSigningCardState,
  type RebuiltLog,
  rebuildCertificates,
  type SigningCardState,
  verifyCardLogProof,
} from '@sealwright/core/signing-card'
import { type Certificate, parseCertificate, requirePath } from '@sealwright/core/x509'
import type { Channel } from '../channel/index.ts'
import type { PartyPorts } from '../ports/index.ts'
import { readEvents } from './events.ts'
import { readData, readHead, readSignedHead } from './head.ts'

/** A signing card as it shows itself. */
export interface SigningCard {
  /** 8 bytes. */
  readonly serial: Uint8Array
  readonly state: SigningCardState
  /** The unit's certificate and the central system's under it, DER, once they are there. */
  readonly certificates?: { readonly unit: Uint8Array; readonly central: Uint8Array }
}

/** What a card says of itself; a StateError `card-not-issued` before its central system had it make the key. */
export async function readSigningCard(channel: Channel): Promise<SigningCard> {
  const { serial } = await readHead(channel)
  const state = await readData(channel, dataTags.signingCard)
  if (state === undefined) {
    throw new StateError('the module is no signing card, or no central system has issued it yet', {
      code: 'card-not-issued',
    })
  }
  const unit = await readData(channel, certificateIds.signingUnit.tag)
  const central = await readData(channel, certificateIds.signingCentral.tag)
  return {
    serial,
    state: parseSigningCardState(state),
    ...(unit === undefined || central === undefined ? {} : { certificates: { unit, central } }),
  }
}

/** A StateError `card-restored` for a card whose memory was put back from a backup: it signs nothing more. */
export async function requireNotRestored(channel: Channel): Promise<void> {
  const { number } = await readHead(channel)
  const last = (await readEvents(channel, number)).at(-1)
  if (last?.type !== eventTypes.restored.code) return
  throw new StateError("the card's memory was put back from a backup: it signs nothing more", {
    code: 'card-restored',
  })
}

/** The identity certificate of a card, checked up to the manufacturer's root. */
export async function requireCardIdentity(
  { clock, crypto }: Pick<PartyPorts, 'clock' | 'crypto'>,
  channel: Channel,
  { serial, root, insecureAcceptTest }: CardTrust & { readonly serial: Uint8Array },
): Promise<Certificate> {
  const encoded = await readData(channel, certificateIds.identity.tag)
  if (encoded === undefined) throw new StateError('the card has no identity certificate')
  return requirePath(
    {
      ...{ chain: [parseCertificate(encoded)], anchor: parseCertificate(root), role: 'module-identity' },
      ...{ at: clock.now(), serial, insecureAcceptTest: insecureAcceptTest ?? false },
    },
    ["card's identity certificate", "manufacturer's root"],
    crypto,
  )
}

/** By what a party knows a card. */
export interface CardTrust {
  /** The manufacturer's root, DER. */
  readonly root: Uint8Array
  /** Works with a root that is marked as a test root. */
  readonly insecureAcceptTest?: boolean
}

/** Every entry of the log that lies in the card. */
export async function readCardLog(channel: Channel): Promise<Uint8Array[]> {
  const entries: Uint8Array[] = []
  for (let from = 1; ; ) {
    let entry: Uint8Array
    try {
      entry = await channel.send('READ LOG', { data: u32(from) })
    } catch (error) {
      if (error instanceof RefusedError && error.code === 'module-reference-not-found') return entries
      throw error
    }
    const { number } = parseCardLogEntry(entry)
    if (number < from) throw new PeerError(`expected entries from ${from} on, ascending`)
    entries.push(entry)
    from = number + 1
  }
}

/** A card's log, and what shows that it is. */
export interface ProvenCardLog {
  /** 8 bytes. */
  readonly serial: Uint8Array
  readonly entries: Uint8Array[]
  readonly log: RebuiltLog
  readonly proof: CardLogProof
}

/**
 * The log of a card, as the card's identity key vouches for it now: its chain holds, every certificate comes out of it, and its end is the one
 * that the card's own event chain names under a fresh nonce.
 */
export async function readProvenCardLog(
  ports: Pick<PartyPorts, 'clock' | 'crypto' | 'entropy'>,
  channel: Channel,
  trust: CardTrust,
): Promise<ProvenCardLog> {
  const { crypto, entropy } = ports
  const { serial } = await readHead(channel)
  const { publicPoint: point } = await requireCardIdentity(ports, channel, { ...trust, serial })
  const entries = await readCardLog(channel)
  const log = rebuildCertificates(serial, entries, crypto)
  const { head } = await readSignedHead(channel, entropy.bytes(16))
  const proof = cardLogProof(head, await readEvents(channel, 1))
  if (proof === undefined || !verifyCardLogProof(proof, { serial, point, log: log.chain }, crypto)) {
    throw new PeerError("the card's log is not the one that the card signed: its end is missing or another", {
      code: 'card-log-broken',
      details: { entry: log.number, reason: 'the end is missing or another' },
    })
  }
  return { serial, entries, log, proof }
}
