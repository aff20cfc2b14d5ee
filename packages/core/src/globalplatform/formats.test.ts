import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { aid, byte, bytes, laws, shaped } from '../../test/codec-laws.ts'
import { concat, decodeHex } from '../bytes/index.ts'
import { DecodeError, UsageError } from '../errors/index.ts'
import type { Tlv } from '../tlv/index.ts'
import {
  type CurveName,
  cardMayBecome,
  cardRecognitionData,
  cardStates,
  curves,
  type OldRegistryEntry,
  type Privileges,
  type PutKeyComponent,
  parseApplicationList,
  parseApplicationState,
  parseCardCapabilities,
  parseCardRecognitionData,
  parseCardState,
  parseCplc,
  parseDeleteRequest,
  parseDiversificationData,
  parseDomainState,
  parseExtendedResources,
  parseFileControlInformation,
  parseGenerateKeyAnswer,
  parseGenerateKeyRequest,
  parseKeyInformation,
  parseOldRegistryEntries,
  parsePrivileges,
  parsePutKeyAnswer,
  parsePutKeyData,
  parseRegistryEntries,
  parseSequenceCounter,
  parseStatusRequest,
  privileges,
  privilegesOf,
  type RegistryEntry,
  serializeApplicationList,
  serializeCardCapabilities,
  serializeCardRecognitionData,
  serializeCplc,
  serializeDeleteRequest,
  serializeExtendedResources,
  serializeFileControlInformation,
  serializeGenerateKeyAnswer,
  serializeGenerateKeyRequest,
  serializeKeyInformation,
  serializeOldRegistryEntries,
  serializePrivileges,
  serializePutKeyAnswer,
  serializePutKeyData,
  serializeRegistryEntries,
  serializeSequenceCounter,
  serializeState,
  serializeStatusRequest,
  valueOfAnswer,
} from './index.ts'

const version = fc.integer({ min: 1, max: 0x7f })
const curve = fc.constantFrom(...(Object.keys(curves) as CurveName[]))
const pointOf = (name: CurveName) =>
  bytes(2 * curves[name].bytes).map((rest) => concat(Uint8Array.of(4), rest))
const padded = (length: number) => Math.ceil(length / 16) * 16

const component: fc.Arbitrary<PutKeyComponent> = fc.oneof(
  fc
    .tuple(fc.constantFrom(16, 24, 32), fc.boolean())
    .chain(([length, inner]) =>
      shaped<PutKeyComponent & { kind: 'aes' }>({
        kind: fc.constant('aes'),
        length: fc.constant(length as 16),
        innerLength: fc.constant(inner),
        wrapped: bytes(inner ? padded(length) : length),
        checkValue: bytes(3),
      }),
    )
    .filter(({ length, innerLength }) => (length as number) !== 24 || innerLength),
  shaped<PutKeyComponent & { kind: 'des' }>({
    kind: fc.constant('des'),
    length: fc.constant(16),
    innerLength: fc.constant(false),
    wrapped: bytes(16),
    checkValue: bytes(3),
  }),
  fc.tuple(curve, fc.boolean()).chain(([name, inner]) =>
    shaped<PutKeyComponent & { kind: 'ec-private' }>({
      kind: fc.constant('ec-private'),
      curve: fc.constant(name),
      innerLength: fc.constant(inner || name === 'P-521'),
      wrapped: bytes(padded(curves[name].bytes)),
    }),
  ),
  curve.chain((name) =>
    shaped<PutKeyComponent & { kind: 'ec-public' }>({
      kind: fc.constant('ec-public'),
      curve: fc.constant(name),
      point: pointOf(name),
    }),
  ),
  shaped<PutKeyComponent & { kind: 'rsa-public' }>({
    kind: fc.constant('rsa-public'),
    modulus: fc.constantFrom(64, 128, 256, 512).chain(bytes),
    exponent: fc.uint8Array({ minLength: 1, maxLength: 4 }),
  }),
)

