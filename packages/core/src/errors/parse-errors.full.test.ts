import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { before, test } from 'node:test'
import fc from 'fast-check'
import { ascii, concat } from '../bytes/index.ts'
import { type DocumentName, documentTypes } from '../catalog/documents.ts'
import { type CborInput, encodeCanonical, signDocument } from '../cbor/index.ts'
import { portableCrypto as crypto } from '../crypto/index.ts'
import { isParserName, type Parser, parserFolders, parsers } from '../testing/parsers.ts'
import { DecodeError } from './index.ts'

// Every function of core's public names that reads what somebody else wrote: it answers, or throws a DecodeError.

const core = new URL('../', import.meta.url)
/** Words of the documents and files: names of fields, formats. */
const words: string[] = []

before(async () => {
  for (const file of readdirSync(core, { recursive: true, encoding: 'utf8' })) {
    if (file.endsWith('.ts') && !file.endsWith('.test.ts')) collectWords(file)
  }
})

function collectWords(file: string): void {
  const source = readFileSync(new URL(file, core), 'utf8')
  for (const [, word] of source.matchAll(/'([A-Za-z][A-Za-z -]{0,40})'/g)) {
    if (!words.includes(word!)) words.push(word!)
  }
}

function refusesOnly({ name, parse }: Parser, input: Uint8Array): void {
  try {
    parse(input, crypto)
  } catch (error) {
    assert.ok(error instanceof DecodeError, `${name}: ${(error as Error).stack}`)
  }
}

const ofBytes = parsers.filter(({ takes }) => takes === 'bytes')
const ofText = parsers.filter(({ takes }) => takes === 'text')

test('every parser among the public names is in the list', async () => {
  for (const file of readdirSync(core, { recursive: true, encoding: 'utf8' })) {
    const folder = file.replaceAll('\\', '/').replace(/\/?index\.ts$/, '')
    if (!file.endsWith('index.ts') || folder.includes('testing') || folder in parserFolders) continue
    const names = (await import(new URL(file, core).href)) as Record<string, unknown>
    for (const [name, value] of Object.entries(names)) {
      assert.ok(!isParserName(name) || typeof value !== 'function', `${folder}: ${name}`)
    }
  }
})

const lengths = fc.oneof(fc.nat(80), fc.constantFrom(4, 8, 16, 32, 33, 36, 64, 65, 97, 100, 110, 129))
const bytes = fc.oneof(
  fc.uint8Array({ maxLength: 400 }),
  lengths.chain((n) => fc.uint8Array({ minLength: n, maxLength: n })),
)

/** Maps as documents and files have them, with the fields that the code names. */
function maps(): fc.Arbitrary<CborInput> {
  const word = fc.constantFrom(...words)
  const number = fc.oneof(fc.nat(300), fc.constantFrom(-1, 2 ** 32 - 1, 2 ** 32, Number.MAX_SAFE_INTEGER))
  const leaf = fc.oneof(bytes, number, word, fc.boolean(), fc.constant(null), fc.constant('\u0000'))
  return fc.letrec<{ map: CborInput; value: CborInput }>((tie) => ({
    map: fc.dictionary(word, tie('value'), { maxKeys: 14 }),
    value: fc.oneof({ maxDepth: 3 }, leaf, leaf, fc.array(tie('value'), { maxLength: 4 }), tie('map')),
  })).map
}

test('every parse of bytes answers or throws a DecodeError, whatever the bytes', () => {
  assert.ok(ofBytes.length > 50 && ofText.length > 5)
  const inputs = fc.oneof(
    bytes,
    maps().map(encodeCanonical),
    bytes.map((rest) => concat(Uint8Array.of(0x30, 0x82), rest)),
    fc
      .tuple(fc.constantFrom('SWMK', 'SWRM', 'SWEE'), bytes)
      .map(([magic, rest]) => concat(ascii(magic), rest)),
  )
  fc.assert(
    fc.property(inputs, (input) => {
      for (const parser of ofBytes) refusesOnly(parser, input)
    }),
    { numRuns: 400 },
  )
})

test('every parse of a document answers or throws a DecodeError, whatever its fields', () => {
  const key = crypto.ecPrivateKey(new Uint8Array(32).fill(7))
  const types = fc.constantFrom(...(Object.keys(documentTypes) as DocumentName[]))
  fc.assert(
    fc.property(types, maps(), (type, fields) => {
      const { v: _, ...rest } = fields as Record<string, CborInput>
      const document = signDocument(type, rest, key, crypto)
      for (const parser of ofBytes) refusesOnly(parser, document)
    }),
    { numRuns: 150 },
  )
})

test('every parse of text answers or throws a DecodeError, whatever the text', () => {
  const lines = fc.array(
    fc.oneof(
      fc.string({ unit: 'binary', maxLength: 40 }),
      fc.base64String({ maxLength: 80 }),
      fc.constantFrom(
        '',
        '-----BEGIN CERTIFICATE-----',
        '-----END CERTIFICATE-----',
        '\u2014 log AAAA',
        '12',
      ),
    ),
    { maxLength: 8 },
  )
  const texts = fc.oneof(
    fc.string({ unit: 'binary' }),
    lines.map((some) => some.join('\n')),
  )
  fc.assert(
    fc.property(texts, (text) => {
      for (const parser of ofText) refusesOnly(parser, new TextEncoder().encode(text))
    }),
    { numRuns: 1000 },
  )
})
