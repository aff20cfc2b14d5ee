import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { aid, byte, bytes, laws, shaped } from '../../test/codec-laws.ts'
import { concat, decodeHex, encodeHex, fromAscii } from '../bytes/index.ts'
import { kcvGlobalPlatform, portableCrypto, withHandle } from '../crypto/index.ts'
import { DecodeError, StateError, UsageError } from '../errors/index.ts'
import {
  type Diversification,
  type DomainData,
  type DomainParameters,
  diversifyScp03Keys,
  type InstallForExtradition,
  type InstallForInstall,
  type InstallForLoad,
  type InstallForPersonalization,
  type InstallForRegistryUpdate,
  installParameters,
  installPurposes,
  LoadFileCollector,
  parseCaIdentifiers,
  parseCaKeyRequest,
  parseCertificateRequest,
  parseConfirmation,
  parseDataGroupings,
  parseDomainData,
  parseDomainParameters,
  parseInstallParameters,
  parseInstallPurpose,
  parseInstallRequest,
  parseKeySet,
  parseLoadFile,
  parseStoreDataForm,
  privilegesOf,
  StoreDataCollector,
  serializeCaIdentifiers,
  serializeCaKeyRequest,
  serializeCertificateRequest,
  serializeConfirmation,
  serializeDataGroupings,
  serializeDomainData,
  serializeDomainParameters,
  serializeInstallParameters,
  serializeInstallRequest,
  serializeKeySetFile,
  serializeLoadFile,
  serializeStoreDataForm,
  splitLoadFile,
  splitStoreData,
  testOnlyScp03Key,
} from './index.ts'

const privileges = fc.constantFrom(privilegesOf(), privilegesOf('security-domain', 'trusted-path'), {
  length: 1 as const,
  names: ['security-domain' as const],
})
const field = fc.constantFrom(0, 1, 127, 128, 255, 256).chain(bytes)
const record = <T>(
  model: { [K in keyof T]-?: fc.Arbitrary<Exclude<T[K], undefined>> },
  ...optional: string[]
) =>
  fc.record(model as Record<string, fc.Arbitrary<unknown>>, {
    requiredKeys: Object.keys(model).filter((key) => !optional.includes(key)),
    noNullPrototype: true,
  }) as fc.Arbitrary<T>

laws(
  'INSTALL for load',
  record<InstallForLoad>(
    {
      purpose: fc.constant('load'),
      loadFile: aid,
      securityDomain: aid,
      hash: field,
      parameters: field,
      token: field,
    },
    'securityDomain',
  ),
  serializeInstallRequest,
  (input) => parseInstallRequest('load', input) as InstallForLoad,
)
for (const purpose of ['install', 'make-selectable', 'install-and-make-selectable'] as const) {
  const optional = purpose === 'make-selectable' ? ['loadFile', 'module', 'privileges'] : []
  laws(
    `INSTALL for ${purpose}`,
    record<InstallForInstall>(
      {
        purpose: fc.constant(purpose),
        loadFile: aid,
        module: aid,
        instance: aid,
        privileges,
        parameters: field,
        token: field,
      },
      ...optional,
    ),
    serializeInstallRequest,
    (input) => parseInstallRequest(purpose, input) as InstallForInstall,
  )
}
laws(
  'INSTALL for extradition',
  record<InstallForExtradition>({
    purpose: fc.constant('extradition'),
    securityDomain: aid,
    application: aid,
    parameters: field,
    token: field,
  }),
  serializeInstallRequest,
  (input) => parseInstallRequest('extradition', input) as InstallForExtradition,
)
laws(
  'INSTALL for personalization',
  record<InstallForPersonalization>({ purpose: fc.constant('personalization'), application: aid }),
  serializeInstallRequest,
  (input) => parseInstallRequest('personalization', input) as InstallForPersonalization,
)
laws(
  'INSTALL for registry update',
  record<InstallForRegistryUpdate>(
    {
      purpose: fc.constant('registry-update'),
      securityDomain: aid,
      application: aid,
      privileges,
      parameters: field,
      token: field,
    },
    'securityDomain',
    'application',
    'privileges',
  ),
  serializeInstallRequest,
  (input) => parseInstallRequest('registry-update', input) as InstallForRegistryUpdate,
)