laws(
  'PUT KEY data',
  shaped({ keyVersion: version, keys: fc.array(component, { minLength: 1, maxLength: 3 }) }),
  serializePutKeyData,
  parsePutKeyData,
  true,
)
laws(
  'one key of PUT KEY',
  component,
  (key) => serializePutKeyData({ keyVersion: 1, keys: [key] }),
  (input) => {
    const { keyVersion, keys } = parsePutKeyData(input)
    if (keyVersion !== 1 || keys.length !== 1) throw new DecodeError('another version, or more keys')
    return keys[0]!
  },
)
laws(
  'PUT KEY answer',
  shaped({ keyVersion: version, checkValues: fc.array(bytes(3), { maxLength: 3 }) }),
  serializePutKeyAnswer,
  parsePutKeyAnswer,
  true,
)
laws(
  'GENERATE KEY data',
  shaped({ keyVersion: version, curve }),
  serializeGenerateKeyRequest,
  parseGenerateKeyRequest,
)
laws(
  'GENERATE KEY answer',
  shaped({ curve: fc.constant('P-384' as const), point: pointOf('P-384') }),
  serializeGenerateKeyAnswer,
  (input) => parseGenerateKeyAnswer(input, 'P-384') as { curve: 'P-384'; point: Uint8Array },
)

const allNames = Object.keys(privileges) as Privileges['names'][number][]
const threeBytes: fc.Arbitrary<Privileges> = fc.subarray(allNames).map((names) => ({ length: 3, names }))
const oneByte: fc.Arbitrary<Privileges> = fc
  .subarray(allNames.slice(0, 8))
  .map((names) => ({ length: 1, names }))
laws('privileges', fc.oneof(threeBytes, oneByte), serializePrivileges, parsePrivileges, true)

const part = shaped({ type: byte.filter((type) => type !== 0xff), length: byte })
const wide = shaped({ type: byte, length: fc.nat(0xffff) })
const unmarked = shaped({
  type: fc.integer({ min: 3, max: 0xfe }),
  length: fc.nat(0xffff),
  unmarked: fc.constant(true as const),
})
const extended = shaped({
  usage: fc.uint8Array({ maxLength: 2 }),
  access: fc.uint8Array({ maxLength: 1 }),
})
const several = { minLength: 1, maxLength: 3 }
laws(
  'key information',
  fc.array(
    fc.oneof(
      shaped({ keyId: byte, keyVersion: byte, components: fc.array(part, several) }),
      shaped({
        keyId: byte,
        keyVersion: byte,
        components: fc
          .tuple(wide, fc.array(fc.oneof(wide, unmarked), { maxLength: 2 }))
          .map(([first, rest]) => [first, ...rest]),
        extended,
      }),
    ),
    several,
  ),
  serializeKeyInformation,
  (input) => {
    // The one case with two forms: no entry at all is written as an empty one.
    if (input.length === 0) throw new DecodeError('no entry')
    return parseKeyInformation(input)
  },
  true,
)
test('key information: a security domain without keys has an empty entry, or none', () => {
  assert.deepEqual(serializeKeyInformation([]), decodeHex('C000'))
  assert.deepEqual(parseKeyInformation(decodeHex('C000')), [])
  assert.deepEqual(parseKeyInformation(new Uint8Array(0)), [])
  assert.throws(() => parseKeyInformation(decodeHex('C000C00401FF8810')), DecodeError)
})

const other: fc.Arbitrary<Tlv> = shaped({
  tag: fc.constantFrom(0x65, 0x9f6e, 0xdf21),
  value: fc.uint8Array({ maxLength: 20 }),
})
laws(
  'card recognition data',
  fc
    .array(shaped({ protocol: byte, parameter: fc.array(byte, { minLength: 1, maxLength: 2 }) }), {
      maxLength: 3,
    })
    .map((protocols) => cardRecognitionData('2.3.1', protocols)),
  serializeCardRecognitionData,
  parseCardRecognitionData,
)
const capability = { protocol: byte, parameters: fc.uint8Array({ minLength: 1, maxLength: 4 }) }
laws(
  'card capabilities',
  shaped({
    protocols: fc.array(fc.oneof(shaped(capability), shaped({ ...capability, keyLengths: byte })), {
      maxLength: 3,
    }),
    others: fc.array(other, { maxLength: 3 }),
  }),
  serializeCardCapabilities,
  parseCardCapabilities,
  true,
)
laws(
  'CPLC',
  bytes(42),
  (b) => b,
  (input) => serializeCplc(parseCplc(input)),
)
laws('sequence counter', fc.nat(0xff_ffff), serializeSequenceCounter, parseSequenceCounter)
laws('diversification data', bytes(10), (b) => b, parseDiversificationData)
test('extended card resources: what is written reads back; other widths are read', () => {
  const resources = { applications: 3, nonVolatile: 0x0123_4567, volatile: 0xffff_ffff }
  assert.deepEqual(parseExtendedResources(serializeExtendedResources(resources)), resources)
  assert.deepEqual(parseExtendedResources(decodeHex('810103 8202 0400 83021000')), {
    applications: 3,
    nonVolatile: 1024,
    volatile: 4096,
  })
  for (const wrong of [
    '',
    '810103',
    '8100 820101 830101',
    '810101 820101 83050000000001',
    '820101 810101 830101',
  ])
    assert.throws(() => parseExtendedResources(decodeHex(wrong)), DecodeError, wrong)
})
laws(
  'application list',
  fc.array(aid, { maxLength: 3 }),
  serializeApplicationList,
  parseApplicationList,
  true,
)

