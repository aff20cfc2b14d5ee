import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { concat } from '../src/bytes/index.ts'
import { DecodeError } from '../src/errors/index.ts'

/** A record without a null prototype, so that it equals what a parser makes. */
export const shaped = <T>(model: { [K in keyof T]: fc.Arbitrary<T[K]> }) =>
  fc.record<T>(model, { noNullPrototype: true })
export const bytes = (length: number): fc.Arbitrary<Uint8Array> =>
  fc.uint8Array({ minLength: length, maxLength: length })
export const byte = fc.nat(255)
export const aid: fc.Arbitrary<Uint8Array> = fc.uint8Array({ minLength: 5, maxLength: 16 })

/**
 * The laws of a pair of codecs. `open`: a list or a rest that has no end of its own, so that a longer or shorter input may be another value;
 * then whatever still parses has to come back to the same bytes.
 */
export function laws<T>(
  name: string,
  values: fc.Arbitrary<T>,
  serialize: (value: T) => Uint8Array,
  parse: (bytes: Uint8Array) => T,
  open = false,
): void {
  test(`${name}: round trip, one form only, cut or lengthened refused`, () => {
    fc.assert(
      fc.property(values, byte, (value, extra) => {
        const encoded = serialize(value)
        assert.deepEqual(parse(encoded), value)
        assert.deepEqual(serialize(parse(encoded)), encoded)
        const others = Array.from({ length: encoded.length }, (_, length) => encoded.slice(0, length))
        for (const other of [...others, concat(encoded, Uint8Array.of(extra))]) {
          if (open) assertRefusedOrSame(other, serialize, parse)
          else assert.throws(() => parse(other), DecodeError)
        }
      }),
      { numRuns: 40 },
    )
  })
  test(`${name}: changed bytes are refused, or are another value of the same form`, () => {
    fc.assert(
      fc.property(values, fc.nat(), byte, (value, at, changed) => {
        const encoded = serialize(value)
        if (encoded.length === 0) return
        encoded[at % encoded.length] = changed
        assertRefusedOrSame(encoded, serialize, parse)
      }),
      { numRuns: 200 },
    )
  })
}

function assertRefusedOrSame<T>(
  input: Uint8Array,
  serialize: (value: T) => Uint8Array,
  parse: (bytes: Uint8Array) => T,
): void {
  let value: T
  try {
    value = parse(input)
  } catch (error) {
    assert.ok(error instanceof DecodeError, String(error))
    return
  }
  assert.deepEqual(serialize(value), input)
}
