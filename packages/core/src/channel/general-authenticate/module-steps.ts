import type { Command } from '../../apdu/index.ts'
import { equal, wipe } from '../../bytes/index.ts'
import { channelSuite } from '../../catalog/index.ts'
import { withHandle } from '../../crypto/index.ts'
import { AuthError, DecodeError } from '../../errors/index.ts'
import type { AesKey, Crypto, EcPrivateKey } from '../../ports/index.ts'
import { isProtected, type ModuleSession, type Refused, type Reply } from '../secure-messaging/index.ts'
import { type Identification, parseIdentification } from './identification.ts'
import { exponentialObject, type Opening, parseOpening, parseProof, serializeProof } from './messages.ts'
import { proofInput } from './proof-input.ts'
import { type ExchangeContext, exchangeKey, Transcript } from './session-keys.ts'

export interface ExchangeModuleOptions extends Pick<ExchangeContext, 'sin' | 'serial'> {
  readonly crypto: Crypto
  /** 32 fresh bytes in 1..n-1 (`privateScalar`). Overwritten. */
  readonly ephemeralScalar: Uint8Array
}

/** Who the host is, as the module has checked it. */
export interface Peer {
  /** 65 bytes. */
  readonly point: Uint8Array
}

export interface ProvingModuleOptions<P extends Peer> extends ExchangeModuleOptions {
  /** Identity or operating key; stays the caller's. */
  readonly staticKey: EcPrivateKey
  /** Its certificate, as GET DATA shows it. */
  readonly certificate: Uint8Array
  /** 00 in personalization. */
  readonly resource: number
  /** The host's key: from its identification once that is checked, or stored where it sends none. Undefined refuses. */
  readonly peer: (identification: Identification | undefined) => P | undefined
}

/** A channel that is set up. */
export interface OpenedExchange<P extends Peer | undefined> {
  readonly session: ModuleSession
  /** SHA-256 of P1, P2 and everything exchanged. */
  readonly transcript: Uint8Array
  readonly peer: P
}

/** The module between two messages of a set-up. A step is taken once; a refusal ends it. */
export interface PendingExchange<P extends Peer> {
  step(command: Command): Reply<PendingExchange<P> | OpenedExchange<P>> | Refused
  /** Forgets keys and exponentials. */
  close(): void
}

/** The first message. Malformed, of another form or suite: 6A80; what fails cryptographically: 6982. The scalar is wiped. */
export function firstStep<T>(
  command: Command,
  { ephemeralScalar }: ExchangeModuleOptions,
  work: (opening: Opening) => Reply<T>,
): Reply<T> | Refused {
  try {
    if (isProtected(command.cla)) throw new AuthError()
    const opening = parseOpening(command.data)
    if (opening.suite !== channelSuite) throw new DecodeError('GENERAL AUTHENTICATE: the suite is not taken')
    return work(opening)
  } catch (error) {
    if (error instanceof DecodeError) return { refused: 'wrong-data' }
    if (error instanceof AuthError) return { refused: 'security-not-satisfied' }
    throw error
  } finally {
    wipe(ephemeralScalar)
  }
}

/** A message behind the first: whatever does not hold looks the same. */
export function laterStep<T>(command: Command, header: Command, work: () => Reply<T>): Reply<T> | Refused {
  try {
    const { ins, p1, p2 } = header
    if (command.ins !== ins || command.p1 !== p1 || command.p2 !== p2) throw new AuthError()
    return work()
  } catch (error) {
    if (error instanceof DecodeError || error instanceof AuthError)
      return { refused: 'security-not-satisfied' }
    throw error
  }
}

/** The module's exponential for the host's, the exchange key, and the digest of what was said with both. */
export function answerExponential(
  { key }: Opening,
  { p1, p2, data }: Command,
  { crypto, sin, serial, ephemeralScalar }: ExchangeModuleOptions,
): { readonly point: Uint8Array; readonly exchange: AesKey; readonly digest: Uint8Array } {
  if (key.kind !== 'exponential') throw anotherForm()
  return withHandle(crypto.ecPublicKey(key.point), (peer) =>
    withHandle(crypto.ecPrivateKey(ephemeralScalar), (ephemeral) => {
      const context = { p1, p2, suite: channelSuite, sin, serial }
      const exchange = exchangeKey(crypto, ephemeral.agree(peer), context)
      const point = ephemeral.publicPoint.slice()
      const digest = new Transcript(crypto, context).digest(data, exponentialObject(point))
      return { point, exchange, digest }
    }),
  )
}

/** Checks the host's proof and makes the module's own, which covers that one too. Both join the transcript. */
export function exchangeProofs<P extends Peer>(
  form: 'dh-signed' | 'signed-key',
  { data }: Command,
  { crypto, staticKey, certificate, resource, serial, peer }: ProvingModuleOptions<P>,
  transcript: Transcript,
): { readonly peer: P; readonly proof: Uint8Array } {
  const { signature, identification } = parseProof(data)
  const named = peer(identification === undefined ? undefined : parseIdentification(identification))
  // Who shows the module's own key is its mirror.
  if (named === undefined || equal(named.point, staticKey.publicPoint)) throw new AuthError()
  const hostDigest = crypto.sha256(identification ?? named.point)
  const moduleDigest = crypto.sha256(certificate)
  const input = (who: 'host' | 'module') =>
    proofInput(`${form} ${who}`, {
      ...{ suite: channelSuite, hostDigest, moduleDigest, serial, resource },
      transcript: transcript.digest(),
    })
  const holds = withHandle(crypto.ecPublicKey(named.point), (key) => key.verify(signature, ...input('host')))
  if (!holds) throw new AuthError()
  transcript.add(data)
  const proof = serializeProof({ signature: staticKey.sign(...input('module')) })
  transcript.add(proof)
  return { peer: named, proof }
}

export function anotherForm(): DecodeError {
  return new DecodeError('GENERAL AUTHENTICATE: a message of another form')
}
