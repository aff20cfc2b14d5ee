import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { concat, decodeHex, encodeHex, u32 } from '@sealwright/core/bytes'
import { checkTries, keyPlaces } from '@sealwright/core/catalog'
import { countingCrypto } from '@sealwright/core/crypto'
import {
  type Profile,
  parseHeader,
  parseKeyMessage,
  parseKeyRecord,
  parseKeyRequest,
  parseReceiptClaim,
  serializeHeader,
  serializeKeyMessage,
  serializeKeyRequest,
  serializeReceiptClaim,
} from '@sealwright/core/key-download'
import { watchingCrypto } from '@sealwright/core/testing'
import { memoryImage } from '@sealwright/module/memory-image'
import { fixtureKey } from '@sealwright/module/testing'
import { nodeCrypto } from '../src/crypto/index.ts'
import {
  applicationKey,
  type Bench,
  checkValue,
  dataPlace,
  documentChannel,
  download,
  exportKey,
  flipped,
  fuel,
  importKey,
  keyAt,
  loader,
  m6,
  makeSet,
  memoryOf,
  other,
  otherSerial,
  powered,
  prepare,
  putTransport,
  type SealOptions,
  same,
  sealed,
  serial,
  signatureKey,
  transportKey,
  unit,
} from './key-download-bench.ts'

const nothing = new Uint8Array(0)
const otherT = decodeHex('0F1E2D3C4B5A69788796A5B4C3D2E1F0')
const secondKey = decodeHex('8899AABBCCDDEEFF0011223344556677')

interface Vector {
  readonly profile: Profile
  readonly suite: string
  readonly diversified: boolean
  readonly random: string
  readonly destination: string
  readonly counter: string
  readonly operationKey: string
  readonly header: string
  readonly cryptogram: string
  readonly certificate: string
  readonly checkValue: string
  readonly acknowledgement: string
}
const path = new URL('../../../vectors/key-download.json', import.meta.url)
const vectors = (JSON.parse(readFileSync(path, 'utf8')) as { cases: Vector[] }).cases
const examples = vectors.filter(
  (one) => one.suite === 'A101' && one.destination === '00200101' && !one.diversified,
)

/** Refused, and not one byte of non-volatile memory is another. */
async function refused(
  bench: Bench,
  send: () => Promise<{ sw: number }>,
  sw: number,
  what?: string,
): Promise<void> {
  const before = memoryOf(bench)
  assert.equal((await send()).sw.toString(16), sw.toString(16), what)
  assert.deepEqual(memoryOf(bench), before, what)
}

for (const example of examples) {
  test(`[A2a] the worked example through loader and module, byte for byte: ${example.profile}`, async () => {
    const { profile } = example
    const [ofLoader, ofUnit] = [watchingCrypto(nodeCrypto), watchingCrypto(nodeCrypto)]
    const as = loader({ profile, counter: Number.parseInt(example.counter, 16) - 1, crypto: ofLoader })
    const ei = unit({ profile, crypto: ofUnit, entropy: { bytes: () => decodeHex(example.random) } })
    const exported = await exportKey(as, await prepare(ei))
    assert.equal(encodeHex(exported.data), example.header + example.cryptogram + example.certificate)
    const receipt = await importKey(ei, exported.data)
    assert.equal(receipt.sw, 0x9000)
    assert.equal(encodeHex(receipt.data), example.checkValue + example.acknowledgement)
    // Both sides keyed a cipher with the T1 of the example.
    for (const { keys } of [ofLoader, ofUnit])
      assert.ok(keys.some(({ bytes }) => encodeHex(bytes) === example.operationKey))
    assert.deepEqual(await keyAt(ei, fuel.place), checkValue(applicationKey))
  })
}

test('[A1a] loader and unit of a set hold the same T in non-volatile memory, and a download works after both were off', async () => {
  const [as, ei] = [loader(), unit()]
  for (const { module, medium } of [as, ei]) {
    const found = memoryImage({ medium, ram: module.parts.ram }).search(transportKey)
    assert.deepEqual(
      found.map(({ section }) => section),
      ['eeprom'],
    )
  }
  const [asAgain, eiAgain] = [powered(as.fixture, as.medium), powered(ei.fixture, ei.medium)]
  await download(asAgain, eiAgain)
  assert.deepEqual(await keyAt(eiAgain, fuel.place), checkValue(applicationKey))
})

test('[A1a] T is rewritable: PUT TRANSPORT KEY puts another in its place, and the old one is gone', async () => {
  const ei = unit()
  await putTransport(ei, otherT, signatureKey)
  const image = memoryImage({ medium: ei.medium, ram: ei.module.parts.ram })
  assert.deepEqual(image.search(transportKey), [])
  assert.equal(image.search(otherT).length, 1)
  await download(loader({ T: otherT }), ei)
})

test('[A1b] a loader of one set is refused by the units of another, in both profiles', async () => {
  for (const profile of ['shared', 'diversified'] as const) {
    const counting = countingCrypto(nodeCrypto)
    const ei = unit({ profile, crypto: counting })
    const message = await exportKey(loader({ profile, T: otherT }), await prepare(ei))
    counting.clear()
    await refused(ei, () => importKey(ei, message.data), 0x6988, profile)
    assert.equal(counting.count('cbcDecrypt').calls, 0)
  }
})

test('[A1e] after T was replaced, data under the old T are refused', async () => {
  const [as, ei] = [loader(), unit()]
  const before = await exportKey(as, await prepare(ei, fuel.place, 0, 1))
  await putTransport(ei, otherT, signatureKey)
  assert.equal((await importKey(ei, before.data)).sw, 0x6988)
  const after = await exportKey(as, await prepare(ei))
  await refused(ei, () => importKey(ei, after.data), 0x6988)
  await download(loader({ T: otherT }), ei)
})

