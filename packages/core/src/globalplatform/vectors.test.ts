import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { concat, decodeHex } from '../bytes/index.ts'
import { kcvGlobalPlatform, portableCrypto, withHandle } from '../crypto/index.ts'
import {
  type CurveName,
  cardRecognitionData,
  checkOceChain,
  checkValuesOf,
  type Diversification,
  diversifyScp03Keys,
  type InstallPurpose,
  installPurposes,
  type PutKeyComponent,
  parseCardCapabilities,
  parseCardRecognitionData,
  parseCertificateBundle,
  parseCertificateRequest,
  parseDeleteRequest,
  parseDomainData,
  parseDomainParameters,
  parseFileControlInformation,
  parseGenerateKeyRequest,
  parseInstallPurpose,
  parseInstallRequest,
  parseKeyInformation,
  parseOldRegistryEntries,
  parsePutKeyAnswer,
  parsePutKeyData,
  parseRegistryEntries,
  parseStatusRequest,
  roleOfPolicies,
  type StatusScope,
  serializeCardCapabilities,
  serializeCardRecognitionData,
  serializeCertificateRequest,
  serializeDeleteRequest,
  serializeDomainData,
  serializeDomainParameters,
  serializeFileControlInformation,
  serializeGenerateKeyRequest,
  serializeInstallRequest,
  serializeKeyInformation,
  serializeOldRegistryEntries,
  serializePutKeyAnswer,
  serializePutKeyData,
  serializeRegistryEntries,
  serializeStatusRequest,
  verifyOceCertificate,
} from './index.ts'

interface Case {
  readonly kind: string
  readonly origin: string
  readonly [field: string]: unknown
}

const hex = (one: Case, field: string) => decodeHex(one[field] as string)

const purposeCode = (one: Case) => installPurposes[one['purpose'] as InstallPurpose]

