import { InternalError } from '@sealwright/core/errors'
import type { ObjectEntry, Objects } from '../eeprom/index.ts'
import type { DataHost } from '../program/index.ts'
import type { Frame } from './frame.ts'

/** The bytes of an area that a program reads and writes as its own, kept in an object. */
export class DataArea implements DataHost {
  readonly #objects: Objects
  readonly #frame: Pick<Frame, 'tx'>
  readonly #id: number
  readonly #kind: 'product-data' | 'application-data'
  #entry: ObjectEntry | undefined
  #generation = -1

  constructor(
    { objects }: { readonly objects: Objects },
    frame: Pick<Frame, 'tx'>,
    id: number,
    kind: 'product-data' | 'application-data' = 'product-data',
  ) {
    this.#objects = objects
    this.#frame = frame
    this.#id = id
    this.#kind = kind
  }

  get size(): number {
    return this.#find()?.length ?? 0
  }

  read(offset: number, length: number, memory: Uint8Array, at: number): void {
    this.#frame.tx.copy(this.#address() + offset, length, memory, at)
  }

  write(offset: number, bytes: Uint8Array): void {
    this.#frame.tx.write(this.#address() + offset, bytes)
  }

  #address(): number {
    const entry = this.#find()
    if (entry === undefined) throw new InternalError(`there is no data area ${this.#id}`)
    return entry.address
  }

  #find(): ObjectEntry | undefined {
    const { generation } = this.#objects
    if (generation !== this.#generation) {
      this.#entry = this.#objects.find(this.#kind, this.#id)
      this.#generation = generation
    }
    return this.#entry
  }
}