test('[A1f] after T was replaced, loaded keys stay', async () => {
  const [as, ei] = [loader(), unit()]
  await download(as, ei)
  const receipt = await ei.send('GET RECEIPT', u32(fuel.place))
  await putTransport(ei, otherT, signatureKey)
  assert.deepEqual(await keyAt(ei, fuel.place), checkValue(applicationKey))
  assert.deepEqual(await ei.send('GET RECEIPT', u32(fuel.place)), receipt)
  assert.deepEqual(await keyAt(powered(ei.fixture, ei.medium), fuel.place), checkValue(applicationKey))
})

test('[A1g] after T was replaced in the loader, units in the field that hold the old T still take downloads', async () => {
  const [as, field, renewed] = [loader(), unit(), unit({ serial: otherSerial, seed: 'renewed' })]
  await makeSet(as, otherT, signatureKey)
  await putTransport(renewed, otherT, signatureKey)
  await download(as, renewed)
  const wrong = await exportKey(as, await prepare(field))
  assert.equal((await importKey(field, wrong.data)).sw, 0x6988)
  const request = await prepare(field)
  const right = await exportKey(as, request, 1)
  const { data, sw } = await importKey(field, right.data)
  assert.equal(sw, 0x9000)
  assert.equal((await verifyReceipt(as, request, right.data, data)).sw, 0x9000)
  assert.equal(
    (await exportKey(loader(), request, 1)).sw,
    0x6a88,
    'a set that was never replaced has no old T',
  )
})

test('[A1g] a unit that was given the next T takes downloads under both, until the first under the next', async () => {
  const [old, renewed, ei] = [loader(), loader({ T: otherT, KS: secondKey }), unit()]
  await putTransport(ei, otherT, secondKey, 1)
  await download(old, ei)
  const image = () => memoryImage({ medium: ei.medium, ram: ei.module.parts.ram })
  assert.equal(image().search(transportKey).length, 1)
  await download(renewed, ei)
  assert.deepEqual(image().search(transportKey), [])
  assert.equal(image().search(otherT).length, 1)
  const late = await exportKey(old, await prepare(ei))
  assert.equal((await importKey(ei, late.data)).sw, 0x6988)
  await download(renewed, ei)
})

test('[A1e] a T put in the place of the present one takes the waiting one away too', async () => {
  const ei = unit()
  await putTransport(ei, otherT, secondKey, 1)
  await putTransport(ei, applicationKey, signatureKey)
  assert.equal(await keyAt(ei, keyPlaces.transportNext), undefined)
  assert.equal(await keyAt(ei, keyPlaces.signatureNext), undefined)
  for (const [T, KS] of [
    [transportKey, signatureKey],
    [otherT, secondKey],
  ] as const) {
    const message = sealed(await prepare(ei), { T, KS })
    await refused(ei, () => importKey(ei, message), 0x6988)
  }
  assert.equal((await importKey(ei, sealed(await prepare(ei), { T: applicationKey }))).sw, 0x9000)
})

test('[A2c] the same serial number in a list of modules twice is refused by the loader', async () => {
  const as = loader()
  const order = concat(u32(0x00010b01), Uint8Array.of(1, 0), u32(0xffffffff), decodeHex('4D36414330314E10'))
  const twice = concat(order, Uint8Array.of(2), serial, serial)
  const channel = await documentChannel(as)
  assert.equal((await channel.exchange('MAKE KEY', { data: twice })).sw, 0x6a80)
  const once = concat(order, Uint8Array.of(2), serial, otherSerial)
  assert.equal((await channel.exchange('MAKE KEY', { data: once })).sw, 0x9000)
})

test('[A4a] the loader serves a unit that it has never heard of, from the SN that the unit sends', async () => {
  const strange = decodeHex('C0FFEE0123456789')
  const [as, ei] = [loader(), unit({ serial: strange })]
  const image = () => memoryImage({ medium: as.medium, ram: as.module.parts.ram })
  assert.deepEqual(image().search(strange), [])
  await download(as, ei)
  assert.deepEqual(await keyAt(ei, fuel.place), checkValue(applicationKey))
  assert.deepEqual(image().search(strange), [], 'the loader kept SN')
})

test('[A4b] where the entry of a key says so, the loader refuses blocked serial numbers', async () => {
  const modules = { rule: 'all-but', serials: [serial] } as const
  const as = loader({ keys: [{ source: fuel.source, modules }] })
  const [blocked, free] = [unit(), unit({ serial: otherSerial })]
  const request = await prepare(blocked)
  const before = memoryOf(as)
  const answer = await exportKey(as, request)
  assert.deepEqual([answer.sw, answer.data.length], [0x6985, 0])
  assert.deepEqual(memoryOf(as), before)
  await download(as, free)
})

test('[A4b] where the entry of a key says so, the loader refuses serial numbers that it does not know', async () => {
  const modules = { rule: 'only', serials: [serial] } as const
  const as = loader({ keys: [{ source: fuel.source, modules }] })
  assert.equal((await exportKey(as, await prepare(unit({ serial: otherSerial })))).sw, 0x6985)
  await download(as, unit())
})

test('the loader counts the exports that an entry allows, and refuses the next', async () => {
  const as = loader({ keys: [{ source: fuel.source, exportsLeft: 2 }] })
  const ei = unit()
  for (const expected of [0x9000, 0x9000, 0x6985, 0x6985])
    assert.equal((await exportKey(as, await prepare(ei))).sw, expected)
})

