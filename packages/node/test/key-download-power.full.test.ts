import assert from 'node:assert/strict'
import { test } from 'node:test'
import { decodeHex, encodeHex, u32 } from '@sealwright/core/bytes'
import { checkTries, keyPlaces } from '@sealwright/core/catalog'
import {
  downloadKeys,
  parseKeyMessage,
  parseKeyRecord,
  parseKeyRequest,
  parseLoaderList,
  serializeTransportKeyData,
  unitSignatureKey,
  verifyReceipt,
} from '@sealwright/core/key-download'
import { watchingCrypto } from '@sealwright/core/testing'
import { countTry, readRandom } from '@sealwright/module/key-download'
import { cutModes, FaultMedium, type Medium, PowerLoss, RamMedium } from '@sealwright/module/medium'
import { everyPowerCut, type Scenario } from '@sealwright/module/testing'
import { nodeCrypto } from '../src/crypto/index.ts'
import {
  applicationKey,
  type Bench,
  checkValue,
  documentChannel,
  exportKey,
  flipped,
  fuel,
  importKey,
  keyAt,
  loader,
  makeSet,
  memoryOf,
  powered,
  prepare,
  putTransport,
  sealed,
  signatureKey,
  transportKey,
  unit,
  wrap,
} from './key-download-bench.ts'

const newKey = decodeHex('8899AABBCCDDEEFF0011223344556677')
const newT = decodeHex('0F1E2D3C4B5A69788796A5B4C3D2E1F0')
const newKS = decodeHex('C0C1C2C3C4C5C6C7C8C9CACBCCCDCECF')

/** A module with an old key, R held, and the message of a new one. */
async function loaded() {
  const ei = unit()
  assert.equal((await importKey(ei, sealed(await prepare(ei)))).sw, 0x9000)
  const request = await prepare(ei, fuel.place, 0, 1)
  const message = sealed(request, { key: newKey, counter: 2, attributes: { version: 2 } })
  return { ei, request, message }
}

/** On a medium of the harness. */
function on(bench: Bench, medium: Medium): Bench {
  return powered(bench.fixture, medium)
}

/** The old key or the new one, whole: key, record and R agree. */
async function keyState(module: Bench, request: Uint8Array): Promise<'old' | 'new'> {
  const kcv = await keyAt(module, fuel.place)
  assert.ok(kcv)
  const record = parseKeyRecord((await module.send('GET RECEIPT', u32(fuel.place))).data)
  assert.deepEqual(record.checkValue, kcv, 'key and record are of one download')
  const isNew = encodeHex(kcv) === encodeHex(checkValue(newKey))
  assert.deepEqual(kcv, checkValue(isNew ? newKey : applicationKey))
  assert.deepEqual([record.attributes.version, record.counter], isNew ? [2, 2] : [1, 1])
  assert.equal(module.module.parts.objects.find('nonce', 1) === undefined, isNew, 'R is used up with the key')
  const context = { ...parseKeyRequest(request), counter: 2 }
  const keys = downloadKeys(nodeCrypto, nodeCrypto.aes(transportKey), context)
  if (isNew) assert.ok(verifyReceipt(keys.acknowledgement, context, record), 'the receipt holds')
  return isNew ? 'new' : 'old'
}

test('[A13b] a power cut at any write of IMPORT KEY leaves the old key or the new', async () => {
  const { ei, request, message } = await loaded()
  const scenario: Scenario = {
    name: 'import-key',
    prepare: () => ei.medium.snapshot(),
    async run(medium) {
      const { sw } = await importKey(on(ei, medium), message)
      assert.ok(sw === 0x9000 || sw === 0x6985)
    },
    check: (medium) => keyState(on(ei, medium), request),
    repeatable: true,
  }
  const report = await everyPowerCut(scenario)
  assert.ok(report.writes > 5 && report.cuts > 20, JSON.stringify(report))
})

