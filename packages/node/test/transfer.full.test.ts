import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { ascii, concat, u32 } from '@sealwright/core/bytes'
import { commands, productDataIds } from '@sealwright/core/catalog'
import { signDocument } from '@sealwright/core/cbor'
import { RefusedError } from '@sealwright/core/errors'
import { nextLink } from '@sealwright/core/log'
import { prepareTransfer } from '@sealwright/core/personalization'
import type { Transport } from '@sealwright/core/ports'
import { scriptedEntropy } from '@sealwright/core/testing'
import { parseCertificate } from '@sealwright/core/x509'
import { fixtureKey } from '@sealwright/module/testing'
import { depersonalize } from '@sealwright/roles/central'
import { parseEvents } from '@sealwright/roles/custody'
import { certifyUnit } from '@sealwright/roles/manufacturer'
import { memoryPorts, type PartyPorts } from '@sealwright/roles/ports'
import { personalize, request, signingKey, takeTransfer, transfer } from '@sealwright/roles/unit'
import { nodeCrypto as crypto } from '../src/crypto/index.ts'
import {
  certificatesFor,
  customer,
  cutLine,
  fixtureTime,
  forge,
  memoryOf,
  personalizationWorld,
  personalized,
  signed,
  speak,
  transportOf,
  type World,
} from './personalization-world.ts'
import { ruled, rulesWorld } from './unit-rules-world.ts'

const other = ascii('customer 0000002')
const isRefused = (sw: number) => (error: unknown) => error instanceof RefusedError && error.statusWord === sw

interface Two extends World {
  /** A unit of the other customer, and its certificate. */
  readonly second: PartyPorts
  readonly secondCertificate: Uint8Array
}

/** A module that was personalized for the first customer and awaits personalization again; a second customer with a unit. */
async function depersonalized(): Promise<Two> {
  const world = await personalizationWorld()
  await personalized(world)
  const unit = { point: parseCertificate(world.unitCertificate).publicPoint }
  await depersonalize(world.central, transportOf(world), { unit, serial: world.fixture.serial })
  const second = await memoryPorts('unit', { clock: world.clock, entropy: scriptedEntropy('second'), crypto })
  const asked = await request(second, { name: 'second', customer: other })
  const { encoded } = await certifyUnit(world.manufacturer, signed(asked))
  return { ...world, second, secondCertificate: encoded }
}

const release = (world: World) =>
  transfer(world.unit, { serial: world.fixture.serial, to: other, unit: world.unitCertificate })
const take = (world: Two, document: Uint8Array, line = transportOf(world)) =>
  takeTransfer(world.second, line, { document, root: world.order.root })
const bySecond = (world: Two) =>
  personalize(world.second, transportOf(world), { ...world.order, unit: world.secondCertificate })
const customerOf = ({ fixture }: World) =>
  fixture.module.parts.objects.read('product-data', productDataIds.customer)

