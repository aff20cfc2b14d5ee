import type { SourceCoverage } from './coverage.ts'
import type { Finding } from './finding.ts'
import type { Share, TargetName } from './targets.ts'

/** What a worker is started with. */
export interface Order {
  readonly seed: string
  readonly share: Share
  readonly targets: readonly TargetName[]
  /** Milliseconds since 1970 after which no new inputs are tried. */
  readonly end: number
  /** Inputs of earlier runs, as the targets write them. */
  readonly corpus: Readonly<Record<TargetName, readonly unknown[]>>
  /** Where the worker writes each input before it runs it. */
  readonly last: SharedArrayBuffer
}

export interface Progress {
  readonly kind: 'progress'
  readonly runs: Readonly<Record<TargetName, number>>
  readonly kept: Readonly<Record<TargetName, number>>
  readonly sources: ReadonlyMap<string, SourceCoverage>
}

export interface FoundMessage {
  readonly kind: 'found'
  readonly finding: Finding
}

export interface Ended {
  readonly kind: 'ended'
  readonly corpus: Readonly<Record<TargetName, readonly unknown[]>>
}

export type Message = Progress | FoundMessage | Ended

/** The input that is run now, in memory that two threads share: a counter, the length, UTF-8. */
export class LastInput {
  readonly #head: Int32Array
  readonly #bytes: Uint8Array

  constructor(memory: SharedArrayBuffer) {
    this.#head = new Int32Array(memory, 0, 2)
    this.#bytes = new Uint8Array(memory, 8)
  }

  static memory(): SharedArrayBuffer {
    return new SharedArrayBuffer(8 + 256 * 1024)
  }

  /** Rises with each input. */
  get count(): number {
    return Atomics.load(this.#head, 0)
  }

  write(text: string): void {
    // TextEncoder does not write into shared memory.
    const bytes = Buffer.from(text, 'utf8').subarray(0, this.#bytes.length)
    this.#bytes.set(bytes)
    Atomics.store(this.#head, 1, bytes.length)
    Atomics.add(this.#head, 0, 1)
  }

  read(): string {
    return Buffer.from(this.#bytes.slice(0, Atomics.load(this.#head, 1))).toString('utf8')
  }
}