laws(
  'file control information',
  shaped({
    aid,
    proprietary: fc.oneof(fc.constant(undefined), fc.array(other, { maxLength: 2 })),
    others: fc.array(other, { maxLength: 2 }),
  }),
  serializeFileControlInformation,
  parseFileControlInformation,
)
laws(
  'DELETE of content',
  fc.oneof(
    shaped({ kind: fc.constant('content' as const), aid }),
    shaped({
      kind: fc.constant('content' as const),
      aid,
      token: fc.constantFrom(0, 16, 127, 128, 256).chain(bytes),
    }),
  ),
  serializeDeleteRequest,
  parseDeleteRequest,
  true,
)
laws(
  'DELETE of keys',
  fc.oneof(
    shaped({ kind: fc.constant('keys' as const), keyId: byte }),
    shaped({ kind: fc.constant('keys' as const), keyVersion: byte }),
    shaped({ kind: fc.constant('keys' as const), keyId: byte, keyVersion: byte }),
  ),
  serializeDeleteRequest,
  parseDeleteRequest,
  true,
)
test('DELETE of nothing is refused on both sides', () => {
  assert.throws(() => parseDeleteRequest(new Uint8Array(0)), DecodeError)
  assert.throws(() => serializeDeleteRequest({ kind: 'keys' }), UsageError)
})

const filter = fc.uint8Array({ maxLength: 16 })
laws(
  'GET STATUS data',
  fc.oneof(
    shaped({ filter }),
    shaped({ filter, tags: fc.array(fc.constantFrom(0x4f, 0x9f70, 0xc5, 0xcc, 0x84)) }),
  ),
  serializeStatusRequest,
  parseStatusRequest,
  true,
)

const entry: fc.Arbitrary<RegistryEntry> = fc.record(
  {
    aid,
    state: byte,
    privileges: fc.oneof(threeBytes, oneByte),
    implicitSelection: fc.array(byte, several),
    loadFile: aid,
    version: bytes(2),
    modules: fc.array(aid, several),
    securityDomain: aid,
    others: fc.array(shaped({ tag: fc.constantFrom(0xdf21, 0xc9), value: bytes(2) }), several),
  },
  { requiredKeys: ['aid', 'state'], noNullPrototype: true },
)
test('registry: entries come back as they were written, by the tags asked for', () => {
  fc.assert(
    fc.property(fc.array(entry, { maxLength: 4 }), (entries) => {
      const encoded = serializeRegistryEntries(entries)
      assert.deepEqual(parseRegistryEntries(encoded), entries)
      assert.deepEqual(serializeRegistryEntries(parseRegistryEntries(encoded)), encoded)
      const short = serializeRegistryEntries(entries, [0x4f, 0x9f70])
      assert.deepEqual(
        parseRegistryEntries(short),
        entries.map((one) => ({ aid: one.aid, state: one.state })),
      )
    }),
  )
})
test('registry: any order of an entry is read, a tag that stands twice is not', () => {
  const read = (hex: string) => parseRegistryEntries(decodeHex(hex))
  assert.deepEqual(read('E30E C50180 9F70010F 4F05A000000151'), [
    {
      aid: decodeHex('A000000151'),
      state: 0x0f,
      privileges: { length: 1, names: ['security-domain'] },
    },
  ])
  for (const wrong of [
    'E30D 4F05A000000151 9F70010F 4F00',
    'E307 4F05A000000151',
    'E304 9F700107',
    'E30F 4F05A000000151 9F70050F0F0F0F0F',
    'E30A 4F05A000000151 9F7000',
    'E40B 4F05A000000151 9F70010F',
    'E30A 4F04A0000001 9F70010F',
  ]) {
    assert.throws(() => read(wrong), DecodeError, wrong)
  }
})
const old = { aid, state: byte, privileges: oneByte }
laws(
  'registry, old form',
  fc.array(shaped<OldRegistryEntry>(old), { maxLength: 3 }),
  (list) => serializeOldRegistryEntries(list, 'applications'),
  (input) => parseOldRegistryEntries(input, 'applications'),
  true,
)
laws(
  'registry, old form with modules',
  fc.array(shaped<OldRegistryEntry>({ ...old, modules: fc.array(aid, { maxLength: 3 }) }), { maxLength: 3 }),
  (list) => serializeOldRegistryEntries(list, 'load-files-and-modules'),
  (input) => parseOldRegistryEntries(input, 'load-files-and-modules'),
  true,
)

