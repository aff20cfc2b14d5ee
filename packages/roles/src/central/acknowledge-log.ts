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
} from '@sealwright/core/signing-card'
import type { PartyPorts } from '../ports/index.ts'
import { cardFile, issuedPoint } from './issue-card.ts'
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
 * another card's, or contradicts what is known is refused, and nothing is acknowledged.
 * @param file a `card log`
 */
export async function acknowledgeLog(ports: PartyPorts, file: Uint8Array): Promise<AcknowledgedLog> {
  const { clock, crypto, store, vault } = ports
  const { serial, entries } = parseCardLogFile(file)
  const point = await issuedPoint(ports, serial)
  if (point === undefined) {
    throw new StateError('the log is of a card that was not issued here', { code: 'card-not-issued' })
  }
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
