import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { concat, encodeHex } from '@sealwright/core/bytes'
import {
  type CommandName,
  certificateIds,
  certifications,
  commands,
  dataTags,
  keyPlaces,
} from '@sealwright/core/catalog'
import { AuthError, RefusedError } from '@sealwright/core/errors'
import { serializeDepersonalizeRequest } from '@sealwright/core/personalization'
import type { Transport } from '@sealwright/core/ports'
import { scriptedEntropy } from '@sealwright/core/testing'
import { depersonalize, key, type Session, session } from '@sealwright/roles/central'
import { openScp03, plain } from '@sealwright/roles/channel'
import { readData } from '@sealwright/roles/custody'
import { memoryPorts } from '@sealwright/roles/ports'
import { personalize } from '@sealwright/roles/unit'
import { nodeCrypto as crypto } from '../src/crypto/index.ts'
import {
  atWork,
  byHand,
  end,
  goingKeys,
  imageOf,
  requireErased,
  staying,
  unitOf,
} from './depersonalize-world.ts'
import {
  memoryOf,
  personalizationChannel,
  personalizationWorld,
  personalized,
  speak,
  transportOf,
  type World,
} from './personalization-world.ts'

describe('depersonalized', () => {
  const rest =
    'operating pair, certificates, central key, loaded keys and R are gone; identity, transport and laid keys stay'
  test(`[B12c] by hand: ${rest}`, () => requireWholeEnd(byHand))
  test(`[B12d] by command of the stored central system: ${rest}`, () =>
    requireWholeEnd((world) => end(world)))

  test('[B12e] the next personalization makes a new pair; the old private key is nowhere', async () => {
    const world = await atWork()
    const { keys, objects } = world.fixture.module.parts
    const old = keys.point(keyPlaces.operating)
    const secret = objects.read('key', keyPlaces.operating)!.slice(1)
    assert.equal(imageOf(world).search(secret).length, 1, 'planted')
    await end(world)
    const after = await personalized(world)
    assert.notDeepEqual(after.operating.publicPoint, old)
    assert.notDeepEqual(keys.point(keyPlaces.operating), old)
    assert.deepEqual(imageOf(world).search(secret), [])
    await session(world.central, transportOf(world), { unit: unitOf(world) }, async () => {})
  })

  test('[B12e] a pair made at manufacture is not there a second time', async () => {
    const world = await personalizationWorld({
      prepare: ({ tx, objects, keys }) => {
        objects.put(tx, 'product-data', 6, Uint8Array.of(1))
        keys.makePair(tx, keyPlaces.manufactured, scriptedEntropy('made').bytes(48))
      },
    })
    const first = await personalized(world)
    await end(world)
    const second = await personalized(world)
    assert.notDeepEqual(second.operating.publicPoint, first.operating.publicPoint)
  })

  test('the session in which it came is over, and so is every other use of the old key', async () => {
    const world = await atWork()
    let open: Session | undefined
    await session(world.central, transportOf(world), { unit: unitOf(world) }, async (now) => {
      open = now
      const data = request(world, now.operating.encoded)
      await now.channel.send('DEPERSONALIZE', { data })
      assert.equal(world.fixture.module.parts.channels.current, undefined)
      await assert.rejects(now.channel.send('DEPERSONALIZE', { data }), isRefused(0x6982))
    })
    assert.ok(open)
    await assert.rejects(session(world.central, transportOf(world), { unit: unitOf(world) }, async () => {}))
    await assert.rejects(byHand(world), { code: 'wrong-state' })
  })

  test('the entry that is queued names the event, and the receipt is signed by the key that ended', async () => {
    const world = await atWork()
    const { certificateDigest, number, entries, already } = await end(world)
    assert.equal(already, false)
    assert.deepEqual(
      entries.map((entry) => [entry.number, entry.type, encodeHex(entry.digest)]),
      [[number, 0x20, encodeHex(certificateDigest)]],
    )
    const hand = await atWork()
    const done = await byHand(hand)
    assert.equal((await done.ports.store.list('outbox/')).length, 1)
    assert.deepEqual(await done.ports.store.list('intents/'), [])
  })
})

