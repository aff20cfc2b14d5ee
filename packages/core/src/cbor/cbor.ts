import { decode, encode, rfc8949EncodeOptions, type Token, Tokenizer, Type } from 'cborg'
import { equal } from '../bytes/index.ts'
import { DecodeError, UsageError } from '../errors/index.ts'

/** A decoded value: integers within ±(2^53−1), byte and text strings, booleans, null, arrays, maps. */
export type CborValue = number | string | boolean | null | Uint8Array | readonly CborValue[] | CborMap

export type CborMap = ReadonlyMap<number | string, CborValue>

/** What can be encoded: maps also as plain objects; a property that is undefined is left out. */
export type CborInput =
  | number
  | string
  | boolean
  | null
  | Uint8Array
  | readonly CborInput[]
  | ReadonlyMap<number | string, CborInput>
  | { readonly [key: string]: CborInput | undefined }

/** Arrays and maps inside one another, at most. */
export const maxDepth = 16

/** Encodes deterministically (RFC 8949 section 4.2.1). A value that has no such form is a UsageError. */
export function encodeCanonical(value: CborInput): Uint8Array {
  return Uint8Array.from(encode(plain(value, 0), rfc8949EncodeOptions))
}

/**
 * Decodes what `encodeCanonical` writes and nothing else: no floats, tags, indefinite lengths, undefined,
 * duplicate or unsorted keys, long forms, trailing bytes. Maps become `Map`s with text or integer keys.
 */
export function decodeCanonical(bytes: Uint8Array): CborValue {
  let value: unknown
  const copy = Uint8Array.from(bytes)
  try {
    value = decode(copy, { ...decodeOptions, tokenizer: new StrictTokenizer(copy, decodeOptions) })
  } catch (error) {
    if (error instanceof DecodeError) throw error
    throw new DecodeError(`CBOR: ${reasonOf(error)}`)
  }
  if (!equal(encode(value, rfc8949EncodeOptions), bytes)) {
    throw new DecodeError('CBOR: not in the deterministic form of RFC 8949 section 4.2.1')
  }
  return value as CborValue
}

const decodeOptions = {
  strict: true,
  useMaps: true,
  rejectDuplicateMapKeys: true,
  allowIndefinite: false,
  allowUndefined: false,
  allowBigInt: false,
  allowInfinity: false,
  allowNaN: false,
}

/** Refuses floats, tags and depth before the decoder recurses into them. */
class StrictTokenizer extends Tokenizer {
  /** Items that each open array or map still awaits; `key` says whether its next item is a map's key. */
  readonly #open: { left: number; map: boolean }[] = []
  readonly #length: number

  constructor(bytes: Uint8Array, options: typeof decodeOptions) {
    super(bytes, options)
    this.#length = bytes.length
  }

  override next(): Token {
    const token = super.next()
    const { type } = token
    if (type === Type.float) throw new DecodeError('CBOR: floating-point numbers are not used')
    if (type === Type.tag) throw new DecodeError('CBOR: tags are not used here')
    const around = this.#open.at(-1)
    const opens = type === Type.array || type === Type.map
    if (around) {
      const isKey = around.map && around.left % 2 === 0
      if (isKey && type !== Type.string && type !== Type.uint && type !== Type.negint) {
        throw new DecodeError('CBOR: expected map keys of text or integers')
      }
      around.left -= 1
    }
    if (opens) {
      const left = Number(token.value) * (type === Type.map ? 2 : 1)
      if (left > this.#length) throw new DecodeError('CBOR: more items announced than there are bytes')
      this.#open.push({ left, map: type === Type.map })
      if (this.#open.length > maxDepth) throw new DecodeError(`CBOR: nested deeper than ${maxDepth}`)
    }
    while (this.#open.at(-1)?.left === 0) this.#open.pop()
    return token
  }
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message.replace(/^CBOR decode error: /, '') : 'not decodable'
}

/** The same value for the encoder, with everything refused that it would write in a form of its own. */
function plain(value: CborInput, depth: number): unknown {
  switch (typeof value) {
    case 'boolean':
      return value
    case 'number':
      if (!Number.isSafeInteger(value)) throw new UsageError(`CBOR: expected a safe integer, got ${value}`)
      return value
    case 'string':
      // A byte order mark would be lost in decoding.
      if (!value.isWellFormed() || value.startsWith('\ufeff')) {
        throw new UsageError('CBOR: expected well-formed Unicode text without byte order mark')
      }
      return value
    case 'object':
      break
    default:
      throw new UsageError(`CBOR: a ${typeof value} cannot be encoded`)
  }
  if (value === null) return null
  if (value instanceof Uint8Array) return value
  if (depth >= maxDepth) throw new UsageError(`CBOR: nested deeper than ${maxDepth}`)
  if (isArray(value)) return value.map((item) => plain(item, depth + 1))
  const entries: Iterable<readonly [number | string, CborInput | undefined]> = isMap(value)
    ? value
    : Object.entries(value)
  const out = new Map<unknown, unknown>()
  for (const [key, item] of entries) {
    if (typeof key !== 'string' && typeof key !== 'number') {
      throw new UsageError('CBOR: expected map keys of text or integers')
    }
    if (item !== undefined) out.set(plain(key, depth), plain(item, depth + 1))
  }
  return out
}

function isArray(value: object): value is readonly CborInput[] {
  return Array.isArray(value)
}

function isMap(value: object): value is ReadonlyMap<number | string, CborInput> {
  return value instanceof Map
}
