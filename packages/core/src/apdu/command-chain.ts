import { concat, wipe } from '../bytes/index.ts'
import type { StatusWord } from '../catalog/index.ts'
import type { Command } from './command.ts'

export interface CommandChainOptions {
  /** Commands whose P1.b8 says that more segments follow (GlobalPlatform 2.3.1: PUT KEY, INSTALL, DELETE, certificates). */
  readonly chainedByP1?: (ins: number) => boolean
  /** Bytes of data that one chain may collect; 32 KiB unless given. */
  readonly limit?: number
}

/** What a command means for the chain: a part of it (answer 9000), a whole command, or a refusal. */
export type CommandChainStep =
  | { readonly kind: 'more' }
  | { readonly kind: 'complete'; readonly command: Command }
  | { readonly kind: 'refused'; readonly refused: StatusWord }

/**
 * The card's side of command chaining (ISO/IEC 7816-4, 5.3.3: class bit b5; GlobalPlatform: P1.b8).
 * A whole command comes out with both bits clear. Another header inside a chain drops the chain and is refused.
 */
export class CommandChain {
  readonly #chainedByP1: (ins: number) => boolean
  readonly #limit: number
  #first: Command | undefined
  #parts: Uint8Array[] = []
  #length = 0

  constructor({ chainedByP1 = () => false, limit = 0x8000 }: CommandChainOptions = {}) {
    this.#chainedByP1 = chainedByP1
    this.#limit = limit
  }

  /** Whether segments wait for their end. */
  get open(): boolean {
    return this.#first !== undefined
  }

  accept(command: Command): CommandChainStep {
    const p1Mask = this.#chainedByP1(command.ins) ? 0x80 : 0x00
    const more = (command.cla & classChaining) !== 0 || (command.p1 & p1Mask) !== 0
    const first = this.#first
    if (first !== undefined && !sameHeader(first, command, p1Mask))
      return this.#refuse('conditions-not-satisfied')
    if (first === undefined && !more) return { kind: 'complete', command }
    if (this.#length + command.data.length > this.#limit) return this.#refuse('wrong-parameters')
    this.#first = first ?? command
    this.#parts.push(command.data.slice())
    this.#length += command.data.length
    if (more) return { kind: 'more' }
    const data = concat(...this.#parts)
    this.drop()
    return {
      kind: 'complete',
      command: { ...command, data, extended: command.extended || data.length > 0xff },
    }
  }

  /** Forgets a chain that has begun and overwrites its segments. */
  drop(): void {
    wipe(...this.#parts)
    this.#parts = []
    this.#length = 0
    this.#first = undefined
  }

  #refuse(refused: StatusWord): CommandChainStep {
    this.drop()
    return { kind: 'refused', refused }
  }
}

function sameHeader(a: Command, b: Command, p1Mask: number): boolean {
  return (
    (a.cla & ~classChaining) === (b.cla & ~classChaining) &&
    a.ins === b.ins &&
    (a.p1 & ~p1Mask) === (b.p1 & ~p1Mask) &&
    a.p2 === b.p2
  )
}

const classChaining = 0x10
