import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { concat, decodeHex } from '@sealwright/core/bytes'
import { scriptedEntropy } from '@sealwright/core/testing'
import { simulatedI2c, streamPair } from '../../src/testing/index.ts'
import { i2cStream, openLine, serveLine } from '../../src/transport/index.ts'
import { asked, ExercisedCard, pattern } from './exercised-card.ts'

const quick = { blockMs: 100, characterMs: 30, attempts: 3 }

suite('T=1 over a byte stream', () => {
  test('[B4a] a command that takes many times the waiting time is waited for', async () => {
    const pair = streamPair()
    const card = new ExercisedCard()
    const stop = new AbortController()
    const served = serveLine(pair.module, card, { settings: quick, signal: stop.signal })
    const transport = await openLine(pair.openHost(), quick)
    const until = new Promise<void>((done) => setTimeout(done, 1000))
    card.hold = { when: 'after', until, reached: () => {} }
    assert.deepEqual(await transport.transmit(asked('echo', pattern(2))), decodeHex('05009000'))
    assert.equal(card.executed.length, 1)
    await transport.close()
    stop.abort()
    await served
  })

  test('a module that works without giving way answers late, and once', async () => {
    const pair = streamPair()
    const card = new ExercisedCard()
    const stop = new AbortController()
    const slow = {
      transmit(command: Uint8Array) {
        const until = performance.now() + 150
        while (performance.now() < until);
        return card.transmit(command)
      },
      reset: card.reset,
    }
    const served = serveLine(pair.module, slow, { settings: quick, signal: stop.signal })
    const transport = await openLine(pair.openHost(), quick)
    for (let i = 0; i < 3; i++)
      assert.deepEqual(await transport.transmit(asked('echo', pattern(2, i))).then((a) => a.length), 4)
    assert.equal(card.executed.length, 3)
    await transport.close()
    stop.abort()
    await served
  })

  test('two commands at once are refused; the first one is answered', async () => {
    const pair = streamPair()
    const stop = new AbortController()
    const served = serveLine(pair.module, new ExercisedCard(), { signal: stop.signal })
    const transport = await openLine(pair.openHost())
    const first = transport.transmit(asked('echo', pattern(2)))
    await assert.rejects(transport.transmit(asked('echo', pattern(3))), { code: 'usage' })
    assert.deepEqual(await first, decodeHex('05009000'))
    await assert.rejects(transport.transmit(new Uint8Array(0x1_0009)), { code: 'usage' })
    assert.deepEqual(await transport.transmit(asked('echo', pattern(2))), decodeHex('05009000'))
    await transport.close()
    stop.abort()
    await served
  })

  test('a card that cannot answer ends the line with its error, and is reset', async () => {
    const pair = streamPair()
    const card = new ExercisedCard()
    const broken = {
      transmit: () => {
        throw new Error('the disk is full')
      },
      reset: card.reset,
    }
    const served = assert.rejects(serveLine(pair.module, broken, { settings: quick }), /the disk is full/)
    const transport = await openLine(pair.openHost(), quick)
    await assert.rejects(transport.transmit(asked('echo')), { code: 'transport-failed' })
    await served
    assert.equal(card.resets, 2)
  })

  test('closing in the middle of a command does not wait for it', async () => {
    const pair = streamPair()
    const card = new ExercisedCard()
    const stop = new AbortController()
    const served = serveLine(pair.module, card, { settings: quick, signal: stop.signal })
    const transport = await openLine(pair.openHost(), quick)
    let release = (): void => {}
    card.hold = { when: 'after', until: new Promise((done) => (release = done)), reached: () => {} }
    const waiting = assert.rejects(transport.transmit(asked('echo')), { code: 'transport-failed' })
    await transport.close()
    await waiting
    release()
    stop.abort()
    await served
  })

  test('each reset is told from the one before by bytes of chance', async () => {
    const said: Uint8Array[] = []
    const pair = streamPair()
    const stop = new AbortController()
    const served = serveLine(pair.module, new ExercisedCard(), { signal: stop.signal })
    for (const seed of ['one', 'two']) {
      const host = pair.openHost()
      const write = host.write.bind(host)
      host.write = (bytes) => {
        if (bytes[1] === 0xcf) said.push(bytes)
        write(bytes)
      }
      await (await openLine(host, {}, scriptedEntropy(seed))).close()
    }
    assert.equal(new Set(said.map(String)).size, 4)
    assert.deepEqual(said[0]!.subarray(3, 11), scriptedEntropy('one').bytes(8))
    stop.abort()
    await served
  })
})

suite('a simulated I2C bus', () => {
  test('[B4a] not ready half of the time, clock stretched, 32 bytes in a transaction', async () => {
    const line = simulatedI2c({ notReady: 0.5, stretch: 0.05, seed: 8 })
    const card = new ExercisedCard()
    const stop = new AbortController()
    const served = serveLine(line.module, card, { signal: stop.signal })
    const transport = await openLine(i2cStream({ bus: line.bus, address: line.address }))
    const answer = await transport.transmit(asked('echo', pattern(1000)))
    assert.deepEqual(answer, concat(pattern(1000).reverse(), decodeHex('9000')))
    await transport.close()
    stop.abort()
    await served
    const { transactions, notAcknowledged, stretched, longest } = line.counts
    assert.ok(transactions > 70 && notAcknowledged > 20 && stretched > 0)
    assert.equal(longest, 32)
  })

  test('bytes that the bus changes are said again', async () => {
    const line = simulatedI2c({ noise: { flip: 0.002, lose: 0.001 }, seed: 2 })
    const card = new ExercisedCard()
    const stop = new AbortController()
    const settings = { ...quick, attempts: 8 }
    const served = serveLine(line.module, card, { settings, signal: stop.signal })
    const transport = await openLine(i2cStream({ bus: line.bus, address: line.address }), settings)
    for (let i = 0; i < 20; i++) {
      const answer = await transport.transmit(asked('echo', pattern(100, i)))
      assert.deepEqual(answer, concat(pattern(100, i).reverse(), decodeHex('9000')))
    }
    assert.equal(card.executed.length, 20)
    await transport.close()
    stop.abort()
    await served
  })

  test('a device that never acknowledges is told of with its address', async () => {
    const line = simulatedI2c()
    const elsewhere = i2cStream({ bus: line.bus, address: 0x51, patienceMs: 50 })
    await assert.rejects(openLine(elsewhere, quick), {
      code: 'line-lost',
      message: 'I2C device 51: it does not acknowledge its address',
    })
  })
})
