import assert from 'node:assert/strict'
import { verify, X509Certificate } from 'node:crypto'
import { describe, test } from 'node:test'
import { ascii, equal } from '@sealwright/core/bytes'
import { certificateIds, dataTags } from '@sealwright/core/catalog'
import { RefusedError, StateError } from '@sealwright/core/errors'
import {
  type BeginRequest,
  openCertificateRequest,
  serializeBeginAnswer,
  serializeBeginRequest,
} from '@sealwright/core/personalization'
import type { Transport } from '@sealwright/core/ports'
import { fixedClock } from '@sealwright/core/testing'
import { parseCertificate } from '@sealwright/core/x509'
import { endChannel, plain } from '@sealwright/roles/channel'
import { readData } from '@sealwright/roles/custody'
import { certifyUnit } from '@sealwright/roles/manufacturer'
import { personalize, readRecords, request, signingKey } from '@sealwright/roles/unit'
import {
  begin,
  beginRequest,
  certificatesFor,
  complete,
  customer,
  fixtureTime,
  memoryOf,
  personalizationChannel,
  personalizationWorld,
  personalized,
  signed,
  speak,
  transportOf,
  type World,
} from './personalization-world.ts'

const wrongData = 0x6a80

function stateOf(world: World): string {
  return world.fixture.module.parts.life.state()
}

