import type { Command } from '../../apdu/index.ts'
import { equal } from '../../bytes/index.ts'
import { AuthError } from '../../errors/index.ts'
import type { AesKey } from '../../ports/index.ts'
import { ModuleSession, type Refused, type Reply } from '../secure-messaging/index.ts'
import { serializeKeyAnswer } from './messages.ts'
import {
  answerExponential,
  exchangeProofs,
  firstStep,
  laterStep,
  type OpenedExchange,
  type Peer,
  type PendingExchange,
  type ProvingModuleOptions,
} from './module-steps.ts'
import { stageKeys, Transcript } from './session-keys.ts'

/** Answers the first message of `dh-signed`, Diffie-Hellman first (SIGMA). Refusals: `firstStep`. */
export function beginDhSigned<P extends Peer>(
  command: Command,
  options: ProvingModuleOptions<P>,
): Reply<PendingExchange<P>> | Refused {
  const { crypto, staticKey } = options
  return firstStep(command, options, (opening) => {
    if (opening.key.kind === 'exponential' && equal(opening.key.point, staticKey.publicPoint)) {
      throw new AuthError()
    }
    const { point, exchange, digest } = answerExponential(opening, command, options)
    const { code, start } = stageKeys(crypto, exchange, 'handshake', digest)
    const reply = serializeKeyAnswer({ point, code })
    const transcript = new Transcript(crypto, command)
    transcript.add(command.data, reply)
    const handshake = new ModuleSession(start)
    return { reply, next: new AwaitingProof(options, command, { exchange, handshake, transcript }) }
  })
}

interface Exchanged {
  readonly exchange: AesKey
  /** Under the keys of the handshake: both proofs are encrypted and under a MAC. */
  readonly handshake: ModuleSession
  readonly transcript: Transcript
}

class AwaitingProof<P extends Peer> implements PendingExchange<P> {
  readonly #options: ProvingModuleOptions<P>
  readonly #header: Command
  readonly #exchanged: Exchanged

  constructor(options: ProvingModuleOptions<P>, header: Command, exchanged: Exchanged) {
    this.#options = options
    this.#header = header
    this.#exchanged = exchanged
  }

  step(command: Command): Reply<OpenedExchange<P>> | Refused {
    const { exchange, handshake, transcript } = this.#exchanged
    try {
      return laterStep(command, this.#header, () => {
        const { command: plain } = handshake.unwrap(command)
        if (plain === undefined) throw new AuthError()
        const { peer, proof } = exchangeProofs('dh-signed', plain, this.#options, transcript)
        const reply = handshake.wrap({ data: proof, sw: 0x9000 }).data
        const digest = transcript.digest()
        const { start } = stageKeys(this.#options.crypto, exchange, 'session', digest)
        return { reply, next: { session: new ModuleSession(start), transcript: digest, peer } }
      })
    } finally {
      this.close()
    }
  }

  close(): void {
    this.#exchanged.handshake.close()
    this.#exchanged.exchange[Symbol.dispose]()
  }
}
