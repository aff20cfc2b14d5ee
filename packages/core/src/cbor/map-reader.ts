import { requireFormatVersion } from '../bytes/index.ts'
import type { FormatName } from '../catalog/index.ts'
import { DecodeError } from '../errors/index.ts'
import { type CborMap, type CborValue, decodeCanonical } from './cbor.ts'

/**
 * Reads a decoded map field by field, each with its type; `end` refuses what was not read. The counterpart
 * of `Reader` for maps. A missing field or another type is a DecodeError.
 */
export class MapReader {
  readonly #map: CborMap
  readonly #what: string
  readonly #read = new Set<number | string>()

  /** @param what names the structure in errors, e.g. `reservation` */
  constructor(value: CborValue, what: string) {
    if (!(value instanceof Map)) throw new DecodeError(`${what}: expected a map`)
    this.#map = value
    this.#what = what
  }

  /** Decodes bytes that must hold a map. */
  static of(bytes: Uint8Array, what: string): MapReader {
    return new MapReader(decodeCanonical(bytes), what)
  }

  /** Reads what every map of our own begins with: `v` and `format`. Another format is a DecodeError, a newer version `format-newer`. */
  begin(name: FormatName): void {
    if (this.text('format') !== `sealwright ${name}`) throw this.fail(`not a map "sealwright ${name}"`)
    requireFormatVersion(name, this.uint('v'))
  }

  has(key: number | string): boolean {
    return this.#map.has(key)
  }

  value(key: number | string): CborValue {
    const value = this.#map.get(key)
    if (value === undefined) throw this.fail(`${key} is missing`)
    this.#read.add(key)
    return value
  }

  /** A byte string, of exactly `length` bytes when that is given. */
  bytes(key: number | string, length?: number): Uint8Array {
    const value = this.value(key)
    if (!(value instanceof Uint8Array) || (length !== undefined && value.length !== length)) {
      throw this.fail(`${key} expected a byte string${length === undefined ? '' : ` of ${length} bytes`}`)
    }
    return value
  }

  /** An integer of 0..maximum (2^32−1 unless told). */
  uint(key: number | string, maximum = 0xffff_ffff): number {
    const value = this.value(key)
    if (typeof value !== 'number' || value < 0 || value > maximum) {
      throw this.fail(`${key} expected an integer of 0..${maximum}`)
    }
    return value
  }

  /** Seconds since 1970. */
  time(key: number | string): number {
    return this.uint(key, Number.MAX_SAFE_INTEGER)
  }

  text(key: number | string): string {
    const value = this.value(key)
    if (typeof value !== 'string') throw this.fail(`${key} expected text`)
    return value
  }

  boolean(key: number | string): boolean {
    const value = this.value(key)
    if (typeof value !== 'boolean') throw this.fail(`${key} expected true or false`)
    return value
  }

  /** An array, each item through `read`. */
  array<T>(key: number | string, read: (item: CborValue, index: number) => T): T[] {
    const value = this.value(key)
    if (!Array.isArray(value)) throw this.fail(`${key} expected an array`)
    return value.map(read)
  }

  /** A nested map. */
  map(key: number | string): MapReader {
    return new MapReader(this.value(key), `${this.#what} ${key}`)
  }

  /** The field through `read`, or undefined when it is not there. */
  optional<T>(key: number | string, read: (reader: MapReader) => T): T | undefined {
    return this.#map.has(key) ? read(this) : undefined
  }

  /** The keys, in the order of the encoding. */
  keys(): (number | string)[] {
    return [...this.#map.keys()]
  }

  /** Refuses fields that were not read. */
  end(): void {
    for (const key of this.#map.keys()) {
      if (!this.#read.has(key)) throw this.fail(`${key} is not known`)
    }
  }

  fail(reason: string): DecodeError {
    return new DecodeError(`${this.#what}: ${reason}`)
  }
}
