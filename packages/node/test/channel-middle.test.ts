import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { equal } from '@sealwright/core/bytes'
import { certificateIds, channelKeys, commands, dataTags } from '@sealwright/core/catalog'
import {
  openDhSigned,
  openSignedKey,
  parseProof,
  proofInput,
  serializeProof,
  Transcript,
} from '@sealwright/core/channel/general-authenticate'
import { hostIdOf, openScp11 } from '@sealwright/core/channel/scp11'
import { exchangeProtected, type HostSession } from '@sealwright/core/channel/secure-messaging'
import { privateScalar } from '@sealwright/core/crypto'
import { AuthError } from '@sealwright/core/errors'
import {
  parseBeginRequest,
  parseCompleteRequest,
  serializeBeginRequest,
  serializeCompleteRequest,
} from '@sealwright/core/personalization'
import type { Transport } from '@sealwright/core/ports'
import { scriptedEntropy } from '@sealwright/core/testing'
import { parseTlvs, serializeTlv, serializeTlvs, tlv } from '@sealwright/core/tlv'
import { parseCertificate } from '@sealwright/core/x509'
import { customizedModule, fixtureKey } from '@sealwright/module/testing'
import { channelIdentification, channelKey, readRecords } from '@sealwright/roles/unit'
import { type Mallory, messageLine, middle, openAnonymously } from './channel-line.ts'
import {
  channelWorld,
  type Opener,
  otherUnit,
  personalizeIn,
  provenForms,
  type SecuredForm,
  unitOf,
  within,
} from './channel-world.ts'
import { beginRequest, memoryOf, requireOne, transportOf, type World } from './personalization-world.ts'

/** Mallory, who may be a unit that the same manufacturer certified, and speaks to the module as that. */
function malloryIn(world: World, form: SecuredForm, unit: Opener): Mallory {
  const { crypto, fixture } = world
  const key = fixtureKey(crypto, 'a pair that Mallory made')
  return { crypto, key, openToModule: (line) => openAs(form, world, unit, line, fixture.serial) }
}

/** Opens a session of this form with the module, as a unit of one's own. */
async function openAs(
  form: SecuredForm,
  { crypto, fixture }: World,
  { ports, certificate }: Opener,
  line: Transport,
  serial: Uint8Array,
): Promise<HostSession | undefined> {
  const entropy = scriptedEntropy('mallory to the module')
  const ephemeralScalar = privateScalar(crypto, entropy.bytes(48))
  const sin = Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 1)
  const { identity } = fixture
  if (form === 'ephemeral') return openAnonymously(crypto, serial)(line)
  if (form === 'document-key') return undefined
  const moduleKey = crypto.ecPublicKey(identity.publicPoint)
  const identities = { sin, sdin: serial }
  if (form === 'module-proof') {
    const hostId = hostIdOf(crypto, crypto.ecPrivateKey(ephemeralScalar).publicPoint)
    return openScp11(line, {
      ...{ crypto, variant: 'b', keyVersion: 1, keyId: channelKeys.identity, moduleKey, ephemeralScalar },
      binding: { hostId, identities },
    })
  }
  const identification = await channelIdentification(ports, parseCertificate(certificate))
  const point = await ports.vault.publicPoint(channelKey)
  if (form === 'mutual') {
    return openScp11(line, {
      ...{
        crypto,
        variant: 'a',
        keyVersion: 1,
        keyId: channelKeys.unit,
        moduleKey,
        ephemeralScalar,
        identification,
      },
      ownKey: { point, staticSecret: await ports.vault.agree(channelKey, identity.publicPoint) },
      binding: { hostId: hostIdOf(crypto, identification), identities },
    })
  }
  const open = form === 'dh-signed' ? openDhSigned : openSignedKey
  return open(line, {
    ...{ crypto, sin, serial, ephemeralScalar, p1: 1, p2: channelKeys[`unit-${form}`], resource: 0 },
    module: { point: identity.publicPoint, certificate: identity.encoded },
    host: { point, identification, sign: (...parts) => ports.vault.sign(channelKey, ...parts) },
  })
}

