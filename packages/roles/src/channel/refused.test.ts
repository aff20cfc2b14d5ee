import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { parseCommand } from '@sealwright/core/apdu'
import { decodeHex, encodeHex } from '@sealwright/core/bytes'
import { type StatusWord, statusWords } from '@sealwright/core/catalog'
import { errorTable, RefusedError } from '@sealwright/core/errors'
import { plain, refused } from './index.ts'

suite('refusals', () => {
  for (const [name, { sw, meaning, remedy }] of Object.entries(statusWords)) {
    if (name === 'success') continue
    test(`${encodeHex(Uint8Array.of(sw >> 8, sw & 0xff))} says what it means and what to do`, () => {
      const error = refused('UNLOCK', sw)
      const code = `module-${name as Exclude<StatusWord, 'success'>}` as const
      assert.ok(error instanceof RefusedError)
      assert.equal(error.code, code)
      assert.ok(error.message.startsWith('UNLOCK was refused with ') && error.message.endsWith(meaning))
      assert.deepEqual(errorTable[code], { culprit: 'module', exit: 6, remedy })
    })
  }

  test('a status word that no module of ours sends is a refusal too', () => {
    const error = refused('UNLOCK', 0x6fff)
    assert.equal(error.code, 'module-refused')
    assert.equal(error.statusWord, 0x6fff)
  })
})

suite('commands without protection', () => {
  /** Keeps what was sent and answers from a list. */
  function answering(...answers: string[]) {
    const sent: string[] = []
    const transport = {
      async transmit(command: Uint8Array) {
        sent.push(encodeHex(command))
        return decodeHex(answers.shift() ?? '9000')
      },
      close: async () => {},
    }
    return { sent, channel: plain(transport) }
  }

  test('take class and instruction from the catalog', async () => {
    const { sent, channel } = answering()
    await channel.send('GET DATA', { p1: 0xdf, p2: 0x20 })
    await channel.send('GET EVENTS', { data: decodeHex('00000001') })
    await channel.send('CREDIT', { data: decodeHex('01') })
    await channel.send({ name: 'a command of an application', ins: 0x10 }, { p2: 3 })
    assert.deepEqual(sent, ['00CADF2000', '80B60000040000000100', '80B80000010100', '8010000300'])
  })

  test('send long data by command chaining', async () => {
    const { sent, channel } = answering()
    await channel.send('UNLOCK', { data: new Uint8Array(600) })
    const parts = sent.map((one) => parseCommand(decodeHex(one)))
    assert.deepEqual(
      parts.map(({ cla, data }) => [cla, data.length]),
      [
        [0x90, 255],
        [0x90, 255],
        [0x80, 90],
      ],
    )
  })

  test('answer with data, or with the refusal; exchange gives the status word as it is', async () => {
    const { channel } = answering('01029000', '6A88', '6A88')
    assert.deepEqual(await channel.send('CHIP STATUS'), decodeHex('0102'))
    await assert.rejects(channel.send('CHIP STATUS'), {
      code: 'module-reference-not-found',
      statusWord: 0x6a88,
    })
    assert.equal((await channel.exchange('CHIP STATUS')).sw, 0x6a88)
  })

  test('a channel that was closed sends nothing', async () => {
    const { channel, sent } = answering()
    channel.close()
    await assert.rejects(async () => channel.send('CHIP STATUS'), { code: 'wrong-state' })
    assert.deepEqual(sent, [])
  })
})
