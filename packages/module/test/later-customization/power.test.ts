import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ascii } from '@sealwright/core/bytes'
import { portableCrypto as crypto } from '@sealwright/core/crypto'
import {
  dataAreaOf,
  parseSamState,
  serializeSessionLimit,
  serializeWriteRecords,
} from '@sealwright/core/customization'
import type { Medium } from '../../src/medium/index.ts'
import { answeringProgram, everyPowerCut, powerUp, speak } from '../../src/testing/index.ts'
import { added, answerOf, software } from '../product.ts'
import { type Chip, inForce, laterChip, openLater, samOn, samWith } from './world.ts'

const sam = await samWith()
const ins = 0xd0
const old = software(answeringProgram('old'), ['io'])
const other = software(answeringProgram('new and longer'), ['io'])
const text = (value: string) => Buffer.from(value, 'ascii').toString('hex').toUpperCase()
const eepromSize = 32 * 1024

test('[D10a] a power cut at every write of a change leaves the old software with the old data and event, or the new ones', async () => {
  const area = dataAreaOf(4)
  const one = await laterChip(sam, {
    eepromSize,
    records: [
      ...added,
      { kind: 'put', object: 'software', id: 4, bytes: old },
      { kind: 'put', object: 'product-data', id: area, bytes: ascii('old') },
      { kind: 'vectors', vectors: [{ ins, program: 4, function: 1 }] },
    ],
  })
  const before = one.medium.snapshot()
  const number = one.module.parts.events.head()!.number
  const data = serializeWriteRecords([
    ...inForce('software', 4, other),
    ...inForce('product-data', area, ascii('new data')),
    { kind: 'vectors', vectors: [{ ins: ins + 1, program: 4, function: 1 }] },
  ])
  const report = await everyPowerCut({
    name: 'later customization',
    repeatable: true,
    prepare: () => before,
    async run(medium: Medium) {
      const module = powerUp(crypto, medium)
      const channel = await openLater(sam, { ...one, module } as Chip)
      assert.equal((await speak(channel, 'CUSTOMIZE', data)).sw, 0x9000)
    },
    async check(medium) {
      const module = powerUp(crypto, medium)
      const { objects, events } = module.parts
      const found = [
        await answerOf(module, ins),
        await answerOf(module, ins + 1),
        Buffer.from(objects.read('product-data', area)!).toString(),
        objects.list('draft').length,
        events.head()!.number > number,
      ]
      if (found[0] === text('old')) {
        assert.deepEqual(found, [text('old'), '6d00', 'old', 0, false])
        return 'old'
      }
      assert.deepEqual(found, [text('new and longer'), text('new and longer'), 'new data', 0, true])
      return 'new'
    },
  })
  assert.ok(report.cuts > 20, String(report.cuts))
})

test('[D10a] a power cut at every write of SESSION KEYS counts the session or not, and never gives keys that were not counted', async () => {
  const limited = await samWith({ sessions: 5, seed: 'cut' })
  const one = await laterChip(limited, { eepromSize })
  limited.module.reset()
  const before = limited.medium.snapshot()
  let given = false
  const report = await everyPowerCut({
    name: 'session keys',
    prepare: () => before,
    async run(from) {
      given = false
      one.module.reset()
      await openLater(samOn(limited, powerUp(crypto, from)), one, { seen: () => (given = true) })
    },
    async check(from) {
      const powered = samOn(limited, powerUp(crypto, from))
      const { data } = await speak(await powered.open(), 'MAKE MASTER KEY', serializeSessionLimit(undefined))
      const { sessionsLeft } = parseSamState(data)
      if (given) assert.equal(sessionsLeft, 4)
      assert.ok(sessionsLeft === 4 || sessionsLeft === 5)
      return sessionsLeft === 4 ? 'new' : 'old'
    },
  })
  assert.ok(report.cuts > 5)
})
