import type { Watch } from './nvm.ts'
import type { ObjectKind } from './object-kinds.ts'
import type { Objects } from './objects.ts'

/** What an object means, parsed again when its bytes, or where it lies, may have changed. Not for secrets: it is never wiped. */
export class ParsedObject<T> {
  readonly #objects: Objects
  readonly #kind: ObjectKind
  readonly #id: number
  readonly #parse: (bytes: Uint8Array) => T
  readonly #watch: Watch
  #generation = -1
  #value: T | undefined

  constructor(objects: Objects, kind: ObjectKind, id: number, parse: (bytes: Uint8Array) => T) {
    this.#objects = objects
    this.#kind = kind
    this.#id = id
    this.#parse = parse
    this.#watch = objects.nvm.watch()
  }

  /** It is not asked again. */
  end(): void {
    this.#watch.end()
  }

  /** Undefined when there is no such object. Throws what `parse` throws, each time. */
  value(): T | undefined {
    const { generation } = this.#objects
    if (generation === this.#generation && this.#watch.holds()) return this.#value
    this.#generation = -1
    const entry = this.#objects.find(this.#kind, this.#id)
    this.#value = undefined
    if (entry !== undefined) this.#value = this.#parse(this.#objects.nvm.read(entry.address, entry.length))
    this.#watch.set(entry?.address ?? 0, entry?.length ?? 0)
    this.#generation = generation
    return this.#value
  }
}
