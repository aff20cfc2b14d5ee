import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { concat, decodeHex, equal } from '@sealwright/core/bytes'
import { SealwrightError } from '@sealwright/core/errors'
import type { NoiseRates } from '@sealwright/core/testing'
import { PtyLine } from '../../src/testing/index.ts'
import { openLine, openSerialPort, serveLine } from '../../src/transport/index.ts'
import { personalizationWorld, personalized, requireOne } from '../personalization-world.ts'
import { asked, ExercisedCard, pattern } from './exercised-card.ts'
import { tellWhyNoTtys } from './ttys.ts'

const settings = { blockMs: 300, characterMs: 50, attempts: 12 }

const kinds: Readonly<Record<string, NoiseRates>> = {
  'bytes lost': { lose: 0.002 },
  'bits flipped': { flip: 0.002 },
  'bytes doubled': { double: 0.002 },
  'bytes from nowhere': { insert: 0.002 },
  'bytes late': { delay: 0.002, longestDelayMs: 700 },
  'all of it': {
    lose: 0.0006,
    flip: 0.0006,
    double: 0.0006,
    insert: 0.0006,
    delay: 0.0006,
    longestDelayMs: 500,
  },
}

if (tellWhyNoTtys(import.meta.url) === undefined) {
  suite('a bad serial line between real ttys', () => {
    for (const [name, noise] of Object.entries(kinds)) {
      test(`[E2c] ${name}: commands arrive once and in order, or the line fails clearly`, async () => {
        const line = await PtyLine.open({ noise, seed: 42 })
        const card = new ExercisedCard()
        const stop = new AbortController()
        const served = serveLine(await openSerialPort(line.modulePath), card, {
          ...{ settings, signal: stop.signal },
        })
        const sent: Uint8Array[] = []
        let [answered, failed] = [0, 0]
        const conversation = async (): Promise<void> => {
          const transport = await openLine(await openSerialPort(line.hostPath), settings)
          try {
            for (let i = 0; i < 25; i++) {
              const data = pattern((i * 37) % 400, answered)
              sent.push(asked('echo', data))
              const answer = await transport.transmit(sent.at(-1)!)
              assert.ok(equal(answer, concat(data.slice().reverse(), decodeHex('9000'))))
              assert.equal(card.executed.length, sent.length)
              answered++
            }
          } finally {
            await transport.close()
          }
        }
        for (let i = 0; i < 3; i++) {
          try {
            await conversation()
          } catch (error) {
            assert.ok(error instanceof SealwrightError, String(error))
            failed++
            // The last one may not have been carried out; then it is said no more.
            if (card.executed.length < sent.length) sent.pop()
          }
          assert.deepEqual(card.executed, sent)
        }
        stop.abort()
        await served
        await line.unplug()
        assert.ok(line.disturbances > 20, `${line.disturbances} disturbances`)
        assert.ok(answered > 20 && failed < 3, `${answered} answered, ${failed} lines failed`)
      })
    }

    test('[E2c] a module is personalized over a bad line: one certificate, one event', async () => {
      const noise = { lose: 0.0005, flip: 0.0005, double: 0.0005, insert: 0.0005 }
      const line = await PtyLine.open({ noise, seed: 9 })
      const world = await personalizationWorld()
      const { module } = world.fixture
      const stop = new AbortController()
      const card = { transmit: (bytes: Uint8Array) => module.transmit(bytes), reset: () => module.reset() }
      const served = serveLine(await openSerialPort(line.modulePath), card, {
        ...{ settings, signal: stop.signal },
      })
      const transport = await openLine(await openSerialPort(line.hostPath), settings)
      await personalized(world, transport)
      await transport.close()
      await requireOne(world)
      assert.ok(line.disturbances > 5)
      stop.abort()
      await served
      await line.unplug()
    })
  })
}
