import { connect, type Socket } from 'node:net'
import { DecodeError } from '@sealwright/core/errors'
import { parseVpcdMessage, serializeVpcdFrame, VpcdFrames, type VpcdMessage } from './messages.ts'

/** What is put into a virtual reader. A command that cannot be answered throws, and ends `insertCard`. */
export interface VirtualCard {
  transmit(command: Uint8Array): Uint8Array | Promise<Uint8Array>
  /** Card reset: all that is volatile is gone. Called when the reader powers the card up, down or resets it, and when the line ends. */
  reset(): void
}

export type VpcdEvent =
  /** Nothing takes the card at the moment; told once until that changes. Tries go on. */
  | { readonly event: 'waiting'; readonly reason: string }
  /** The reader has the card's ATR: pcscd sees a card. */
  | { readonly event: 'inserted' }
  | { readonly event: 'removed'; readonly reason: string }
  /** The line stands, but nobody asks the card anything: another card is in the reader, or no vpcd listens there. */
  | { readonly event: 'unheard' }

export interface VpcdOptions {
  readonly host?: string
  readonly port?: number
  /** Historical and interface bytes that the reader shows to programs. */
  readonly atr?: Uint8Array
  /** Takes the card out. */
  readonly signal?: AbortSignal
  readonly onEvent?: (event: VpcdEvent) => void
  /** Milliseconds after which a line without any message is told of. */
  readonly unheardAfterMs?: number
}

export const vpcdHost = '127.0.0.1'
/** Slot 0 of the reader that Debian's vsmartcard-vpcd configures; slot 1 is one higher. */
export const vpcdPort = 35_963
/**
 * T=1, which is all that vpcd does; no historical bytes. A T0 whose high nibble is F would make yubikit take the reader for a YubiKey on
 * USB.
 */
export const defaultAtr: Uint8Array = Uint8Array.of(0x3b, 0x80, 0x01, 0x81)

const awakeMs = 0.2
const firstWaitMs = 100
const longestWaitMs = 1000
/** vpcd waits for each answer; what lies here beyond one command and a few controls comes from something else. */
const mostWaiting = 2 * 0x1_0001

/**
 * Puts a card into vpcd's virtual reader and leaves it there until `signal` aborts. While nothing listens it tries again, at the latest
 * after a second. Rejects with what the card threw when it could not answer.
 */
export async function insertCard(card: VirtualCard, options: VpcdOptions = {}): Promise<void> {
  const all: Required<VpcdOptions> = {
    host: vpcdHost,
    port: vpcdPort,
    atr: defaultAtr,
    signal: new AbortController().signal,
    onEvent: () => {},
    unheardAfterMs: 3000,
    ...options,
  }
  let waitMs = firstWaitMs
  let told = false
  while (!all.signal.aborted) {
    const { heard, reason } = await new Line(card, all).ended
    if (all.signal.aborted) return
    if (heard) all.onEvent({ event: 'removed', reason })
    if (heard) waitMs = firstWaitMs
    if (!heard && !told) all.onEvent({ event: 'waiting', reason })
    told = !heard
    await pause(waitMs, all.signal)
    waitMs = Math.min(2 * waitMs, longestWaitMs)
  }
}

interface Insertion {
  /** Whether a reader asked for the ATR. */
  readonly heard: boolean
  /** Why the line ended. */
  readonly reason: string
}

/** One line to vpcd, from its opening to its end. */
class Line {
  readonly ended: Promise<Insertion>
  readonly #card: VirtualCard
  readonly #options: Required<VpcdOptions>
  readonly #socket: Socket
  readonly #frames = new VpcdFrames()
  readonly #unheard: NodeJS.Timeout
  #end: (insertion: Insertion) => void = () => {}
  #fail: (defect: unknown) => void = () => {}
  #reason: string
  #defect: unknown
  #heard = false
  #awakeUntil = 0
  #busy = false
  #closed = false

