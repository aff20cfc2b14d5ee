import { StateError } from '@sealwright/core/errors'
import type { ByteListener, ByteStream } from './byte-stream.ts'

/**
 * The controller of an I2C bus, one transaction at a time: at most 32 bytes, as SMBus blocks have it. A device that is not ready does not
 * acknowledge its address; one that needs longer within a transaction stretches the clock, and the promise takes longer.
 */
export interface I2cBus {
  write(address: number, bytes: Uint8Array): Promise<'acknowledged' | 'not-acknowledged'>
  /** What the device has to say, nothing when it has nothing. */
  read(address: number, most: number): Promise<Uint8Array | 'not-acknowledged'>
}

export interface I2cOptions {
  readonly bus: I2cBus
  /** Of the module on the bus, 7 bits. */
  readonly address: number
  readonly transactionBytes?: number
  /** How long a device may be not ready before it counts as gone. */
  readonly patienceMs?: number
  readonly pollMs?: number
}

/**
 * A module on an I2C bus as a byte stream: an example of what it takes to bring T=1 to another line. What is written goes out in transactions;
 * a device cannot speak by itself, so it is asked again and again.
 */
export function i2cStream(options: I2cOptions): ByteStream {
  return new I2cStream(options)
}

class I2cStream implements ByteStream {
  readonly name: string
  readonly direct = true
  readonly #options: Required<I2cOptions>
  #listener: ByteListener | undefined
  #over = false
  #turn: Promise<void> = Promise.resolve()
  #timer: NodeJS.Timeout | undefined

  constructor(options: I2cOptions) {
    this.#options = { transactionBytes: 32, patienceMs: 2000, pollMs: 2, ...options }
    this.name = `I2C device ${options.address.toString(16).toUpperCase().padStart(2, '0')}`
  }

  listen(listener: ByteListener): void {
    this.#listener = listener
    this.#poll()
  }

  write(bytes: Uint8Array): void {
    const { transactionBytes } = this.#options
    for (let at = 0; at < bytes.length; at += transactionBytes) {
      const piece = bytes.slice(at, at + transactionBytes)
      this.#inTurn(() => this.#patiently(() => this.#options.bus.write(this.#options.address, piece)))
    }
  }

  async close(): Promise<void> {
    this.#over = true
    clearTimeout(this.#timer)
    await this.#turn
  }

  #poll(): void {
    this.#inTurn(async () => {
      const { bus, address, transactionBytes, pollMs } = this.#options
      const bytes = await this.#patiently(() => bus.read(address, transactionBytes))
      if (bytes instanceof Uint8Array && bytes.length > 0) this.#listener?.bytes(bytes)
      if (this.#over) return
      // What is said comes in one transaction after the other; between blocks the bus has peace.
      if (bytes instanceof Uint8Array && bytes.length > 0) this.#poll()
      else this.#timer = setTimeout(() => this.#poll(), pollMs)
    })
  }

  /** Again and again while the device is not ready. */
  async #patiently<T>(transaction: () => Promise<T | 'not-acknowledged'>): Promise<T | undefined> {
    const until = performance.now() + this.#options.patienceMs
    for (;;) {
      if (this.#over) return undefined
      const result = await transaction()
      if (result !== 'not-acknowledged') return result
      if (performance.now() > until) throw new Error('it does not acknowledge its address')
      await new Promise((done) => setTimeout(done, this.#options.pollMs))
    }
  }

  #inTurn(work: () => Promise<unknown>): void {
    this.#turn = this.#turn
      .then(async () => {
        if (!this.#over) await work()
      })
      .catch((cause: unknown) => this.#end(cause))
  }

  #end(cause: unknown): void {
    if (this.#over) return
    this.#over = true
    clearTimeout(this.#timer)
    const text = cause instanceof Error ? cause.message : 'the bus failed'
    this.#listener?.ended(new StateError(`${this.name}: ${text}`, { code: 'line-lost', cause }))
  }
}
