import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { ascii, concat } from '@sealwright/core/bytes'
import { keyPlaces } from '@sealwright/core/catalog'
import { AuthError, RefusedError } from '@sealwright/core/errors'
import { serializeKeyPlace } from '@sealwright/core/key-download'
import {
  type KeyLimits,
  parseLimitedKeys,
  serializeLimitedKeyData,
  serializeProtectRequest,
} from '@sealwright/core/limited-keys'
import { parseCertificate } from '@sealwright/core/x509'
import type { Module } from '@sealwright/module'
import { FaultMedium } from '@sealwright/module/medium'
import { memoryImage } from '@sealwright/module/memory-image'
import {
  checkModuleMessage,
  depersonalize,
  giveLimitedKey,
  messageForModule,
  type Session,
  session,
  tellTime,
} from '@sealwright/roles/central'
import { plain } from '@sealwright/roles/channel'
import { readData } from '@sealwright/roles/custody'
import { checkMessage, protectMessage } from '@sealwright/roles/terminal'
import {
  cutLine,
  fixtureTime,
  memoryOf,
  personalizationWorld,
  personalized,
  speak,
  transportOf,
  type World,
} from './personalization-world.ts'

const place = 0x0020_0301
const loadersPlace = 0x0020_0302
const message = ascii('debit 5000')

async function atWork(): Promise<World> {
  const world = await personalizationWorld({
    prepare({ tx, objects }) {
      const laid = (source: number) => serializeKeyPlace({ kind: 'application', usage: 'M6', source })
      objects.put(tx, 'key-place', place, laid(0))
      objects.put(tx, 'key-place', loadersPlace, laid(1))
    },
  })
  await personalized(world)
  return world
}

const unitOf = (world: World) => ({ point: parseCertificate(world.unitCertificate).publicPoint })

function give(world: World, limits: KeyLimits, transport = transportOf(world), at = place) {
  const { serial } = world.fixture
  return giveLimitedKey(world.central, transport, { unit: unitOf(world), serial, place: at, limits })
}

function inSession<T>(world: World, work: (open: Session) => Promise<T>): Promise<T> {
  return session(world.central, transportOf(world), { unit: unitOf(world) }, work)
}

const tell = (world: World) => inSession(world, (open) => tellTime(world.central, open))
const protect = (world: World, module?: Module) =>
  protectMessage(transportOf(world, module), { place, message })
const fromCentral = (world: World) =>
  messageForModule(world.central, { serial: world.fixture.serial, place, message })
const keyOf = ({ fixture }: World) => fixture.module.parts.objects.read('key', place)!.slice(1)
const imageOf = ({ fixture }: World) => memoryImage({ medium: fixture.medium, ram: fixture.module.parts.ram })
const isRefused = (sw: number) => (error: unknown) => error instanceof RefusedError && error.statusWord === sw

/** Neither the key nor its limits are there, in no part of the image. */
function requireErased(world: World, key: Uint8Array): void {
  const { objects, keys } = world.fixture.module.parts
  assert.equal(keys.has(place), false)
  assert.equal(objects.has('key-limit', place), false)
  assert.deepEqual(imageOf(world).search(key), [])
}

describe('a key with a date', () => {
  const limits = { notAfter: fixtureTime + 3600, usesUnheard: 100 }

  test('[B14a][B14b] told the last valid second it works, told the next one it is refused', async () => {
    const world = await atWork()
    await give(world, limits)
    world.clock.advance(3600)
    await tell(world)
    const { number, mac } = await protect(world)
    await checkModuleMessage(world.central, { serial: world.fixture.serial, place, number, mac, message })
    await checkMessage(transportOf(world), await fromCentral(world))
    world.clock.advance(1)
    await tell(world)
    await assert.rejects(protect(world), isRefused(0x6a88))
    await assert.rejects(checkMessage(transportOf(world), await fromCentral(world)), isRefused(0x6a88))
  })

  test('[B14c] then it is erased: no part of the image holds it, which held it before', async () => {
    const world = await atWork()
    await give(world, limits)
    const key = keyOf(world)
    assert.equal(imageOf(world).search(key).length, 1, 'the search finds it')
    world.clock.advance(3600)
    await tell(world)
    assert.equal(imageOf(world).search(key).length, 1)
    world.clock.advance(1)
    await tell(world)
    requireErased(world, key)
    world.fixture.power()
    assert.deepEqual(imageOf(world).search(key), [])
  })

  test('[B14a][B14b] a message under the key tells the time, too: the last second is believed, the next one ends the key', async () => {
    const world = await atWork()
    await give(world, limits)
    const key = keyOf(world)
    world.clock.advance(3600)
    await checkMessage(transportOf(world), await fromCentral(world))
    world.clock.advance(1)
    await assert.rejects(checkMessage(transportOf(world), await fromCentral(world)), isRefused(0x6985))
    requireErased(world, key)
    await assert.rejects(protect(world), isRefused(0x6a88))
  })

  test('[B14b] a module that hears no time stops after the uses that were allowed for that, and goes on with a newer one', async () => {
    const world = await atWork()
    await give(world, { ...limits, usesUnheard: 2 })
    await protect(world)
    await protect(world)
    await assert.rejects(protect(world), isRefused(0x6985))
    await tell(world)
    await assert.rejects(protect(world), isRefused(0x6985), 'the same time is no newer one')
    world.clock.advance(1)
    await tell(world)
    await protect(world)
    await protect(world)
    await assert.rejects(protect(world), isRefused(0x6985))
    await checkMessage(transportOf(world), await fromCentral(world))
    await protect(world)
  })

  test('the time does not go back, nor more than 400 days forth, and no other authority moves it', async () => {
    const world = await atWork()
    await give(world, limits)
    for (const to of [fixtureTime - 1, fixtureTime + 400 * 86_400 + 1]) {
      const clock = { now: () => to }
      const before = memoryOf(world.fixture.medium)
      await inSession(world, (open) =>
        assert.rejects(tellTime({ ...world.central, clock }, open), isRefused(0x6a80)),
      )
      assert.deepEqual(memoryOf(world.fixture.medium), before)
    }
    const { objects } = world.fixture.module.parts
    assert.deepEqual(
      [1, 2, 4].map((who) => objects.read('authority-time', who) !== undefined),
      [true, false, true],
    )
  })

  test('a key whose date is over when it comes is refused', async () => {
    const world = await atWork()
    await assert.rejects(give(world, { notAfter: fixtureTime - 1, usesUnheard: 1 }), isRefused(0x6a80))
    await give(world, { notAfter: fixtureTime, usesUnheard: 1 })
  })
})