suite('somebody in the middle who plays both ends', () => {
  test('[B5e] holds the channel without authentication, unseen: reads all that passes, while the personalization succeeds', async () => {
    const world = await channelWorld()
    const mallory = malloryIn(world, 'ephemeral', await otherUnit(world))
    const { fixture } = world
    const line = middle(transportOf(world), 'ephemeral', mallory, fixture.serial, fixture.identity.encoded)
    await personalizeIn(world, 'ephemeral', line.transport)
    await requireOne(world)
    assert.ok(line.believedByHost() && line.inModule())
    const [begun, completed] = line.read
    assert.equal(begun!.command.ins, commands.BEGIN.ins)
    assert.equal(parseBeginRequest(begun!.command.data).time, world.clock.now())
    assert.equal(completed!.command.ins, commands.COMPLETE.ins)
    const { operating } = parseCompleteRequest(completed!.command.data)
    const stored = fixture.module.parts.objects.read('certificate', certificateIds.operating.id)!
    assert.ok(equal(operating, stored), 'what Mallory read is what the module has')
  })

  test('[B5e] could say something of his own in it as well: the module takes his BEGIN for the unit’s', async () => {
    const world = await channelWorld()
    const mallory = malloryIn(world, 'ephemeral', await otherUnit(world))
    const session = (await mallory.openToModule(transportOf(world)))!
    const data = serializeBeginRequest(beginRequest)
    const ins = commands.BEGIN.ins
    const sent = { cla: 0x80, ins, p1: 0, p2: 0, data, le: 0x100, extended: false }
    assert.equal((await exchangeProtected(transportOf(world), session, sent)).sw, 0x9000)
  })

  for (const form of provenForms) {
    test(`[B5a] ${form}: gets nothing said to him, and nothing signed, though he is a certified unit himself`, async () => {
      const world = await channelWorld()
      const mallory = malloryIn(world, form, await otherUnit(world))
      const { fixture } = world
      const line = middle(transportOf(world), form, mallory, fixture.serial, fixture.identity.encoded)
      const before = memoryOf(fixture.medium)
      await assert.rejects(personalizeIn(world, form, line.transport), (error) => {
        assert.ok(error instanceof AuthError, String(error))
        return true
      })
      assert.deepEqual(line.read, [])
      assert.deepEqual(memoryOf(fixture.medium), before)
      assert.deepEqual(
        await world.unit.store.list('personalizations/'),
        [],
        'nothing was prescribed or signed',
      )
      assert.equal(
        line.inModule(),
        form !== 'document-key',
        'he had his own channel with the module all the time',
      )
      await personalizeIn(world, form)
      await requireOne(world)
    })

    test(`[B5a] ${form}: shows a genuine module of his own in the place of this one: refused by its serial number`, async () => {
      const world = await channelWorld()
      const { crypto } = world
      const own = customizedModule({ crypto, serial: Uint8Array.of(9, 9, 9, 9, 9, 9, 9, 9) })
      const { identity } = own
      const line = messageLine(transportOf(world), {
        answer(answer, to) {
          const tag = (to.p1 << 8) | to.p2
          if (to.ins !== commands['GET DATA'].ins || tag !== certificateIds.identity.tag) return undefined
          return {
            ...answer,
            data: to.cla === 0 ? identity.encoded : serializeTlv(tlv(tag, identity.encoded)),
          }
        },
      })
      await assert.rejects(personalizeIn(world, form, line.transport), {
        code: 'certificate-refused',
        details: { certificate: "module's identity certificate", reason: 'subject-serial' },
      })
    })
  }
})

