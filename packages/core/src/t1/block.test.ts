import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { byte, laws, shaped } from '../../test/codec-laws.ts'
import { ascii, decodeHex, encodeHex } from '../bytes/index.ts'
import { DecodeError, UsageError } from '../errors/index.ts'
import {
  type AnswerToReset,
  type Block,
  type ErrorDetection,
  parseAnswerToReset,
  parseBlock,
  serializeAnswerToReset,
  serializeBlock,
} from './index.ts'

const number = fc.constantFrom(0 as const, 1 as const)
const information = fc.uint8Array({ maxLength: 254 })
const nothing = fc.constant(new Uint8Array(0))
const kind = <K extends string>(name: K) => fc.constant(name)

const blocks: fc.Arbitrary<Block> = fc.oneof(
  shaped({ kind: kind('I'), number, more: fc.boolean(), information }),
  shaped({
    kind: kind('R'),
    expected: number,
    fault: fc.constantFrom('none' as const, 'epilogue' as const, 'other' as const),
  }),
  shaped({
    kind: kind('S'),
    about: fc.constantFrom('resynch' as const, 'abort' as const),
    response: fc.boolean(),
    information: nothing,
  }),
  shaped({
    kind: kind('S'),
    about: kind('ifs'),
    response: fc.boolean(),
    information: fc.integer({ min: 1, max: 254 }).map((size) => Uint8Array.of(size)),
  }),
  shaped({
    kind: kind('S'),
    about: kind('wtx'),
    response: fc.boolean(),
    information: fc.integer({ min: 1, max: 255 }).map((times) => Uint8Array.of(times)),
  }),
  shaped({
    kind: kind('S'),
    about: kind('reset'),
    response: fc.boolean(),
    information: fc.uint8Array({ maxLength: 8 }),
  }),
)

for (const detection of ['lrc', 'crc'] as const) {
  laws(
    `T=1 block with ${detection}`,
    blocks,
    (block) => serializeBlock(block, detection),
    (bytes) => parseBlock(bytes, detection),
  )

  test(`every flipped bit of a block with ${detection} is noticed`, () => {
    fc.assert(
      fc.property(blocks, (block) => {
        const sent = serializeBlock(block, detection)
        for (let bit = 0; bit < sent.length * 8; bit++) {
          const came = sent.slice()
          came[bit >>> 3]! ^= 1 << (bit & 7)
          assert.throws(() => parseBlock(came, detection), DecodeError)
        }
      }),
      { numRuns: 60 },
    )
  })
}

test('the CRC notices every burst of up to 16 bits, the LRC does not', () => {
  const sent = serializeBlock({ kind: 'I', number: 1, more: false, information: ascii('a piece') }, 'crc')
  fc.assert(
    fc.property(fc.nat(sent.length * 8 - 17), fc.integer({ min: 1, max: 0xffff }), (at, pattern) => {
      const came = sent.slice()
      for (let i = 0; i < 16; i++)
        if (((pattern >>> i) & 1) === 1) came[(at + i) >>> 3]! ^= 1 << ((at + i) & 7)
      assert.throws(() => parseBlock(came, 'crc'), DecodeError)
    }),
    { numRuns: 2000 },
  )
  const weak = serializeBlock({ kind: 'I', number: 1, more: false, information: ascii('a piece') }, 'lrc')
  weak[4]! ^= 0x40
  weak[5]! ^= 0x40
  assert.equal(parseBlock(weak, 'lrc').kind, 'I')
})

test('blocks have the bytes of ISO/IEC 7816-3, 11.3', () => {
  const cases: [Block, ErrorDetection, string][] = [
    [{ kind: 'I', number: 0, more: false, information: decodeHex('00A40400') }, 'lrc', '00000400A40400A4'],
    [{ kind: 'I', number: 1, more: true, information: decodeHex('AA') }, 'lrc', '006001AACB'],
    [{ kind: 'R', expected: 1, fault: 'epilogue' }, 'lrc', '00910091'],
    [{ kind: 'R', expected: 0, fault: 'other' }, 'lrc', '00820082'],
    [{ kind: 'S', about: 'resynch', response: false, information: decodeHex('') }, 'lrc', '00C000C0'],
    [{ kind: 'S', about: 'resynch', response: true, information: decodeHex('') }, 'lrc', '00E000E0'],
    [{ kind: 'S', about: 'ifs', response: false, information: decodeHex('FE') }, 'lrc', '00C101FE3E'],
    [{ kind: 'S', about: 'abort', response: false, information: decodeHex('') }, 'lrc', '00C200C2'],
    [{ kind: 'S', about: 'wtx', response: true, information: decodeHex('02') }, 'lrc', '00E30102E0'],
    [{ kind: 'S', about: 'reset', response: false, information: decodeHex('') }, 'lrc', '00CF00CF'],
  ]
  for (const [block, detection, hex] of cases) assert.equal(encodeHex(serializeBlock(block, detection)), hex)
})

test('the CRC is that of ISO/IEC 13239, low byte first', () => {
  // The check value of the code that the catalogues call X-25 is 906E for the digits 1 to 9; here over a block whose covered bytes end in them.
  const block = serializeBlock({ kind: 'I', number: 0, more: false, information: ascii('123456789') }, 'crc')
  let register = 0xffff
  for (const value of block) {
    register ^= value
    for (let bit = 0; bit < 8; bit++) register = register & 1 ? (register >>> 1) ^ 0x8408 : register >>> 1
  }
  // The residue over all bytes with their code, the same for every message.
  assert.equal(register, 0xf0b8)
})

test('what is reserved is refused', () => {
  const lrc = (hex: string): Uint8Array => {
    const covered = decodeHex(hex)
    return Uint8Array.from([...covered, covered.reduce((sum, value) => sum ^ value, 0)])
  }
  for (const hex of [
    '010000',
    '000100',
    '009300',
    '00A000',
    '008001AA',
    '00C001AA',
    '00C100',
    '00C10100',
    '00C101FF',
    '00C30100',
    '00C400',
    '00CF09010203040506070809',
  ]) {
    assert.throws(() => parseBlock(lrc(hex), 'lrc'), DecodeError, hex)
  }
  assert.throws(
    () => serializeBlock({ kind: 'I', number: 0, more: false, information: new Uint8Array(255) }, 'lrc'),
    UsageError,
  )
})

laws<AnswerToReset>(
  'answer to reset',
  shaped<AnswerToReset>({
    ifs: fc.integer({ min: 1, max: 254 }),
    detection: fc.constantFrom('lrc' as const, 'crc' as const),
    historical: fc.uint8Array({ maxLength: 15 }),
  }),
  serializeAnswerToReset,
  parseAnswerToReset,
)

test('every changed byte of an answer to reset is refused', () => {
  const answer = serializeAnswerToReset({ ifs: 254, detection: 'crc', historical: ascii('Sealwright') })
  fc.assert(
    fc.property(fc.nat(answer.length - 1), byte, (at, value) => {
      if (answer[at] === value) return
      const changed = answer.slice()
      changed[at] = value
      assert.throws(() => parseAnswerToReset(changed), DecodeError)
    }),
  )
})
