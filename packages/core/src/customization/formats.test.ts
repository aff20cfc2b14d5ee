import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { concat, encodeHex } from '../bytes/index.ts'
import {
  type ChipMode,
  chipModes,
  type InterfaceName,
  type SelfTestResult,
  selfTestResults,
  unlockTries,
} from '../catalog/index.ts'
import { DecodeError, UsageError } from '../errors/index.ts'
import {
  type CustomizationObject,
  customizationObjects,
  type GrantableInterface,
  grantableInterfaces,
  type ImageForm,
  maskPagesOf,
  packWrites,
  parseAesKeyObject,
  parseChipStatus,
  parseCustomizationImage,
  parseCustomizationKeyEnvelope,
  parseDeliveryNote,
  parseIdentityKey,
  parseIdentityRequest,
  parseMaskFile,
  parseModulePapers,
  parseSamState,
  parseSealedCustomizationKey,
  parseSelfTest,
  parseSessionLimit,
  parseSessionRequest,
  parseSoftware,
  parseUnlockingData,
  parseUnlockingFile,
  parseWriteRecords,
  recordsOfObject,
  serializeAesKeyObject,
  serializeChipStatus,
  serializeCustomizationImage,
  serializeCustomizationKeyEnvelope,
  serializeDeliveryNote,
  serializeIdentityKey,
  serializeIdentityRequest,
  serializeMaskFile,
  serializeModulePapers,
  serializeSamState,
  serializeSealedCustomizationKey,
  serializeSelfTest,
  serializeSessionLimit,
  serializeSessionRequest,
  serializeSoftware,
  serializeUnlockingData,
  serializeUnlockingFile,
  serializeWriteRecords,
  type WriteRecord,
  writeLimit,
} from './index.ts'

const shaped = <T>(model: { [K in keyof T]: fc.Arbitrary<T[K]> }) =>
  fc.record<T>(model, { noNullPrototype: true })
const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length })
const object = fc.constantFrom(...(Object.keys(customizationObjects) as CustomizationObject[]))
const u32 = fc.nat({ max: 0xffff_ffff })
const point = bytes(64).map((rest) => concat(Uint8Array.of(4), rest))
const record: fc.Arbitrary<WriteRecord> = fc.oneof(
  shaped({
    kind: fc.constantFrom('put' as const, 'append' as const),
    object,
    id: u32,
    bytes: fc.uint8Array({ maxLength: 40 }),
  }),
  shaped({
    kind: fc.constant('vectors' as const),
    vectors: fc.array(shaped({ ins: fc.nat(255), program: fc.nat(255), function: fc.nat(255) }), {
      maxLength: 5,
    }),
  }),
  shaped({ kind: fc.constant('activate' as const), entry: u32 }),
  shaped({ kind: fc.constant('verify' as const), object, id: u32, digest: bytes(32) }),
)

/** `open`: the last field takes what is there, so that a longer or shorter input may be another value. */
function laws<T>(
  name: string,
  values: fc.Arbitrary<T>,
  serialize: (value: T) => Uint8Array,
  parse: (bytes: Uint8Array) => T,
  open = false,
): void {
  test(`${name}: round trip, one form only, cut or lengthened refused`, () => {
    fc.assert(
      fc.property(values, (value) => {
        const encoded = serialize(value)
        assert.deepEqual(parse(encoded), value)
        assert.deepEqual(serialize(parse(encoded)), encoded)
        for (const wrong of [...prefixes(encoded), concat(encoded, Uint8Array.of(0))]) {
          if (open) sameOrRefused(wrong)
          else assert.throws(() => parse(wrong), DecodeError)
        }
      }),
      { numRuns: 30 },
    )
    fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), sameOrRefused), { numRuns: 200 })
  })

  function sameOrRefused(wrong: Uint8Array): void {
    try {
      assert.deepEqual(serialize(parse(wrong)), wrong)
    } catch (error) {
      assert.ok(error instanceof DecodeError, String(error))
    }
  }
}

