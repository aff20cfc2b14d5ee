import { equal } from '../bytes/index.ts'
import { eventsKept, eventTypes } from '../catalog/index.ts'
import { MapReader } from '../cbor/index.ts'
import { withHandle } from '../crypto/index.ts'
import { AuthError } from '../errors/index.ts'
import { nextLink, passportHeadInput } from '../log/index.ts'
import type { Crypto } from '../ports/index.ts'

/** That a log is the card's, for whoever has it from another hand: the card's event chain from the log's last entry on, and its signed end. */
export interface CardLogProof {
  /** PASSPORT HEAD: the nonce of who read the log (16 bytes), number of the last event, chain after it, r‖s by the identity key. */
  readonly nonce: Uint8Array
  readonly number: number
  readonly chain: Uint8Array
  readonly signature: Uint8Array
  /** The chain before `events`, 32 bytes. */
  readonly previous: Uint8Array
  /** The event of the log's last entry and those after it, up to `number`. */
  readonly events: readonly { readonly type: number; readonly digest: Uint8Array }[]
}

/** An event as a card tells it. */
interface ToldEvent {
  readonly number: number
  readonly type: number
  readonly digest: Uint8Array
  readonly chain: Uint8Array
}

/** The proof out of what a card tells; undefined when it tells no entry of a log, or nothing before it. Nothing is checked. */
export function cardLogProof(
  { nonce, number, chain, signature }: Pick<CardLogProof, 'nonce' | 'number' | 'chain' | 'signature'>,
  told: readonly ToldEvent[],
): CardLogProof | undefined {
  const upTo = told.filter((event) => event.number <= number)
  const last = upTo.findLastIndex(({ type }) => entryTypes.has(type))
  // What the first one says no link covers: only its chain.
  if (last < 1) return undefined
  const events = upTo.slice(last).map(({ type, digest }) => ({ type, digest }))
  return { nonce, number, chain, signature, previous: upTo[last - 1]!.chain, events }
}

/**
 * Whether the identity key at `point` (65 bytes) has signed an event chain whose last entry of a card log ends in this log. It was so when the
 * proof was made; what the card has written since is not said.
 * @param log the log after its last entry, 32 bytes
 */
export function verifyCardLogProof(
  { nonce, number, chain, signature, previous, events }: CardLogProof,
  {
    serial,
    point,
    log,
  }: { readonly serial: Uint8Array; readonly point: Uint8Array; readonly log: Uint8Array },
  crypto: Crypto,
): boolean {
  const [first, ...later] = events
  if (first === undefined || number < events.length || !entryTypes.has(first.type)) return false
  if (!equal(first.digest, log) || later.some(({ type }) => entryTypes.has(type))) return false
  let link = previous
  for (const [at, { type, digest }] of events.entries()) {
    link = nextLink(crypto, { previous: link, serial, number: number - events.length + 1 + at, type, digest })
  }
  if (!equal(link, chain)) return false
  try {
    return withHandle(crypto.ecPublicKey(point), (key) =>
      key.verify(signature, ...passportHeadInput({ serial, nonce, number, chain })),
    )
  } catch (error) {
    if (error instanceof AuthError) return false
    throw error
  }
}

/** Reads the map `proof`. */
export function readCardLogProof(r: MapReader): CardLogProof {
  const proof = {
    nonce: r.bytes('nonce', 16),
    number: r.uint('number'),
    chain: r.bytes('chain', 32),
    signature: r.bytes('signature', 64),
    previous: r.bytes('previous', 32),
    events: r.array('events', (item) => {
      const inner = new MapReader(item, 'event')
      const event = { type: inner.uint('type', 0xff), digest: inner.bytes('digest', 32) }
      inner.end()
      return event
    }),
  }
  r.end()
  if (proof.events.length < 1 || proof.events.length > eventsKept) {
    throw r.fail(`events expected 1 to ${eventsKept}`)
  }
  return proof
}

/** Types of events that are entries of a card's log. */
const entryTypes: ReadonlySet<number> = new Set(
  (['unit-key-made', 'unit-certified', 'card-document-taken', 'operating-certified'] as const).map(
    (name) => eventTypes[name].code,
  ),
)
