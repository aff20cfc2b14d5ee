import { type Command, command, exchange, type Response } from '../../apdu/index.ts'
import { equal, wipe } from '../../bytes/index.ts'
import { channelSuite } from '../../catalog/index.ts'
import { withHandle } from '../../crypto/index.ts'
import { AuthError, DecodeError, RefusedError } from '../../errors/index.ts'
import type { AesKey, Crypto, EcPrivateKey, EcPublicKey, Transport } from '../../ports/index.ts'
import { exchangeProtected, HostSession } from '../secure-messaging/index.ts'
import {
  exponentialObject,
  type Opening,
  parseCommitment,
  parseKeyAnswer,
  parseProof,
  serializeExponential,
  serializeOpening,
  serializeProof,
} from './messages.ts'
import { proofInput } from './proof-input.ts'
import {
  type ExchangeContext,
  exchangeKey,
  type KeyStage,
  type StageKeys,
  stageKeys,
  Transcript,
} from './session-keys.ts'

export interface ExchangeHostOptions extends Omit<ExchangeContext, 'suite'> {
  readonly crypto: Crypto
  /** 32 fresh bytes in 1..n-1 (`privateScalar`). Overwritten. */
  readonly ephemeralScalar: Uint8Array
}

export interface ProvingHostOptions extends ExchangeHostOptions {
  /** The module's public point and certificate, checked by the caller. */
  readonly module: { readonly point: Uint8Array; readonly certificate: Uint8Array }
  /** The host's own pair: it may lie in a vault. */
  readonly host: {
    readonly point: Uint8Array
    /** An A0 object (`serializeIdentification`), where the module does not know the host. */
    readonly identification?: Uint8Array
    /** 64 bytes, r‖s, over the concatenation. */
    sign(...parts: readonly Uint8Array[]): Promise<Uint8Array>
  }
  /** 00 in personalization. */
  readonly resource: number
}

/**
 * Opens a channel without authentication: whoever stands between can hold both ends. A refusal is a RefusedError, keys that are not the same an
 * AuthError; so in the other forms.
 */
export async function openEphemeral(
  transport: Transport,
  options: ExchangeHostOptions,
): Promise<HostSession> {
  return withEphemeral(options, async (ephemeral) => {
    const { exchange, start } = await exponentials(transport, options, ephemeral, 'session')
    exchange[Symbol.dispose]()
    return new HostSession(start)
  })
}

/** Diffie-Hellman first, then both sign what was exchanged (SIGMA), under the keys that came of it. */
export async function openDhSigned(transport: Transport, options: ProvingHostOptions): Promise<HostSession> {
  refuseMirror(options)
  return withEphemeral(options, async (ephemeral) => {
    const first = await exponentials(transport, options, ephemeral, 'handshake')
    const { exchange, transcript } = first
    const handshake = new HostSession(first.start)
    try {
      await exchangeProofs('dh-signed', options, transcript, async (data) =>
        taken(await exchangeProtected(transport, handshake, generalAuthenticate(options, data))),
      )
      return new HostSession(stageKeys(options.crypto, exchange, 'session', transcript.digest()).start)
    } finally {
      handshake.close()
      exchange[Symbol.dispose]()
    }
  })
}

/** Both sign first, over commitments to their exponentials; then the key is made of these. */
export async function openSignedKey(transport: Transport, options: ProvingHostOptions): Promise<HostSession> {
  const { crypto } = options
  refuseMirror(options)
  return withEphemeral(options, async (ephemeral) => {
    const commitment = crypto.sha256(ephemeral.publicPoint)
    const opening = serializeOpening({ suite: channelSuite, key: { kind: 'commitment', commitment } })
    const say = async (data: Uint8Array) =>
      taken(await exchange(transport, generalAuthenticate(options, data)))
    const transcript = new Transcript(crypto, options)
    const answer = await say(opening)
    const moduleCommitment = authentic(() => parseCommitment(answer))
    if (equal(moduleCommitment, commitment)) throw new AuthError()
    transcript.add(opening, answer)
    await exchangeProofs('signed-key', options, transcript, say)
    const shown = serializeExponential(ephemeral.publicPoint)
    const last = await say(shown)
    const keyAnswer = authentic(() => parseKeyAnswer(last))
    if (!equal(crypto.sha256(keyAnswer.point), moduleCommitment)) throw new AuthError()
    const digest = transcript.digest(shown, exponentialObject(keyAnswer.point))
    const key = agreed(options, ephemeral, keyAnswer.point)
    const { start } = withHandle(key, (handle) =>
      confirmed(crypto, handle, 'session', digest, keyAnswer.code),
    )
    return new HostSession(start)
  })
}

