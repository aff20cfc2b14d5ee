import { type Command, command, exchange, type Response } from '../../apdu/index.ts'
import { concat, equal } from '../../bytes/index.ts'
import { AuthError, PeerError, RefusedError, UsageError } from '../../errors/index.ts'
import type { Crypto, Transport } from '../../ports/index.ts'
import { HostSession, type SecurityLevel, type SessionKeys } from '../secure-messaging/index.ts'
import { commandMac, disposeKeys } from '../secure-messaging/session.ts'
import {
  type CardIdentification,
  type InitializeUpdateAnswer,
  levelPossible,
  parseInitializeUpdateAnswer,
  serializeInitializeUpdateRequest,
} from './messages.ts'
import {
  cryptogram,
  deriveSessionKeys,
  initialChaining,
  pseudoRandomChallenge,
  type Scp03Keys,
} from './session-keys.ts'

export interface Scp03HostOptions {
  readonly crypto: Crypto
  /** The static keys, or what finds them once the module has said its diversification data and key version. */
  readonly keys: Scp03Keys | ((card: CardIdentification) => Scp03Keys)
  /** 0: the module's first key set. */
  readonly keyVersion: number
  readonly level: SecurityLevel
  /** 8 random bytes, or 16 for S16. */
  readonly hostChallenge: Uint8Array
  /** When given, a pseudo-random card challenge must be the one that follows from this AID and the counter. */
  readonly aid?: Uint8Array
  /** When given, the module's diversification data (10 bytes), which no MAC covers, must be this. */
  readonly diversificationData?: Uint8Array
}

/** How a session is opened by a host that never has the static keys: whoever has them gives it the keys of this session. */
export interface LentScp03Options extends Omit<Scp03HostOptions, 'keys' | 'aid'> {
  /** Session keys for the challenges; the session owns them. */
  readonly sessionKeys: (answer: InitializeUpdateAnswer) => Promise<SessionKeys>
}

/** Opens an SCP03 session with session keys that another derives. A refusal is a RefusedError, a wrong cryptogram an AuthError. */
export async function openLentScp03(transport: Transport, options: LentScp03Options): Promise<HostSession> {
  const { hostChallenge, keyVersion, sessionKeys } = options
  const asked = await exchange(transport, serializeInitializeUpdateRequest({ keyVersion, hostChallenge }))
  const answer = checkedAnswer(asked, options)
  const second = authenticate(answer, await sessionKeys(answer), options)
  return second.next.step(await exchange(transport, second.reply)).next
}

/** Opens an SCP03 session. A refusal is a RefusedError, a wrong cryptogram an AuthError. */
export async function openScp03(transport: Transport, options: Scp03HostOptions): Promise<HostSession> {
  const first = AwaitingInitializeUpdateAnswer.begin(options)
  const second = first.next.step(await exchange(transport, first.reply))
  return second.next.step(await exchange(transport, second.reply)).next
}

/** The host after INITIALIZE UPDATE. */
export class AwaitingInitializeUpdateAnswer {
  readonly #options: Scp03HostOptions
  #spent = false

  private constructor(options: Scp03HostOptions) {
    this.#options = options
  }

  static begin(options: Scp03HostOptions): { reply: Command; next: AwaitingInitializeUpdateAnswer } {
    const { hostChallenge, keyVersion } = options
    if (hostChallenge.length !== 8 && hostChallenge.length !== 16) {
      throw new UsageError(`expected a host challenge of 8 or 16 bytes, got ${hostChallenge.length}`)
    }
    return {
      reply: serializeInitializeUpdateRequest({ keyVersion, hostChallenge }),
      next: new AwaitingInitializeUpdateAnswer({ ...options, hostChallenge: hostChallenge.slice() }),
    }
  }