test('INSTALL: seven purposes, with bit 8 for more segments, and nothing else', () => {
  const known = Object.values(installPurposes) as number[]
  for (let p1 = 0; p1 < 0x100; p1++) {
    if (known.includes(p1 & 0x7f)) assert.equal(installPurposes[parseInstallPurpose(p1)], p1 & 0x7f)
    else assert.throws(() => parseInstallPurpose(p1), DecodeError)
  }
})

test('a confirmation is 00, or length and bytes; LOAD may answer nothing', () => {
  assert.deepEqual(parseConfirmation(new Uint8Array(0)), new Uint8Array(0))
  for (const length of [0, 1, 127, 128, 200]) {
    const confirmation = new Uint8Array(length).fill(7)
    assert.deepEqual(parseConfirmation(serializeConfirmation(confirmation)), confirmation)
  }
  for (const wrong of ['01', '0000', '8100', '80']) {
    assert.throws(() => parseConfirmation(decodeHex(wrong)), DecodeError)
  }
})

test('install parameters: quotas come back, what is not known is kept, a tag twice is refused', () => {
  const made = installParameters(decodeHex('01020304'), { volatile: 256, nonVolatile: 0x1_0000 })
  const encoded = serializeInstallParameters(made)
  assert.equal(encodeHex(encoded), 'C90401020304EF0AC7020100C80400010000')
  assert.deepEqual(parseInstallParameters(encoded), made)
  // pySim's own test: quotas of 256 bytes, and SIM toolkit parameters inside EF.
  const pysim = decodeHex('C900 EF1C C8020100 C7020100 CA12 000000000000000000000000000000000000')
  const parsed = parseInstallParameters(pysim)
  assert.deepEqual(parsed.quotas, { volatile: 256, nonVolatile: 256 })
  assert.deepEqual(parsed.applicationSpecific, new Uint8Array(0))
  assert.deepEqual(serializeInstallParameters(parsed), pysim)
  for (const wrong of [
    'C900C900',
    'EF04C8010100',
    'EF05C803010000',
    'EF08C8020100C8020100',
    'C9',
    'EF0AC7020100C80300010000',
  ]) {
    assert.throws(() => parseInstallParameters(decodeHex(wrong)), DecodeError, wrong)
  }
})

const option = fc.uint8Array({ minLength: 1, maxLength: 2 })
laws(
  'security domain parameters',
  record<DomainParameters>(
    {
      protocols: fc.array(shaped({ protocol: byte, parameter: byte }), { maxLength: 2 }),
      acceptExtraditionTo: option,
      ownDeletion: option,
      acceptExtraditionFrom: option,
      others: fc.array(shaped({ tag: fc.constantFrom(0x45, 0x88), value: bytes(3) }), { maxLength: 2 }),
    },
    'acceptExtraditionTo',
    'ownDeletion',
    'acceptExtraditionFrom',
  ),
  serializeDomainParameters,
  parseDomainParameters,
  true,
)

const dap = shaped({ securityDomain: aid, signature: fc.constantFrom(8, 128, 256).chain(bytes) })
const loadFile = shaped({
  dapBlocks: fc.array(dap, { maxLength: 2 }),
  ciphered: fc.boolean(),
  dataBlock: fc.constantFrom(0, 1, 127, 128, 255, 256, 1000).chain(bytes),
})
laws(
  'load file',
  loadFile.filter((file) => file.dataBlock.length < 300),
  serializeLoadFile,
  parseLoadFile,
)