test('[A5a] the same key loaded twice into the same unit never gives the same data', async () => {
  const [as, ei] = [loader(), unit()]
  const seen: Uint8Array[] = []
  for (let i = 0; i < 8; i++) {
    const { data } = await exportKey(as, await prepare(ei))
    const { cryptogram, certificate } = parseKeyMessage(data)
    for (let at = 0; at < cryptogram.length; at += 16) seen.push(cryptogram.slice(at, at + 16))
    seen.push(certificate)
    assert.equal((await importKey(ei, data)).sw, 0x9000)
  }
  assert.equal(new Set(seen.map(encodeHex)).size, seen.length)
})

test('[A5a] even for the same R twice the loader never gives the same data', async () => {
  const [as, ei] = [loader(), unit()]
  const request = await prepare(ei)
  const blocks: string[] = []
  for (let i = 0; i < 4; i++) {
    const { cryptogram } = parseKeyMessage((await exportKey(as, request)).data)
    for (let at = 0; at < cryptogram.length; at += 16) blocks.push(encodeHex(cryptogram.slice(at, at + 16)))
  }
  assert.equal(new Set(blocks).size, blocks.length)
})

test('[A5b] data that were used are refused when they come again', async () => {
  for (const held of [0, 1]) {
    const [as, ei] = [loader(), unit()]
    const { data } = await exportKey(as, await prepare(ei, fuel.place, 0, held))
    assert.equal((await importKey(ei, data)).sw, 0x9000)
    await refused(ei, () => importKey(ei, data), 0x6985)
    await prepare(ei)
    await refused(ei, () => importKey(ei, data), 0x6988)
  }
})

test('[A5c] data made for another R are refused', async () => {
  const [as, ei] = [loader(), unit()]
  const early = await exportKey(as, await prepare(ei))
  const late = await exportKey(as, await prepare(ei))
  await refused(ei, () => importKey(ei, early.data), 0x6988)
  assert.equal((await importKey(ei, late.data)).sw, 0x9000)
})

test('[A5d] IMPORT KEY without a PREPARE is refused, and after a reset too unless R is held', async () => {
  const [as, ei] = [loader(), unit()]
  const request = await prepare(ei)
  const { data } = await exportKey(as, request)
  const fresh = unit()
  await refused(fresh, () => importKey(fresh, data), 0x6985)
  ei.module.reset()
  await refused(ei, () => importKey(ei, data), 0x6985)
  const held = await exportKey(as, await prepare(ei, fuel.place, 0, 1))
  ei.module.reset()
  const again = powered(ei.fixture, ei.medium)
  assert.equal((await importKey(again, held.data)).sw, 0x9000)
})

test('[A5e] a failed CAS leaves R, at most 16 times, volatile and held', async () => {
  assert.equal(checkTries, 16)
  for (const held of [0, 1]) {
    for (const wrong of [checkTries - 1, checkTries]) {
      const [as, ei] = [loader(), unit()]
      const { data } = await exportKey(as, await prepare(ei, fuel.place, 0, held))
      for (let i = 0; i < wrong; i++)
        assert.equal((await importKey(ei, flipped(data, 8 * 40 + i))).sw, 0x6988)
      const right = await importKey(ei, data)
      assert.equal(right.sw, wrong < checkTries ? 0x9000 : 0x6985, `held ${held}, ${wrong} wrong ones`)
    }
  }
})

test('[A5e] anything after CAS uses R up', async () => {
  for (const held of [0, 1]) {
    const ei = unit()
    const request = await prepare(ei, fuel.place, 0, held)
    assert.equal((await importKey(ei, sealed(request, { KS: otherT }))).sw, 0x6a80)
    assert.equal((await importKey(ei, sealed(request))).sw, 0x6985)
  }
})

test('a PREPARE makes the request before it void, whichever was held', async () => {
  for (const [first, second] of [
    [0, 0],
    [0, 1],
    [1, 0],
    [1, 1],
  ] as const) {
    const [as, ei] = [loader(), unit()]
    const early = await exportKey(as, await prepare(ei, fuel.place, 0, first))
    const late = await exportKey(as, await prepare(ei, fuel.place, 0, second))
    assert.equal((await importKey(ei, early.data)).sw, 0x6988, `${first} ${second}`)
    assert.equal((await importKey(ei, late.data)).sw, 0x9000, `${first} ${second}`)
    ei.module.reset()
    assert.equal((await importKey(ei, early.data)).sw, 0x6985, `${first} ${second}`)
  }
})

test('[A6a] REF1 selects one of several keys of the loader', async () => {
  const as = loader({
    keys: [
      { source: fuel.source, key: applicationKey },
      { source: other.source, key: secondKey, attributes: { ...m6, usage: 'D0', mode: 'B' } },
      { source: same.source, key: otherT },
    ],
  })
  const ei = unit()
  for (const [{ place }, key] of [
    [fuel, applicationKey],
    [other, secondKey],
    [same, otherT],
  ] as const) {
    await download(as, ei, place)
    assert.deepEqual(await keyAt(ei, place), checkValue(key))
  }
})

test('[A6b] the unit names REF1, from the application that lies at the place', async () => {
  const ei = unit()
  for (const { place, source } of [fuel, other, same]) {
    const request = parseKeyRequest(await prepare(ei, place))
    assert.deepEqual([request.destination, request.source], [place, source])
  }
  const as = loader({ keys: [{ source: fuel.source }, { source: other.source, key: secondKey }] })
  const renamed = serializeKeyRequest({ ...parseKeyRequest(await prepare(ei)), source: other.source })
  const { data, sw } = await exportKey(as, renamed)
  assert.equal(sw, 0x9000)
  await refused(ei, () => importKey(ei, data), 0x6a88, 'another key than the unit named')
})

