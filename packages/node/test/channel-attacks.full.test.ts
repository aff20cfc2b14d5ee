import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import type { Command } from '@sealwright/core/apdu'
import { commands } from '@sealwright/core/catalog'
import {
  parseOpening,
  parseProof,
  serializeCommitment,
  serializeKeyAnswer,
  serializeProof,
} from '@sealwright/core/channel/general-authenticate'
import { AuthError } from '@sealwright/core/errors'
import type { Transport } from '@sealwright/core/ports'
import { openDhSigned, openScp11a, openSignedKey } from '@sealwright/roles/channel'
import { begin, cuts, flips, mustFail, recorded, say, setUpOf } from './channel-bent.ts'
import { messageLine } from './channel-line.ts'
import { channelWorld, otherUnit, type SecuredForm, securedForms, unitOf, within } from './channel-world.ts'
import { memoryOf, speak, transportOf, type World } from './personalization-world.ts'

const signing = ['dh-signed', 'signed-key'] as const
const byCertificate = ['mutual', ...signing] as const

suite('messages that are changed', () => {
  for (const form of securedForms) {
    test(`[B5a][C7f] ${form}: some bytes flipped, some cut; all of them are in the slower suite`, async () => {
      const setUp = await setUpOf(form)
      for (const bent of flips(setUp, 0x10, 41, 7)) await mustFail(setUp, bent)
      for (const bent of cuts(setUp, 97)) await mustFail(setUp, bent)
      await within(form, unitOf(setUp.world), transportOf(setUp.world), setUp.world.fixture.identity, begin)
    })
  }
})

suite('messages that are played again', () => {
  for (const form of securedForms) {
    test(`[B5a][C7f] ${form}: to the module, from another session: it answers the first, and takes no more`, async () => {
      const world = await channelWorld()
      const { setUp, begun } = await recorded(world, form)
      const before = memoryOf(world.fixture.medium)
      for (const [i, { command: sent, answer }] of setUp.entries()) {
        const again = await say(world, sent)
        if (i === 0) {
          assert.equal(again.sw, 0x9000)
          assert.notDeepEqual(again.data, answer.data, 'the module’s own part is new')
        } else assert.ok([0x6982, 0x6300, 0x6985, 0x6a80].includes(again.sw), again.sw.toString(16))
      }
      assert.equal((await say(world, begun.command)).sw, 0x6982)
      assert.deepEqual(memoryOf(world.fixture.medium), before)
    })

    test(`[B5a][C7f] ${form}: to the host, from another session: it stops`, async () => {
      const world = await channelWorld()
      const { setUp } = await recorded(world, form)
      const line = messageLine(transportOf(world), { answer: (_, __, n) => setUp[n]?.answer })
      await assert.rejects(
        within(form, unitOf(world), line.transport, world.fixture.identity, begin),
        AuthError,
      )
      const begun = line.passed.filter(({ command: one }) => one.ins === commands.BEGIN.ins)
      assert.deepEqual(begun, [])
    })
  }
})

suite('a mirror in the place of the module', () => {
  /** What comes back is what the host itself has said, in the form of an answer. */
  function mirror(
    bend: (command: Command, n: number) => Uint8Array | undefined,
  ): (world: World) => Transport {
    return (world) =>
      messageLine(transportOf(world), {
        answer(_, to, n) {
          const data = n < 0 ? undefined : bend(to, n)
          return data && { data, sw: 0x9000 }
        },
      }).transport
  }

  test('[C7f] its own exponential is no other’s', async () => {
    const reflected = mirror(({ data }) => {
      const { key } = parseOpening(data)
      return key.kind === 'exponential'
        ? serializeKeyAnswer({ point: key.point, code: new Uint8Array(16) })
        : undefined
    })
    for (const form of ['ephemeral', 'dh-signed'] as const) {
      const world = await channelWorld()
      const run = within(form, unitOf(world), reflected(world), world.fixture.identity, begin)
      await assert.rejects(run, AuthError)
    }
  })

  test('[C7f] its own commitment is no other’s', async () => {
    const world = await channelWorld()
    const reflected = mirror(({ data }, n) => {
      const first = n === 0 ? parseOpening(data).key : undefined
      return first?.kind === 'commitment' ? serializeCommitment(first.commitment) : undefined
    })
    await assert.rejects(
      within('signed-key', unitOf(world), reflected(world), world.fixture.identity, begin),
      AuthError,
    )
  })

  test('[C7f] its own signature is not the module’s, with its certificates or without', async () => {
    for (const whole of [true, false]) {
      const world = await channelWorld()
      const reflected = mirror(({ data }, n) => {
        if (n !== 1) return undefined
        return whole ? data : serializeProof({ signature: parseProof(data).signature })
      })
      const run = within('signed-key', unitOf(world), reflected(world), world.fixture.identity, begin)
      await assert.rejects(run, AuthError)
    }
  })

  test('[C7f] a host that holds the module’s own key opens nothing: the module’s key is not a peer’s', async () => {
    const world = await channelWorld()
    const { crypto, fixture } = world
    const own = fixture.identity.publicPoint
    for (const form of byCertificate) {
      const open = { mutual: openScp11a, 'dh-signed': openDhSigned, 'signed-key': openSignedKey }[form]
      const vault = { ...world.unit.vault, publicPoint: async () => own }
      const input = {
        ...{ crypto, entropy: world.unit.entropy, vault, keyName: 'signing', serial: fixture.serial },
        ...{ modulePoint: own, module: { point: own, certificate: fixture.identity.encoded } },
      }
      await assert.rejects(open(transportOf(world), input), AuthError)
    }
  })
})