test('LOAD: a load file arrives whole, cut into blocks of any size', () => {
  fc.assert(
    fc.property(loadFile, fc.integer({ min: 8, max: 255 }), (file, size) => {
      const encoded = serializeLoadFile(file)
      const blocks = splitLoadFile(encoded, size)
      assert.deepEqual(concat(...blocks.map(({ data }) => data)), encoded)
      assert.ok(
        blocks.every(
          ({ number, last, data }, i) =>
            number === i && last === (i === blocks.length - 1) && data.length <= size,
        ),
      )
      const collector = new LoadFileCollector(2000)
      const results = blocks.map((block) => collector.add(block))
      assert.deepEqual(results.pop(), file)
      assert.ok(results.every((result) => result === undefined))
      assert.throws(() => collector.add(blocks[0]!), StateError)
    }),
    { numRuns: 60 },
  )
})

test('LOAD: a block missing, twice, too long or too much is refused, and nothing is taken after', () => {
  const file = { dapBlocks: [], ciphered: false, dataBlock: new Uint8Array(600).fill(5) }
  const blocks = splitLoadFile(serializeLoadFile(file), 200)
  const refused = (
    list: readonly (typeof blocks)[number][],
    error: typeof StateError | typeof DecodeError,
    limit = 1000,
  ) => {
    const collector = new LoadFileCollector(limit)
    assert.throws(() => {
      for (const block of list) collector.add(block)
    }, error)
    assert.throws(() => collector.add(blocks[0]!), StateError)
  }
  const [first, second, third, fourth] = blocks
  refused([first!, third!], StateError)
  refused([first!, second!, second!], StateError)
  refused([second!], StateError)
  refused([{ ...first!, last: true }], DecodeError)
  refused([first!, second!, third!, { ...fourth!, data: new Uint8Array(5) }], DecodeError)
  refused(
    [
      first!,
      second!,
      third!,
      { ...fourth!, last: false },
      { last: true, number: 4, data: new Uint8Array(1) },
    ],
    DecodeError,
  )
  refused([first!], DecodeError, 603)
  refused([{ ...first!, data: new Uint8Array(300) }], DecodeError, 200)
  assert.throws(() => splitLoadFile(new Uint8Array(257), 1), UsageError)
  assert.equal(splitLoadFile(new Uint8Array(256), 1).length, 256)
  const endless = new LoadFileCollector(1000)
  for (let number = 0; number < 255; number++)
    endless.add({ last: false, number, data: number === 0 ? decodeHex('C48203E0') : new Uint8Array(1) })
  assert.throws(() => endless.add({ last: false, number: 255, data: new Uint8Array(1) }), DecodeError)
})

test('STORE DATA: P1 has one form for each value that has no reserved bit', () => {
  for (let p1 = 0; p1 < 0x100; p1++) {
    const sound = (p1 & 0x06) === 0 && (p1 & 0x18) !== 0x18 && (p1 & 0x60) !== 0x40
    if (sound) assert.equal(serializeStoreDataForm(parseStoreDataForm(p1)), p1)
    else assert.throws(() => parseStoreDataForm(p1), DecodeError)
  }
  assert.deepEqual(parseStoreDataForm(0x90), {
    last: true,
    encryption: 'none',
    structure: 'tlv',
    answer: false,
  })
})

const key = shaped({ keyId: byte, keyVersion: byte })
laws(
  'STORE DATA of a security domain',
  fc.oneof(
    record<DomainData & { kind: 'ca-identifier' }>(
      {
        kind: fc.constant('ca-identifier'),
        ca: fc.constantFrom('kloc', 'klcc'),
        identifier: fc.uint8Array({ minLength: 1, maxLength: 32 }),
        key,
      },
      'ca',
    ),
    record<DomainData & { kind: 'certificates' }>({
      kind: fc.constant('certificates'),
      key,
      certificates: field,
    }),
    record<DomainData & { kind: 'allow-list' }>(
      {
        kind: fc.constant('allow-list'),
        key,
        counter: fc.uint8Array({ minLength: 1, maxLength: 8 }),
        serialNumbers: fc.array(fc.uint8Array({ minLength: 1, maxLength: 21 }), { maxLength: 3 }),
      },
      'counter',
    ),
    record<DomainData & { kind: 'rename' }>({ kind: fc.constant('rename'), aid }),
    record<DomainData & { kind: 'object' }>({
      kind: fc.constant('object'),
      object: shaped({ tag: fc.constantFrom(0x42, 0x45, 0xcf), value: bytes(4) }),
    }),
  ) as fc.Arbitrary<DomainData>,
  serializeDomainData,
  parseDomainData,
  true,
)
laws(
  'data groupings',
  fc.array(shaped({ identifier: fc.nat(0xffff), data: fc.constantFrom(0, 5, 254, 255, 256).chain(bytes) }), {
    maxLength: 3,
  }),
  serializeDataGroupings,
  parseDataGroupings,
  true,
)
laws('GET DATA of certificates', key, serializeCertificateRequest, parseCertificateRequest)
laws('GET DATA of a CA key', fc.uint8Array({ maxLength: 32 }), serializeCaKeyRequest, parseCaKeyRequest)
laws(
  'CA identifiers',
  fc.array(shaped({ identifier: fc.uint8Array({ maxLength: 32 }), key }), { maxLength: 3 }),
  serializeCaIdentifiers,
  parseCaIdentifiers,
  true,
)