describe('the whole flow', () => {
  test('[B8a][B2a] the module awaits personalization before and operates after; three certificates are stored', async () => {
    const world = await personalizationWorld()
    assert.equal(stateOf(world), 'awaiting-personalization')
    const done = await personalized(world)
    assert.equal(stateOf(world), 'operating')
    const channel = plain(transportOf(world))
    const stored = async (name: keyof typeof certificateIds) =>
      parseCertificate((await readData(channel, certificateIds[name].tag))!)
    const [operating, central, unit] = [
      await stored('operating'),
      await stored('central'),
      await stored('unit'),
    ]
    assert.deepEqual(operating.encoded, done.operating.encoded)
    assert.deepEqual(central.encoded, done.central.encoded)
    assert.deepEqual(unit.encoded, world.unitCertificate)
    assert.deepEqual(operating.binding!.customer, customer)
  })

  test('[B7a][B7c] the module shows in operation the certificate that the unit signed, and openssl agrees on the chain', async () => {
    const world = await personalizationWorld()
    await personalized(world)
    const operating = (await speak(world.fixture.module, 'GET DATA', undefined, 0xdf, 0x22)).data
    const x509 = (der: Uint8Array) => new X509Certificate(der)
    const unit = x509(world.unitCertificate)
    assert.ok(x509(operating).verify(unit.publicKey))
    assert.ok(unit.verify(x509(world.fixture.manufacturer.certificate.encoded).publicKey))
    const proven = (await world.unit.vault.publicPoint(signingKey)).slice(1)
    assert.ok(equal(parseCertificate(world.unitCertificate).publicPoint.slice(1), proven))
  })

  test('[B9a] the manufacturer signs a signing key: once, for one customer, and only for whoever has the key', async () => {
    const world = await personalizationWorld()
    const certificate = parseCertificate(world.unitCertificate)
    assert.equal(certificate.role, 'unit')
    assert.deepEqual(certificate.customer, customer)
    const again = await request(world.unit, { name: 'unit', customer })
    const same = await certifyUnit(world.manufacturer, signed(again))
    assert.deepEqual(same.encoded, world.unitCertificate)
    const other = await request(world.unit, { name: 'unit', customer: ascii('customer 0000002') })
    await assert.rejects(certifyUnit(world.manufacturer, signed(other)), StateError)
    const forged = again.document.slice()
    forged[forged.length - 1]! ^= 1
    await assert.rejects(certifyUnit(world.manufacturer, { ...signed(again), request: forged }), {
      code: 'authentication-failed',
    })
    await assert.rejects(certifyUnit(world.manufacturer, { ...signed(again), request: world.centralRequest }))
  })

  test('[C14b] a unit, a central system and the manufacturer refuse a key whose fingerprint is not the one told', async () => {
    const world = await personalizationWorld()
    const told = { code: 'fingerprint-differs' }
    const { document, fingerprint } = await request(world.unit, { name: 'unit', customer })
    const wrong = fingerprint.slice()
    wrong[31]! ^= 1
    await assert.rejects(certifyUnit(world.manufacturer, { request: document, fingerprint: wrong }), told)
    await certifyUnit(world.manufacturer, { request: document, fingerprint })
    const transport = transportOf(world)
    await assert.rejects(
      personalize(world.unit, transport, { ...world.order, centralFingerprint: wrong }),
      told,
    )
    assert.equal(stateOf(world), 'awaiting-personalization')
  })

  test('[B9b] the key that customization wrote is the one that certificates must chain to', async () => {
    const world = await personalizationWorld()
    const { fixture } = world
    assert.deepEqual(
      fixture.module.parts.objects.read('public-key', 1),
      fixture.manufacturer.certificate.publicPoint,
    )
    const other = await personalizationWorld({ seed: 'another manufacturer' })
    const channel = await personalizationChannel(world)
    const { point } = await begin(channel)
    assert.equal(await complete(channel, certificatesFor(other, point)), wrongData)
    assert.equal(await complete(channel, certificatesFor(world, point)), 0x9000)
  })

  test('[B12a] an operating module takes no BEGIN and no COMPLETE, and nothing changes', async () => {
    const world = await personalizationWorld()
    await personalized(world)
    const channel = await personalizationChannel(world)
    const before = memoryOf(world.fixture.medium)
    const begun = await channel.exchange('BEGIN', { data: serializeBeginRequest(beginRequest) })
    assert.equal(begun.sw, 0x6985)
    assert.equal(await complete(channel, certificatesFor(world, world.fixture.identity.publicPoint)), 0x6985)
    assert.deepEqual(memoryOf(world.fixture.medium), before)
  })

  test('a second unit is told that the module is operating; the first one finds its own work', async () => {
    const world = await personalizationWorld()
    const first = await personalized(world)
    assert.equal(first.already, false)
    const again = await personalized(world)
    assert.equal(again.already, true)
    assert.deepEqual(again.operating.encoded, first.operating.encoded)
    const other = await personalizationWorld({ seed: 'other' })
    const asked = await request(other.unit, { name: 'unit', customer })
    const { encoded } = await certifyUnit(world.manufacturer, signed(asked))
    await assert.rejects(
      personalize(other.unit, transportOf(world), { ...world.order, unit: encoded }),
      StateError,
    )
  })

  test('[B4b] another serial number than the order stops the run before anything is signed', async () => {
    const world = await personalizationWorld()
    let signed = 0
    const vault = { ...world.unit.vault, sign: async () => assert.fail(`signature ${++signed}`) }
    const before = memoryOf(world.fixture.medium)
    await assert.rejects(
      personalize({ ...world.unit, vault }, transportOf(world), {
        ...world.order,
        serial: Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 9),
      }),
      { code: 'wrong-module', details: { ordered: '0102030405060709', connected: '0102030405060708' } },
    )
    assert.equal(signed, 0)
    assert.deepEqual(memoryOf(world.fixture.medium), before)
    assert.deepEqual(await world.unit.store.list('personalizations/'), [])
  })

  test('the receipt can be read again and every certificate stands in the record of the unit', async () => {
    const world = await personalizationWorld()
    const done = await personalized(world)
    const [record] = await readRecords(world.unit, world.fixture.serial)
    const receipt = await readData(plain(transportOf(world)), dataTags.personalizationReceipt)
    assert.deepEqual(record!.receipt, receipt)
    assert.deepEqual(record!.issued!.operating, done.operating.encoded)
    assert.equal(done.entries.length, 1)
    assert.deepEqual(done.entries[0]!.digest, world.crypto.sha256(done.operating.encoded))
    assert.equal(done.entries[0]!.number, done.number)
  })
})