suite('one set-up in the middle of another', () => {
  for (const form of signing) {
    test(`[B5a] ${form}: begun anew, the first is gone, the second goes on`, async () => {
      const world = await channelWorld()
      const { setUp } = await recorded(world, form)
      const mallory = await otherUnit(world)
      let inserted = 0
      const line = messageLine(transportOf(world))
      const between: Transport = {
        ...line.transport,
        async transmit(bytes) {
          const next = line.passed.filter(({ n }) => n >= 0).length === 1 && inserted === 0
          if (next && bytes[1] === commands['GENERAL AUTHENTICATE'].ins) {
            inserted++
            assert.equal((await say(world, setUp[0]!.command)).sw, 0x9000)
          }
          return line.transport.transmit(bytes)
        },
      }
      await assert.rejects(within(form, unitOf(world), between, world.fixture.identity, begin), {
        statusWord: 0x6982,
      })
      assert.equal(inserted, 1)
      await within(form, mallory, transportOf(world), world.fixture.identity, begin)
    })

    test(`[B5a] ${form}: any other command between two messages ends it`, async () => {
      for (const name of [
        'GET DATA',
        'SELECT',
        'CHIP STATUS',
        'INITIALIZE UPDATE',
        'EXTERNAL AUTHENTICATE',
      ] as const) {
        const world = await channelWorld()
        const line = messageLine(transportOf(world))
        let said = false
        const between: Transport = {
          ...line.transport,
          async transmit(bytes) {
            if (!said && line.passed.some(({ n }) => n === 0)) {
              said = true
              await speak(world.fixture.module, name, undefined, 0x00, 0x45)
            }
            return line.transport.transmit(bytes)
          },
        }
        await assert.rejects(
          within(form, unitOf(world), between, world.fixture.identity, begin),
          /6982|6A80|6D00/,
          name,
        )
        assert.equal(world.fixture.module.parts.channels.awaited, undefined)
      }
    })

    test(`[B5a] ${form}: its steps in another order, or one left out, are refused`, async () => {
      const world = await channelWorld()
      const { setUp } = await recorded(world, form)
      const [first, ...later] = setUp.map(({ command: sent }) => sent)
      for (const step of later) assert.equal((await say(world, step)).sw === 0x9000, false)
      if (form === 'signed-key') {
        await say(world, first!)
        assert.equal((await say(world, later[1]!)).sw, 0x6982)
        assert.equal((await say(world, later[0]!)).sw === 0x9000, false, 'the set-up is gone')
      }
    })
  }

  test('[B5a] a channel that is open ends with the first message of another', async () => {
    for (const form of securedForms) {
      const world = await channelWorld()
      const { identity } = world.fixture
      await within(form, unitOf(world), transportOf(world), identity, async (channel) => {
        const opening = (await recordedOpening(form)).command
        assert.equal((await say(world, opening)).sw, 0x9000)
        await assert.rejects(begin(channel), { statusWord: 0x6982 })
      })
    }
  })

  async function recordedOpening(form: SecuredForm) {
    return (await recorded(await channelWorld(), form)).setUp[0]!
  }
})

suite('a loss of power during a set-up', () => {
  for (const form of securedForms) {
    test(`[B5a] ${form}: after each message: nothing was written, the rest opens nothing, a new one does`, async () => {
      const { setUp } = await recorded(await channelWorld(), form)
      for (let after = 0; after < setUp.length; after++) {
        const world = await channelWorld()
        let module = world.fixture.module
        const before = memoryOf(world.fixture.medium)
        const at = (transport: Transport): Transport => ({
          ...transport,
          transmit: async (bytes) => module.transmit(bytes),
        })
        const line = messageLine(at(transportOf(world)), {
          answer(_, __, n) {
            if (n === after) module = world.fixture.power()
            return undefined
          },
        })
        await assert.rejects(within(form, unitOf(world), line.transport, world.fixture.identity, begin))
        assert.deepEqual(memoryOf(world.fixture.medium), before)
        await within(form, unitOf(world), at(transportOf(world)), world.fixture.identity, begin)
      }
    })
  }
})