const runs: Record<string, (one: Case) => void> = {
  'put-key': (one) => {
    const data = parsePutKeyData(hex(one, 'data'))
    const clear = (one['keys'] as string[]).map(decodeHex)
    withHandle(portableCrypto.aes(hex(one, 'dek')), (dek) => {
      const keys = clear.map((key): PutKeyComponent => {
        const wrapped = dek.cbcEncrypt(new Uint8Array(16), key)
        const innerLength = one['innerLength'] as boolean
        if (one['curve'] === 'P-256') return { kind: 'ec-private', curve: 'P-256', wrapped, innerLength }
        const checkValue = withHandle(portableCrypto.aes(key), kcvGlobalPlatform)
        return { kind: 'aes', length: key.length as 16, wrapped, innerLength, checkValue }
      })
      assert.deepEqual(data, { keyVersion: one['keyVersion'], keys })
      assert.deepEqual(
        serializePutKeyData({ keyVersion: one['keyVersion'] as number, keys }),
        hex(one, 'data'),
      )
    })
    const answer = { keyVersion: data.keyVersion, checkValues: checkValuesOf(data.keys) }
    assert.deepEqual(parsePutKeyAnswer(hex(one, 'answer')), answer)
    assert.deepEqual(serializePutKeyAnswer(answer), hex(one, 'answer'))
  },
  'key-information': (one) => {
    type Row = [number, number, [number, number, boolean?][], string?, string?]
    const entries = (one['entries'] as Row[]).map(([keyId, keyVersion, components, usage, access]) => ({
      keyId,
      keyVersion,
      components: components.map(([type, length, unmarked]) => ({
        type,
        length,
        ...(unmarked && { unmarked: true as const }),
      })),
      ...(usage !== undefined && {
        extended: { usage: decodeHex(usage), access: decodeHex(access ?? '') },
      }),
    }))
    assert.deepEqual(parseKeyInformation(hex(one, 'value')), entries)
    assert.deepEqual(serializeKeyInformation(entries), hex(one, 'value'))
  },
  registry: (one) => {
    const [entry, ...others] = parseRegistryEntries(hex(one, 'bytes'))
    assert.equal(others.length, 0)
    assert.deepEqual(entry!.aid, hex(one, 'aid'))
    assert.equal(entry!.state, one['state'])
    assert.equal(entry!.privileges?.names.length, one['privileges'])
    assert.deepEqual(serializeRegistryEntries([entry!]), hex(one, 'bytes'))
  },
  'card-recognition-data': (one) => {
    const parsed = parseCardRecognitionData(hex(one, 'value'))
    const protocols = (one['protocols'] as [number, number[]][]).map(([protocol, parameter]) => ({
      protocol,
      parameter,
    }))
    assert.equal(parsed.version, one['version'])
    assert.deepEqual(parsed.protocols, protocols)
    assert.deepEqual(serializeCardRecognitionData(parsed), hex(one, 'value'))
    const made = cardRecognitionData(one['version'] as string, protocols)
    assert.deepEqual(made.objects, parsed.objects.slice(0, made.objects.length))
    assert.deepEqual(parseCardRecognitionData(serializeCardRecognitionData(made)), made)
  },
  'card-capabilities': (one) => {
    const parsed = parseCardCapabilities(hex(one, 'value'))
    const protocols = (one['protocols'] as [number, string, number?][]).map(
      ([protocol, parameters, keyLengths]) => ({
        protocol,
        parameters: decodeHex(parameters),
        ...(keyLengths !== undefined && { keyLengths }),
      }),
    )
    assert.deepEqual(parsed.protocols, protocols)
    assert.deepEqual(serializeCardCapabilities(parsed), hex(one, 'value'))
  },
  fci: (one) => {
    const parsed = parseFileControlInformation(hex(one, 'bytes'))
    assert.deepEqual(parsed.aid, hex(one, 'aid'))
    assert.deepEqual(serializeFileControlInformation(parsed), hex(one, 'bytes'))
  },
  install: (one) => {
    const request = parseInstallRequest(parseInstallPurpose(purposeCode(one)), hex(one, 'data'))
    assert.equal(request.purpose, one['purpose'])
    if ('privileges' in request) assert.deepEqual(request.privileges?.names, one['privileges'])
    if ('parameters' in request) assert.deepEqual(request.parameters, hex(one, 'parameters'))
    assert.deepEqual(serializeInstallRequest(request), hex(one, 'data'))
  },
  'domain-parameters': (one) => {
    const parsed = parseDomainParameters(hex(one, 'value'))
    assert.deepEqual(
      parsed.protocols.map(({ protocol, parameter }) => [protocol, parameter]),
      one['protocols'],
    )
    assert.deepEqual(parsed.acceptExtraditionTo, decodeHex('2020'))
    assert.deepEqual(serializeDomainParameters(parsed), hex(one, 'value'))
  },
  'domain-data': (one) => {
    const parsed = parseDomainData(hex(one, 'data'))
    assert.equal(parsed.kind, one['content'])
    if ('key' in parsed) assert.deepEqual([parsed.key.keyId, parsed.key.keyVersion], one['key'])
    assert.deepEqual(serializeDomainData(parsed), hex(one, 'data'))
  },
  delete: (one) => {
    const { aid, ...rest } = one['request'] as { aid?: string; kind: 'keys' }
    const request = aid === undefined ? rest : { kind: 'content' as const, aid: decodeHex(aid) }
    assert.deepEqual(parseDeleteRequest(hex(one, 'data')), request)
    assert.deepEqual(serializeDeleteRequest(request), hex(one, 'data'))
  },
  'status-request': (one) => {
    const request = { filter: hex(one, 'filter'), tags: one['tags'] as number[] }
    assert.deepEqual(parseStatusRequest(hex(one, 'data')), request)
    assert.deepEqual(serializeStatusRequest(request), hex(one, 'data'))
  },
  'certificate-request': (one) => {
    const [keyId, keyVersion] = one['key'] as [number, number]
    assert.deepEqual(parseCertificateRequest(hex(one, 'data')), { keyId, keyVersion })
    assert.deepEqual(serializeCertificateRequest({ keyId, keyVersion }), hex(one, 'data'))
  },
  'generate-key': (one) => {
    const request = { keyVersion: one['keyVersion'] as number, curve: one['curve'] as CurveName }
    assert.deepEqual(parseGenerateKeyRequest(hex(one, 'data')), request)
    assert.deepEqual(serializeGenerateKeyRequest(request), hex(one, 'data'))
  },
  certificates: (one) => {
    const chain = parseCertificateBundle(hex(one, 'value'))
    assert.deepEqual(
      chain.map(({ serialNumber }) => serialNumber),
      (one['serialNumbers'] as string[]).map(decodeHex),
    )
    assert.deepEqual(
      chain.map(({ policies }) => roleOfPolicies(policies)),
      one['roles'],
    )
    const [first, ...below] = chain
    assert.equal(first!.signature.length === 64, one['firstByEcdsa'])
    assert.equal(verifyOceCertificate(first!, first!.publicPoint, portableCrypto), false)
    assert.equal(checkOceChain(below, first!.publicPoint, portableCrypto), undefined)
    assert.deepEqual(concat(...chain.map(({ encoded }) => encoded)), hex(one, 'value'))
  },
  diversification: (one) => {
    const { enc, mac, dek } = diversifyScp03Keys(
      one['method'] as Diversification,
      hex(one, 'masterKey'),
      hex(one, 'diversificationData'),
      portableCrypto,
    )
    const expected = (one['keys'] as string[]).map(decodeHex)
    assert.deepEqual([enc, mac, dek].slice(0, expected.length), expected)
  },
  'registry-old': (one) => {
    const scope = one['scope'] as StatusScope
    const entries = parseOldRegistryEntries(hex(one, 'bytes'), scope)
    const expected = (one['entries'] as [string, number][]).map(([aid, state]) => [decodeHex(aid), state])
    assert.deepEqual(
      entries.map(({ aid, state }) => [aid, state]),
      expected,
    )
    assert.deepEqual(serializeOldRegistryEntries(entries, scope), hex(one, 'bytes'))
  },
}

const path = new URL('../../../../vectors/globalplatform.json', import.meta.url)
const { cases } = JSON.parse(readFileSync(path, 'utf8')) as { cases: Case[] }
for (const one of cases) {
  test(`vector of ${one.kind}, ${one.origin}: both ways`, () => {
    const run = runs[one.kind]
    assert.ok(run, `no test for vectors of kind ${one.kind}`)
    run(one)
  })
}

test('a wrapped key with padding of 8 bytes keeps it', () => {
  const data = concat(decodeHex('01882118'), new Uint8Array(32).fill(7), decodeHex('03010203'))
  const parsed = parsePutKeyData(data)
  assert.equal(parsed.keys[0]?.kind === 'aes' && parsed.keys[0].length, 24)
  assert.deepEqual(serializePutKeyData(parsed), data)
})