describe('certificates that do not fit are refused, and nothing changes', () => {
  const refused = async (bend: (world: World, other: World) => Parameters<typeof certificatesFor>[2]) => {
    const world = await personalizationWorld()
    const other = await personalizationWorld({ seed: 'another manufacturer' })
    const channel = await personalizationChannel(world)
    const { point } = await begin(channel)
    const before = memoryOf(world.fixture.medium)
    assert.equal(await complete(channel, certificatesFor(world, point, bend(world, other))), wrongData)
    assert.deepEqual(memoryOf(world.fixture.medium), before)
    assert.equal(stateOf(world), 'awaiting-personalization')
  }
  const year = 365 * 86_400

  test('[B8b] of another manufacturer', async () => {
    await refused((_, other) => ({ keys: { manufacturer: other.fixture.manufacturer.key } }))
    await refused((_, other) => ({
      keys: { manufacturer: other.fixture.manufacturer.key },
      unit: { issuer: other.fixture.manufacturer.certificate },
    }))
  })

  for (const which of ['unit', 'operating', 'central'] as const) {
    test(`[B8c] an expired ${which} certificate`, () =>
      refused(() => ({ [which]: { notBefore: fixtureTime - year, notAfter: fixtureTime - 1 } })))
    test(`[B8c] a ${which} certificate that is not yet valid`, () =>
      refused(() => ({ [which]: { notBefore: fixtureTime + 1, notAfter: fixtureTime + year } })))
  }

  test('[B8d] for another module: serial number, key, nonce, customer or central system', async () => {
    const serialNumber = '0102030405060709'
    await refused(() => ({ operating: { subject: { commonName: 'module', serialNumber } } }))
    await refused(({ fixture }) => ({ operating: { publicPoint: fixture.identity.publicPoint } }))
    await refused(() => ({ binding: { nonce: ascii('nonce 0000000002') } }))
    await refused(() => ({ binding: { customer: ascii('customer 0000002') } }))
    await refused(({ crypto }) => ({ binding: { centralKeyHash: crypto.sha256(ascii('another')) } }))
  })

  test('[B8e] of the wrong role', async () => {
    const role = (name: 'operator' | 'issuer' | 'central-system') =>
      ({ role: name, binding: undefined }) as never
    await refused(() => ({ operating: role('central-system') }))
    await refused(() => ({ central: { role: 'supplier' } }))
    await refused(() => ({ central: { role: 'operator' } }))
    await refused(() => ({ unit: { role: 'authority', customer: undefined } as never }))
    await refused(() => ({ unit: { role: 'manufacturer', customer: undefined } as never }))
  })

  test('[B8e] the operating certificate in place of the central one, and every other exchange of places', async () => {
    const world = await personalizationWorld()
    const channel = await personalizationChannel(world)
    const { point } = await begin(channel)
    const right = certificatesFor(world, point)
    const { operating, central, unit } = right
    const before = memoryOf(world.fixture.medium)
    const all = [operating, central, unit, world.fixture.identity.encoded]
    let tried = 0
    for (const one of all) {
      for (const two of all) {
        for (const three of all) {
          if (one === operating && two === central && three === unit) continue
          assert.equal(await complete(channel, { operating: one, central: two, unit: three }), wrongData)
          tried++
        }
      }
    }
    assert.equal(tried, 63)
    assert.deepEqual(memoryOf(world.fixture.medium), before)
    assert.equal(await complete(channel, right), 0x9000)
  })

  test("[B8e] the central system shows the module's own key, or a point that is not on the curve", async () => {
    const world = await personalizationWorld()
    const channel = await personalizationChannel(world)
    const { point } = await begin(channel)
    const off = point.slice()
    off[64]! ^= 1
    for (const publicPoint of [point, off]) {
      const certificates = certificatesFor(world, point, { central: { publicPoint } })
      assert.equal(await complete(channel, certificates), wrongData)
    }
  })

  test('a changed byte anywhere in COMPLETE, and every length that is not right', async () => {
    const world = await personalizationWorld()
    const channel = await personalizationChannel(world)
    const { point } = await begin(channel)
    const right = certificatesFor(world, point)
    const before = memoryOf(world.fixture.medium)
    for (const name of ['operating', 'central', 'unit'] as const) {
      for (let at = 0; at < right[name].length; at += 7) {
        const bent = right[name].slice()
        bent[at]! ^= 0x10
        assert.equal(await complete(channel, { ...right, [name]: bent }), wrongData, `${name} ${at}`)
      }
      assert.equal(await complete(channel, { ...right, [name]: right[name].slice(0, -1) }), wrongData)
    }
    assert.deepEqual(memoryOf(world.fixture.medium), before)
  })

  test('[B8f] an unknown unit gets the public key and nothing more; its COMPLETE is refused', async () => {
    const world = await personalizationWorld()
    const stranger = await personalizationWorld({ seed: 'stranger' })
    // The stranger knows the identity certificate, which anybody reads.
    const channel = await personalizationChannel(world)
    const answer = await begin(channel)
    assert.equal(serializeBeginAnswer(answer).length, 65 + 64)
    const before = memoryOf(world.fixture.medium)
    assert.equal(await complete(channel, certificatesFor(stranger, answer.point)), wrongData)
    assert.deepEqual(memoryOf(world.fixture.medium), before)
    assert.equal(stateOf(world), 'awaiting-personalization')
    await endChannel(transportOf(world))
    assert.equal(await readData(plain(transportOf(world)), certificateIds.operating.tag), undefined)
  })

  test('[X8d] whatever is wrong with the certificates, the module answers the same word and no data', async () => {
    const world = await personalizationWorld()
    const channel = await personalizationChannel(world)
    const { point } = await begin(channel)
    const role = { role: 'supplier' } as const
    for (const bent of [
      { unit: { notAfter: fixtureTime - 1 } },
      { central: role },
      { binding: { nonce: new Uint8Array(16) } },
    ]) {
      const { operating, central, unit } = certificatesFor(world, point, bent)
      const data = [operating, central, unit].flatMap((der) => [der.length >> 8, der.length & 0xff, ...der])
      const answer = await channel.exchange('COMPLETE', { data: Uint8Array.from(data) })
      assert.deepEqual([answer.sw, answer.data.length], [wrongData, 0])
    }
  })

  test('another customer than that of the first personalization', async () => {
    const world = await personalizationWorld({
      prepare: ({ tx, objects }) => objects.put(tx, 'product-data', 5, ascii('customer 0000002')),
    })
    await assert.rejects(
      personalized(world),
      (error) => error instanceof RefusedError && error.statusWord === wrongData,
    )
    assert.equal(stateOf(world), 'awaiting-personalization')
  })

  test('a time that goes back, or 400 days forth', async () => {
    for (const [before, expected] of [
      [fixtureTime, 0x9000],
      [fixtureTime + 1, wrongData],
      [fixtureTime - 400 * 86_400, 0x9000],
      [fixtureTime - 400 * 86_400 - 1, wrongData],
    ] as const) {
      const world = await personalizationWorld({
        prepare: ({ tx, objects }) =>
          objects.put(
            tx,
            'authority-time',
            1,
            Uint8Array.from([24, 16, 8, 0].map((s) => (before >>> s) & 0xff)),
          ),
      })
      const channel = await personalizationChannel(world)
      const { point } = await begin(channel)
      assert.equal(await complete(channel, certificatesFor(world, point)), expected)
    }
  })

  test('COMPLETE without BEGIN', async () => {
    const world = await personalizationWorld()
    const channel = await personalizationChannel(world)
    assert.equal(await complete(channel, certificatesFor(world, world.fixture.identity.publicPoint)), 0x6985)
  })

  test('BEGIN and COMPLETE outside a channel', async () => {
    const { fixture } = await personalizationWorld()
    const before = memoryOf(fixture.medium)
    assert.equal((await speak(fixture.module, 'BEGIN', serializeBeginRequest(beginRequest))).sw, 0x6982)
    assert.equal((await speak(fixture.module, 'COMPLETE', new Uint8Array(10))).sw, 0x6982)
    assert.deepEqual(memoryOf(fixture.medium), before)
  })
})

