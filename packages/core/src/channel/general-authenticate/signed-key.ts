import type { Command } from '../../apdu/index.ts'
import { equal } from '../../bytes/index.ts'
import { channelSuite } from '../../catalog/index.ts'
import { withHandle } from '../../crypto/index.ts'
import { AuthError } from '../../errors/index.ts'
import type { EcPrivateKey } from '../../ports/index.ts'
import { isProtected, ModuleSession, type Refused, type Reply } from '../secure-messaging/index.ts'
import { exponentialObject, parseExponential, serializeCommitment, serializeKeyAnswer } from './messages.ts'
import {
  anotherForm,
  exchangeProofs,
  firstStep,
  laterStep,
  type OpenedExchange,
  type Peer,
  type PendingExchange,
  type ProvingModuleOptions,
} from './module-steps.ts'
import { exchangeKey, stageKeys, Transcript } from './session-keys.ts'

/**
 * Answers the first message of `signed-key`, signatures first. Both ends commit to their exponentials, so that what they sign binds the key
 * that is made after. Refusals: `firstStep`.
 */
export function beginSignedKey<P extends Peer>(
  command: Command,
  options: ProvingModuleOptions<P>,
): Reply<PendingExchange<P>> | Refused {
  const { crypto, ephemeralScalar } = options
  return firstStep(command, options, ({ key }) => {
    if (key.kind !== 'commitment') throw anotherForm()
    const ephemeral = crypto.ecPrivateKey(ephemeralScalar)
    const reply = serializeCommitment(crypto.sha256(ephemeral.publicPoint))
    const transcript = new Transcript(crypto, command)
    transcript.add(command.data, reply)
    const committed = { ephemeral, transcript, host: key.commitment.slice() }
    return { reply, next: new AwaitingSignature(options, command, committed) }
  })
}

interface Committed {
  readonly ephemeral: EcPrivateKey
  readonly transcript: Transcript
  /** The host's commitment. */
  readonly host: Uint8Array
}

class AwaitingSignature<P extends Peer> implements PendingExchange<P> {
  readonly #options: ProvingModuleOptions<P>
  readonly #header: Command
  readonly #committed: Committed

  constructor(options: ProvingModuleOptions<P>, header: Command, committed: Committed) {
    this.#options = options
    this.#header = header
    this.#committed = committed
  }

  step(command: Command): Reply<PendingExchange<P>> | Refused {
    const step = laterStep(command, this.#header, () => {
      if (isProtected(command.cla)) throw new AuthError()
      const { transcript } = this.#committed
      const { peer, proof } = exchangeProofs('signed-key', command, this.#options, transcript)
      return {
        reply: proof,
        next: new AwaitingExponential(this.#options, this.#header, this.#committed, peer),
      }
    })
    if (step.refused !== undefined) this.close()
    return step
  }

  close(): void {
    this.#committed.ephemeral[Symbol.dispose]()
  }
}

class AwaitingExponential<P extends Peer> implements PendingExchange<P> {
  readonly #options: ProvingModuleOptions<P>
  readonly #header: Command
  readonly #committed: Committed
  readonly #peer: P

  constructor(options: ProvingModuleOptions<P>, header: Command, committed: Committed, peer: P) {
    this.#options = options
    this.#header = header
    this.#committed = committed
    this.#peer = peer
  }

  step(command: Command): Reply<OpenedExchange<P>> | Refused {
    const { crypto, sin, serial } = this.#options
    const { ephemeral, transcript, host } = this.#committed
    try {
      return laterStep(command, this.#header, () => {
        if (isProtected(command.cla)) throw new AuthError()
        const hostPoint = parseExponential(command.data)
        if (!equal(crypto.sha256(hostPoint), host)) throw new AuthError()
        const z = withHandle(crypto.ecPublicKey(hostPoint), (peer) => ephemeral.agree(peer))
        const { p1, p2 } = this.#header
        const exchange = exchangeKey(crypto, z, { p1, p2, suite: channelSuite, sin, serial })
        const point = ephemeral.publicPoint
        const digest = transcript.digest(command.data, exponentialObject(point))
        const { code, start } = withHandle(exchange, (key) => stageKeys(crypto, key, 'session', digest))
        const reply = serializeKeyAnswer({ point, code })
        transcript.add(command.data, reply)
        const session = new ModuleSession(start)
        return { reply, next: { session, transcript: transcript.digest(), peer: this.#peer } }
      })
    } finally {
      this.close()
    }
  }

  close(): void {
    this.#committed.ephemeral[Symbol.dispose]()
  }
}