function prefixes(encoded: Uint8Array): Uint8Array[] {
  const step = Math.max(1, Math.floor(encoded.length / 60))
  const list: Uint8Array[] = []
  for (let length = 0; length < encoded.length; length += step) list.push(encoded.subarray(0, length))
  return [...list, encoded.subarray(0, encoded.length - 1)]
}

laws(
  'chip status',
  shaped({
    mode: fc.constantFrom(...(Object.keys(chipModes) as ChipMode[])),
    serial: fc.option(
      bytes(8).filter((serial) => serial.some((byte) => byte !== 0)),
      { nil: undefined },
    ),
    triesLeft: fc.nat(unlockTries),
    otp: bytes(32),
    romDigest: bytes(32),
    imageIv: fc.option(
      bytes(16).filter((iv) => iv.some((byte) => byte !== 0)),
      { nil: undefined },
    ),
  }),
  serializeChipStatus,
  parseChipStatus,
)
laws(
  'self-test',
  shaped({
    result: fc.constantFrom(...(Object.keys(selfTestResults) as SelfTestResult[])),
    bytesRead: u32,
  }),
  serializeSelfTest,
  parseSelfTest,
)
laws(
  'mask file',
  shaped({
    version: fc.constant(1 as const),
    eepromSize: fc.constant(32_768),
    rom: fc.uint8Array({ maxLength: 300 }),
    eeprom: fc
      .uniqueArray(fc.nat(127), { maxLength: 4 })
      .chain((numbers) =>
        fc.tuple(
          ...numbers
            .sort((a, b) => a - b)
            .map((number) => bytes(255).map((rest) => ({ number, bytes: concat(rest, Uint8Array.of(1)) }))),
        ),
      ),
  }),
  serializeMaskFile,
  parseMaskFile,
)
laws(
  'customization image',
  shaped({
    version: fc.constant(1 as const),
    form: fc.constantFrom('eeprom' as ImageForm, 'ram' as ImageForm),
    signature: bytes(64),
    program: fc.uint8Array({ minLength: 1, maxLength: 100 }),
  }),
  serializeCustomizationImage,
  parseCustomizationImage,
  true,
)
laws(
  'unlocking data',
  shaped({ key: bytes(32), hash: bytes(32) }),
  serializeUnlockingData,
  parseUnlockingData,
)
laws(
  'unlocking file',
  shaped({
    version: fc.constant(1 as const),
    romDigest: bytes(32),
    form: fc.constantFrom('eeprom' as ImageForm, 'ram' as ImageForm),
    unlocking: shaped({ key: bytes(32), hash: bytes(32) }),
  }),
  serializeUnlockingFile,
  parseUnlockingFile,
)
laws(
  'delivery note',
  shaped({ version: fc.constant(1 as const), romDigest: bytes(32), imageDigest: bytes(32) }),
  serializeDeliveryNote,
  parseDeliveryNote,
)
laws(
  'identity key',
  shaped({ point, test: fc.boolean(), signature: bytes(64) }),
  serializeIdentityKey,
  parseIdentityKey,
)
laws(
  'identity request',
  shaped({
    version: fc.constant(1 as const),
    serial: bytes(8),
    point,
    test: fc.boolean(),
    signature: bytes(64),
  }),
  serializeIdentityRequest,
  parseIdentityRequest,
)
laws(
  'papers of a module',
  shaped({
    version: fc.constant(1 as const),
    serial: bytes(8),
    product: fc.constantFrom('a', 'cash', 'A product of thirty-two letters.'),
    documentKey: fc.oneof(bytes(16), bytes(32)),
  }),
  serializeModulePapers,
  parseModulePapers,
)
laws(
  'AES key object',
  fc.oneof(bytes(16), bytes(24), bytes(32)),
  serializeAesKeyObject,
  parseAesKeyObject,
  true,
)
laws(
  'software',
  shaped({
    version: fc.constant(1 as const),
    interfaces: fc.subarray([...grantableInterfaces]),
    budget: u32,
    keyPlaces: fc.uniqueArray(u32, { maxLength: 4 }).map((places) => places.sort((a, b) => a - b)),
    program: fc.uint8Array({ minLength: 1, maxLength: 40 }),
  }),
  serializeSoftware,
  parseSoftware,
  true,
)
laws('WRITE records', fc.array(record, { maxLength: 5 }), serializeWriteRecords, parseWriteRecords, true)

