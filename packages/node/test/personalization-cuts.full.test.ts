import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { parseResponse } from '@sealwright/core/apdu'
import { encodeHex } from '@sealwright/core/bytes'
import { certificateIds, commands, keyPlaces } from '@sealwright/core/catalog'
import { StateError } from '@sealwright/core/errors'
import { serializePaymentRequest } from '@sealwright/core/payment'
import { serializeBeginRequest, serializeCompleteRequest } from '@sealwright/core/personalization'
import type { Transport } from '@sealwright/core/ports'
import { scriptedEntropy } from '@sealwright/core/testing'
import { parseCertificate } from '@sealwright/core/x509'
import { Module } from '@sealwright/module'
import { CountingMedium, type Medium, RamMedium } from '@sealwright/module/medium'
import { everyPowerCut, type Scenario } from '@sealwright/module/testing'
import { payment, session } from '@sealwright/roles/central'
import type { Store } from '@sealwright/roles/ports'
import { requestPayment } from '@sealwright/roles/terminal'
import { readRecords } from '@sealwright/roles/unit'
import { nodeCrypto } from '../src/crypto/index.ts'
import {
  begin,
  beginRequest,
  broken,
  certificatesFor,
  cutLine,
  personalizationChannel,
  personalizationWorld,
  personalized,
  requireOne,
  speak,
  transportOf,
  type World,
} from './personalization-world.ts'

/** Breaks before COMPLETE is sent. */
function cutInComplete(below: Transport): Transport {
  return {
    async transmit(command) {
      if (command[1] === commands.COMPLETE.ins) throw broken()
      return below.transmit(command)
    },
    close: () => below.close(),
  }
}

describe('the line is cut at every command', () => {
  for (const heard of ['before', 'after'] as const) {
    for (const powered of [true, false]) {
      const how = `${heard === 'before' ? 'the command' : 'the answer'} is lost, ${powered ? 'the module stays powered' : 'and power with it'}`
      test(`[B12b][R2a] ${how}: run again, everything is there once`, async () => {
        for (let at = 1; ; at++) {
          const world = await personalizationWorld()
          let module = world.fixture.module
          const line = cutLine(transportOf(world), at, heard)
          const cut = await personalized(world, line).then(
            () => false,
            (error) => {
              assert.equal(error.code, 'transport-failed')
              return true
            },
          )
          const { parts } = module
          if (parts.life.state() === 'awaiting-personalization') {
            assert.equal(parts.objects.find('certificate', certificateIds.operating.id), undefined)
            assert.equal(parts.keys.has(keyPlaces.operating), false)
          }
          if (!powered) module = world.fixture.power()
          const again = await personalized(world, transportOf(world, module))
          assert.deepEqual(again.serial, world.order.serial)
          await requireOne({ ...world, fixture: { ...world.fixture, module } })
          if (!cut) {
            assert.ok(at > 15, `only ${at} commands`)
            return
          }
        }
      })
    }
  }

  test('[R2a] the unit dies before or after any write of its own: run again, everything is there once', async () => {
    for (const written of [false, true]) {
      for (let at = 1; ; at++) {
        const world = await personalizationWorld()
        const { store } = world.unit
        let count = 0
        const dying: Store = {
          ...store,
          async write(name, bytes) {
            count++
            if (count === at && written) await store.write(name, bytes)
            if (count >= at) throw new StateError('the computer died', { code: 'file-inaccessible' })
            await store.write(name, bytes)
          },
        }
        const died = await personalized({ ...world, unit: { ...world.unit, store: dying } }).then(
          () => false,
          () => true,
        )
        const module = world.fixture.power()
        await personalized(world, transportOf(world, module))
        await requireOne({ ...world, fixture: { ...world.fixture, module } })
        if (!died) {
          assert.ok(at > 5, `only ${at} writes`)
          break
        }
      }
    }
  })

  test('what was signed for the same BEGIN is used again: one certificate, not two', async () => {
    const world = await personalizationWorld()
    await assert.rejects(personalized(world, cutInComplete(transportOf(world))))
    const [first] = await readRecords(world.unit, world.fixture.serial)
    assert.ok(first?.issued !== undefined, 'the cut lies in COMPLETE')
    const done = await personalized(world)
    assert.deepEqual(done.operating.encoded, first.issued.operating)
    assert.equal((await readRecords(world.unit, world.fixture.serial)).length, 1)
  })

  test('an hour later the time of the first run is old: a new BEGIN, and both certificates stand in the record', async () => {
    const world = await personalizationWorld()
    await assert.rejects(personalized(world, cutInComplete(transportOf(world))))
    world.clock.advance(3600)
    const done = await personalized(world)
    const records = await readRecords(world.unit, world.fixture.serial)
    assert.equal(records.length, 2)
    assert.equal(records.filter(({ issued }) => issued !== undefined).length, 2)
    assert.equal(done.operating.certificate!.notBefore, world.clock.now())
  })

  test('[R2a] a session is cut at every command: the cash machine pays nothing or what was granted, and the next session works', async () => {
    const world = await personalizationWorld()
    await personalized(world)
    const unit = { point: parseCertificate(world.unitCertificate).publicPoint }
    const withdraw = (transport: Transport) =>
      session(world.central, transport, { unit }, (open) => payment(open, () => true))
    for (const heard of ['before', 'after'] as const) {
      for (let at = 1; ; at++) {
        const number = await requestPayment(transportOf(world), withdrawal)
        const line = cutLine(transportOf(world), at, heard)
        const done = await withdraw(line).then(
          () => true,
          () => false,
        )
        const outcome = await speak(world.fixture.module, 'PAYMENT OUTCOME', number)
        const granted = done || (heard === 'after' && outcome.sw === 0x9000)
        assert.equal(outcome.sw, granted ? 0x9000 : 0x6985, `${heard} ${at}`)
        if (done && line.count() < at) break
        assert.ok(at < 50)
      }
    }
  })
})