test('[A6c] a REF1 that does not exist is refused by the loader with a status that says so', async () => {
  const as = loader()
  const ei = unit()
  const request = await prepare(ei, other.place)
  const before = memoryOf(as)
  const answer = await exportKey(as, request)
  assert.deepEqual([answer.sw, answer.data.length], [0x6a88, 0])
  assert.deepEqual(memoryOf(as), before)
})

test('[A7a] REF2 replaces the key that lies there', async () => {
  const ei = unit()
  await download(loader(), ei)
  const as = loader({ keys: [{ source: fuel.source, key: secondKey, attributes: { ...m6, version: 2 } }] })
  const { data } = await exportKey(as, await prepare(ei, fuel.place, 1))
  assert.equal((await importKey(ei, data)).sw, 0x9000)
  assert.deepEqual(await keyAt(ei, fuel.place), checkValue(secondKey))
  const image = memoryImage({ medium: ei.medium, ram: ei.module.parts.ram })
  assert.deepEqual(image.search(applicationKey), [])
})

test('[A7b] REF2 names a place for a new key, and no other place changes', async () => {
  const ei = unit()
  assert.equal(await keyAt(ei, fuel.place), undefined)
  await download(loader(), ei)
  assert.deepEqual(await keyAt(ei, fuel.place), checkValue(applicationKey))
  for (const { place } of [other, same]) assert.equal(await keyAt(ei, place), undefined)
})

test('[A7c] replacing a key that does not exist is refused before decryption, nothing changed', async () => {
  const counting = countingCrypto(nodeCrypto)
  const ei = unit({ crypto: counting })
  await refused(ei, () => ei.send('PREPARE', u32(fuel.place), 1), 0x6a88)
  await download(loader(), ei)
  const { data } = await exportKey(loader({ counter: 1 }), await prepare(ei, fuel.place, 1))
  // The key is taken away while the message is on its way.
  const { nvm, keys } = ei.module.parts
  nvm.transaction((tx) => keys.remove(tx, fuel.place))
  counting.clear()
  await refused(ei, () => importKey(ei, data), 0x6a88)
  assert.equal(counting.count('cbcDecrypt').calls, 0)
})

test('[A7d] a place that does not exist is refused before decryption, nothing changed', async () => {
  await refusesPlace(0x0020_0777)
})

test('[A7e] a place not meant for keys is refused before decryption, nothing changed', async () => {
  await refusesPlace(dataPlace)
  // Nor are places of keys that do not come by download meant for such keys.
  for (const place of [keyPlaces.transport, keyPlaces.transportNext, keyPlaces.signature, keyPlaces.identity])
    await refusesPlace(place)
})

async function refusesPlace(place: number): Promise<void> {
  const counting = countingCrypto(nodeCrypto)
  const ei = unit({ crypto: counting })
  await refused(ei, () => ei.send('PREPARE', u32(place)), 0x6a88)
  const request = parseKeyRequest(await prepare(ei))
  ei.module.reset()
  await refused(
    ei,
    () => importKey(ei, sealed({ ...request, destination: place })),
    0x6a88,
    'no R outstanding',
  )
  // Data that are right in everything but their place, for the R that is outstanding.
  request.random.set(parseKeyRequest(await prepare(ei)).random)
  const message = sealed({ ...request, destination: place })
  counting.clear()
  await refused(ei, () => importKey(ei, message), 0x6a88)
  assert.equal(counting.count('cbcDecrypt').calls, 0)
  assert.equal((await importKey(ei, sealed(request))).sw, 0x9000, 'R is as it was')
}

test('[A8a] data with the right CAS over data and SAS are accepted', async () => {
  const ei = unit()
  assert.equal((await importKey(ei, sealed(await prepare(ei)))).sw, 0x9000)
  // SAS lies inside C, and CAS is over HDR and C.
  const { header, cryptogram } = parseKeyMessage(sealed(await prepare(ei)))
  assert.equal(header.length, cryptogram.length)
  assert.equal(cryptogram.length, 64)
})

for (const profile of ['shared', 'diversified'] as const) {
  test(`[A8b] with every bit flipped in turn the unit refuses and decrypts nothing: ${profile}`, async () => {
    const counting = countingCrypto(nodeCrypto)
    const ei = unit({ profile, crypto: counting, suites: [0xa101, 0xa102, 0xa103, 0xa201, 0xa202, 0xa203] })
    const seen = new Set<number>()
    let request = await prepare(ei)
    let message = sealed(request, { profile })
    const p1 = message[1]!
    const before = memoryOf(ei)
    counting.clear()
    for (let bit = 0; bit < 8 * message.length; bit++) {
      if (bit % checkTries === 0) {
        request = await prepare(ei)
        message = sealed(request, { profile })
      }
      const wrong = flipped(message, bit)
      const { sw } = await importKey(ei, wrong, bit < 16 ? wrong[1]! : p1)
      seen.add(sw)
      assert.ok([0x6988, 0x6a80, 0x6a81, 0x6a86, 0x6a88].includes(sw), `bit ${bit}: ${sw.toString(16)}`)
      // Everything that is not read in clear is CAS's to find.
      if (bit >= 24 * 8) assert.equal(sw, 0x6988, `bit ${bit}`)
    }
    assert.equal(counting.count('cbcDecrypt').calls, 0)
    assert.deepEqual(memoryOf(ei), before)
    assert.equal((await importKey(ei, message)).sw, 0x6985, 'sixteen wrong ones have used R up')
    request = await prepare(ei)
    assert.equal((await importKey(ei, sealed(request, { profile }))).sw, 0x9000)
    assert.equal(counting.count('cbcDecrypt').calls, 1)
    assert.ok(seen.has(0x6988))
  })
}