test('software is never granted the chip interface, nor what speaks for a resource', () => {
  for (const name of ['chip', 'sign', 'clock'] as InterfaceName[]) {
    const interfaces = [name] as GrantableInterface[]
    const software = { version: 1, interfaces, budget: 1, keyPlaces: [], program: Uint8Array.of(0) } as const
    assert.throws(() => serializeSoftware(software), UsageError)
  }
})

test('an object of any length goes out in WRITEs within the limit, in order, and comes back whole', () => {
  for (const length of [0, 1, writeLimit - 8, writeLimit - 7, 5000]) {
    const content = Uint8Array.from({ length }, (_, i) => i & 0xff)
    const records = recordsOfObject('software', 2, content, new Uint8Array(32))
    const writes = packWrites([{ kind: 'activate', entry: 1 }, ...records])
    assert.ok(writes.every((write) => write.length <= writeLimit))
    const parsed = writes.flatMap(parseWriteRecords)
    const joined = concat(...parsed.map((one) => ('bytes' in one ? one.bytes : new Uint8Array(0))))
    assert.equal(encodeHex(joined), encodeHex(content))
    assert.equal(
      parsed.some((one) => one.kind === 'verify'),
      records.length > 1,
    )
  }
})

test('the pages of a mask are those of EEPROM that are not all zeros', () => {
  const eeprom = new Uint8Array(1024)
  eeprom[300] = 7
  eeprom[1023] = 9
  assert.deepEqual(
    maskPagesOf(eeprom).map(({ number, bytes }) => [number, bytes.indexOf(number === 1 ? 7 : 9)]),
    [
      [1, 44],
      [3, 255],
    ],
  )
})

const sealedKey = shaped({
  version: fc.constant(1 as const),
  sam: bytes(8),
  nonce: bytes(12),
  box: bytes(48),
})
laws('sealed customization key', sealedKey, serializeSealedCustomizationKey, parseSealedCustomizationKey)
laws(
  'envelope of a customization key',
  shaped({ sealed: sealedKey, ephemeral: point, box: bytes(48) }),
  serializeCustomizationKeyEnvelope,
  parseCustomizationKeyEnvelope,
)
laws(
  'session request',
  shaped({ serial: bytes(8), sealed: sealedKey, cardChallenge: bytes(8), cardCryptogram: bytes(8) }),
  serializeSessionRequest,
  parseSessionRequest,
)
const limit = fc.option(fc.nat({ max: 0xffff_fffe }), { nil: undefined })
laws(
  'state of a SAM',
  shaped({ checkValue: bytes(5), sessionsLeft: limit }),
  serializeSamState,
  parseSamState,
)
laws('limit of sessions', limit, serializeSessionLimit, parseSessionLimit)

test('fields of the SAM that have another length are a mistake of ours', () => {
  const sealed = {
    version: 1,
    sam: new Uint8Array(8),
    nonce: new Uint8Array(12),
    box: new Uint8Array(48),
  } as const
  const short = new Uint8Array(7)
  for (const wrong of [{ sam: short }, { nonce: short }, { box: short }]) {
    assert.throws(() => serializeSealedCustomizationKey({ ...sealed, ...wrong }), UsageError)
  }
  const request = {
    ...{ serial: new Uint8Array(8), sealed },
    ...{ cardChallenge: new Uint8Array(8), cardCryptogram: new Uint8Array(8) },
  }
  for (const wrong of [{ serial: short }, { cardChallenge: short }, { cardCryptogram: short }]) {
    assert.throws(() => serializeSessionRequest({ ...request, ...wrong }), UsageError)
  }
  assert.throws(() => serializeSamState({ checkValue: short, sessionsLeft: 1 }), UsageError)
  for (const wrong of [-1, 0.5, 0xffff_ffff]) {
    assert.throws(() => serializeSessionLimit(wrong), UsageError)
  }
})
