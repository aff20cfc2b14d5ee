import { type SealwrightError, StateError, UsageError } from '@sealwright/core/errors'
import type { Entropy, Transport } from '@sealwright/core/ports'
import { type HostEvent, type LineFailure, type LineSettings, T1Host } from '@sealwright/core/t1'
import { nodeEntropy } from '../crypto/index.ts'
import type { ByteStream } from './byte-stream.ts'
import { Deadline } from './deadline.ts'

/** A module behind a line on which T=1 is spoken. */
export interface LineTransport extends Transport {
  /** What the module said of itself when it was reset. */
  readonly answerToReset: Uint8Array
}

/**
 * Resets the module at the other end of a byte stream and speaks T=1 with it. A command goes out once; the stream is given up, and closed, when it
 * cannot be known whether the module carried it out. `close` resets the module again, so that nothing of a session is left.
 */
export async function openLine(
  stream: ByteStream,
  settings: Partial<LineSettings> = {},
  entropy: Entropy = nodeEntropy,
): Promise<LineTransport> {
  const line = new Line(stream, settings, entropy)
  try {
    await line.reset()
    return line
  } catch (error) {
    await stream.close()
    throw error
  }
}

class Line implements LineTransport {
  readonly direct: boolean
  answerToReset: Uint8Array = new Uint8Array(0)
  readonly #stream: ByteStream
  readonly #entropy: Entropy
  readonly #host: T1Host
  readonly #deadline = new Deadline((now) => {
    this.#host.tick(now)
    this.#turn()
  })
  #waiting: { done: (event: HostEvent) => void; failed: (error: SealwrightError) => void } | undefined
  #failure: SealwrightError | undefined
  #closing: Promise<void> | undefined

  constructor(stream: ByteStream, settings: Partial<LineSettings>, entropy: Entropy) {
    this.direct = stream.direct
    this.#stream = stream
    this.#entropy = entropy
    this.#host = new T1Host(settings)
    stream.listen({
      bytes: (bytes) => {
        this.#host.receive(bytes, performance.now())
        this.#turn()
      },
      ended: (reason) => this.#fail(reason),
    })
  }

  async reset(): Promise<void> {
    const event = await this.#ask(() => this.#host.reset(this.#entropy.bytes(tagLength), performance.now()))
    if (event.kind === 'reset') this.answerToReset = event.answer
  }

  async transmit(command: Uint8Array): Promise<Uint8Array> {
    if (this.#failure !== undefined) throw this.#failure
    if (this.#closing !== undefined) throw new StateError('the line is closed', { code: 'transport-failed' })
    if (this.#waiting !== undefined) throw new UsageError('a line takes one command at a time')
    const event = await this.#ask(() => this.#host.send(command, performance.now()))
    if (event.kind !== 'answer') throw lineError('broken-rules', this.#stream.name)
    return event.apdu
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    if (this.#failure === undefined && this.#waiting === undefined) {
      const late = setTimeout(() => this.#fail(lineError('silent', this.#stream.name)), goodbyeMs)
      // A module that does not hear it is reset by whoever comes next.
      await this.reset().catch(() => {})
      clearTimeout(late)
    }
    this.#fail(new StateError('the line is closed', { code: 'transport-failed' }))
    await this.#stream.close()
  }

  #ask(begin: () => void): Promise<HostEvent> {
    return new Promise((done, failed) => {
      begin()
      this.#waiting = { done, failed }
      this.#turn()
    })
  }

  #turn(): void {
    for (const bytes of this.#host.takeOutput()) this.#stream.write(bytes)
    const event = this.#host.takeEvent()
    if (event?.kind === 'failed') this.#fail(lineError(event.failure, this.#stream.name))
    else if (event !== undefined) this.#settle(event)
    if (this.#failure === undefined) this.#deadline.set(this.#host.deadline)
  }

  #settle(event: HostEvent): void {
    const waiting = this.#waiting
    this.#waiting = undefined
    waiting?.done(event)
  }

  #fail(error: SealwrightError): void {
    this.#failure ??= error
    this.#deadline.set(undefined)
    const waiting = this.#waiting
    this.#waiting = undefined
    waiting?.failed(this.#failure)
    if (this.#closing === undefined) void this.#stream.close()
  }
}

function lineError(failure: LineFailure, name: string): StateError {
  const { code, text } = failures[failure]
  return new StateError(`${name}: ${text}`, { code })
}

const failures = {
  silent: { code: 'line-silent', text: 'nothing answers' },
  noisy: {
    code: 'line-noisy',
    text: 'too much of what is said is lost or changed on the way; the command was not carried out',
  },
  'unknown-outcome': {
    code: 'transport-failed',
    text: 'the module stopped answering in the middle of a command; whether it was carried out is not known',
  },
  'broken-rules': { code: 'transport-failed', text: 'the module does not keep to T=1' },
  'too-slow': { code: 'transport-failed', text: 'the module asked for more and more time' },
} as const

const tagLength = 8
const goodbyeMs = 2000
