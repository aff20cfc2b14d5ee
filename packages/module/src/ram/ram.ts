import { InternalError } from '@sealwright/core/errors'
import { StorageFull } from '../medium/index.ts'

export const ramSize = 64 * 1024

/** The volatile memory: one buffer with named allocations, so that a memory image shows all of it. */
export class Ram {
  readonly #bytes = new Uint8Array(ramSize)
  readonly #allocations = new Map<string, { start: number; length: number }>()

  /** Zeroed bytes that stay valid until `release` or `reset`. A name in use is an InternalError, no room StorageFull. */
  allocate(name: string, length: number): Uint8Array {
    if (this.#allocations.has(name)) throw new InternalError(`RAM: ${name} is allocated already`)
    const start = this.#room(length)
    this.#allocations.set(name, { start, length })
    return this.#bytes.subarray(start, start + length)
  }

  /** The allocation of that name, or undefined. */
  view(name: string): Uint8Array | undefined {
    const allocation = this.#allocations.get(name)
    return allocation && this.#bytes.subarray(allocation.start, allocation.start + allocation.length)
  }

  /** Wipes an allocation and gives its place back; nothing happens when there is none. */
  release(name: string): void {
    this.view(name)?.fill(0)
    this.#allocations.delete(name)
  }

  /** What a loss of power does: everything is zero and nothing is allocated. */
  reset(): void {
    this.#bytes.fill(0)
    this.#allocations.clear()
  }

  /** A copy of all 64 KiB. */
  image(): Uint8Array {
    return this.#bytes.slice()
  }

  list(): { name: string; start: number; length: number }[] {
    return [...this.#allocations]
      .map(([name, { start, length }]) => ({ name, start, length }))
      .sort((a, b) => a.start - b.start)
  }

  #room(length: number): number {
    let at = 0
    for (const { start, length: taken } of this.list()) {
      if (start - at >= length) return at
      at = start + taken
    }
    if (ramSize - at >= length) return at
    throw new StorageFull(`RAM: no room for ${length} bytes`)
  }
}
