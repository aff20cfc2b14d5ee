import { StateError } from '@sealwright/core/errors'
import { LineNoise, type NoiseRates } from '@sealwright/core/testing'
import type { ByteListener, ByteStream } from '../transport/index.ts'

export interface StreamPairOptions {
  readonly noise?: NoiseRates
  readonly seed?: number
}

/** Two ends of a line in this process, as bad as wanted. */
export interface StreamPair {
  /** The host's end, opened anew: the one before is closed. */
  openHost(): ByteStream
  readonly module: ByteStream
  /** Both ends hear that the line is gone. */
  cut(): void
  /** After so many bytes towards the host, counted from now, the wire is broken and nobody is told. */
  breakAfter(bytesToHost: number): void
  /** Bytes that reached the host. */
  bytesToHost(): number
  disturbances(): number
}

export function streamPair({ noise = {}, seed = 1 }: StreamPairOptions = {}): StreamPair {
  const up = new LineNoise(2 * seed, noise)
  const down = new LineNoise(2 * seed + 1, noise)
  let left = Infinity
  let passed = 0
  const opened = (): End => new End('line', (bytes) => (left <= 0 ? undefined : module.bring(up, bytes)))
  let host = opened()
  const module = new End('line', (bytes) => {
    const room = bytes.subarray(0, Math.max(0, left))
    left -= bytes.length
    passed += room.length
    host.bring(down, room)
  })
  return {
    module,
    openHost() {
      void host.close()
      host = opened()
      return host
    },
    cut: () => {
      host.end()
      module.end()
    },
    breakAfter: (bytesToHost) => {
      left = bytesToHost
    },
    bytesToHost: () => passed,
    disturbances: () => up.disturbances + down.disturbances,
  }
}

class End implements ByteStream {
  readonly name: string
  readonly direct = true
  readonly #send: (bytes: Uint8Array) => void
  #listener: ByteListener | undefined
  #over = false
  #arriving: Promise<void> = Promise.resolve()

  constructor(name: string, send: (bytes: Uint8Array) => void) {
    this.name = name
    this.#send = send
  }

  listen(listener: ByteListener): void {
    this.#listener = listener
  }

  write(bytes: Uint8Array): void {
    if (!this.#over) this.#send(bytes.slice())
  }

  async close(): Promise<void> {
    this.#over = true
  }

  bring(noise: LineNoise, sent: Uint8Array): void {
    for (const { bytes, delayMs } of noise.pass(sent)) {
      this.#arriving = this.#arriving.then(async () => {
        if (delayMs > 0) await new Promise((done) => setTimeout(done, delayMs))
        else await new Promise((done) => setImmediate(done))
        if (!this.#over && bytes.length > 0) this.#listener?.bytes(bytes)
      })
    }
  }

  end(): void {
    if (this.#over) return
    this.#over = true
    this.#listener?.ended(new StateError(`${this.name}: the line is gone`, { code: 'line-lost' }))
  }
}