const withdrawal = { account: 'DE02', amount: 5000, currency: 'EUR' }

describe('power is cut at every write', () => {
  const power = (medium: Medium): Module =>
    new Module({ medium, crypto: nodeCrypto, entropy: scriptedEntropy('powered') })

  /** The whole content after a start, without what the test does not compare. */
  const stateOf = (module: Module): string => {
    const { objects, life } = module.parts
    const lines = objects.list().map(({ kind, id }) => `${kind} ${id} ${encodeHex(objects.read(kind, id)!)}`)
    return [life.state(), ...lines].join('\n')
  }

  const scenario = async (
    name: string,
    prepare: (world: World) => Promise<void>,
    change: (world: World, module: Module) => Promise<void>,
  ): Promise<Scenario> => {
    const world = await personalizationWorld({ eepromSize: 32 * 1024 })
    await prepare(world)
    const before = world.fixture.medium.snapshot()
    const old = stateOf(power(RamMedium.from(before)))
    return {
      name,
      prepare: () => before,
      run: (medium) => change(world, power(medium)),
      check(medium) {
        const module = power(medium)
        const state = stateOf(module)
        if (state === old) return 'old'
        const { parts } = module
        check[name]!(parts)
        return 'new'
      },
    }
  }

  type Parts = Module['parts']
  const check: Record<string, (parts: Parts) => void> = {
    begin({ life, keys, objects }) {
      assert.equal(life.state(), 'awaiting-personalization')
      assert.ok(keys.has(keyPlaces.pending) && objects.has('session-data', 1))
    },
    complete({ life, keys, objects, events }) {
      assert.equal(life.state(), 'operating')
      assert.ok(
        keys.has(keyPlaces.operating) && !keys.has(keyPlaces.pending) && !objects.has('session-data', 1),
      )
      const operating = parseCertificate(objects.read('certificate', certificateIds.operating.id)!)
      assert.deepEqual(keys.point(keyPlaces.operating), operating.publicPoint)
      assert.ok(
        objects.has('certificate', 3) && objects.has('certificate', 4) && objects.has('public-key', 2),
      )
      assert.equal(events.list(1).at(-1)!.type, 6)
      assert.equal(objects.find('receipt', 1)!.length, 100)
    },
    outcome({ life, objects }) {
      assert.equal(life.state(), 'operating')
      assert.equal(objects.find('session-data', 2)!.length, 13)
    },
  }

  test('[R1a][R1b] BEGIN: no pair or the new one', async () => {
    const report = await everyPowerCut(
      await scenario(
        'begin',
        async () => {},
        async (world, module) => {
          const channel = await personalizationChannel(world, module)
          await channel.send('BEGIN', { data: serializeBeginRequest(beginRequest) })
        },
      ),
    )
    assert.ok(report.writes > 3 && report.recoveries === report.cuts)
  })

  test('[B12b][R1b] COMPLETE: awaiting personalization as before, or operating with everything', async () => {
    let data = new Uint8Array(0)
    const report = await everyPowerCut(
      await scenario(
        'complete',
        async (world) => {
          const { point } = await begin(await personalizationChannel(world))
          data = Uint8Array.from(serializeCompleteRequest(certificatesFor(world, point)))
        },
        async (world, module) => {
          const channel = await personalizationChannel(world, module)
          await channel.send('COMPLETE', { data })
        },
      ),
    )
    assert.ok(report.writes > 10 && report.recoveries === report.cuts)
  })

  test('[B13f][R1b] PAYMENT OUTCOME: what was told is written before it is told, and never told again', async () => {
    let told = 0
    const report = await everyPowerCut(
      await scenario(
        'outcome',
        async (world) => void (await personalized(world)),
        async (world, module) => {
          const transport = transportOf(world, module)
          const number = await requestPayment(transport, withdrawal)
          const unit = { point: parseCertificate(world.unitCertificate).publicPoint }
          await session(world.central, transport, { unit }, (open) => payment(open, () => true))
          const { sw } = await speak(module, 'PAYMENT OUTCOME', number)
          assert.equal(sw, 0x9000)
          told++
          assert.equal((await speak(module, 'PAYMENT OUTCOME', number)).sw, 0x6985)
        },
      ),
      { modes: ['whole', 'torn', 'unreadable'] },
    )
    assert.ok(report.writes > 1 && told >= 1)
  })

  test('[B13d] what is asked, fetched and granted is nowhere but in RAM: no page is written', async () => {
    const world = await personalizationWorld()
    await personalized(world)
    const medium = new CountingMedium(world.fixture.medium)
    const module = world.fixture.power(medium)
    const transport = transportOf(world, module)
    const unit = { point: parseCertificate(world.unitCertificate).publicPoint }
    const before = world.fixture.medium.snapshot()
    const number = await requestPayment(transport, withdrawal)
    await session(world.central, transport, { unit }, (open) => payment(open, () => true))
    assert.deepEqual([medium.programs, world.fixture.medium.snapshot()], [0, before])
    assert.equal((await speak(module, 'PAYMENT OUTCOME', number)).sw, 0x9000)
    assert.ok(medium.programs > 0)
  })

  test('a payment that was granted and not yet told is gone with the power: nothing is paid', async () => {
    const world = await personalizationWorld()
    await personalized(world)
    const number = await requestPayment(transportOf(world), withdrawal)
    const unit = { point: parseCertificate(world.unitCertificate).publicPoint }
    await session(world.central, transportOf(world), { unit }, (open) => payment(open, () => true))
    const restarted = world.fixture.power()
    assert.equal((await speak(restarted, 'PAYMENT OUTCOME', number)).sw, 0x6985)
    const plain = serializePaymentRequest(withdrawal)
    assert.equal((await speak(restarted, 'REQUEST PAYMENT', plain)).data.length, 8)
    assert.equal(parseResponse(restarted.transmit(Uint8Array.of(0x80, 0xc6, 0, 0))).sw, 0x6982)
  })
})
