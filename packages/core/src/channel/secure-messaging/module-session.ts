import type { Command, Response } from '../../apdu/index.ts'
import { isWarning } from '../../apdu/index.ts'
import { concat, wipe } from '../../bytes/index.ts'
import type { StatusWord } from '../../catalog/index.ts'
import { pad80, unpad80 } from '../../crypto/index.ts'
import { UsageError } from '../../errors/index.ts'
import type { AesKey } from '../../ports/index.ts'
import {
  level as flag,
  isProtected,
  type SecurityLevel,
  type SessionStart,
  SessionState,
  withoutProtection,
} from './session.ts'

/** The plain command, or why it was refused; a refusal has closed the session. */
export type CommandStep =
  | { readonly command: Command; readonly refused?: never }
  | { readonly command?: never; readonly refused: StatusWord }

/** The module's end of a secure messaging session (SCP03 6.2). */
export class ModuleSession {
  readonly #state: SessionState
  #owesAnswer = false

  constructor(start: SessionStart) {
    this.#state = new SessionState(start)
  }

  get level(): SecurityLevel {
    return this.#state.level
  }

  get closed(): boolean {
    return this.#state.closed
  }

  /** Decrypts keys inside the data of commands. */
  get dek(): AesKey | undefined {
    return this.#state.keys.dek
  }

  /**
   * Checks and decrypts a whole (unchained) command. A wrong or missing MAC, or an unprotected command, is refused and closes.
   * Takes both forms of Lc in the MAC and both dialects of empty data: no ciphertext, or one block of padding.
   */
  unwrap(command: Command): CommandStep {
    const state = this.#state
    if (state.closed) throw new UsageError('the session is closed')
    if (!state.has(flag.cMac)) {
      if (isProtected(command.cla)) return this.#refuse()
      this.#owesAnswer = true
      return { command }
    }
    const body = state.checkCommand(command)
    if (body === undefined) return this.#refuse()
    state.count()
    const data = this.#decrypt(body)
    if (data === undefined) return this.#refuse()
    this.#owesAnswer = true
    const extended = command.extended && (data.length > 0 || command.le !== undefined)
    return { command: { ...command, cla: withoutProtection(command.cla), data, extended } }
  }

  /** Protects the answer to the command last unwrapped. An error loses its data and goes out bare. */
  wrap(response: Response): Response {
    const state = this.#state
    if (!this.#owesAnswer) throw new UsageError('no command awaits an answer')
    this.#owesAnswer = false
    const { data, sw } = response
    if (sw !== 0x9000 && !isWarning(sw)) return { data: new Uint8Array(0), sw }
    if (!state.has(flag.rMac)) return response
    const body =
      state.has(flag.rEnc) && data.length > 0
        ? state.keys.enc.cbcEncrypt(state.icv('response'), pad80(data))
        : data
    return { data: concat(body, state.responseMac(body, sw)), sw }
  }

  /** Disposes of the session's keys. */
  close(): void {
    this.#state.close()
  }

  [Symbol.dispose](): void {
    this.close()
  }

  #decrypt(body: Uint8Array): Uint8Array | undefined {
    const state = this.#state
    if (!state.has(flag.cEnc) || body.length === 0) return body.slice()
    if (body.length % 16 !== 0) return undefined
    const padded = state.keys.enc.cbcDecrypt(state.icv('command'), body)
    const plain = unpad80(padded)
    wipe(padded)
    return plain
  }

  #refuse(): CommandStep {
    this.close()
    return { refused: 'security-not-satisfied' }
  }
}