describe('a key with a number of uses', () => {
  test('[B14a][B14b] the last use works, the next one is refused', async () => {
    const world = await atWork()
    await give(world, { uses: 3 })
    const numbers = [await protect(world), await protect(world)].map(({ number }) => number)
    await checkMessage(transportOf(world), await fromCentral(world))
    assert.deepEqual(numbers, [1, 2])
    await assert.rejects(protect(world), isRefused(0x6a88))
  })

  test('[B14c] with its last use it is gone from the image', async () => {
    const world = await atWork()
    await give(world, { uses: 1 })
    const key = keyOf(world)
    assert.equal(imageOf(world).search(key).length, 1)
    const { number, mac } = await protect(world)
    await checkModuleMessage(world.central, { serial: world.fixture.serial, place, number, mac, message })
    requireErased(world, key)
  })

  test('[B14b] a wrong MAC uses one up too, and a time that is over does on the last use as well', async () => {
    const world = await atWork()
    await give(world, { uses: 2, notAfter: fixtureTime + 10 })
    const sent = await fromCentral(world)
    await assert.rejects(
      checkMessage(transportOf(world), { ...sent, mac: sent.mac.with(0, sent.mac[0]! ^ 1) }),
      isRefused(0x6988),
    )
    world.clock.advance(11)
    await assert.rejects(checkMessage(transportOf(world), await fromCentral(world)), isRefused(0x6985))
    await assert.rejects(protect(world), isRefused(0x6a88))
  })

  test('[B14b] a loss of power at any write of a use gives none back', async () => {
    for (let at = 1; ; at++) {
      const world = await atWork()
      await give(world, { uses: 2 })
      const medium = new FaultMedium(world.fixture.medium, { cutAt: at, mode: 'whole' })
      let answered = 0
      let died = false
      const module = world.fixture.power(medium)
      try {
        assert.equal(
          (await speak(module, 'MESSAGE CODE', serializeProtectRequest({ place, message }), 1)).sw,
          0x9000,
        )
        answered++
      } catch {
        died = true
      }
      const again = world.fixture.power()
      for (; answered < 5; answered++) {
        const { sw } = await speak(again, 'MESSAGE CODE', serializeProtectRequest({ place, message }), 1)
        if (sw !== 0x9000) break
      }
      assert.ok(answered <= 2, `${answered} uses after a cut at ${at}`)
      if (!died) {
        assert.ok(at > 2)
        return
      }
    }
  })
})

describe('messages', () => {
  test('each byte that is changed is noticed, and a message that was there before is refused, on both sides', async () => {
    const world = await atWork()
    await give(world, { uses: 500 })
    const sent = await fromCentral(world)
    for (const bent of [
      { message: concat(message, Uint8Array.of(0)) },
      { message: message.with(0, 1) },
      { number: sent.number + 1 },
      { time: sent.time + 1 },
      ...Array.from(sent.mac, (byte, i) => ({ mac: sent.mac.with(i, byte ^ 0x80) })),
    ]) {
      await assert.rejects(checkMessage(transportOf(world), { ...sent, ...bent }), isRefused(0x6988))
    }
    await checkMessage(transportOf(world), sent)
    await assert.rejects(checkMessage(transportOf(world), sent), isRefused(0x6a89))
    const made = { serial: world.fixture.serial, place, message, ...(await protect(world)) }
    for (const bent of [
      { number: 9 },
      { message: message.with(1, 1) },
      { mac: made.mac.with(3, made.mac[3]! ^ 1) },
    ]) {
      await assert.rejects(checkModuleMessage(world.central, { ...made, ...bent }), AuthError)
    }
    await checkModuleMessage(world.central, made)
    await assert.rejects(checkModuleMessage(world.central, made), { code: 'wrong-state' })
    // What the module said is no message of the central system.
    await assert.rejects(
      checkMessage(transportOf(world), { place, number: 77, time: fixtureTime, mac: made.mac, message }),
      isRefused(0x6988),
    )
  })
})