describe('another customer', () => {
  test('[B22c] takes a module only with a release of the one that it belongs to; then that one’s units are refused', async () => {
    const world = await depersonalized()
    await assert.rejects(bySecond(world), isRefused(0x6a80))
    const { entries } = await take(world, await release(world))
    assert.deepEqual(
      entries.map(({ type }) => type),
      [0x22],
    )
    assert.deepEqual(customerOf(world), other)
    await assert.rejects(personalized(world), isRefused(0x6a80))
    assert.equal((await bySecond(world)).already, false)
  })

  test('a release that comes again after the module has come back is refused; the last one again changes nothing', async () => {
    const world = await depersonalized()
    const first = await release(world)
    await take(world, first)
    const before = memoryOf(world.fixture.medium)
    await take(world, first)
    assert.deepEqual(memoryOf(world.fixture.medium), before)
    world.clock.advance(10)
    const back = await transfer(world.second, {
      ...{ serial: world.fixture.serial, to: customer, unit: world.secondCertificate },
    })
    await take(world, back)
    await assert.rejects(take(world, first), isRefused(0x6a89))
    assert.deepEqual(customerOf(world), customer)
  })

  test('every field, signer and state that is not right is refused, and nothing changes', async () => {
    const world = await depersonalized()
    const { unit: unitKey, manufacturer } = forge(crypto)
    const { unit } = certificatesFor(world, manufacturer.publicPoint)
    const right = {
      ...{ module: world.fixture.serial, from: customer, to: other, number: 1, time: fixtureTime, unit },
    }
    const said = (fields: object, key = unitKey) =>
      signDocument('transfer', { ...right, ...fields }, key, crypto)
    const before = memoryOf(world.fixture.medium)
    const cases: [number, Uint8Array][] = [
      [0x6982, said({ module: new Uint8Array(8) })],
      [0x6982, said({ from: new Uint8Array(16) })],
      [0x6982, said({}, fixtureKey(crypto, 'somebody'))],
      [0x6982, said({ unit: world.secondCertificate })],
      [0x6982, said({ time: fixtureTime + 3 * 365 * 86_400 })],
      [0x6a80, said({ time: fixtureTime - 1 })],
      [0x6a80, said({ number: 0 })],
      [0x6a80, said({ number: fixtureTime + 1 })],
      [0x6a80, said({ number: 0xffff_ffff })],
      [0x6a80, said({ to: customer })],
      [0x6a80, said({ unit: new Uint8Array(5) })],
      [0x6a80, said({ more: 1 })],
      [0x6a80, new Uint8Array(9)],
    ]
    for (const [sw, document] of cases) {
      assert.equal((await speak(world.fixture.module, 'TAKE TRANSFER', document)).sw, sw)
    }
    // The unit of the other customer helps itself: its certificate holds, its signature too.
    const greedy = prepareTransfer(
      { ...right, unit: world.secondCertificate },
      await world.second.vault.publicPoint(signingKey),
      crypto,
    )
    const helped = greedy.finish(await world.second.vault.sign(signingKey, greedy.toBeSigned))
    assert.equal((await speak(world.fixture.module, 'TAKE TRANSFER', helped)).sw, 0x6982)
    const whole = said({})
    for (let at = 0; at < whole.length; at += 5) {
      const bent = whole.with(at, whole[at]! ^ 1)
      assert.notEqual((await speak(world.fixture.module, 'TAKE TRANSFER', bent)).sw, 0x9000, `byte ${at}`)
    }
    assert.deepEqual(memoryOf(world.fixture.medium), before)
    assert.equal((await speak(world.fixture.module, 'TAKE TRANSFER', whole)).sw, 0x9000)
    const fresh = await personalizationWorld()
    assert.equal((await speak(fresh.fixture.module, 'TAKE TRANSFER', whole)).sw, 0x6985)
    await personalized(fresh)
    assert.equal((await speak(fresh.fixture.module, 'TAKE TRANSFER', whole)).sw, 0x6985, 'operating')
  })

  test('[B17a] a unit that signs what two people have approved releases no module for one', async () => {
    const world = await rulesWorld()
    const input = { serial: world.fixture.serial, to: other, unit: world.unitCertificate }
    assert.ok((await transfer(world.unit, input)).length > 0)
    await ruled(world)
    await assert.rejects(transfer(world.unit, input), { code: 'approval-missing' })
  })

  test('an event that somebody on the line changed, with a chain that fits it, is not queued', async () => {
    const world = await depersonalized()
    const document = await release(world)
    const { serial } = world.fixture
    const line = transportOf(world)
    const lying: Transport = {
      ...line,
      async transmit(command) {
        const answer = await line.transmit(command)
        if (command[1] !== commands['GET EVENTS'].ins) return answer
        const events = parseEvents(answer.subarray(0, -2))
        return concat(
          ...events.map(({ number, type, chain, digest: told }, at) => {
            const previous = events[at - 1]?.chain
            const lied = type === 0x22 && previous !== undefined
            const digest = lied ? new Uint8Array(32) : told
            const link = lied ? nextLink(crypto, { previous, serial, number, type, digest }) : chain
            return concat(u32(number), Uint8Array.of(type), digest, link)
          }),
          answer.subarray(-2),
        )
      },
    }
    await assert.rejects(take(world, document, lying), { message: /not the one that the module signed/ })
    assert.deepEqual(await world.second.store.list('outbox/'), [])
    await take(world, document)
    assert.equal((await world.second.store.list('outbox/')).length, 1)
  })

  for (const heard of ['before', 'after'] as const) {
    test(`[R2a] the line is cut at every command, ${heard === 'before' ? 'the command' : 'the answer'} lost: run again, it is done once`, async () => {
      for (let at = 1; ; at++) {
        const world = await depersonalized()
        const document = await release(world)
        const cut = await take(world, document, cutLine(transportOf(world), at, heard)).then(
          () => false,
          () => true,
        )
        await take(world, document)
        const events = world.fixture.module.parts.events.list(1).filter(({ type }) => type === 0x22)
        assert.equal(events.length, 1)
        assert.equal((await world.second.store.list('outbox/')).length, 1)
        if (!cut) break
      }
    })
  }
})
