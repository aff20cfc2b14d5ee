import type { Command } from '../../apdu/index.ts'
import { concat, equal } from '../../bytes/index.ts'
import { DecodeError, UsageError } from '../../errors/index.ts'
import type { Crypto } from '../../ports/index.ts'
import {
  isSecurityLevel,
  ModuleSession,
  type Refused,
  type Reply,
  type SecurityLevel,
  type SessionKeys,
} from '../secure-messaging/index.ts'
import { checkCommandMac, disposeKeys } from '../secure-messaging/session.ts'
import {
  levelPossible,
  parameter,
  parseInitializeUpdateRequest,
  serializeInitializeUpdateAnswer,
} from './messages.ts'
import { cryptogram, deriveSessionKeys, initialChaining, type Scp03Keys } from './session-keys.ts'

export interface Scp03ModuleOptions {
  readonly crypto: Crypto
  readonly keys: Scp03Keys
  /** The real version, also when the command asked for 0. */
  readonly keyVersion: number
  /** 10 bytes. */
  readonly diversificationData: Uint8Array
  /** `i` for S8; the answer to a challenge of 16 bytes has the S16 bit added. */
  readonly i: number
  /** Makes the card challenge: random bytes, or `pseudoRandomChallenge` when `i` says so. */
  readonly cardChallenge: (length: 8 | 16) => Uint8Array
  /** The counter behind a pseudo-random challenge; needed exactly when `i` says so. */
  readonly sequenceCounter?: number
  /** Whether a host may ask for S16; false unless given. */
  readonly s16?: boolean
  /** Levels that EXTERNAL AUTHENTICATE may name; all that `i` allows unless given. */
  readonly levels?: readonly SecurityLevel[]
}

/** The module after INITIALIZE UPDATE; EXTERNAL AUTHENTICATE must follow directly. */
export class AwaitingExternalAuthenticate {
  readonly #levelAllowed: (level: SecurityLevel) => boolean
  readonly #context: Uint8Array
  #keys: SessionKeys | undefined

  private constructor(
    keys: SessionKeys,
    context: Uint8Array,
    levelAllowed: (level: SecurityLevel) => boolean,
  ) {
    this.#keys = keys
    this.#context = context
    this.#levelAllowed = levelAllowed
  }

  /** Answers INITIALIZE UPDATE. The counter behind a pseudo-random challenge is stored before the reply leaves. */
  static begin(command: Command, options: Scp03ModuleOptions): Reply<AwaitingExternalAuthenticate> | Refused {
    const step = AwaitingExternalAuthenticate.#begin(command, options)
    if (step.refused !== undefined) options.keys.dek?.[Symbol.dispose]()
    return step
  }

  static #begin(
    command: Command,
    options: Scp03ModuleOptions,
  ): Reply<AwaitingExternalAuthenticate> | Refused {
    const { crypto, keys, keyVersion, diversificationData, i, sequenceCounter, s16 = false, levels } = options
    if (diversificationData.length !== 10) throw new UsageError('expected 10 bytes of diversification data')
    if ((sequenceCounter === undefined) !== ((i & parameter.pseudoRandom) === 0)) {
      throw new UsageError('a sequence counter goes with a pseudo-random challenge, and only with one')
    }
    if (command.p2 !== 0) return { refused: 'wrong-parameters' }
    let hostChallenge: Uint8Array
    try {
      hostChallenge = parseInitializeUpdateRequest(command).hostChallenge
    } catch (error) {
      if (error instanceof DecodeError) return { refused: 'wrong-length' }
      throw error
    }
    const length = hostChallenge.length === 16 ? 16 : 8
    if (length === 16 && !s16) return { refused: 'wrong-length' }
    const cardChallenge = options.cardChallenge(length)
    if (cardChallenge.length !== length) throw new UsageError(`expected a card challenge of ${length} bytes`)
    const context = concat(hostChallenge, cardChallenge)
    const sessionKeys = deriveSessionKeys(crypto, keys, context)
    const reply = serializeInitializeUpdateAnswer({
      diversificationData,
      keyVersion,
      i: length === 16 ? i | parameter.s16 : i & ~parameter.s16,
      cardChallenge,
      cardCryptogram: cryptogram(sessionKeys.mac, 'card', context),
      ...(sequenceCounter === undefined ? {} : { sequenceCounter }),
    })
    const next = new AwaitingExternalAuthenticate(
      sessionKeys,
      context,
      (level) => levelPossible(level, i) && (levels?.includes(level) ?? true),
    )
    return { reply, next }
  }

  /**
   * Answers EXTERNAL AUTHENTICATE. Refused: another command 6985, wrong length 6700, level 6A86, MAC 6982, cryptogram 6300;
   * the keys are gone then.
   */
  step(command: Command): Reply<ModuleSession> | Refused {
    const keys = this.#keys
    if (keys === undefined) throw new UsageError('this step was taken')
    this.#keys = undefined
    const step = this.#check(command, keys)
    if (step.refused !== undefined) disposeKeys(keys)
    return step
  }

  /** Forgets the session that was begun. */
  close(): void {
    if (this.#keys !== undefined) disposeKeys(this.#keys)
    this.#keys = undefined
  }

  #check(command: Command, keys: SessionKeys): Reply<ModuleSession> | Refused {
    const macLength = this.#context.length === 32 ? 16 : 8
    const { ins, p1, p2, data } = command
    if (ins !== 0x82) return { refused: 'conditions-not-satisfied' }
    if (data.length !== 2 * macLength) return { refused: 'wrong-length' }
    if (p2 !== 0 || !isSecurityLevel(p1) || !this.#levelAllowed(p1)) return { refused: 'wrong-parameters' }
    const checked = checkCommandMac(keys.mac, initialChaining, command, macLength)
    if (checked === undefined) return { refused: 'security-not-satisfied' }
    if (!equal(cryptogram(keys.mac, 'host', this.#context), checked.body)) {
      return { refused: 'authentication-refused' }
    }
    return {
      reply: new Uint8Array(0),
      next: new ModuleSession({ keys, level: p1, chaining: checked.mac, macLength }),
    }
  }
}