describe('the pair', () => {
  const pointOf = async (seed: string, salt: string, nonce = 'nonce 0000000001'): Promise<Uint8Array> => {
    const world = await personalizationWorld({ seed })
    const input: BeginRequest = { ...beginRequest, salt: ascii(salt), nonce: ascii(nonce) }
    return (await begin(await personalizationChannel(world), input)).point
  }

  test('[B6a] the same entropy and salt give the same pair', async () => {
    assert.deepEqual(await pointOf('one', 'salt 00000000001'), await pointOf('one', 'salt 00000000001'))
  })

  test('[B6b] another salt gives another pair', async () => {
    assert.notDeepEqual(await pointOf('one', 'salt 00000000001'), await pointOf('one', 'salt 00000000002'))
  })

  test('[B6c] other entropy gives another pair', async () => {
    assert.notDeepEqual(await pointOf('one', 'salt 00000000001'), await pointOf('two', 'salt 00000000001'))
  })

  test('the same BEGIN again gives the same answer, and another nonce another pair; the first is gone', async () => {
    const world = await personalizationWorld()
    const channel = await personalizationChannel(world)
    const first = await begin(channel)
    assert.deepEqual(await begin(channel), first)
    const second = await begin(channel, { ...beginRequest, nonce: ascii('nonce 0000000002') })
    assert.notDeepEqual(second.point, first.point)
    assert.equal(await complete(channel, certificatesFor(world, first.point)), wrongData)
    assert.notDeepEqual((await begin(channel)).point, first.point)
  })
})

