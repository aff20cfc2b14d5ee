import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { command } from '@sealwright/core/apdu'
import { ascii, concat } from '@sealwright/core/bytes'
import { channelKeys, commands, keyPlaces } from '@sealwright/core/catalog'
import {
  serializeIdentification,
  serializeOpening,
  serializeProof,
} from '@sealwright/core/channel/general-authenticate'
import { AuthError } from '@sealwright/core/errors'
import { parseCertificate } from '@sealwright/core/x509'
import { fixtureCertificate, fixtureKey, fixtureTime } from '@sealwright/module/testing'
import { openDhSigned, openScp11a, openSignedKey } from '@sealwright/roles/channel'
import { channelIdentification, channelKey } from '@sealwright/roles/unit'
import { begin, recorded, say } from './channel-bent.ts'
import { channelWorld, type Opener, personalizeIn, unitOf, within } from './channel-world.ts'
import { memoryOf, transportOf, type World } from './personalization-world.ts'

const byCertificate = ['mutual', 'dh-signed', 'signed-key'] as const
suite('what a module refuses', () => {
  type Profile = Parameters<typeof fixtureCertificate>[1]

  /** A unit and its channel key, each made as a test wants it. */
  function papersOf(
    world: World,
    bent: {
      unit?: Partial<Profile>
      own?: Partial<Profile>
      manufacturer?: string
      signer?: string
      point?: Uint8Array
    },
  ) {
    const { crypto, fixture } = world
    const manufacturer = fixtureKey(crypto, bent.manufacturer ?? 'fixture manufacturer')
    const unitKey = fixtureKey(crypto, 'a unit made by hand')
    const own = fixtureKey(crypto, 'its channel key')
    const unit = fixtureCertificate(
      crypto,
      {
        role: 'unit',
        subject: { commonName: 'unit by hand' },
        publicPoint: unitKey.publicPoint,
        issuer: fixture.manufacturer.certificate,
        customer: ascii('customer 0000001'),
        ...bent.unit,
      },
      manufacturer,
    )
    const certificate = fixtureCertificate(
      crypto,
      {
        role: 'unit-channel',
        subject: { commonName: 'channel by hand' },
        publicPoint: own.publicPoint,
        issuer: unit,
        ...bent.own,
      },
      unitKey,
    )
    return {
      own: fixtureKey(crypto, bent.signer ?? 'its channel key'),
      certificates: [certificate.encoded, unit.encoded],
    }
  }

  async function statusOf(
    world: World,
    form: (typeof byCertificate)[number],
    { own, certificates }: ReturnType<typeof papersOf>,
    time = fixtureTime,
    identification = serializeIdentification({ time, certificates }),
  ): Promise<number> {
    const { crypto, fixture } = world
    const modulePoint = fixture.identity.publicPoint
    const vault = {
      ...world.unit.vault,
      publicPoint: async () => own.publicPoint,
      sign: async (_: string, ...parts: Uint8Array[]) => own.sign(...parts),
      agree: async () => own.agree(crypto.ecPublicKey(modulePoint)),
    }
    const input = {
      ...{
        crypto,
        entropy: world.unit.entropy,
        vault,
        keyName: channelKey,
        serial: fixture.serial,
        identification,
      },
      ...{
        modulePoint,
        keyId: channelKeys.unit,
        module: { point: modulePoint, certificate: fixture.identity.encoded },
      },
    }
    const open = { mutual: openScp11a, 'dh-signed': openDhSigned, 'signed-key': openSignedKey }[form]
    try {
      ;(await open(transportOf(world), input)).close()
      return 0x9000
    } catch (error) {
      const { statusWord } = error as { statusWord?: number }
      if (statusWord === undefined) throw error
      return statusWord
    }
  }

  /** Certificates of a unit whose key the speaker does not have. */
  function withoutItsKey(world: World): [string, ReturnType<typeof papersOf>][] {
    const stranger = fixtureKey(world.crypto, 'another manufacturer').publicPoint
    return [
      ['a unit that signs with another key', papersOf(world, { signer: 'another channel key' })],
      ['a channel key that is not the certificate’s', papersOf(world, { own: { publicPoint: stranger } })],
    ]
  }

  test('[B5a][C7e] mutual: who shows a unit’s certificates without having its key has no common keys with the module', async () => {
    for (const which of [0, 1]) {
      const world = await channelWorld()
      const [, papers] = withoutItsKey(world)[which]!
      const before = memoryOf(world.fixture.medium)
      await assert.rejects(statusOf(world, 'mutual', papers), AuthError)
      const ins = commands.BEGIN.ins
      const guessed = command({ cla: 0x84, ins, p1: 0, p2: 0, data: new Uint8Array(56), le: 0x100 })
      assert.equal((await say(world, guessed)).sw, 0x6982)
      assert.equal(world.fixture.module.parts.channels.current, undefined)
      assert.deepEqual(memoryOf(world.fixture.medium), before)
    }
  })

  for (const form of byCertificate) {
    test(`[B5a][C7e] ${form}: whatever the unit lacks, it looks the same from outside, and changes nothing`, async () => {
      const world = await channelWorld()
      const before = memoryOf(world.fixture.medium)
      const day = 86_400
      const right = papersOf(world, {})
      const cases: [string, ReturnType<typeof papersOf>, number?][] = [
        ['a unit of another manufacturer', papersOf(world, { manufacturer: 'another manufacturer' })],
        ['a unit certificate that has ended', papersOf(world, { unit: { notAfter: fixtureTime - 1 } })],
        ['a channel certificate that has ended', papersOf(world, { own: { notAfter: fixtureTime - 1 } })],
        ['a channel certificate not yet valid', papersOf(world, { own: { notBefore: fixtureTime + 1 } })],
        ['a key of another role', papersOf(world, { own: { role: 'central-system' } })],
        [
          'a test certificate',
          papersOf(world, { unit: { issuer: { ...world.fixture.manufacturer.certificate, test: true } } }),
        ],
        ['a time after all certificates', right, fixtureTime + 3000 * day],
        ['a time before all certificates', right, fixtureTime - 3000 * day],
        ['one certificate', { ...right, certificates: right.certificates.slice(0, 1) }],
        ['certificates in the wrong order', { ...right, certificates: [...right.certificates].reverse() }],
        ['three certificates', { ...right, certificates: [...right.certificates, right.certificates[1]!] }],
        ['bytes that are no certificate', { ...right, certificates: [ascii('nothing'), ascii('at all')] }],
      ]
      // In SCP11a it shows with the first command only.
      if (form !== 'mutual') cases.push(...withoutItsKey(world))
      for (const [what, papers, time] of cases) {
        assert.equal((await statusOf(world, form, papers, time)).toString(16), '6982', what)
        assert.equal(world.fixture.module.parts.channels.current, undefined, what)
      }
      assert.deepEqual(memoryOf(world.fixture.medium), before)
      assert.equal(await statusOf(world, form, right), 0x9000, 'and this one is taken')
    })
  }

  test('[B5a] signed-key: no identification, and bytes that are no proof, look the same too', async () => {
    const world = await channelWorld()
    const { setUp } = await recorded(world, 'signed-key')
    for (const data of [
      serializeProof({ signature: new Uint8Array(64) }),
      ascii('no proof'),
      new Uint8Array(0),
      concat(setUp[1]!.command.data, Uint8Array.of(0)),
    ]) {
      await say(world, setUp[0]!.command)
      const answer = await say(world, { ...setUp[1]!.command, data })
      assert.deepEqual([answer.sw, answer.data.length], [0x6982, 0])
    }
  })

  test('[B5a] a customer’s module takes no unit of another customer into a channel', async () => {
    for (const form of byCertificate) {
      const world = await channelWorld()
      const { nvm, objects } = world.fixture.module.parts
      nvm.transaction((tx) => objects.put(tx, 'product-data', 5, ascii('customer 0000001')))
      const other = papersOf(world, { unit: { customer: ascii('customer 0000002') } })
      assert.equal((await statusOf(world, form, other)).toString(16), '6982')
      assert.equal(await statusOf(world, form, papersOf(world, {})), 0x9000)
    }
  })

  test('[B5a] a first message that is malformed, of another suite or of another form: 6A80; a point off the curve: 6982', async () => {
    const world = await channelWorld()
    const ins = commands['GENERAL AUTHENTICATE'].ins
    const point = world.fixture.identity.publicPoint
    const off = point.slice()
    off[64]! ^= 1
    const send = async (p2: number, data: Uint8Array, p1 = 1) =>
      (await say(world, command({ cla: 0x80, ins, p1, p2, data, le: 0x100 }))).sw.toString(16)
    const dh = channelKeys['unit-dh-signed']
    const opening = (suite: number, bytes: Uint8Array) =>
      serializeOpening({ suite, key: { kind: 'exponential', point: bytes } })
    const committed = serializeOpening({
      suite: 1,
      key: { kind: 'commitment', commitment: new Uint8Array(32) },
    })
    for (const p2 of [dh, channelKeys.ephemeral]) {
      assert.equal(await send(p2, new Uint8Array(0)), '6a80')
      assert.equal(await send(p2, opening(2, fixtureKey(world.crypto, 'x').publicPoint)), '6a80')
      assert.equal(await send(p2, committed), '6a80')
      assert.equal(await send(p2, opening(1, off)), '6982')
      assert.equal(await send(p2, opening(1, point), 2), '6a88')
    }
    assert.equal(await send(dh, opening(1, point)), '6982', 'its own identity point')
    assert.equal(await send(channelKeys['unit-signed-key'], opening(1, point)), '6a80')
    assert.equal(await send(0x7f, opening(1, point)), '6a88')
    assert.equal(
      await send(channelKeys['supplier-dh-signed'], opening(1, point)),
      '6985',
      'nobody’s resource yet',
    )
  })

  test('[B5a] in operation the forms for personalization are gone', async () => {
    const world = await channelWorld()
    const { setUp } = await recorded(world, 'dh-signed')
    await personalizeIn(world, 'dh-signed')
    for (const form of ['ephemeral', ...byCertificate] as const) {
      const { identity } = world.fixture
      await assert.rejects(
        within(form, unitOf(world), transportOf(world), identity, async () => {}),
        { statusWord: 0x6985 },
        form,
      )
    }
    assert.equal((await say(world, setUp[0]!.command)).sw, 0x6985)
    assert.ok(world.fixture.module.parts.keys.has(keyPlaces.operating))
  })
})

/** The unit's certificates, renewed by itself. */
suite("the unit's channel key", () => {
  test('is another than the one that certifies, and its certificate is renewed when it ends', async () => {
    const world = await channelWorld()
    const unit: Opener = unitOf(world)
    const certificate = parseCertificate(unit.certificate)
    const first = await channelIdentification(unit.ports, certificate)
    assert.deepEqual(await channelIdentification(unit.ports, certificate), first)
    world.clock.advance(23 * 3600 + 1)
    const second = await channelIdentification(unit.ports, certificate)
    assert.notDeepEqual(second, first)
    await within('dh-signed', unit, transportOf(world), world.fixture.identity, begin)
    assert.notDeepEqual(await unit.ports.vault.publicPoint(channelKey), certificate.publicPoint)
  })
})
