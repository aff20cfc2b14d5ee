import { type Command, exchange, parseCommand, type Response, serializeResponse } from '../../apdu/index.ts'
import type { Transport } from '../../ports/index.ts'
import type { HostSession } from './host-session.ts'

/** Sends one plain command through the session and returns the plain answer. */
export async function exchangeProtected(
  transport: Transport,
  session: HostSession,
  command: Command,
): Promise<Response> {
  return session.unwrap(await exchange(transport, session.wrap(command)))
}

/** A transport that protects everything it carries; closing it closes the session, then the transport below. */
export function protectedTransport(transport: Transport, session: HostSession): Transport {
  return {
    async transmit(bytes) {
      return serializeResponse(await exchangeProtected(transport, session, parseCommand(bytes)))
    },
    async close() {
      session.close()
      await transport.close()
    },
  }
}
