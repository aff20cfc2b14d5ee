import type { Geometry } from './geometry.ts'
import type { Medium, TransactionSeal } from './medium.ts'

/** Counts what passes to another medium: non-volatile writes are `programs`. */
export class CountingMedium implements Medium {
  reads = 0
  programs = 0
  syncs = 0
  readonly #inner: Medium

  constructor(inner: Medium) {
    this.#inner = inner
  }

  get geometry(): Geometry {
    return this.#inner.geometry
  }

  get revision(): number {
    return this.#inner.revision
  }

  get seal(): TransactionSeal | undefined {
    return this.#inner.seal
  }

  read(page: number): Uint8Array {
    this.reads++
    return this.#inner.read(page)
  }

  lend(page: number): Uint8Array {
    this.reads++
    return this.#inner.lend(page)
  }

  program(page: number, bytes: Uint8Array): void {
    this.programs++
    this.#inner.program(page, bytes)
  }

  sync(): void {
    this.syncs++
    this.#inner.sync()
  }
}
