import { wipe } from '../bytes/index.ts'
import type { Command } from './command.ts'
import type { Response } from './response.ts'

/**
 * The card's side of long answers (ISO/IEC 7816-4, 5.3.4): what does not fit Le waits for GET RESPONSE, announced by 61XX.
 * A command without Le gets its data too, up to 256 bytes at a time.
 */
export class ResponseQueue {
  #rest: Uint8Array | undefined
  #sw = 0x9000

  static isGetResponse(command: Command): boolean {
    return (command.cla & 0xfc) === 0x00 && command.ins === 0xc0
  }

  /** Whether an answer waits to be fetched. */
  get open(): boolean {
    return this.#rest !== undefined
  }

  /** The first part of `response`, in answer to `command`; anything that waited is dropped. */
  begin(command: Command, response: Response): Response {
    this.drop()
    if (response.data.length <= (command.le ?? 0x100)) return response
    this.#rest = response.data.slice()
    this.#sw = response.sw
    return this.#take(command)
  }

  /** Answers GET RESPONSE: the next part, 6985 when nothing waits, 6A86 for P1 or P2 other than 0. */
  next(command: Command): Response {
    if (this.#rest === undefined) return { data: new Uint8Array(0), sw: 0x6985 }
    if (command.p1 !== 0 || command.p2 !== 0 || command.data.length > 0) {
      this.drop()
      return { data: new Uint8Array(0), sw: 0x6a86 }
    }
    return this.#take(command)
  }

  drop(): void {
    wipe(this.#rest)
    this.#rest = undefined
  }

  #take({ le = 0x100 }: Command): Response {
    const waiting = this.#rest ?? new Uint8Array(0)
    const data = waiting.slice(0, le)
    const rest = waiting.slice(le)
    this.drop()
    if (rest.length === 0) return { data, sw: this.#sw }
    this.#rest = rest
    return { data, sw: 0x6100 | (rest.length > 0xff ? 0 : rest.length) }
  }
}
