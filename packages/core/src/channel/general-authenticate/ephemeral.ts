import type { Command } from '../../apdu/index.ts'
import { withHandle } from '../../crypto/index.ts'
import { ModuleSession, type Refused, type Reply } from '../secure-messaging/index.ts'
import { serializeKeyAnswer } from './messages.ts'
import {
  answerExponential,
  type ExchangeModuleOptions,
  firstStep,
  type OpenedExchange,
} from './module-steps.ts'
import { stageKeys, Transcript } from './session-keys.ts'

/** Answers the one message of `ephemeral` and opens the session: nobody has proven anything. Refusals: `firstStep`. */
export function agreeEphemeral(
  command: Command,
  options: ExchangeModuleOptions,
): Reply<OpenedExchange<undefined>> | Refused {
  const { crypto } = options
  return firstStep(command, options, (opening) => {
    const { point, exchange, digest } = answerExponential(opening, command, options)
    const { code, start } = withHandle(exchange, (key) => stageKeys(crypto, key, 'session', digest))
    const reply = serializeKeyAnswer({ point, code })
    const transcript = new Transcript(crypto, command).digest(command.data, reply)
    return { reply, next: { session: new ModuleSession(start), transcript, peer: undefined } }
  })
}