test('[A9a] with a wrong SAS under a right CAS the key is not stored, one status, the same calls made', async () => {
  const sixth = { attributes: { version: 6 } }
  const variants: [what: string, make: (request: Uint8Array) => Uint8Array][] = [
    ['SAS under another KS', (request) => sealed(request, { ...sixth, KS: otherT })],
    ['SAS of zeros', (request) => sealed(request, { ...sixth, signer: { sign: () => new Uint8Array(16) } })],
    [
      'SAS for another module',
      (request) => sealed(request, { ...sixth, signer: over(request, { serial: otherSerial }) }),
    ],
    [
      'SAS for another place',
      (request) => sealed(request, { ...sixth, signer: over(request, { destination: other.place }) }),
    ],
    [
      'SAS for another R',
      (request) => sealed(request, { ...sixth, signer: over(request, { random: new Uint8Array(16) }) }),
    ],
    ['another R inside', (request) => sealedWith(request, sixth, (P) => P.fill(0, 0, 16))],
    ['attributes that are none', (request) => sealedWith(request, sixth, (P) => P.fill(0x20, 16, 23))],
    ['another key length', (request) => sealedWith(request, sixth, (P) => P.fill(24, 23, 24))],
    ['no padding', (request) => sealedWith(request, sixth, (P) => P.fill(0, 56))],
    [
      'a usage that the place does not take',
      (request) => sealed(request, { attributes: { usage: 'D0', version: 6 } }),
    ],
    [
      'an algorithm that the place does not take',
      (request) => sealed(request, { attributes: { algorithm: 'T', version: 6 } }),
    ],
    ['a lower version', (request) => sealed(request, { attributes: { version: 4 } })],
    [
      'the same version of another key',
      (request) => sealed(request, { key: secondKey, attributes: { version: 5 } }),
    ],
  ]
  const results = new Map<string, string>()
  for (const [what, make] of variants) {
    const counting = countingCrypto(nodeCrypto)
    const ei = unit({ crypto: counting })
    const first = sealed(await prepare(ei), { attributes: { version: 5 } })
    assert.equal((await importKey(ei, first)).sw, 0x9000)
    const request = await prepare(ei)
    const message = make(request)
    counting.clear()
    const before = memoryOf(ei)
    const { sw, data } = await importKey(ei, message)
    assert.deepEqual(memoryOf(ei), before, what)
    assert.deepEqual(await keyAt(ei, fuel.place), checkValue(applicationKey), what)
    const calls = [...counting.counts()].map(([name, { calls }]) => `${name} ${calls}`).sort()
    // GET DATA, just asked, takes a check value of its own.
    results.set(what, `${sw.toString(16)} ${data.length} ${calls.join(', ')}`)
    assert.equal((await importKey(ei, sealed(request, sixth))).sw, 0x6985, what)
  }
  assert.equal(new Set(results.values()).size, 1, JSON.stringify([...results], undefined, 1))
  assert.match([...results.values()][0]!, /^6a80 0 .*cbcDecrypt 1/)
})

function over(request: Uint8Array, change: Partial<ReturnType<typeof parseKeyRequest>>) {
  const wrong = parseKeyMessageOf(request, change)
  return { sign: () => wrong }
}

/** The SAS that the same loader makes for something else. */
function parseKeyMessageOf(
  request: Uint8Array,
  change: Partial<ReturnType<typeof parseKeyRequest>>,
): Uint8Array {
  let made: Uint8Array | undefined
  const spy = watchingCrypto(nodeCrypto)
  sealed({ ...parseKeyRequest(request), ...change }, { crypto: spy })
  for (const { uses } of spy.keys)
    for (const { primitive, input, value } of uses)
      if (primitive === 'cmac' && encodeHex(input.subarray(0, 4)) === '53415331') made = value
  assert.ok(made)
  return made
}

/** A message with the right CAS over a plaintext that was changed, as only somebody with T could make it. */
function sealedWith(
  request: Uint8Array,
  options: SealOptions,
  change: (plaintext: Uint8Array) => void,
): Uint8Array {
  const spy = watchingCrypto(nodeCrypto)
  const message = parseKeyMessage(sealed(request, { ...options, crypto: spy }))
  const using = (primitive: string, size: number) =>
    spy.keys.find(({ uses }) => uses.some((use) => use.primitive === primitive && use.input.length === size))!
  const encryption = using('cbcEncrypt', 64)
  const check = using('cmac', 24 + 64)
  const plaintext = encryption.uses.find(({ primitive }) => primitive === 'cbcEncrypt')!.input.slice()
  change(plaintext)
  const cryptogram = nodeCrypto.aes(encryption.bytes).cbcEncrypt(new Uint8Array(16), plaintext)
  const certificate = nodeCrypto.aes(check.bytes).cmac(serializeHeader(message.header), cryptogram)
  return serializeKeyMessage({ ...message, cryptogram, certificate })
}

