import type { Command, Response } from '../../apdu/index.ts'
import { isWarning } from '../../apdu/index.ts'
import { concat, equal, wipe } from '../../bytes/index.ts'
import { pad80 } from '../../crypto/index.ts'
import { AuthError, UsageError } from '../../errors/index.ts'
import type { AesKey } from '../../ports/index.ts'
import {
  level as flag,
  type SecurityLevel,
  type SessionStart,
  SessionState,
  withProtection,
} from './session.ts'

/** The host's end of a secure messaging session (SCP03 6.2). One answer is unwrapped for each command wrapped. */
export class HostSession {
  readonly #state: SessionState
  #awaitsAnswer = false

  constructor(start: SessionStart) {
    this.#state = new SessionState(start)
  }

  get level(): SecurityLevel {
    return this.#state.level
  }

  get closed(): boolean {
    return this.#state.closed
  }

  /** Encrypts keys inside the data of commands. */
  get dek(): AesKey | undefined {
    return this.#state.keys.dek
  }

  /** The protected command. It may hold more than 255 bytes in the short form: `exchange` chains it. */
  wrap(command: Command): Command {
    const state = this.#state
    if (state.closed) throw new UsageError('the session is closed')
    const { data, le, extended } = command
    if (data.length > dataLimit) {
      throw new UsageError(`expected at most ${dataLimit} bytes of data, got ${data.length}`)
    }
    this.#awaitsAnswer = true
    state.count()
    if (!state.has(flag.cMac)) return command
    const body =
      state.has(flag.cEnc) && data.length > 0
        ? state.keys.enc.cbcEncrypt(state.icv('command'), pad80(data))
        : data
    return {
      ...command,
      cla: withProtection(command.cla),
      data: concat(body, state.macCommand(command, body)),
      // The answer is longer than its plain form: Le asks for all there is.
      ...(le === undefined || !state.has(flag.rMac) ? {} : { le: extended ? 0x1_0000 : 0x100 }),
    }
  }

  /** The plain answer. A wrong or missing MAC closes the session and is an AuthError; an error's status word is not protected. */
  unwrap(response: Response): Response {
    const state = this.#state
    if (!this.#awaitsAnswer) throw new UsageError('no command awaits an answer')
    if (state.closed) throw new UsageError('the session is closed')
    this.#awaitsAnswer = false
    const { data, sw } = response
    if (!state.has(flag.rMac)) return response
    if (sw !== 0x9000 && !isWarning(sw)) {
      if (data.length > 0) throw this.#fail()
      return response
    }
    const end = data.length - state.macLength
    if (end < 0) throw this.#fail()
    const body = data.subarray(0, end)
    if (!equal(state.responseMac(body, sw), data.subarray(end))) throw this.#fail()
    if (!state.has(flag.rEnc) || body.length === 0) return { data: body.slice(), sw }
    if (body.length % 16 !== 0) throw this.#fail()
    const padded = state.keys.enc.cbcDecrypt(state.icv('response'), body)
    const plain = withoutPadding(padded)
    wipe(padded)
    if (plain === undefined) throw this.#fail()
    return { data: plain, sw }
  }

  /** Disposes of the session's keys. */
  close(): void {
    this.#state.close()
  }

  [Symbol.dispose](): void {
    this.close()
  }

  #fail(): AuthError {
    this.close()
    return new AuthError()
  }
}

/**
 * The data before 80 00..00; undefined without it. Cards exist that add a whole block of zeros, so the padding may be
 * longer than a block; the MAC has been checked before.
 */
function withoutPadding(padded: Uint8Array): Uint8Array | undefined {
  let end = padded.length - 1
  while (padded[end] === 0) end--
  return padded[end] === 0x80 ? padded.slice(0, end) : undefined
}

/** What an extended command holds besides a block of padding and the longest MAC. */
const dataLimit = 0xffff - 2 * 16
