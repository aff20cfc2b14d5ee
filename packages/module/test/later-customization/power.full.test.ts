import assert from 'node:assert/strict'
import { test } from 'node:test'
import { keyPlaces } from '@sealwright/core/catalog'
import { portableCrypto as crypto } from '@sealwright/core/crypto'
import { everyPowerCut, powerUp, speak, writeRecords } from '../../src/testing/index.ts'
import { activated } from '../product.ts'
import { customizationAgain, customizing, envelopeFrom, samWith, sealedOf } from './world.ts'

const sam = await samWith()
const eepromSize = 32 * 1024

test('[D10d] a power cut at every write of PUT CUSTOMIZATION KEY leaves no key, or keys, sealed form and event together', async () => {
  const { channel, request, module, medium, serial } = await customizing({ eepromSize })
  assert.equal(await writeRecords(channel, activated('PUT CUSTOMIZATION KEY', 'CUSTOMIZE')), 0x9000)
  const envelope = await envelopeFrom(await sam.open(), request)
  module.reset()
  const before = medium.snapshot()
  const events = module.parts.events.head()!.number
  const report = await everyPowerCut({
    name: 'customization key',
    repeatable: true,
    prepare: () => before,
    async run(from) {
      const inside = await customizationAgain(powerUp(crypto, from), { serial, eepromSize })
      assert.equal((await speak(inside, 'PUT CUSTOMIZATION KEY', envelope)).sw, 0x9000)
    },
    async check(from) {
      const one = powerUp(crypto, from)
      const { keys, objects } = one.parts
      const places = [0, 1, 2].map((n) => keys.has(keyPlaces['later-customization'] + n))
      const moved = one.parts.events.head()!.number - events
      const all = [...places, objects.has('sealed-key', 0), moved > 0]
      assert.ok(
        all.every((value) => value === all[0]),
        String(all),
      )
      if (all[0] === false) return 'old'
      assert.equal(moved, 1)
      await sealedOf(one)
      return 'new'
    },
  })
  assert.ok(report.cuts > 10)
})