test('[A9b] with a right SAS the key is stored: by CMAC, Ed25519 and ECDSA, under AES-128 and AES-256', async () => {
  const [T32, KS32] = [concat(transportKey, otherT), concat(signatureKey, otherT)]
  const seed = decodeHex('9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60')
  const ed25519 = {
    authority: nodeCrypto.ed25519PublicKey(seed),
    signer: { sign: (...parts: Uint8Array[]) => nodeCrypto.ed25519Sign(seed, concat(...parts)) },
  }
  const pair = fixtureKey(nodeCrypto, 'key authority')
  const ecdsa = { authority: pair.publicPoint, signer: pair }
  for (const [suite, T, KS, by, key] of [
    [0xa101, transportKey, signatureKey, {}, applicationKey],
    [0xa102, transportKey, signatureKey, ed25519, applicationKey],
    [0xa103, transportKey, signatureKey, ecdsa, applicationKey],
    [0xa201, T32, KS32, {}, concat(applicationKey, secondKey)],
    [0xa201, T32, KS32, {}, concat(applicationKey, secondKey.subarray(8))],
    [0xa202, T32, KS32, ed25519, applicationKey],
    [0xa203, T32, KS32, ecdsa, concat(applicationKey, secondKey)],
  ] as const) {
    const ei = unit({ T, KS, suites: [suite], ...by })
    const request = await prepare(ei)
    const message = sealed(request, { ...{ T, KS, suite, key }, ...by })
    const { sw } = await importKey(ei, message)
    assert.equal(sw, 0x9000, `${suite.toString(16)}, ${key.length} bytes`)
    assert.deepEqual(await keyAt(ei, fuel.place), checkValue(key))
    // The same with SAS by somebody else.
    const again = await prepare(ei)
    const foreign = {
      ...{ T, suite, key, counter: 2 },
      ...('authority' in by
        ? { signer: { sign: () => new Uint8Array(64).fill(1) } }
        : { KS: KS.map((byte) => byte ^ 1) }),
    }
    assert.equal((await importKey(ei, sealed(again, foreign))).sw, 0x6a80)
  }
})

test('[A9c] data with SAS or CAS stripped are refused before decryption', async () => {
  const counting = countingCrypto(nodeCrypto)
  const ei = unit({ crypto: counting })
  const request = await prepare(ei)
  const message = parseKeyMessage(sealed(request))
  const spy = watchingCrypto(nodeCrypto)
  sealed(request, { crypto: spy })
  const check = spy.keys.find(({ uses }) => uses.some(({ input }) => input.length === 88))!
  const stripped = (blocks: number, certificate: boolean): Uint8Array => {
    const cryptogram = message.cryptogram.subarray(0, 16 * blocks)
    const header = concat(
      serializeHeader(message.header).subarray(0, 22),
      Uint8Array.of(0, cryptogram.length),
    )
    const cas = nodeCrypto.aes(check.bytes).cmac(header, cryptogram)
    return concat(header, cryptogram, certificate ? cas : nothing)
  }
  counting.clear()
  for (const [what, bytes] of [
    ['no SAS: two blocks', stripped(2, true)],
    ['no SAS: three blocks', stripped(3, true)],
    ['no CAS', stripped(4, false)],
    ['half of CAS', serializeKeyMessage(message).subarray(0, 96)],
    ['neither', stripped(3, false)],
  ] as const) {
    await refused(ei, () => importKey(ei, bytes, 1), 0x6a80, what)
  }
  assert.equal(counting.count('cbcDecrypt').calls, 0)
  assert.equal((await importKey(ei, serializeKeyMessage(message))).sw, 0x9000)
})

test('[A9c] a unit whose policy demands the authority’s signature refuses a key that is only MACed', async () => {
  const pair = fixtureKey(nodeCrypto, 'key authority')
  const counting = countingCrypto(nodeCrypto)
  const ei = unit({ suites: [0xa103], authority: pair.publicPoint, crypto: counting })
  const request = await prepare(ei)
  counting.clear()
  await refused(ei, () => importKey(ei, sealed(request)), 0x6a81)
  assert.equal(counting.count('cbcDecrypt').calls, 0)
  assert.equal((await importKey(ei, sealed(request, { suite: 0xa103, signer: pair }))).sw, 0x9000)
})

test('[A9d] a suite that is not in the unit’s stored list is refused before decryption, and the message enables none', async () => {
  const counting = countingCrypto(nodeCrypto)
  const ei = unit({ suites: [0xa101], crypto: counting })
  const request = await prepare(ei)
  const right = sealed(request)
  counting.clear()
  for (const [suite, sw] of [
    ['A102', 0x6a80],
    ['A103', 0x6a80],
    ['A201', 0x6a81],
    ['A100', 0x6a80],
    ['A301', 0x6a80],
    ['0001', 0x6a80],
    ['0000', 0x6a80],
    ['FFFF', 0x6a80],
  ] as const) {
    const message = concat(decodeHex(suite), right.subarray(2))
    await refused(ei, () => importKey(ei, message), sw, suite)
  }
  const whole = sealed(request, { suite: 0xa102, signer: { sign: () => new Uint8Array(64) } })
  await refused(ei, () => importKey(ei, whole), 0x6a81, 'A102 in its own length')
  await refused(ei, () => importKey(ei, right, 2), 0x6a86, 'P1 names another suite')
  await refused(ei, () => importKey(ei, right, 1, 1), 0x6a86, 'P2')
  assert.equal(counting.count('cbcDecrypt').calls, 0)
  assert.equal((await importKey(ei, right)).sw, 0x9000)
})

test('[A10a] one command EXPORT KEY takes R, REF1, SN and answers the encrypted key, SAS and CAS', async () => {
  const as = loader()
  const channel = await documentChannel(as)
  const request = { serial, source: fuel.source, destination: fuel.place, random: new Uint8Array(16).fill(7) }
  const { data, sw } = await channel.exchange('EXPORT KEY', { data: serializeKeyRequest(request) })
  assert.equal(sw, 0x9000)
  const { header } = parseKeyMessage(data)
  assert.deepEqual(header, {
    ...{ suite: 0xa101, serial, source: fuel.source, destination: fuel.place },
    ...{ counter: 1, length: 64 },
  })
  assert.equal(data.length, 104)
})

