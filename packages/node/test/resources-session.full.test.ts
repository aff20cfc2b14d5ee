import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { command, exchange } from '@sealwright/core/apdu'
import { ascii, concat, u32 } from '@sealwright/core/bytes'
import { channelKeys, commands, keyPlaces, type SupplierForm, supplierForms } from '@sealwright/core/catalog'
import { serializeIdentification } from '@sealwright/core/channel/general-authenticate'
import { AuthError } from '@sealwright/core/errors'
import type { Transport } from '@sealwright/core/ports'
import { scriptedEntropy } from '@sealwright/core/testing'
import { type Channel, endChannel, openDhSigned, openScp11a, openSignedKey } from '@sealwright/roles/channel'
import * as operator from '@sealwright/roles/operator'
import type { PartyPorts } from '@sealwright/roles/ports'
import * as supplier from '@sealwright/roles/supplier'
import { type Bend, messageLine } from './channel-line.ts'
import { activated, bankAid, loaded, program, type ResourceWorld, resourceWorld } from './resources-world.ts'

/** The supplier's session with resource 1, in one of its forms, as whoever holds a supplier's key opens it. */
async function session<T>(
  form: SupplierForm,
  world: ResourceWorld,
  transport: Transport,
  work: (channel: Channel) => Promise<T>,
  holder: PartyPorts = world.supplier,
  resource = 1,
): Promise<T> {
  const { crypto, fixture } = world
  const { operating } = fixture.personalization!
  const input = {
    ...{ crypto, entropy: holder.entropy, vault: holder.vault, keyName: supplier.supplierKey },
    serial: fixture.serial,
    issuer: Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 1),
  }
  const module = { point: operating.publicPoint, certificate: operating.encoded }
  const open = {
    mutual: () =>
      openScp11a(transport, {
        ...{ ...input, modulePoint: module.point, keyId: channelKeys.supplier, keyVersion: resource },
      }),
    'dh-signed': () => openDhSigned(transport, { ...input, module, resource }),
    'signed-key': () => openSignedKey(transport, { ...input, module, resource }),
  }
  await endChannel(transport)
  const channel = await open[form]()
  try {
    return await work(channel)
  } finally {
    channel.close()
  }
}

/** A command that only the supplier's channel may carry; 6982 elsewhere. What it says of its data does not matter here. */
const inSession = async (channel: Channel) =>
  (await channel.exchange('LOAD SWITCH', { data: new Uint8Array(32) })).sw

const signed = ['dh-signed', 'signed-key'] as const

/** From the call on nobody but supplier and module speaks, and somebody in between passes it on. */
async function passedOnUnread(form: (typeof supplierForms)[number]): Promise<void> {
  const world = await resourceWorld()
  const { activation } = await activated(world)
  // From here on nobody but supplier and module speaks; the subscriber's telephone carries bytes.
  const carried: Uint8Array[] = []
  const telephone: Transport = {
    ...world.transport,
    async transmit(bytes) {
      const answer = await world.transport.transmit(bytes)
      carried.push(bytes.slice(), answer.slice())
      return answer
    },
  }
  const wasm = program('bank')
  await supplier.load(world.supplier, telephone, { activation, program: wasm, data: { size: 96 }, form })
  const account = ascii('12345678901234567890')
  const stored = concat(u32(0), u32(100_000), Uint8Array.of(20), account, ascii('4711'))
  const answers = await supplier.run(
    world.supplier,
    telephone,
    { aid: bankAid, form },
    async (application) => [
      await application.command(0x10, stored),
      await application.command(0x12, ascii('4711')),
      await application.command(0x14),
    ],
  )
  assert.deepEqual(
    answers.map(({ sw }) => sw),
    [0x9000, 0x9000, 0x9000],
  )
  const wire = Buffer.concat(carried)
  assert.equal(wire.includes(Buffer.from(wasm.subarray(0, 16))), false)
  const spoken = carried.filter(([cla, ins], i) => i % 2 === 0 && cla === 0x84 && ins === 0x10)
  assert.equal(spoken.length, 1, 'the command passed')
  assert.equal(wire.includes(Buffer.from(account)), false, 'and it was not to be read')
}

const unread =
  'the subscriber calls, and the supplier loads and runs its program through somebody who passes it on unread'
test(`[C7a][C7b] mutual: ${unread}`, () => passedOnUnread('mutual'))
test(`[C7a][C7c] dh-signed: ${unread}`, () => passedOnUnread('dh-signed'))
test(`[C7a][C7d] signed-key: ${unread}`, () => passedOnUnread('signed-key'))