  step(response: Response): {
    reply: Command
    next: AwaitingExternalAuthenticateAnswer
    card: CardIdentification
  } {
    if (this.#spent) throw new UsageError('this step was taken')
    this.#spent = true
    const { crypto, hostChallenge, aid, keys: given } = this.#options
    const answer = checkedAnswer(response, this.#options)
    const { cardChallenge, sequenceCounter } = answer
    const { diversificationData: expectedData } = this.#options
    if (expectedData !== undefined && !equal(answer.diversificationData, expectedData)) throw new AuthError()
    const staticKeys = typeof given === 'function' ? given(answer) : given
    if (aid !== undefined && sequenceCounter !== undefined) {
      const length = cardChallenge.length === 16 ? 16 : 8
      const expected = pseudoRandomChallenge(staticKeys.enc, sequenceCounter, aid, length)
      if (!equal(expected, cardChallenge)) throw new AuthError()
    }
    const keys = deriveSessionKeys(crypto, staticKeys, concat(hostChallenge, cardChallenge))
    return { ...authenticate(answer, keys, this.#options), card: answer }
  }
}

/** The answer of INITIALIZE UPDATE, if it is one to what was asked. */
function checkedAnswer(
  response: Response,
  { hostChallenge, keyVersion, level }: Pick<Scp03HostOptions, 'hostChallenge' | 'keyVersion' | 'level'>,
): InitializeUpdateAnswer {
  requireSuccess(response, 'INITIALIZE UPDATE')
  const answer = parseInitializeUpdateAnswer(response.data)
  const { cardChallenge, i } = answer
  if (cardChallenge.length !== hostChallenge.length) {
    throw new PeerError(`expected a challenge of ${hostChallenge.length} bytes, got ${cardChallenge.length}`)
  }
  if (keyVersion !== 0 && answer.keyVersion !== keyVersion) {
    throw new PeerError(`expected key version ${keyVersion}, got ${answer.keyVersion}`)
  }
  if (!levelPossible(level, i)) {
    throw new PeerError(`the module does not offer security level ${level.toString(16).padStart(2, '0')}`)
  }
  return answer
}

/** Checks the card cryptogram and makes EXTERNAL AUTHENTICATE. The keys are disposed of when it is wrong. */
function authenticate(
  { cardChallenge, cardCryptogram }: InitializeUpdateAnswer,
  keys: SessionKeys,
  { hostChallenge, level }: Pick<Scp03HostOptions, 'hostChallenge' | 'level'>,
): { reply: Command; next: AwaitingExternalAuthenticateAnswer } {
  const length = cardChallenge.length === 16 ? 16 : 8
  const context = concat(hostChallenge, cardChallenge)
  if (!equal(cryptogram(keys.mac, 'card', context), cardCryptogram)) {
    disposeKeys(keys)
    throw new AuthError()
  }
  const plain = command({ cla: 0x84, ins: 0x82, p1: level, data: cryptogram(keys.mac, 'host', context) })
  const mac = commandMac(keys.mac, initialChaining, plain, plain.data, length)
  return {
    reply: { ...plain, data: concat(plain.data, mac.subarray(0, length)) },
    next: new AwaitingExternalAuthenticateAnswer(
      new HostSession({ keys, level, chaining: mac, macLength: length }),
    ),
  }
}

/** The host after EXTERNAL AUTHENTICATE; its answer is never protected. */
export class AwaitingExternalAuthenticateAnswer {
  #session: HostSession | undefined

  constructor(session: HostSession) {
    this.#session = session
  }

  step(response: Response): { next: HostSession } {
    const session = this.#session
    if (session === undefined) throw new UsageError('this step was taken')
    this.#session = undefined
    if (response.sw !== 0x9000 || response.data.length > 0) session.close()
    requireSuccess(response, 'EXTERNAL AUTHENTICATE')
    if (response.data.length > 0) throw new PeerError('expected no data after EXTERNAL AUTHENTICATE')
    return { next: session }
  }
}

function requireSuccess(response: Response, what: string): void {
  if (response.sw !== 0x9000)
    throw new RefusedError(response.sw, `${what} was refused with ${hex(response.sw)}`)
}

function hex(sw: number): string {
  return sw.toString(16).padStart(4, '0').toUpperCase()
}