test('[A10b] one command IMPORT KEY takes the encrypted key, REF2, SAS, CAS and stores the key', async () => {
  const ei = unit()
  const request = await prepare(ei)
  const message = sealed(request)
  assert.equal(parseHeader(message.subarray(0, 24)).destination, fuel.place)
  const { data, sw } = await importKey(ei, message)
  assert.deepEqual([sw, data.length], [0x9000, 21])
  assert.deepEqual(await keyAt(ei, fuel.place), checkValue(applicationKey))
  const record = parseKeyRecord((await ei.send('GET RECEIPT', u32(fuel.place))).data)
  assert.deepEqual(concat(record.checkValue, record.acknowledgement), data)
  assert.deepEqual([record.counter, record.attributes], [1, m6])
})

test('[A10c] if REF2 is absent it equals REF1', async () => {
  const as = loader({ keys: [{ source: same.source }] })
  const ei = unit()
  const request = await prepare(ei, same.place)
  const { source, destination, random } = parseKeyRequest(request)
  assert.equal(source, destination)
  const short = concat(serial, u32(source), random)
  const { data, sw } = await exportKey(as, short, 0, 1)
  assert.equal(sw, 0x9000)
  assert.equal(parseKeyMessage(data).header.destination, source)
  assert.equal((await importKey(ei, data)).sw, 0x9000)
  assert.deepEqual(await keyAt(ei, same.place), checkValue(applicationKey))
})

test('[A10d] a truncated or over-long EXPORT KEY is refused, nothing changed', async () => {
  const as = loader()
  const request = concat(serial, u32(fuel.source), u32(fuel.place), new Uint8Array(16))
  const channel = await documentChannel(as)
  const before = memoryOf(as)
  for (const [p2, right] of [
    [0, 32],
    [1, 28],
  ] as const) {
    for (let length = 0; length <= 40; length++) {
      if (length === right) continue
      const data = concat(request, new Uint8Array(8)).subarray(0, length)
      assert.equal((await channel.exchange('EXPORT KEY', { data, p2 })).sw, 0x6a80, `${length} bytes`)
    }
  }
  assert.equal((await channel.exchange('EXPORT KEY', { data: request, p1: 2 })).sw, 0x6a86)
  assert.equal((await channel.exchange('EXPORT KEY', { data: request, p2: 2 })).sw, 0x6a86)
  assert.deepEqual(memoryOf(as), before)
  assert.equal((await channel.exchange('EXPORT KEY', { data: request })).sw, 0x9000)
})

test('[A10d] a truncated or over-long IMPORT KEY is refused, nothing changed', async () => {
  const counting = countingCrypto(nodeCrypto)
  const ei = unit({ crypto: counting })
  const message = sealed(await prepare(ei))
  counting.clear()
  const before = memoryOf(ei)
  for (let length = 0; length < message.length; length++)
    assert.equal((await importKey(ei, message.subarray(0, length), 1)).sw, 0x6a80, `${length} bytes`)
  for (const more of [1, 15, 16, 100])
    assert.equal((await importKey(ei, concat(message, new Uint8Array(more)))).sw, 0x6a80)
  assert.deepEqual(memoryOf(ei), before)
  assert.equal(counting.count('cbcDecrypt').calls, 0)
  assert.equal((await importKey(ei, message)).sw, 0x9000)
})

for (const profile of ['shared', 'diversified'] as const) {
  test(`[A12a] data made for one unit are refused by every other unit of the set: ${profile}`, async () => {
    const as = loader({ profile })
    const one = unit({ profile, seed: 'same' })
    const counting = countingCrypto(nodeCrypto)
    const others = Array.from({ length: 4 }, (_, i) =>
      unit({ profile, seed: 'same', serial: flipped(serial, 16 * i), crypto: counting }),
    )
    const { data } = await exportKey(as, await prepare(one))
    const { random } = parseKeyRequest(await prepare(one))
    for (const ei of others) {
      // Even when both have made the same R.
      assert.deepEqual(parseKeyRequest(await prepare(ei)).random.length, random.length)
      counting.clear()
      await refused(ei, () => importKey(ei, data), 0x6a80)
      assert.equal(counting.count('cbcDecrypt').calls, 0)
    }
  })

  test(`[A12b] they are refused there with the SN rewritten, too: ${profile}`, async () => {
    const R = decodeHex('F0F1F2F3F4F5F6F7F8F9FAFBFCFDFEFF')
    const counting = countingCrypto(nodeCrypto)
    const fixed = { profile, entropy: { bytes: () => R }, crypto: counting } as const
    const one = unit({ ...fixed })
    const two = unit({ ...fixed, serial: otherSerial })
    const { data } = await exportKey(loader({ profile }), await prepare(one))
    await prepare(two)
    const rewritten = concat(data.subarray(0, 2), otherSerial, data.subarray(10))
    counting.clear()
    await refused(two, () => importKey(two, rewritten), 0x6988)
    assert.equal(counting.count('cbcDecrypt').calls, 0)
    assert.equal((await importKey(one, data)).sw, 0x9000)
  })
}