describe('the proof of identity', () => {
  /** Personalizes through a line on which BEGIN's answer is another: the unit must stop and sign nothing. */
  const stops = async (
    bend: (world: World) => Promise<{ transport: Transport; order?: Partial<World['order']> }>,
    code: string,
  ) => {
    const world = await personalizationWorld()
    const { transport, order } = await bend(world)
    await assert.rejects(personalize(world.unit, transport, { ...world.order, ...order }), { code })
    for (const record of await readRecords(world.unit, world.fixture.serial))
      assert.equal(record.issued, undefined)
    assert.equal(stateOf(world), 'awaiting-personalization')
  }

  /** The module signs, as its key store would, what a test wants it to have been asked. */
  const signing = async (bend: (asked: BeginRequest) => BeginRequest) =>
    stops(async (world) => {
      const { keys } = world.fixture.module.parts
      const sign = keys.sign.bind(keys)
      keys.sign = (place, ...parts) => {
        if (parts.length !== 6) return sign(place, ...parts)
        const [label, serial, time, nonce, salt, point] = parts as [
          Uint8Array,
          Uint8Array,
          Uint8Array,
          Uint8Array,
          Uint8Array,
          Uint8Array,
        ]
        const bent = bend({ salt, nonce, time: new DataView(time.slice().buffer).getUint32(0) })
        const data = serializeBeginRequest(bent)
        return sign(place, label, serial, data.slice(16, 20), bent.nonce, bent.salt, point)
      }
      return { transport: transportOf(world) }
    }, 'authentication-failed')

  test('the way these tests bend an answer leaves a right one right', async () => {
    await assert.rejects(
      signing((asked) => asked),
      { code: 'ERR_ASSERTION' },
    )
  })

  test('[B6d] an answer with another salt is refused by the unit', () =>
    signing((asked) => ({ ...asked, salt: ascii('salt of somebody') })))

  test('[B10c] an answer with an old nonce is refused by the unit', () =>
    signing((asked) => ({ ...asked, nonce: beginRequest.nonce })))

  test('[B10d] an answer with an old time is refused by the unit', () =>
    signing((asked) => ({ ...asked, time: asked.time - 1 })))

  test('[B10e] an answer signed by another identity is refused by the unit', async () => {
    await stops(async (world) => {
      const { keys } = world.fixture.module.parts
      const other = (await personalizationWorld({ seed: 'another module' })).fixture.module.parts.keys
      const sign = keys.sign.bind(keys)
      keys.sign = (place, ...parts) =>
        parts.length === 6 ? other.sign(place, ...parts) : sign(place, ...parts)
      return { transport: transportOf(world) }
    }, 'authentication-failed')
  })

  test('[B10e] an identity of another manufacturer is refused by the unit, and it says which link fails', async () => {
    const world = await personalizationWorld()
    const other = await personalizationWorld({ seed: 'another manufacturer' })
    await assert.rejects(personalize(world.unit, transportOf(other), world.order), {
      code: 'certificate-refused',
      details: { certificate: "module's identity certificate", reason: 'key-identifier' },
    })
    assert.equal(stateOf(other), 'awaiting-personalization')
  })

  test('[B10a][B10b] the identity certificate chains to the manufacturer, and its key signs what the unit prescribes', async () => {
    const world = await personalizationWorld()
    const channel = await personalizationChannel(world)
    const { point, signature } = await begin(channel)
    await endChannel(transportOf(world))
    const identity = new X509Certificate(
      (await readData(plain(transportOf(world)), certificateIds.identity.tag))!,
    )
    assert.ok(identity.verify(new X509Certificate(world.fixture.manufacturer.certificate.encoded).publicKey))
    const time = serializeBeginRequest(beginRequest).slice(16, 20)
    const { serial } = world.fixture
    const signed = Buffer.concat([ascii('BGN1'), serial, time, beginRequest.nonce, beginRequest.salt, point])
    const key = { key: identity.publicKey, dsaEncoding: 'ieee-p1363' } as const
    assert.ok(verify('sha256', signed, key, signature))
    assert.ok(!verify('sha256', Buffer.concat([signed, Buffer.of(0)]), key, signature))
  })
})