test('[A13b] a power cut at any write of a first IMPORT KEY leaves no key or the new', async () => {
  const ei = unit()
  const request = await prepare(ei, fuel.place, 0, 1)
  const message = sealed(request)
  const report = await everyPowerCut({
    name: 'first-import',
    prepare: () => ei.medium.snapshot(),
    async run(medium) {
      await importKey(on(ei, medium), message)
    },
    async check(medium) {
      const module = on(ei, medium)
      const kcv = await keyAt(module, fuel.place)
      const receipt = await module.send('GET RECEIPT', u32(fuel.place))
      assert.equal(receipt.sw, kcv === undefined ? 0x6a88 : 0x9000)
      if (kcv === undefined) return 'old'
      assert.deepEqual(kcv, checkValue(applicationKey))
      return 'new'
    },
    repeatable: true,
  })
  assert.ok(report.cuts > 10)
})

for (const [what, p1] of [
  ['replaced', 0],
  ['put beside the old one', 1],
] as const) {
  test(`[A1d] T is ${what} by a protected command, all or nothing at every power cut`, async () => {
    const ei = unit()
    const ks1 = (ks: Uint8Array) => checkValue(unitSignatureKey(nodeCrypto.aes(ks), ei.serial))
    const places = [
      keyPlaces.transport,
      keyPlaces.signature,
      keyPlaces.transportNext,
      keyPlaces.signatureNext,
    ]
    const old = [checkValue(transportKey), ks1(signatureKey), undefined, undefined]
    const renewed =
      p1 === 0
        ? [checkValue(newT), ks1(newKS), undefined, undefined]
        : [...old.slice(0, 2), checkValue(newT), ks1(newKS)]
    const report = await everyPowerCut({
      name: 'put-transport-key',
      prepare: () => ei.medium.snapshot(),
      run: (medium) => putTransport(on(ei, medium), newT, newKS, p1),
      async check(medium) {
        const module = on(ei, medium)
        const held: (Uint8Array | undefined)[] = []
        for (const place of places) held.push(await keyAt(module, place))
        const isNew = encodeHex(held[2 * p1] ?? new Uint8Array(0)) === encodeHex(checkValue(newT))
        assert.deepEqual(held, isNew ? renewed : old)
        return isNew ? 'new' : 'old'
      },
      repeatable: true,
    })
    assert.ok(report.cuts > 10, JSON.stringify(report))
  })
}

test('[A1d] without the channel, with a wrong check value, or of another length T is not replaced', async () => {
  const ei = unit()
  const before = memoryOf(ei)
  const right = {
    ...({ profile: 'shared', suite: 0xa101, transport: wrap(ei.serial, newT) } as const),
    signature: { wrapped: wrap(ei.serial, newKS) },
  }
  const data = serializeTransportKeyData(right)
  assert.equal((await ei.send('PUT TRANSPORT KEY', data)).sw, 0x6982)
  const channel = await documentChannel(ei)
  const attempt = async (wrong: Partial<typeof right>, p1 = 0, p2 = 0) =>
    (
      await channel.exchange('PUT TRANSPORT KEY', {
        p1,
        p2,
        data: serializeTransportKeyData({ ...right, ...wrong }),
      })
    ).sw
  const other = wrap(ei.serial, newKS)
  assert.equal(await attempt({ transport: { ...right.transport, checkValue: other.checkValue } }), 0x6a80)
  assert.equal(
    await attempt({ signature: { wrapped: { ...other, checkValue: right.transport.checkValue } } }),
    0x6a80,
  )
  assert.equal(await attempt({ suite: 0xa201 as 0xa101 }), 0x6a80, 'T of another length than the suite says')
  assert.equal(await attempt({ suite: 0xa103 as 0xa101 }), 0x6a80, 'KS1 where the suite wants a public key')
  assert.equal(await attempt({ suite: 0xa100 as 0xa101 }), 0x6a81)
  assert.equal(await attempt({}, 2), 0x6a86)
  assert.equal(await attempt({}, 0, 1), 0x6a86)
  for (let length = 0; length < data.length; length++)
    assert.equal((await channel.exchange('PUT TRANSPORT KEY', { data: data.subarray(0, length) })).sw, 0x6a80)
  assert.deepEqual(memoryOf(ei), before)
  assert.equal(await attempt({}), 0x9000)
})