test('[A13a] the loaded key is usable after a loss of power', async () => {
  const [as, ei] = [loader(), unit()]
  await download(as, ei)
  const record = { number: decodeHex('0000000000000042'), balance: 0, sequence: 0, mac: new Uint8Array(16) }
  const booking = concat(u32(fuel.place), record.number, new Uint8Array(24), u32(120))
  const again = powered(ei.fixture, ei.medium)
  const { data, sw } = await again.send('CREDIT', booking)
  assert.equal(sw, 0x9000)
  // The record is MACed under the key that was loaded, which this test knows.
  const mac = nodeCrypto.aes(applicationKey).cmac(decodeHex('4C4F5931'), data.subarray(0, 16))
  assert.deepEqual(data.subarray(16, 32), mac)
})

test('versions: a lower one is refused, an equal one only with the same check value', async () => {
  const ei = unit()
  const attempt = async (version: number, key: Uint8Array) =>
    (await importKey(ei, sealed(await prepare(ei), { key, attributes: { version } }))).sw
  assert.equal(await attempt(5, applicationKey), 0x9000)
  assert.equal(await attempt(4, secondKey), 0x6a80)
  assert.equal(await attempt(4, applicationKey), 0x6a80)
  assert.equal(await attempt(5, secondKey), 0x6a80)
  assert.equal(await attempt(5, applicationKey), 0x9000)
  assert.equal(await attempt(6, secondKey), 0x9000)
  assert.deepEqual(await keyAt(ei, fuel.place), checkValue(secondKey))
})

test('the receipt holds at the loader that made the message, for this module, key and download alone', async () => {
  const [as, ei] = [
    loader({ keys: [{ source: fuel.source }, { source: other.source, key: secondKey }] }),
    unit(),
  ]
  const request = await prepare(ei)
  const { data: message } = await exportKey(as, request)
  const { data: receipt } = await importKey(ei, message)
  assert.equal((await verifyReceipt(as, request, message, receipt)).sw, 0x9000)
  const right = { ...parseReceiptClaim(claimOf(request, message, receipt)) }
  const wrong = [
    { ...right, counter: right.counter + 1 },
    { ...right, checkValue: flipped(right.checkValue, 0) },
    { ...right, acknowledgement: flipped(right.acknowledgement, 127) },
    { ...right, request: { ...right.request, serial: otherSerial } },
    { ...right, request: { ...right.request, source: other.source } },
    { ...right, request: { ...right.request, destination: other.place } },
    { ...right, request: { ...right.request, random: flipped(right.request.random, 5) } },
  ]
  const channel = await documentChannel(as)
  for (const claim of wrong)
    assert.equal(
      (await channel.exchange('VERIFY RECEIPT', { data: serializeReceiptClaim(claim) })).sw,
      0x6988,
    )
  const unknown = { ...right, request: { ...right.request, source: 0x00010fff } }
  assert.equal(
    (await channel.exchange('VERIFY RECEIPT', { data: serializeReceiptClaim(unknown) })).sw,
    0x6a88,
  )
  assert.equal((await verifyReceipt(loader({ T: otherT }), request, message, receipt)).sw, 0x6988)
})

test('a receipt of a module that took another key than the loader has does not hold', async () => {
  const [as, ei] = [loader(), unit()]
  const request = await prepare(ei)
  // Somebody else who holds T and KS has answered the request.
  const message = sealed(request, { key: secondKey })
  const { data: receipt, sw } = await importKey(ei, message)
  assert.equal(sw, 0x9000)
  assert.equal((await verifyReceipt(as, request, message, receipt)).sw, 0x6988)
})

test('the loader makes no key over one that is there, at a reserved place, or for a set that is not', async () => {
  const as = loader()
  const channel = await documentChannel(as)
  const make = async (source: number, set = 1, attributes = '4D36414330314E10') => {
    const data = concat(
      u32(source),
      Uint8Array.of(set, 0),
      u32(0xffffffff),
      decodeHex(attributes),
      Uint8Array.of(0),
    )
    return (await channel.exchange('MAKE KEY', { data })).sw
  }
  const before = memoryOf(as)
  assert.equal(await make(fuel.source), 0x6a89)
  for (const place of [0, ...Object.values(keyPlaces), 0xff100001, 0xff100101, 0xffffffff])
    assert.equal(await make(place), 0x6a89, place.toString(16))
  assert.equal(await make(0x00010b01, 2), 0x6a88)
  assert.equal(await make(0x00010b01, 1, '4D36414330314E20'), 0x6a80, 'longer than T')
  assert.equal(await make(0x00010b01, 1, '4D36414330314E11'), 0x6a80, 'no length of AES')
  assert.equal(await make(0x00010b01, 1, '4D36544330314E10'), 0x6a80, 'not AES')
  assert.deepEqual(memoryOf(as), before)
  assert.equal(await make(0x00010b01), 0x9000)
  assert.equal(await make(0x00010b01), 0x6a89)
})

test('commands of the loader and PUT TRANSPORT KEY need the channel of the document key', async () => {
  for (const [bench, names] of [
    [loader(), ['EXPORT KEY', 'VERIFY RECEIPT', 'MAKE SET', 'MAKE KEY', 'LIST KEYS']],
    [unit(), ['PUT TRANSPORT KEY']],
  ] as const) {
    for (const name of names) await refused(bench, () => bench.send(name, new Uint8Array(32)), 0x6982, name)
  }
})

function claimOf(request: Uint8Array, message: Uint8Array, receipt: Uint8Array): Uint8Array {
  return concat(request, message.subarray(18, 22), receipt)
}

async function verifyReceipt(as: Bench, request: Uint8Array, message: Uint8Array, receipt: Uint8Array) {
  const channel = await documentChannel(as)
  const answer = await channel.exchange('VERIFY RECEIPT', { data: claimOf(request, message, receipt) })
  await as.send('SELECT', nothing, 4)
  return answer
}
