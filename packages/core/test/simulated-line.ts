import { type HostEvent, type LineSettings, T1Host, T1Module } from '../src/t1/index.ts'
import { LineNoise, type NoiseRates } from '../src/testing/index.ts'

export interface SimulationOptions {
  readonly settings?: Partial<LineSettings>
  readonly noise?: NoiseRates
  readonly seed?: number
  /** How long the module takes for a command, in milliseconds of the simulation; 1 when absent. */
  readonly workMs?: (command: Uint8Array) => number
  /** The line is dead from then on. */
  readonly cutAtByte?: number
}

interface Arriving {
  readonly at: number
  readonly bytes: Uint8Array
}

/** Both machines and a bad line between them, in a time of their own: an hour takes no longer than it has blocks. */
export class SimulatedLine {
  readonly host: T1Host
  module: T1Module
  /** What the module carried out, in order. */
  readonly executed: Uint8Array[] = []
  resets = 0
  now = 0
  bytes = 0
  readonly #settings: Partial<LineSettings>
  readonly #answer: (command: Uint8Array) => Uint8Array
  readonly #workMs: (command: Uint8Array) => number
  readonly #cutAtByte: number
  readonly #noise: { readonly up: LineNoise; readonly down: LineNoise }
  readonly #up: Arriving[] = []
  readonly #down: Arriving[] = []
  #work: { readonly at: number; readonly answer: Uint8Array } | undefined

  constructor(answer: (command: Uint8Array) => Uint8Array, options: SimulationOptions = {}) {
    const { settings = {}, noise = {}, seed = 1, workMs = () => 1, cutAtByte = Infinity } = options
    this.#answer = answer
    this.#workMs = workMs
    this.#settings = settings
    this.#cutAtByte = cutAtByte
    this.#noise = { up: new LineNoise(2 * seed, noise), down: new LineNoise(2 * seed + 1, noise) }
    this.host = new T1Host(settings)
    this.module = new T1Module(settings)
  }

  get disturbances(): number {
    return this.#noise.up.disturbances + this.#noise.down.disturbances
  }

  /** The module loses its power and gets it back: everything volatile is gone. */
  restartModule(): void {
    this.module = new T1Module(this.#settings)
    this.#work = undefined
  }

  reset(tag: Uint8Array = Uint8Array.of(1, 2, 3, 4)): HostEvent {
    this.host.reset(tag, this.now)
    return this.#run()
  }

  transmit(command: Uint8Array): HostEvent {
    this.host.send(command, this.now)
    return this.#run()
  }

  /** Bytes that nobody sent reach the module, or the host. */
  inject(towards: 'module' | 'host', bytes: Uint8Array): void {
    ;(towards === 'module' ? this.#up : this.#down).push({ at: this.now, bytes })
  }

  #run(): HostEvent {
    for (;;) {
      const event = this.host.takeEvent()
      if (event !== undefined) return event
      if (!this.#step()) throw new Error('nobody waits for anything any more')
    }
  }

  /** Lets the next thing happen. Returns false when there is nothing. */
  #step(): boolean {
    this.#carry()
    const times = [
      this.#up[0]?.at,
      this.#down[0]?.at,
      this.#work?.at,
      this.host.deadline,
      this.module.deadline,
    ].filter((time) => time !== undefined)
    if (times.length === 0) return false
    this.now = Math.max(this.now, Math.min(...times))
    if (this.now > longestMs) throw new Error('this never ends')
    const up = this.#due(this.#up)
    if (up !== undefined) this.module.receive(up, this.now)
    const down = this.#due(this.#down)
    if (down !== undefined) this.host.receive(down, this.now)
    if (this.#work !== undefined && this.now >= this.#work.at) {
      const { answer } = this.#work
      this.#work = undefined
      this.module.answer(answer)
    }
    if (this.host.deadline !== undefined && this.now >= this.host.deadline) this.host.tick(this.now)
    if (this.module.deadline !== undefined && this.now >= this.module.deadline) this.module.tick(this.now)
    this.#serve()
    this.#carry()
    return true
  }

  #serve(): void {
    for (let event = this.module.takeEvent(); event !== undefined; event = this.module.takeEvent()) {
      if (event.kind === 'reset') {
        this.resets++
        this.module.wasReset()
      } else {
        this.executed.push(event.apdu.slice())
        this.#work = { at: this.now + this.#workMs(event.apdu), answer: this.#answer(event.apdu) }
      }
    }
  }

  #due(line: Arriving[]): Uint8Array | undefined {
    return line[0] !== undefined && line[0].at <= this.now ? line.shift()!.bytes : undefined
  }

  #carry(): void {
    this.#put(this.host.takeOutput(), this.#up, this.#noise.up)
    this.#put(this.module.takeOutput(), this.#down, this.#noise.down)
  }

  #put(blocks: readonly Uint8Array[], line: Arriving[], noise: LineNoise): void {
    for (const block of blocks) {
      let at = Math.max(this.now, line.at(-1)?.at ?? 0)
      for (const piece of noise.pass(block)) {
        at += piece.delayMs
        const room = Math.max(0, this.#cutAtByte - this.bytes)
        this.bytes += piece.bytes.length
        at = this.#bring(line, piece.bytes.subarray(0, room), at)
      }
    }
  }

  /** One by one where bytes take their time. Returns when the last one arrives. */
  #bring(line: Arriving[], bytes: Uint8Array, at: number): number {
    const { byteMs = 0 } = this.#settings
    if (byteMs === 0) {
      if (bytes.length > 0) line.push({ at, bytes })
      return at
    }
    for (const [i, byte] of bytes.entries())
      line.push({ at: at + (i + 1) * byteMs, bytes: Uint8Array.of(byte) })
    return at + bytes.length * byteMs
  }
}

const longestMs = 100_000_000
