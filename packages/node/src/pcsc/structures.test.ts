import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { concat, encodeHex } from '@sealwright/core/bytes'
import { DecodeError, UsageError } from '@sealwright/core/errors'
import fc from 'fast-check'
import {
  headerStructure,
  parseReaderStates,
  readerPlaces,
  readerStructure,
  type Structure,
  stateBits,
  structures,
} from './structures.ts'

// biome-ignore lint/suspicious/noExplicitAny: one law for structures of every shape
const all: Record<string, Structure<any>> = {
  header: headerStructure,
  reader: readerStructure,
  ...structures,
}
/** Lengths that pcsc-lite's own compiler gives them on a machine of 64 bits. */
const lengths: Record<string, number> = {
  header: 8,
  reader: 184,
  version: 12,
  establishContext: 12,
  releaseContext: 8,
  connect: 152,
  reconnect: 24,
  disconnect: 12,
  beginTransaction: 8,
  endTransaction: 12,
  transmit: 32,
}

suite('structures of pcscd', () => {
  for (const [name, structure] of Object.entries(all)) {
    test(`${name}: its length, one form for each value, nothing shorter or longer`, () => {
      assert.equal(structure.length, lengths[name])
      fc.assert(
        fc.property(fc.uint8Array({ minLength: structure.length, maxLength: structure.length }), (bytes) => {
          const values = structure.parse(bytes)
          assert.deepEqual(structure.serialize(values), bytes)
          assert.deepEqual(structure.parse(structure.serialize(values)), values)
        }),
      )
      const zeros = new Uint8Array(structure.length)
      for (let end = 0; end < zeros.length; end++) {
        assert.throws(() => structure.parse(zeros.subarray(0, end)), DecodeError)
      }
      assert.throws(() => structure.parse(concat(zeros, Uint8Array.of(0))), DecodeError)
    })
  }

  test('values that do not fit are refused', () => {
    for (const card of [-1, 2 ** 32, Number.NaN])
      assert.throws(() => structures.beginTransaction.serialize({ card, result: 0 }), UsageError)
    const connect = { context: 0, shareMode: 0, protocols: 0, card: 0, protocol: 0, result: 0 }
    assert.throws(() => structures.connect.serialize({ ...connect, reader: new Uint8Array(127) }), UsageError)
  })

  test('numbers have the byte order of the machine', () => {
    const bytes = headerStructure.serialize({ size: 0x0102_0304, request: 5 })
    assert.deepEqual(new Uint32Array(bytes.buffer), Uint32Array.of(0x0102_0304, 5))
  })
})

suite('reader states', () => {
  const place = (
    name: string,
    state: number,
    more: Partial<{ sharing: number; atr: string; atrLength: number }> = {},
  ) => {
    const nameBytes = new Uint8Array(128)
    new TextEncoder().encodeInto(name, nameBytes)
    const atr = new Uint8Array(33)
    atr.set(Buffer.from(more.atr ?? '', 'hex'))
    return readerStructure.serialize({
      name: nameBytes,
      events: 0,
      state,
      sharing: more.sharing ?? 0,
      atr,
      padding: new Uint8Array(3),
      atrLength: more.atrLength ?? (more.atr ?? '').length / 2,
      protocol: 0,
    })
  }
  const states = (...places: Uint8Array[]) => {
    const none = new Uint8Array(readerStructure.length)
    return concat(...places, ...Array.from({ length: readerPlaces - places.length }, () => none))
  }

  test('places in use are readers, wherever they lie', () => {
    const bytes = states(
      place('One', stateBits.absent),
      new Uint8Array(184),
      place('Zwei ü', stateBits.present | stateBits.powered, { sharing: 2, atr: '3B80800101' }),
      place('Three', stateBits.present | stateBits.mute, { sharing: 0xffff_ffff }),
    )
    const seen = parseReaderStates(bytes).map(({ name, card, atr, connections }) => [
      name,
      card,
      atr && encodeHex(atr),
      connections,
    ])
    assert.deepEqual(seen, [
      ['One', 'absent', undefined, 0],
      ['Zwei ü', 'present', '3B80800101', 2],
      ['Three', 'mute', undefined, 'exclusive'],
    ])
  })

  test('an ATR of no possible length is none, a name without an end and other lengths are refused', () => {
    const odd = place('One', stateBits.present, { atrLength: 34 })
    assert.equal(parseReaderStates(states(odd))[0]!.atr, undefined)
    assert.throws(() => parseReaderStates(states(place('x'.repeat(128), 0))), DecodeError)
    assert.throws(() => parseReaderStates(new Uint8Array(184)), DecodeError)
    assert.deepEqual(parseReaderStates(states()), [])
  })
})