describe('who may give it, and where it goes', () => {
  const limits = { uses: 1 }

  test('[B14a] outside a session with the stored central system nothing is taken', async () => {
    const world = await atWork()
    const data = serializeLimitedKeyData({
      ...{ time: fixtureTime, place, limits, cryptogram: new Uint8Array(16), checkValue: new Uint8Array(5) },
    })
    const before = memoryOf(world.fixture.medium)
    assert.equal((await speak(world.fixture.module, 'PUT LIMITED KEY', data)).sw, 0x6982)
    assert.equal((await speak(world.fixture.module, 'TELL TIME', data.subarray(0, 4))).sw, 0x6982)
    await inSession(world, async ({ channel }) => {
      // Under a wrong check value, at no place, at the loader's, at a key of the module's own.
      const sw = async (change: object) => {
        const cryptogram = channel.wrapKey(new Uint8Array(16).fill(5))
        const made = {
          time: fixtureTime,
          place,
          limits,
          cryptogram,
          checkValue: new Uint8Array(5),
          ...change,
        }
        return (await channel.exchange('PUT LIMITED KEY', { data: serializeLimitedKeyData(made) })).sw
      }
      assert.equal(await sw({}), 0x6a80)
      assert.equal(await sw({ place: 0x0020_0303 }), 0x6a88)
      assert.equal(await sw({ place: loadersPlace }), 0x6a88)
      for (const own of [keyPlaces.operating, keyPlaces.identity, keyPlaces.document]) {
        assert.equal(await sw({ place: own }), 0x6a88)
      }
    })
    assert.deepEqual(memoryOf(world.fixture.medium), before)
  })

  test('a new one takes the place of the old, which is erased; the module shows what is left of it', async () => {
    const world = await atWork()
    await give(world, { uses: 5 })
    const first = keyOf(world)
    await protect(world)
    const { checkValue } = await give(world, { uses: 9, notAfter: fixtureTime + 5, usesUnheard: 3 })
    assert.deepEqual(imageOf(world).search(first), [])
    await protect(world)
    const told = parseLimitedKeys((await readData(plain(transportOf(world)), 0xdf35))!)
    assert.deepEqual(told, [{ place, checkValue, notAfter: fixtureTime + 5, usesLeft: 8, unheardLeft: 2 }])
  })

  test('[B12d] depersonalized, the module has it no more', async () => {
    const world = await atWork()
    await give(world, { uses: 5 })
    const key = keyOf(world)
    await depersonalize(world.central, transportOf(world), {
      unit: unitOf(world),
      serial: world.fixture.serial,
    })
    requireErased(world, key)
  })

  for (const heard of ['before', 'after'] as const) {
    test(`[R2a] the line is cut at every command, ${heard === 'before' ? 'the command' : 'the answer'} lost: run again, one key is there on both sides`, async () => {
      for (let at = 1; ; at++) {
        const world = await atWork()
        const cut = await give(world, { uses: 5 }, cutLine(transportOf(world), at, heard)).then(
          () => false,
          (error) => {
            assert.equal(error.code, 'transport-failed')
            return true
          },
        )
        await give(world, { uses: 5 })
        const { number, mac } = await protect(world)
        await checkModuleMessage(world.central, { serial: world.fixture.serial, place, number, mac, message })
        const { events } = world.fixture.module.parts
        const taken = events.list(1).filter(({ type }) => type === 0x23).length
        assert.equal((await world.central.store.list('outbox/')).length, taken)
        assert.equal(taken, cut ? 1 : 2)
        assert.deepEqual(await world.central.vault.list('limited/').then((keys) => keys.length), 1)
        if (!cut) break
      }
    })
  }
})

test('the key in no trace', async () => {
  const world = await atWork()
  const seen: Uint8Array[] = []
  const below = transportOf(world)
  await give(
    world,
    { uses: 1 },
    {
      async transmit(command) {
        const answer = await below.transmit(command)
        seen.push(command, answer)
        return answer
      },
      close: async () => {},
    },
  )
  const key = Buffer.from(keyOf(world))
  assert.equal(Buffer.from(concat(...seen)).includes(key), false)
  assert.equal(Buffer.from(concat(...seen, key)).includes(key), true)
})
