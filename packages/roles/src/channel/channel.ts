import { command, exchange, type Response } from '@sealwright/core/apdu'
import { type CommandName, commands, programInstructions } from '@sealwright/core/catalog'
import { exchangeProtected, type HostSession } from '@sealwright/core/channel/secure-messaging'
import { StateError, UsageError } from '@sealwright/core/errors'
import type { Transport } from '@sealwright/core/ports'
import { refused } from './refused.ts'

/** A command of the catalog, an instruction of a known program, or an application's own. */
export type Instruction =
  | CommandName
  | keyof typeof programInstructions
  | { readonly name: string; readonly ins: number; readonly class?: 'iso' | 'own' }

export interface CommandInput {
  readonly p1?: number
  readonly p2?: number
  readonly data?: Uint8Array
}

/** A conversation with one module, protected or not. Long data goes out by command chaining. */
export interface Channel {
  readonly kind: 'plain' | 'scp03' | 'scp11a' | 'scp11b' | 'ephemeral' | 'dh-signed' | 'signed-key'
  /** What lies below; commands marked `local` in the catalog may go there while the channel is open. */
  readonly transport: Transport
  /** The answer's data. Any status word but 9000 is a RefusedError that explains itself. */
  send(instruction: Instruction, input?: CommandInput): Promise<Uint8Array>
  /** Data and status word, whatever it is: for applications with status words of their own. */
  exchange(instruction: Instruction, input?: CommandInput): Promise<Response>
  /** A key under the session's DEK (AES-CBC, IV zero), for the data of a command. Not every channel has one: UsageError. */
  wrapKey(key: Uint8Array): Uint8Array
  /** Forgets the session's keys; the transport stays open. The module forgets its end at the next SELECT or reset. */
  close(): void
}

/**
 * SELECT of the issuer security domain: ends whatever channel or application is open at the module, so that it takes plain commands.
 * Nothing happens on a line that is broken or at a chip that has no SELECT yet.
 */
export async function endChannel(transport: Transport): Promise<void> {
  const select = () => plain(transport).exchange('SELECT', { p1: 0x04 })
  try {
    // A chain of segments that was broken off takes the first one with it.
    if ((await select()).sw !== 0x9000) await select()
  } catch {}
}

/** Commands without protection. */
export function plain(transport: Transport): Channel {
  return channelOver('plain', transport, undefined)
}

export function channelOver(
  kind: Channel['kind'],
  transport: Transport,
  session: HostSession | undefined,
): Channel {
  let closed = false
  const channel: Channel = {
    kind,
    transport,
    exchange(instruction, { p1 = 0, p2 = 0, data = new Uint8Array(0) } = {}) {
      if (closed) throw new StateError('the channel is closed')
      const { ins, cla } = header(instruction)
      const sent = command({ cla, ins, p1, p2, data, le: 0x100 })
      return session === undefined ? exchange(transport, sent) : exchangeProtected(transport, session, sent)
    },
    async send(instruction, input) {
      const response = await channel.exchange(instruction, input)
      if (response.sw !== 0x9000) throw refused(nameOf(instruction), response.sw)
      return response.data
    },
    wrapKey(key) {
      const dek = session?.dek
      if (closed || dek === undefined) throw new UsageError('no key that keys are wrapped with is here')
      return dek.cbcEncrypt(new Uint8Array(16), key)
    },
    close() {
      closed = true
      session?.close()
    },
  }
  return channel
}

function header(instruction: Instruction): { ins: number; cla: number } {
  const row =
    typeof instruction !== 'string'
      ? instruction
      : instruction in commands
        ? commands[instruction as CommandName]
        : programInstructions[instruction as keyof typeof programInstructions]
  return { ins: row.ins, cla: 'class' in row && row.class === 'iso' ? 0x00 : 0x80 }
}

function nameOf(instruction: Instruction): string {
  return typeof instruction === 'string' ? instruction : instruction.name
}
