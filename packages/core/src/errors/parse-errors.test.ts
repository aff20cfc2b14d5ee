import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { before, test } from 'node:test'
import fc from 'fast-check'
import { ascii, concat } from '../bytes/index.ts'
import { type DocumentName, documentTypes } from '../catalog/documents.ts'
import { type CborInput, encodeCanonical, parseDocument, signDocument } from '../cbor/index.ts'
import { portableCrypto as crypto } from '../crypto/index.ts'
import { DecodeError } from './index.ts'

// Every function of core's public names that reads what somebody else wrote: it answers, or throws a DecodeError.

type Parse = (input: never, crypto: unknown) => unknown

const core = new URL('../', import.meta.url)
/** What takes no bytes: text, or something that was parsed before. */
const ofText = [
  'decodeBase64',
  'decodeHex',
  'parseCheckpoint',
  'parseNote',
  'parseNoteKey',
  'pemToCertificates',
]
const ofDocuments = ['parseEntry']
const ofOthers = ['parseInitializeUpdateRequest']

const found = new Map<string, Parse>()
/** Words of the documents and files: names of fields, formats. */
const words: string[] = []

before(async () => {
  for (const folder of readdirSync(core, { recursive: true, encoding: 'utf8' })) {
    if (folder.endsWith('.ts') && !folder.endsWith('.test.ts')) collectWords(folder)
    if (!folder.endsWith('index.ts') || folder.includes('testing')) continue
    const names = (await import(new URL(folder, core).href)) as Record<string, unknown>
    for (const [name, value] of Object.entries(names)) {
      if (/^(parse|decode|pemTo)[A-Z]/.test(name) && typeof value === 'function')
        found.set(name, value as Parse)
    }
  }
})

function collectWords(file: string): void {
  const source = readFileSync(new URL(file, core), 'utf8')
  for (const [, word] of source.matchAll(/'([A-Za-z][A-Za-z -]{0,40})'/g)) {
    if (!words.includes(word!)) words.push(word!)
  }
}

function refusesOnly(name: string, input: unknown): void {
  try {
    found.get(name)!(input as never, crypto)
  } catch (error) {
    assert.ok(error instanceof DecodeError, `${name}: ${(error as Error).stack}`)
  }
}

const names = (): string[] =>
  [...found.keys()].filter((name) => ![...ofText, ...ofDocuments, ...ofOthers].includes(name))

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
  assert.ok(names().length > 50)
  for (const name of [...ofText, ...ofDocuments, ...ofOthers]) assert.ok(found.has(name), name)
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
      for (const name of names()) refusesOnly(name, input)
    }),
    { numRuns: 400 },
  )
})

test('every parse of a document answers or throws a DecodeError, whatever its fields', () => {
  const key = crypto.ecPrivateKey(new Uint8Array(32).fill(7))
  const readers = [...names(), ...ofDocuments]
  const types = fc.constantFrom(...(Object.keys(documentTypes) as DocumentName[]))
  fc.assert(
    fc.property(types, maps(), (type, fields) => {
      const { v: _, ...rest } = fields as Record<string, CborInput>
      const document = signDocument(type, rest, key, crypto)
      for (const name of readers)
        refusesOnly(name, ofDocuments.includes(name) ? parseDocument(document) : document)
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
      for (const name of ofText) refusesOnly(name, text)
    }),
    { numRuns: 1000 },
  )
})