for (const form of supplierForms) {
  suite(`a supplier's session, ${form}`, () => {
    test(`[C7e] another supplier's key than the one in DEF is refused, also of one with a resource of its own`, async () => {
      const world = await resourceWorld()
      await loaded(world)
      const before = world.fixture.medium.snapshot().pages
      await assert.rejects(session(form, world, world.transport, inSession, world.rival), (error) => {
        const { statusWord } = error as { statusWord?: number }
        // In SCP11a it shows in the host id; in the others in the signature.
        assert.equal(statusWord, 0x6982)
        return true
      })
      assert.equal(world.fixture.module.parts.channels.current, undefined)
      assert.deepEqual(world.fixture.medium.snapshot().pages, before)
      assert.notEqual(await session(form, world, world.transport, inSession), 0x6982)
    })

    test('[C7e] a blocked resource and one that is not there take no session; one that is open ends', async () => {
      const world = await resourceWorld()
      const { resource } = await loaded(world)
      await assert.rejects(session(form, world, world.transport, inSession, world.supplier, resource + 1), {
        statusWord: 0x6a88,
      })
      await session(form, world, world.transport, async (channel) => {
        await operator.block(world.operator, world.transport, { resource })
        assert.equal(await inSession(channel), 0x6982)
      })
      await assert.rejects(session(form, world, world.transport, inSession), { statusWord: 0x6a88 })
    })

    test('[C7f] messages of one session do nothing in another, on either side', async () => {
      const world = await resourceWorld()
      await loaded(world)
      const first = messageLine(world.transport)
      await session(form, world, first.transport, inSession)
      const setUp = first.passed.filter(({ n }) => n >= 0)
      for (const [i, { command: sent }] of setUp.entries()) {
        const { sw } = await exchange(world.transport, sent)
        assert.equal(sw === 0x9000, i === 0)
      }
      const spoken = first.passed.find(({ command: sent }) => sent.ins === commands['LOAD SWITCH'].ins)!
      assert.equal((await exchange(world.transport, spoken.command)).sw, 0x6982)
      const again: Bend = { answer: (_, __, n) => setUp[n]?.answer }
      await assert.rejects(
        session(form, world, messageLine(world.transport, again).transport, inSession),
        AuthError,
      )
    })

    test('[C7f] every seventh byte changed: no session', async () => {
      const world = await resourceWorld()
      await loaded(world)
      const line = messageLine(world.transport)
      await session(form, world, line.transport, inSession)
      for (const { command: sent, answer, n } of line.passed.filter((one) => one.n >= 0)) {
        const bends: Bend[] = []
        for (let i = n % 7; i < sent.data.length; i += 7) {
          bends.push({
            command: (one, at) => (at === n ? { ...one, data: flipped(one.data, i) } : undefined),
          })
        }
        for (let i = n % 7; i < answer.data.length; i += 7) {
          bends.push({
            answer: (one, _, at) => (at === n ? { ...one, data: flipped(one.data, i) } : undefined),
          })
        }
        for (const bend of bends) {
          const bent = messageLine(world.transport, bend)
          await assert.rejects(session(form, world, bent.transport, inSession))
          assert.equal(
            bent.passed.some(({ command: one }) => one.ins === commands['LOAD SWITCH'].ins),
            false,
          )
        }
      }
    })
  })
}

suite('the signed forms of a session', () => {
  for (const form of signed) {
    test(`[C7e] ${form}: a supplier that shows certificates is refused, though it is the one in DEF and signs for them`, async () => {
      const world = await resourceWorld()
      await loaded(world)
      const { operating } = world.fixture.personalization!
      const open = form === 'dh-signed' ? openDhSigned : openSignedKey
      const opening = open(world.transport, {
        ...{ crypto: world.crypto, entropy: world.supplier.entropy, vault: world.supplier.vault },
        ...{ keyName: supplier.supplierKey, serial: world.fixture.serial, resource: 1 },
        issuer: Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 1),
        module: { point: operating.publicPoint, certificate: operating.encoded },
        identification: serializeIdentification({ time: 1, certificates: [operating.encoded] }),
      })
      await assert.rejects(opening, { statusWord: 0x6982 })
    })

    test(`[C7f] ${form}: a session's proof names the resource: it serves no other with the same key`, async () => {
      const world = await resourceWorld()
      await loaded(world)
      const line = messageLine(world.transport, {
        command: (sent, n) => (n >= 0 ? { ...sent, p1: 2 } : undefined),
      })
      await assert.rejects(session(form, world, line.transport, inSession), { statusWord: 0x6a88 })
    })
  }

  test('[C7f] the operating key signs for a session only what begins with its label, and only for a supplier that has proven itself', async () => {
    const world = await resourceWorld()
    await loaded(world)
    const { crypto, transport } = world
    const entropy = scriptedEntropy('a stranger')
    const key = crypto.ecPrivateKey(entropy.bytes(32))
    for (const form of signed) {
      const vault = {
        ...world.supplier.vault,
        publicPoint: async () => key.publicPoint,
        sign: async (_: string, ...parts: Uint8Array[]) => key.sign(...parts),
      }
      const line = messageLine(transport)
      await assert.rejects(session(form, world, line.transport, inSession, { ...world.supplier, vault }), {
        statusWord: 0x6982,
      })
      const answers = line.passed.filter(({ n }) => n === 1).map(({ answer }) => answer.data.length)
      assert.deepEqual(answers, [0], 'no signature came')
    }
    assert.ok(world.fixture.module.parts.keys.has(keyPlaces.operating))
  })

  test('[C7e] before there is a resource, and while the module awaits personalization, there is no session', async () => {
    const world = await resourceWorld()
    for (const form of supplierForms) {
      await assert.rejects(session(form, world, world.transport, inSession), { statusWord: 0x6a88 })
    }
    const data = Uint8Array.of(0x7c, 0)
    const ins = commands['GENERAL AUTHENTICATE'].ins
    const sent = command({ cla: 0x80, ins, p1: 1, p2: channelKeys['supplier-dh-signed'], data, le: 0x100 })
    assert.equal((await exchange(world.transport, sent)).sw, 0x6a88)
  })
})

function flipped(bytes: Uint8Array, at: number): Uint8Array {
  const bent = bytes.slice()
  bent[at]! ^= 0x08
  return bent
}
