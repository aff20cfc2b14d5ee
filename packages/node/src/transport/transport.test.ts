import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect } from 'node:net'
import { suite, test } from 'node:test'
import { parseCommand, serializeCommand, serializeResponse } from '@sealwright/core/apdu'
import { ascii, concat, decodeHex } from '@sealwright/core/bytes'
import type { Transport } from '@sealwright/core/ports'
import { plain } from '@sealwright/roles/channel'
import { connectTcp, counting, inProcess, listenTcp, tracing } from './index.ts'

/** Answers the command's data backwards; resets are counted. */
class Echo {
  resets = 0
  transmit(command: Uint8Array): Uint8Array {
    return serializeResponse({ data: parseCommand(command).data.reverse(), sw: 0x9000 })
  }
  reset(): void {
    this.resets++
  }
}

interface Opened {
  readonly echo: Echo
  readonly transport: Transport
  end(): Promise<void>
}

const transports: Record<string, () => Promise<Opened>> = {
  async 'in process'() {
    const echo = new Echo()
    return { echo, transport: inProcess(echo), end: async () => {} }
  },
  async TCP() {
    const echo = new Echo()
    const listener = await listenTcp(() => inProcess(echo))
    return { echo, transport: await connectTcp('127.0.0.1', listener.port), end: () => listener.close() }
  },
}

for (const [name, open] of Object.entries(transports)) {
  suite(`transport ${name}`, () => {
    test('carries commands of every length both ways', async () => {
      const { transport, end } = await open()
      for (const length of [0, 1, 255, 256, 4096, 0xffff]) {
        const data = Uint8Array.from({ length }, (_, i) => i & 0xff)
        const sent = { cla: 0x80, ins: 0x10, p1: 0, p2: 0, data, extended: length > 255 }
        const answer = await transport.transmit(serializeCommand(sent))
        assert.deepEqual(answer, concat(data.slice().reverse(), decodeHex('9000')))
      }
      await transport.close()
      await end()
    })

    test('resets the module when it is closed', async () => {
      const { transport, echo, end } = await open()
      await transport.transmit(decodeHex('80100000'))
      await transport.close()
      await end()
      assert.equal(echo.resets, 1)
    })
  })
}

test('a TCP line that breaks is an error with a code, also for the command that waits', async () => {
  const listener = await listenTcp(() => ({ transmit: () => new Promise(() => {}), close: async () => {} }))
  const transport = await connectTcp('127.0.0.1', listener.port)
  const waiting = transport.transmit(decodeHex('80100000'))
  const broken = assert.rejects(waiting, { code: 'transport-failed' })
  await listener.close()
  await broken
  await assert.rejects(transport.transmit(decodeHex('80100000')), { code: 'transport-failed' })
  await assert.rejects(connectTcp('127.0.0.1', listener.port), { code: 'transport-failed' })
})

test('a frame longer than any APDU ends the line', async () => {
  const listener = await listenTcp(() => inProcess(new Echo()))
  const socket = connect(listener.port, '127.0.0.1')
  socket.on('error', () => {})
  socket.write(decodeHex('FFFFFFFF'))
  await once(socket, 'close')
  const next = await connectTcp('127.0.0.1', listener.port)
  assert.deepEqual(await next.transmit(decodeHex('80100000')), decodeHex('9000'))
  await next.close()
  await listener.close()
})

test('counting tells commands and bytes of both directions', async () => {
  const transport = counting(inProcess(new Echo()), () => 7)
  await transport.transmit(decodeHex('8010000003010203'))
  assert.deepEqual(transport.traffic(), { apdus: 1, bytesIn: 8, bytesOut: 5, nvmWrites: 7 })
})

suite('trace', () => {
  const traced = async (work: (transport: Transport) => Promise<unknown>): Promise<string> => {
    const lines: string[] = []
    await work(tracing(inProcess(new Echo()), (line) => lines.push(line)))
    return lines.join('\n')
  }

  test('names commands and shows what is not secret', async () => {
    const text = await traced((transport) =>
      plain(transport).send('GET EVENTS', { data: decodeHex('00000001') }),
    )
    assert.equal(text, '1 > GET EVENTS 80 B6 00 00 00000001\n1 < 9000 done 01000000')
  })

  const key = ascii('a key of 32 bytes, planted here.')
  const keyBearing = [
    'UNLOCK',
    'WRITE',
    'EXPORT KEY',
    'IMPORT KEY',
    'PUT TRANSPORT KEY',
    'MAKE KEY',
    'MAKE SET',
  ] as const
  for (const name of keyBearing) {
    test(`masks the data of ${name} both ways`, async () => {
      const text = await traced((transport) => plain(transport).send(name, { data: key }))
      assert.match(
        text,
        new RegExp(`1 > ${name} .* \\[32 bytes masked\\]\n1 < 9000 done \\[32 bytes masked\\]$`),
      )
    })
  }

  test('masks every segment of a chained command and what GET RESPONSE fetches of its answer', async () => {
    const long = concat(...Array.from({ length: 20 }, () => key))
    const lines: string[] = []
    const answers = ['9000', '9000', '61FF', `${'AA'.repeat(255)}9000`].map(decodeHex)
    const transport = tracing({ transmit: async () => answers.shift()!, close: async () => {} }, (line) =>
      lines.push(line),
    )
    await plain(transport).send('UNLOCK', { data: long })
    assert.equal(lines.filter((line) => line.includes('masked')).length, 4)
    assert.ok(!lines.join('').includes('AAAA'))
  })

  test('shows protected data as its length and that of unknown instructions masked', async () => {
    const text = await traced(async (transport) => {
      await transport.transmit(decodeHex('84B60000020102'))
      await transport.transmit(decodeHex('80FE0000020102'))
    })
    assert.deepEqual(text.split('\n'), [
      '1 > GET EVENTS 84 B6 00 00 [2 bytes protected]',
      '1 < 9000 done [2 bytes protected]',
      '2 > unknown 80 FE 00 00 [2 bytes masked]',
      '2 < 9000 done [2 bytes masked]',
    ])
  })

  test('shows of what is no APDU its length only, and that no answer came', async () => {
    const lines: string[] = []
    const dead = { transmit: async () => Promise.reject(new Error('gone')), close: async () => {} }
    await assert.rejects(tracing(dead, (line) => lines.push(line)).transmit(decodeHex('AABB')), /gone/)
    assert.deepEqual(lines, ['1 > no command APDU (2 bytes)', '1 ! no answer: gone'])
  })
})