test('states: each code belongs to one state, and what is read is written', () => {
  const codes = Array.from({ length: 256 }, (_, code) => code)
  const read = <T>(parse: (code: number) => T) =>
    codes.flatMap((code) => {
      try {
        return [[code, parse(code)] as const]
      } catch (error) {
        assert.ok(error instanceof DecodeError)
        return []
      }
    })
  assert.deepEqual(
    read(parseCardState).map(([code]) => code),
    [0x01, 0x07, 0x0f, 0x7f, 0xff],
  )
  for (const [code, name] of read(parseCardState)) assert.equal(cardStates[name].code, code)
  const domains = read(parseDomainState)
  assert.deepEqual(
    domains.map(([code]) => code),
    [0x03, 0x07, 0x0f, 0x83, 0x87, 0x8f],
  )
  for (const [code, state] of [...domains, ...read(parseApplicationState)])
    assert.equal(serializeState(state), code)
  assert.throws(() => parseApplicationState(0x0b), DecodeError)
  assert.throws(() => parseDomainState(0x100), DecodeError)
})

test('the card: one way to secured, locked and back, terminated from everywhere and never left', () => {
  const names = Object.keys(cardStates) as (keyof typeof cardStates)[]
  const allowed = names.flatMap((from) =>
    names.filter((to) => cardMayBecome(from, to)).map((to) => `${from} ${to}`),
  )
  assert.deepEqual(allowed, [
    'op-ready initialized',
    'op-ready terminated',
    'initialized secured',
    'initialized terminated',
    'secured card-locked',
    'secured terminated',
    'card-locked secured',
    'card-locked terminated',
  ])
})

test("privileges of the issuer's security domain read as the standard names them", () => {
  const read = parsePrivileges(decodeHex('9EFE80'))
  assert.deepEqual(read.names, [
    'security-domain',
    'card-lock',
    'card-terminate',
    'card-reset',
    'cvm-management',
    'trusted-path',
    'authorized-management',
    'token-verification',
    'global-delete',
    'global-lock',
    'global-registry',
    'final-application',
    'receipt-generation',
  ])
  assert.deepEqual(read, privilegesOf(...read.names))
  assert.throws(() => parsePrivileges(decodeHex('9EFE8F')), DecodeError)
  assert.throws(() => serializePrivileges({ length: 1, names: ['final-application'] }), UsageError)
})

test('an answer of GET DATA is taken with its wrapper or without', () => {
  const value = decodeHex('C00401FF8810')
  assert.deepEqual(valueOfAnswer(0xe0, decodeHex('E006C00401FF8810')), value)
  assert.deepEqual(valueOfAnswer(0xe0, value), value)
  assert.deepEqual(valueOfAnswer(0x67, decodeHex('67056703800103')), decodeHex('800103'))
  assert.deepEqual(valueOfAnswer(0xff21, decodeHex('FF2103810105')), decodeHex('810105'))
})