test('STORE DATA in blocks: whole in order; a block out of order or too much ends it', () => {
  const content = new Uint8Array(500).fill(9)
  const blocks = splitStoreData(content, 239)
  const collector = new StoreDataCollector(500)
  assert.deepEqual(
    blocks.map((block) => collector.add(block)),
    [undefined, undefined, content],
  )
  assert.throws(() => collector.add(blocks[0]!), StateError)
  const other = new StoreDataCollector(300)
  other.add(blocks[0]!)
  assert.throws(() => other.add(blocks[1]!), DecodeError)
  assert.throws(() => other.add(blocks[1]!), StateError)
  assert.throws(() => new StoreDataCollector(500).add(blocks[1]!), StateError)
  assert.deepEqual(splitStoreData(new Uint8Array(0), 10), [
    { last: true, number: 0, data: new Uint8Array(0) },
  ])
})

test('a key set is one key for all, or three; its file is three lines of hex', () => {
  const three = concat(...[1, 2, 3].map((fill) => new Uint8Array(24).fill(fill)))
  const keys = parseKeySet(three)
  assert.deepEqual(concat(keys.enc, keys.mac, keys.dek), three)
  const text = fromAscii(serializeKeySetFile(keys))
  assert.match(text, /^(?:[0-9A-F]{48}\n){3}$/)
  assert.deepEqual(parseKeySet(decodeHex(text)), keys)
  const one = parseKeySet(testOnlyScp03Key())
  assert.deepEqual([one.enc, one.mac, one.dek], Array(3).fill(testOnlyScp03Key()))
  for (const length of [0, 15, 17, 47, 64, 97]) {
    assert.throws(() => parseKeySet(new Uint8Array(length)), DecodeError)
  }
  assert.throws(() => serializeKeySetFile({ ...keys, dek: new Uint8Array(16) }), UsageError)
})

test('a card gets its own three keys from a master key; only the method none shares one', () => {
  const master = testOnlyScp03Key()
  const data = decodeHex('00010203040506070809')
  const values = (method: Diversification, kdd: Uint8Array) => {
    const keys = diversifyScp03Keys(method, master, kdd, portableCrypto)
    return [keys.enc, keys.mac, keys.dek].map((one) =>
      encodeHex(withHandle(portableCrypto.aes(one), kcvGlobalPlatform)),
    )
  }
  // GlobalPlatformPro, TestPlaintextKeys.
  assert.deepEqual(values('kdf3', data), ['E79C05', 'D1BD77', '3FDE8C'])
  assert.deepEqual(values('none', data), ['504A77', '504A77', '504A77'])
  const own = values('an10922', data)
  assert.equal(new Set(own).size, 3)
  assert.notDeepEqual(
    values(
      'an10922',
      data.map((one) => one ^ 1),
    ),
    own,
  )
  assert.throws(() => values('an10922', data.slice(1)), DecodeError)
  assert.throws(() => values('kdf3', data.slice(1)), UsageError)
})