async function requireWholeEnd(way: (world: World) => Promise<unknown>): Promise<void> {
  const world = await atWork()
  const going = goingKeys(world)
  for (const [name, value] of Object.entries(going)) {
    assert.ok(imageOf(world).search(value).length > 0, `the search finds ${name} before`)
  }
  const stays = staying(world)
  await way(world)
  requireErased(world, going)
  requireErased(world, going, world.fixture.power())
  assert.deepEqual(staying(world), stays)
  const { definitions, events } = world.fixture.module.parts
  assert.deepEqual(
    definitions.list().map(({ id, state }) => [id, state]),
    [
      [1, 'blocked'],
      [2, 'blocked'],
    ],
  )
  assert.equal(events.list(1).at(-1)!.type, 0x20)
  const told = await readData(plain(transportOf(world)), dataTags.certification)
  assert.equal(told![0], certifications.none.code)
}

function request({ fixture }: World, encoded: Uint8Array, bent: object = {}): Uint8Array {
  return serializeDepersonalizeRequest({
    serial: fixture.serial,
    certificateDigest: crypto.sha256(encoded),
    ...bent,
  })
}

const isRefused = (sw: number) => (error: unknown) => error instanceof RefusedError && error.statusWord === sw

describe('refused, and nothing changes', () => {
  test('[B12d] plain, and in every channel that is not with the stored central system', async () => {
    const world = await atWork()
    const { module, medium, documentKeys } = world.fixture
    const encoded = module.parts.objects.read('certificate', certificateIds.operating.id)!
    const data = request(world, encoded)
    const before = memoryOf(medium)
    assert.equal((await speak(module, 'DEPERSONALIZE', data)).sw, 0x6982)
    const channel = await personalizationChannel(world)
    await assert.rejects(channel.send('DEPERSONALIZE', { data }), isRefused(0x6982))
    module.reset()
    const { enc, mac, dek } = documentKeys
    const document = await openScp03(transportOf(world), {
      ...{ crypto, entropy: scriptedEntropy('host'), keyVersion: 0x82 },
      keys: { enc: crypto.aes(enc), mac: crypto.aes(mac), dek: crypto.aes(dek) },
    })
    await assert.rejects(document.send('DEPERSONALIZE', { data }), isRefused(0x6982))
    assert.deepEqual(memoryOf(medium), before)
    assert.equal(module.parts.life.state(), 'operating')
  })

  test('[B12d] by another central system, certified by the same unit', async () => {
    const world = await atWork()
    const stranger = await memoryPorts('central', {
      clock: world.clock,
      entropy: scriptedEntropy('s'),
      crypto,
    })
    await key(stranger, { name: 'central system' })
    const before = memoryOf(world.fixture.medium)
    await assert.rejects(
      depersonalize(stranger, transportOf(world), { unit: unitOf(world), serial: world.fixture.serial }),
      { code: 'certificate-refused' },
    )
    assert.deepEqual(memoryOf(world.fixture.medium), before)
  })

  test('[B12d] naming another module, another certificate, or with a byte more or less', async () => {
    const world = await atWork()
    const { module, medium } = world.fixture
    const encoded = module.parts.objects.read('certificate', certificateIds.operating.id)!
    const right = request(world, encoded)
    const wrong = [
      request(world, encoded, { serial: new Uint8Array(8) }),
      request(world, encoded, { certificateDigest: new Uint8Array(32) }),
      right.subarray(1),
      Uint8Array.from([...right, 0]),
      new Uint8Array(0),
      ...Array.from(right, (byte, at) => right.with(at, byte ^ 1)),
    ]
    const before = memoryOf(medium)
    await session(world.central, transportOf(world), { unit: unitOf(world) }, async ({ channel }) => {
      for (const data of wrong) {
        await assert.rejects(channel.send('DEPERSONALIZE', { data }), isRefused(0x6a80))
      }
      await assert.rejects(channel.send('DEPERSONALIZE', { data: right, p1: 1 }), isRefused(0x6a86))
    })
    assert.deepEqual(memoryOf(medium), before)
  })

  test('[B12c] no APDU does what the hand does: after every instruction, in the clear, the module still operates', async () => {
    const world = await atWork()
    const { module } = world.fixture
    const encoded = module.parts.objects.read('certificate', certificateIds.operating.id)!
    for (let ins = 0; ins <= 0xff; ins++) {
      for (const cla of [0x00, 0x80, 0x84]) {
        for (const data of [new Uint8Array(0), request(world, encoded)]) {
          module.transmit(
            Uint8Array.from([cla, ins, 0, 0, ...(data.length > 0 ? [data.length, ...data] : [])]),
          )
        }
      }
    }
    assert.equal(module.parts.life.state(), 'operating')
    assert.ok(module.parts.keys.has(keyPlaces.operating))
  })

  test('[B12d] a replayed session ends nothing: neither the same module again nor another one', async () => {
    const world = await atWork()
    const sent: Uint8Array[] = []
    const line: Transport = {
      async transmit(command) {
        sent.push(command)
        return transportOf(world).transmit(command)
      },
      close: async () => {},
    }
    await end(world, line)
    await personalized(world)
    const before = memoryOf(world.fixture.medium)
    for (const command of sent) world.fixture.module.transmit(command)
    assert.equal(world.fixture.module.parts.life.state(), 'operating')
    assert.deepEqual(memoryOf(world.fixture.medium), before)
  })

  test('[B12d] the receipt of an earlier end is not taken for that of a module that this central system has talked to since', async () => {
    const world = await atWork()
    await end(world)
    const shown = new Map<number, Uint8Array>()
    for (const tag of [dataTags.state, dataTags.depersonalizationReceipt]) {
      shown.set(tag, (await readData(plain(transportOf(world)), tag))!)
    }
    await personalized(world)
    await session(world.central, transportOf(world), { unit: unitOf(world) }, async () => {})
    // Somebody on the line says what the module said then.
    const lying: Transport = {
      async transmit(command) {
        const old = command[1] === commands['GET DATA'].ins && shown.get((command[2]! << 8) | command[3]!)
        return old ? concat(old, Uint8Array.of(0x90, 0)) : transportOf(world).transmit(command)
      },
      close: async () => {},
    }
    await assert.rejects(end(world, lying), { code: 'wrong-state' })
    assert.equal(world.fixture.module.parts.life.state(), 'operating')
    assert.equal((await end(world)).already, false)
    assert.equal((await end(world)).already, true)
  })

  test('a receipt that another key signed, or over another event, is not believed', async () => {
    const world = await atWork()
    const bend: Transport = {
      async transmit(command) {
        return transportOf(world).transmit(command)
      },
      close: async () => {},
    }
    // The answer of DEPERSONALIZE is lost, and somebody changes what GET DATA repeats.
    const isEnd = (command: Uint8Array) =>
      (command[1] as number) === commands['DEPERSONALIZE' satisfies CommandName].ins
    let lost = false
    const lossy: Transport = {
      async transmit(command) {
        const answer = await bend.transmit(command)
        if (!lost && isEnd(command)) {
          lost = true
          throw Object.assign(new Error('broken'))
        }
        return answer
      },
      close: async () => {},
    }
    await assert.rejects(end(world, lossy))
    assert.ok(lost)
    const lying: Transport = {
      async transmit(command) {
        const answer = await bend.transmit(command)
        const asked = command[1] === commands['GET DATA'].ins && command[3] === 0x2f
        return asked && answer.length > 100 ? answer.with(50, answer[50]! ^ 1) : answer
      },
      close: async () => {},
    }
    await assert.rejects(end(world, lying), AuthError)
    const { already } = await end(world)
    assert.equal(already, true)
  })
})

describe('another unit and another customer', () => {
  test('[B12a] a unit of the same customer may personalize again; the customer of the first stays', async () => {
    const world = await atWork()
    await end(world)
    const { parts } = world.fixture.module
    assert.deepEqual(parts.objects.read('product-data', 5), unitOf(world).customer)
    const again = await personalize(world.unit, transportOf(world), world.order)
    assert.equal(again.already, false)
  })
})