suite('a unit that the module is made to take for another', () => {
  /** Mallory's certificates and a signature of her own, in the place of the unit's. */
  test('[B5a] signed-key: other certificates and another signature, and the unit refuses what the module then signs', async () => {
    const world = await channelWorld()
    const { crypto, fixture } = world
    const mallory = await otherUnit(world)
    const identification = await channelIdentification(mallory.ports, parseCertificate(mallory.certificate))
    const header = { p1: 1, p2: channelKeys['unit-signed-key'] }
    let taken = 0
    const line = messageLine(transportOf(world), {
      command(command, n) {
        if (n !== 1) return undefined
        assert.ok(parseProof(command.data).identification !== undefined)
        return { ...command, data: bent! }
      },
      answer(answer, _to, n) {
        if (n === 1) taken = answer.sw
        return undefined
      },
    })
    // The transcript is known as soon as the commitments have passed.
    let bent: Uint8Array | undefined
    const signing: Transport = {
      ...line.transport,
      async transmit(bytes) {
        const answer = await line.transport.transmit(bytes)
        const first = line.passed.find(({ n }) => n === 0)
        if (first !== undefined && bent === undefined) {
          const transcript = new Transcript(crypto, header)
          transcript.add(first.command.data, first.answer.data)
          const statement = {
            ...{ suite: 1, transcript: transcript.digest(), serial: fixture.serial, resource: 0 },
            hostDigest: crypto.sha256(identification),
            moduleDigest: crypto.sha256(fixture.identity.encoded),
          }
          const signature = await mallory.ports.vault.sign(
            channelKey,
            ...proofInput('signed-key host', statement),
          )
          bent = serializeProof({ signature, identification })
        }
        return answer
      },
    }
    await assert.rejects(within('signed-key', unitOf(world), signing, fixture.identity, begin), AuthError)
    assert.equal(taken, 0x9000, 'the module did take Mallory’s unit for its peer')
    assert.equal(line.passed.filter(({ n }) => n === 2).length, 0, 'the unit stopped before the key')
    assert.equal(fixture.module.parts.channels.current, undefined)
  })

  test('[B5a] dh-signed: the proof is under the keys of the handshake: hers does not fit, the unit’s does not come loose', async () => {
    const world = await channelWorld()
    const mallory = await otherUnit(world)
    const { identity } = world.fixture
    // A proof of her own, from another handshake with the same module.
    const own = messageLine(transportOf(world))
    await within('dh-signed', mallory, own.transport, identity, async () => {})
    const proof = own.passed.find(({ n }) => n === 1)!.command
    const line = messageLine(transportOf(world), { command: (_, n) => (n === 1 ? proof : undefined) })
    await assert.rejects(within('dh-signed', unitOf(world), line.transport, identity, begin), {
      statusWord: 0x6982,
    })
  })

  for (const [what, withHostId] of [
    ['her certificates alone', false],
    ['her certificates and her host id', true],
  ] as const) {
    test(`[B5a] mutual: ${what} in the place of the unit’s`, async () => {
      const world = await channelWorld()
      const mallory = await otherUnit(world)
      const identification = await channelIdentification(mallory.ports, parseCertificate(mallory.certificate))
      const line = messageLine(transportOf(world), {
        command(command, n) {
          if (n !== 0) return undefined
          const [template, ephemeral] = parseTlvs(command.data)
          const fields = parseTlvs(template!.value).map((field) =>
            withHostId && field.tag === 0x84 ? tlv(0x84, hostIdOf(world.crypto, identification)) : field,
          )
          const objects = [tlv(0xa6, serializeTlvs(fields)), ephemeral!, ...parseTlvs(identification)]
          return { ...command, data: serializeTlvs(objects) }
        },
      })
      const run = within('mutual', unitOf(world), line.transport, world.fixture.identity, begin)
      await assert.rejects(run, withHostId ? AuthError : { statusWord: 0x6982 })
    })
  }

  test('[B5a] a unit that proved itself in the channel brings no certificates of another to COMPLETE', async () => {
    for (const form of ['mutual', 'dh-signed', 'signed-key'] as const) {
      const world = await channelWorld()
      const { identity } = world.fixture
      const mallory = await otherUnit(world)
      // The unit's own COMPLETE, in Mallory's channel: she has the same customer and manufacturer.
      const kept = messageLine(transportOf(world))
      await assert.rejects(
        personalizeIn(world, 'ephemeral', {
          ...kept.transport,
          async transmit(bytes) {
            if (bytes[1] === commands.COMPLETE.ins) throw new Error('the line breaks before COMPLETE')
            return kept.transport.transmit(bytes)
          },
        }),
      )
      const [record] = await readRecords(world.unit, world.fixture.serial)
      const data = serializeCompleteRequest(record!.issued!)
      const answer = await within(form, mallory, transportOf(world), identity, (channel) =>
        channel.exchange('COMPLETE', { data }),
      )
      assert.equal(answer.sw, 0x6a80, form)
      const right = await within(form, unitOf(world), transportOf(world), identity, (channel) =>
        channel.exchange('COMPLETE', { data }),
      )
      assert.equal(right.sw, 0x9000, form)
    }
  })
})