describe('what the host checks before it sends, it explains', () => {
  test('the unit names the link of its own certificate that fails', async () => {
    const world = await personalizationWorld()
    const { unit } = await personalizationWorld({ seed: 'other' })
    const asked = await request(unit, { name: 'unit', customer })
    const { encoded } = await certifyUnit(world.manufacturer, { ...signed(asked), days: 1 })
    const later = { ...unit, clock: fixedClock(fixtureTime + 2 * 86_400) }
    await assert.rejects(personalize(later, transportOf(world), { ...world.order, unit: encoded }), {
      code: 'certificate-refused',
      details: { certificate: "unit's certificate", reason: 'expired' },
    })
  })

  test('a unit with the certificate of another unit', async () => {
    const world = await personalizationWorld()
    const other = await personalizationWorld({ seed: 'other' })
    const asked = await request(other.unit, { name: 'unit', customer })
    const { encoded } = await certifyUnit(world.manufacturer, signed(asked))
    await assert.rejects(personalize(world.unit, transportOf(world), { ...world.order, unit: encoded }), {
      code: 'certificate-refused',
      details: { certificate: "unit's certificate", reason: 'other-key' },
    })
  })

  test('[C14a] a request for a certificate opens only under the key and role that it names', async () => {
    const world = await personalizationWorld()
    const opened = openCertificateRequest(world.centralRequest, 'central-system', world.crypto)
    assert.deepEqual(opened.point, await world.central.vault.publicPoint('session'))
    assert.throws(() => openCertificateRequest(world.centralRequest, 'unit', world.crypto))
  })
})
