import { equal } from '@sealwright/core/bytes'
import { PeerError, StateError } from '@sealwright/core/errors'
import {
  cardLogLink,
  parseCardLogEntry,
  parseCardLogFile,
  prepareLogAcknowledgement,
  type RebuiltLog,
  rebuildCertificates,
  serializeCardLogFile,
  verifyCardLogProof,
} from '@sealwright/core/signing-card'
import type { PartyPorts } from '../ports/index.ts'
import { cardFile, identityPoint, issuedPoint } from './issue-card.ts'
import { sessionKey } from './key.ts'

export interface AcknowledgedLog {
  /** Serial number of the card, 8 bytes. */
  readonly serial: Uint8Array
  /** The log as it is known here now: what came before and what has come. */
  readonly log: RebuiltLog
  /** The `log-acknowledgement`, for the card. */
  readonly document: Uint8Array
}

/**
 * Takes the log of a card that was issued here, joined with what is known of it, and lets the card overwrite it. A log that does not hold, is
 * another card's, contradicts what is known, or that the card itself does not vouch for is refused, and nothing is acknowledged.
 * @param file a `card log` with its proof
 */
export async function acknowledgeLog(ports: PartyPorts, file: Uint8Array): Promise<AcknowledgedLog> {
  return joinLog(ports, await openCardLog(ports, file))
}

/** A log that a card which was issued here vouches for, in a `card log` with its proof. */
export interface OpenedCardLog {
  /** Serial number of the card, 8 bytes. */
  readonly serial: Uint8Array
  /** The unit's key that the card made, 65 bytes. */
  readonly point: Uint8Array
  readonly entries: readonly Uint8Array[]
}

/** Reads a `card log`. StateError `card-not-issued` for a foreign card; PeerError `card-log-broken` when the card's identity does not vouch for it. */
export async function openCardLog(ports: PartyPorts, file: Uint8Array): Promise<OpenedCardLog> {
  const { crypto } = ports
  const { serial, entries, proof } = parseCardLogFile(file)
  const point = await issuedPoint(ports, serial)
  const identity = await identityPoint(ports, serial)
  if (point === undefined || identity === undefined) {
    throw new StateError('the log is of a card that was not issued here', { code: 'card-not-issued' })
  }
  // Entries alone anybody can write: their chain has no key, and most of what they say nobody else has signed.
  const last = entries.at(-1)
  const log = last && cardLogLink(crypto, last)
  if (!log || proof === undefined || !verifyCardLogProof(proof, { serial, point: identity, log }, crypto)) {
    throw broken(entries.length, "the card's identity does not vouch for it")
  }
  // The proof ends in the last one, and covers what comes before it.
  const numbers = entries.map((entry) => parseCardLogEntry(entry).number)
  const at = numbers.findIndex((number, i) => i > 0 && number <= numbers[i - 1]!)
  if (at > 0) throw broken(numbers[at]!, 'it stands behind a later one')
  return { serial, point, entries }
}

/** Joins entries that are the card's with what is known. */
async function joinLog(
  { clock, crypto, store, vault }: PartyPorts,
  { serial, point, entries }: OpenedCardLog,
): Promise<AcknowledgedLog> {
  const known = await store.read(cardFile(serial, 'log'))
  const joined = join(known === undefined ? [] : parseCardLogFile(known).entries, entries)
  const log = rebuildCertificates(serial, joined, crypto)
  if (!equal(log.point, point)) {
    throw new PeerError('the log is of another key than the one that this card made', {
      code: 'card-log-broken',
      details: { entry: 1, reason: 'another key' },
    })
  }
  if (log.acknowledged > 0) throw broken(log.number, 'entries are missing that were never handed in here')
  await store.write(cardFile(serial, 'log'), serializeCardLogFile({ serial, entries: joined }))
  const value = {
    card: serial,
    number: log.number,
    chain: cardLogLink(crypto, joined.at(-1)!),
    issued: clock.now(),
  }
  const unsigned = prepareLogAcknowledgement(value, await vault.publicPoint(sessionKey), crypto)
  const document = unsigned.finish(await vault.sign(sessionKey, unsigned.toBeSigned))
  return { serial, log, document }
}

/** Both in the order of their numbers; the same number with other bytes is a PeerError. */
function join(known: readonly Uint8Array[], come: readonly Uint8Array[]): Uint8Array[] {
  const all = new Map<number, Uint8Array>()
  for (const entry of [...known, ...come]) {
    const { number } = parseCardLogEntry(entry)
    const before = all.get(number)
    if (before !== undefined && !equal(before, entry))
      throw broken(number, 'it was handed in with other bytes before')
    all.set(number, entry)
  }
  return [...all].sort(([a], [b]) => a - b).map(([, entry]) => entry)
}

function broken(entry: number, reason: string): PeerError {
  return new PeerError(`the card's log does not hold at entry ${entry}: ${reason}`, {
    code: 'card-log-broken',
    details: { entry, reason },
  })
}