test('[A5e] a power cut does not give a try back: it is counted before CAS is computed', async () => {
  const ei = unit()
  const wrong = flipped(sealed(await prepare(ei, fuel.place, 0, 1)), 8 * 50)
  const before = ei.medium.snapshot()
  const seen = { computed: 0, spared: 0 }
  for (const mode of cutModes) {
    for (let cutAt = 1; ; cutAt++) {
      const ram = RamMedium.from(before)
      const fault = new FaultMedium(ram, { cutAt, mode })
      const watching = watchingCrypto(nodeCrypto)
      try {
        await importKey(powered(ei.fixture, fault, watching), wrong)
      } catch (error) {
        assert.ok(error instanceof PowerLoss)
      }
      const computed = watching.keys.some(({ uses }) => uses.some(({ input }) => input.length === 24 + 64))
      const tries = readRandom(on(ei, ram).module.parts)!.tries
      if (computed) assert.equal(tries, 1, `${mode} ${cutAt}`)
      seen[computed ? 'computed' : 'spared']++
      if (!fault.dead) break
    }
  }
  assert.ok(seen.computed > 0 && seen.spared > 10, JSON.stringify(seen))
})

test('[A5e] a sixteenth try that a power cut ended was the last', async () => {
  const ei = unit()
  const message = sealed(await prepare(ei, fuel.place, 0, 1))
  for (let i = 1; i < checkTries; i++)
    assert.equal((await importKey(ei, flipped(message, 8 * 50))).sw, 0x6988)
  const { parts } = ei.module
  countTry(parts, readRandom(parts)!)
  assert.equal((await importKey(on(ei, ei.medium), message)).sw, 0x6985)
})

test('the loader uses no XCTR twice, at whatever write of EXPORT KEY the power is cut', async () => {
  const as = loader()
  const ei = unit()
  const request = await prepare(ei)
  const report = await everyPowerCut({
    name: 'export-key',
    prepare: () => as.medium.snapshot(),
    async run(medium) {
      const seen = parseKeyMessage((await exportKey(on(as, medium), request)).data).header.counter
      assert.ok(seen >= 1)
    },
    async check(medium) {
      // A message left only if its counter is committed: the next one is higher.
      const copy = RamMedium.copy(medium)
      const { counter } = parseKeyMessage((await exportKey(on(as, copy), request)).data).header
      assert.ok(counter === 1 || counter === 2, String(counter))
      return counter === 1 ? 'old' : 'new'
    },
  })
  assert.ok(report.cuts > 5)
})

test('[A1d] the loader replaces the keys of a set all or nothing, the old ones beside the new', async () => {
  const as = loader()
  const report = await everyPowerCut({
    name: 'make-set',
    prepare: () => as.medium.snapshot(),
    run: (medium) => makeSet(on(as, medium), newT, newKS),
    async check(medium) {
      const channel = await documentChannel(on(as, RamMedium.copy(medium)))
      const { sets } = parseLoaderList(await channel.send('LIST KEYS'))
      const told = sets.map((one) => [
        one.generation,
        encodeHex(one.transportCheck),
        encodeHex(one.signatureCheck),
      ])
      const row = (generation: string, T: Uint8Array, KS: Uint8Array) => [
        generation,
        encodeHex(checkValue(T)),
        encodeHex(checkValue(KS)),
      ]
      const isNew = sets.length === 2
      const old = row('present', transportKey, signatureKey)
      assert.deepEqual(
        told,
        isNew ? [row('present', newT, newKS), row('previous', transportKey, signatureKey)] : [old],
      )
      return isNew ? 'new' : 'old'
    },
    // Run again with the same keys it must change nothing.
    repeatable: true,
  })
  assert.ok(report.cuts > 5)
})