  constructor(card: VirtualCard, options: Required<VpcdOptions>) {
    const { host, port, signal, onEvent, unheardAfterMs } = options
    this.#card = card
    this.#options = options
    this.#reason = `the reader at ${host}:${port} has let go of the card`
    this.ended = new Promise((end, fail) => {
      this.#end = end
      this.#fail = fail
    })
    this.#unheard = setTimeout(() => onEvent({ event: 'unheard' }), unheardAfterMs)
    this.#socket = connect({
      ...{ host, port, noDelay: true, keepAlive: true, keepAliveInitialDelay: 10_000 },
      // Into one buffer, past the stream: a command comes in two pieces, and each would cost its way through it.
      onread: {
        buffer: new Uint8Array(1 << 16),
        callback: (length, buffer) => {
          this.#take(new Uint8Array(buffer.subarray(0, length)))
          return true
        },
      },
    })
    const takeOut = (): void => void this.#socket.destroy()
    signal.addEventListener('abort', takeOut)
    this.#socket.on('error', (error: NodeJS.ErrnoException) => {
      this.#reason = `${host}:${port}: ${reasons[error.code ?? ''] ?? error.message}`
    })
    this.#socket.on('close', () => {
      signal.removeEventListener('abort', takeOut)
      this.#closed = true
      this.#settle()
    })
  }

  #take(chunk: Uint8Array): void {
    this.#frames.push(chunk)
    this.#stayAwake()
    if (!this.#busy) void this.#serve()
    else if (this.#frames.waiting > mostWaiting) this.#break('more than one command at a time')
  }

  /**
   * The rest of a command comes microseconds after its length, and the next command soon after the answer: for that long the event loop looks
   * again and again instead of sleeping, since each awakening costs as much as the module's work.
   */
  #stayAwake(): void {
    const isAwake = this.#awakeUntil > 0
    this.#awakeUntil = performance.now() + awakeMs
    if (isAwake) return
    const turn = (): void => {
      if (!this.#closed && performance.now() < this.#awakeUntil) setImmediate(turn)
      else this.#awakeUntil = 0
    }
    setImmediate(turn)
  }

  /** Answers all that has come; within this very turn of the event loop, if the card does. */
  async #serve(): Promise<void> {
    this.#busy = true
    try {
      for (let message = this.#next(); message !== undefined; message = this.#next()) {
        const answer = this.#answer(message)
        if (answer === undefined) continue
        this.#socket.write(serializeVpcdFrame(answer instanceof Promise ? await answer : answer))
        if (this.#heard || message.kind !== 'get ATR') continue
        this.#heard = true
        this.#options.onEvent({ event: 'inserted' })
      }
    } catch (error) {
      this.#defect = error
      this.#socket.destroy()
    }
    this.#busy = false
    if (this.#closed) this.#settle()
  }

  #next(): VpcdMessage | undefined {
    const frame = this.#socket.destroyed ? undefined : this.#frames.next()
    if (frame === undefined) return undefined
    clearTimeout(this.#unheard)
    try {
      return parseVpcdMessage(frame)
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error
      this.#break(error.message)
      return undefined
    }
  }

  #answer(message: VpcdMessage): Uint8Array | Promise<Uint8Array> | undefined {
    if (message.kind === 'command') return this.#card.transmit(message.command)
    if (message.kind === 'get ATR') return this.#options.atr
    this.#card.reset()
    return undefined
  }

  /** What comes is nothing that vpcd sends. */
  #break(what: string): void {
    this.#reason = `${this.#options.host}:${this.#options.port} does not speak as vpcd does: ${what}`
    this.#socket.destroy()
  }

  /** The line has ended. A card that is at work finishes first: it is never reset under its own hands. */
  #settle(): void {
    if (this.#busy) return
    clearTimeout(this.#unheard)
    try {
      this.#card.reset()
    } catch (error) {
      this.#defect ??= error
    }
    if (this.#defect === undefined) this.#end({ heard: this.#heard, reason: this.#reason })
    else this.#fail(this.#defect)
  }
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((done) => {
    const wake = (): void => {
      clearTimeout(timer)
      signal.removeEventListener('abort', wake)
      done()
    }
    const timer = setTimeout(wake, ms)
    signal.addEventListener('abort', wake)
  })
}

const reasons: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nothing listens there (is pcscd running, with vpcd?)',
  ECONNRESET: 'the connection broke',
  EPIPE: 'the connection broke',
  ENOTFOUND: 'no such host',
  EAI_AGAIN: 'the name of the host cannot be looked up now',
  ETIMEDOUT: 'no answer',
  EHOSTUNREACH: 'the host cannot be reached',
  ENETUNREACH: 'the network cannot be reached',
}