suite('to a weaker form', () => {
  const p2s = [
    channelKeys.ephemeral,
    channelKeys.identity,
    channelKeys['unit-dh-signed'],
    channelKeys['unit-signed-key'],
  ]

  for (const form of ['dh-signed', 'signed-key', 'ephemeral'] as const) {
    test(`[B5a] ${form}: another key identifier on the way ends the set-up`, async () => {
      for (const p2 of p2s) {
        const world = await channelWorld()
        const line = messageLine(transportOf(world), {
          command: (sent, n) => (n >= 0 ? { ...sent, p2 } : undefined),
        })
        const own = form === 'ephemeral' ? channelKeys.ephemeral : channelKeys[`unit-${form}`]
        if (p2 === own) continue
        await assert.rejects(within(form, unitOf(world), line.transport, world.fixture.identity, begin))
        assert.equal(world.fixture.module.parts.channels.current?.kind === 'supplier', false)
        assert.equal(world.fixture.module.parts.keys.has(0xff00_0003), false, 'no BEGIN was taken')
      }
    })
  }

  for (const form of provenForms) {
    test(`[B5a] ${form}: a module that is made to look as if it knew no such form is not asked in a weaker one`, async () => {
      const world = await channelWorld()
      const line = messageLine(transportOf(world), {
        answer: (_, __, n) => (n >= 0 ? { data: new Uint8Array(0), sw: 0x6d00 } : undefined),
      })
      await assert.rejects(personalizeIn(world, form, line.transport), { statusWord: 0x6d00 })
      assert.equal(line.passed.filter(({ n }) => n >= 0).length, 1)
      assert.deepEqual(
        line.passed.filter(({ command }) => command.ins === commands.BEGIN.ins),
        [],
      )
    })
  }

  test('[B5b][B5c] a policy that is changed on the way moves neither side', async () => {
    const world = await channelWorld('mutual')
    const line = messageLine(transportOf(world), {
      answer(answer, to) {
        const asked = to.ins === commands['GET DATA'].ins && ((to.p1 << 8) | to.p2) === dataTags.channelPolicy
        return asked ? { ...answer, data: Uint8Array.of(...answer.data.slice(0, -1), 0) } : undefined
      },
    })
    await assert.rejects(personalizeIn(world, 'module-proof', line.transport), { statusWord: 0x6982 })
    await personalizeIn(world, 'dh-signed', line.transport)
    await requireOne(world)
  })
})

async function begin(channel: { send(name: 'BEGIN', input: { data: Uint8Array }): Promise<Uint8Array> }) {
  return channel.send('BEGIN', { data: serializeBeginRequest(beginRequest) })
}