interface Exchanged {
  readonly exchange: AesKey
  readonly start: StageKeys['start']
  readonly transcript: Transcript
}

/** The first round of both forms that begin with Diffie-Hellman. */
async function exponentials(
  transport: Transport,
  options: ExchangeHostOptions & Partial<Pick<ProvingHostOptions, 'module'>>,
  ephemeral: EcPrivateKey,
  stage: KeyStage,
): Promise<Exchanged> {
  const { crypto } = options
  const key: Opening['key'] = { kind: 'exponential', point: ephemeral.publicPoint }
  const opening = serializeOpening({ suite: channelSuite, key })
  const answer = taken(await exchange(transport, generalAuthenticate(options, opening)))
  const { point, code } = authentic(() => parseKeyAnswer(answer))
  if (equal(point, ephemeral.publicPoint)) throw new AuthError()
  const transcript = new Transcript(crypto, options)
  const digest = transcript.digest(opening, exponentialObject(point))
  const shared = agreed(options, ephemeral, point)
  try {
    const { start } = confirmed(crypto, shared, stage, digest, code)
    transcript.add(opening, answer)
    return { exchange: shared, start, transcript }
  } catch (error) {
    shared[Symbol.dispose]()
    throw error
  }
}

/** Sends the host's proof and checks the module's. */
async function exchangeProofs(
  form: 'dh-signed' | 'signed-key',
  { crypto, module, host, resource, serial }: ProvingHostOptions,
  transcript: Transcript,
  say: (data: Uint8Array) => Promise<Uint8Array>,
): Promise<void> {
  const input = (who: 'host' | 'module') =>
    proofInput(`${form} ${who}`, {
      ...{ suite: channelSuite, serial, resource, transcript: transcript.digest() },
      hostDigest: crypto.sha256(host.identification ?? host.point),
      moduleDigest: crypto.sha256(module.certificate),
    })
  const signature = await host.sign(...input('host'))
  const { identification } = host
  const proof = serializeProof({ signature, ...(identification && { identification }) })
  const answer = await say(proof)
  transcript.add(proof)
  const theirs = authentic(() => parseProof(answer))
  const holds = withHandle(crypto.ecPublicKey(module.point), (key) =>
    key.verify(theirs.signature, ...input('module')),
  )
  if (!holds || theirs.identification !== undefined) throw new AuthError()
  transcript.add(answer)
}

function agreed(
  { crypto, p1, p2, sin, serial }: ExchangeHostOptions,
  ephemeral: EcPrivateKey,
  point: Uint8Array,
): AesKey {
  const z = withHandle<EcPublicKey, Uint8Array>(crypto.ecPublicKey(point), (peer) => ephemeral.agree(peer))
  return exchangeKey(crypto, z, { p1, p2, suite: channelSuite, sin, serial })
}

/** Keys of a stage, once the module's code shows that it has the same. */
function confirmed(
  crypto: Crypto,
  exchange: AesKey,
  stage: KeyStage,
  digest: Uint8Array,
  code: Uint8Array,
): StageKeys {
  const keys = stageKeys(crypto, exchange, stage, digest)
  if (equal(keys.code, code)) return keys
  new HostSession(keys.start).close()
  throw new AuthError()
}

function refuseMirror({ host, module }: ProvingHostOptions): void {
  if (equal(host.point, module.point)) throw new AuthError()
}

async function withEphemeral<T>(
  { crypto, ephemeralScalar }: ExchangeHostOptions,
  work: (ephemeral: EcPrivateKey) => Promise<T>,
): Promise<T> {
  const ephemeral = crypto.ecPrivateKey(ephemeralScalar)
  wipe(ephemeralScalar)
  try {
    return await work(ephemeral)
  } finally {
    ephemeral[Symbol.dispose]()
  }
}

function generalAuthenticate({ p1, p2 }: ExchangeHostOptions, data: Uint8Array): Command {
  return command({ cla: 0x80, ins: 0x86, p1, p2, data, le: 0x100 })
}

function taken({ sw, data }: Response): Uint8Array {
  if (sw === 0x9000) return data
  throw new RefusedError(sw, `the module refused GENERAL AUTHENTICATE with ${sw.toString(16).toUpperCase()}`)
}

/** Malformed answers of a peer that has not proven itself look as wrong ones do. */
function authentic<T>(work: () => T): T {
  try {
    return work()
  } catch (error) {
    if (error instanceof DecodeError) throw new AuthError({ cause: error })
    throw error
  }
}
