import type { StateError } from '@sealwright/core/errors'
import { type LineSettings, T1Module } from '@sealwright/core/t1'
import type { ByteStream } from './byte-stream.ts'
import { Deadline } from './deadline.ts'

/** What answers at the end of a line. A command that cannot be answered throws, and ends `serveLine`. */
export interface CardOnLine {
  transmit(command: Uint8Array): Uint8Array | Promise<Uint8Array>
  /** Card reset: all that is volatile is gone. Called when the host asks for it, and when the line ends. */
  reset(): void
}

export interface LineServerOptions {
  readonly settings?: Partial<LineSettings>
  /** Tells the host who this is, at most 15 bytes in the answer to reset. */
  readonly historical?: Uint8Array
  /** Gives the line back. */
  readonly signal?: AbortSignal
  /** A host has begun a conversation, or ended one: it cannot be told which. */
  readonly onReset?: () => void
}

/**
 * Answers with a card at one end of a byte stream until `signal` aborts or the stream ends; then the reason is returned. Each command is given to
 * the card once. Rejects with what the card threw.
 */
export function serveLine(
  stream: ByteStream,
  card: CardOnLine,
  options: LineServerOptions = {},
): Promise<StateError | undefined> {
  return new LineServer(stream, card, options).ended
}

class LineServer {
  readonly ended: Promise<StateError | undefined>
  readonly #stream: ByteStream
  readonly #card: CardOnLine
  readonly #options: LineServerOptions
  readonly #module: T1Module
  readonly #deadline = new Deadline((now) => {
    this.#module.tick(now)
    this.#turn()
  })
  #end: (reason: StateError | undefined) => void = () => {}
  #fail: (defect: unknown) => void = () => {}
  #busy = false
  #over: { readonly reason: StateError | undefined } | undefined
  #defect: { readonly error: unknown } | undefined

  constructor(stream: ByteStream, card: CardOnLine, options: LineServerOptions) {
    this.#stream = stream
    this.#card = card
    this.#options = options
    this.#module = new T1Module(options.settings, options.historical)
    this.ended = new Promise((end, fail) => {
      this.#end = end
      this.#fail = fail
    })
    const stop = (): void => this.#finish(undefined)
    options.signal?.addEventListener('abort', stop, { once: true })
    stream.listen({
      bytes: (bytes) => {
        if (this.#over !== undefined) return
        this.#module.receive(bytes, performance.now())
        this.#turn()
      },
      ended: (reason) => this.#finish(reason),
    })
    if (options.signal?.aborted === true) stop()
  }

  #turn(): void {
    this.#write()
    if (!this.#busy) void this.#serve()
    if (this.#over === undefined) this.#deadline.set(this.#module.deadline)
  }

  #write(): void {
    for (const bytes of this.#module.takeOutput()) if (this.#over === undefined) this.#stream.write(bytes)
  }

  async #serve(): Promise<void> {
    this.#busy = true
    try {
      for (let event = this.#module.takeEvent(); event !== undefined; event = this.#module.takeEvent()) {
        if (event.kind === 'reset') {
          this.#card.reset()
          this.#options.onReset?.()
          this.#module.wasReset()
        } else {
          const answer = this.#card.transmit(event.apdu)
          this.#module.answer(answer instanceof Promise ? await answer : answer)
        }
        this.#write()
      }
    } catch (error) {
      this.#defect ??= { error }
      this.#finish(undefined)
    }
    this.#busy = false
    if (this.#over === undefined) this.#deadline.set(this.#module.deadline)
    else await this.#settle()
  }

  /** The line is over. A card that is at work finishes first: it is never reset under its own hands. */
  #finish(reason: StateError | undefined): void {
    if (this.#over !== undefined) return
    this.#over = { reason }
    this.#deadline.set(undefined)
    if (!this.#busy) void this.#settle()
  }

  async #settle(): Promise<void> {
    try {
      this.#card.reset()
    } catch (error) {
      this.#defect ??= { error }
    }
    await this.#stream.close()
    if (this.#defect === undefined) this.#end(this.#over?.reason)
    else this.#fail(this.#defect.error)
  }
}
