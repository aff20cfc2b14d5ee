import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { decodeHex, encodeHex } from '../bytes/index.ts'
import { PeerError } from '../errors/index.ts'
import type { Transport } from '../ports/index.ts'
import { CommandChain, command, exchange, parseCommand, ResponseQueue, serializeResponse } from './index.ts'

/** Answers from a list of command and response pairs in hex, in order. */
function scripted(
  ...pairs: readonly (readonly [string, string])[]
): Transport & { readonly left: () => number } {
  let at = 0
  return {
    left: () => pairs.length - at,
    async transmit(bytes) {
      const [expected, answer] = pairs[at++] ?? assert.fail('one command too many')
      assert.equal(encodeHex(bytes), expected.replace(/\s/g, ''))
      return decodeHex(answer)
    },
    async close() {},
  }
}

test('61XX is followed to the end, and Le corrected once after 6CXX', async () => {
  const transport = scripted(
    ['80CA000000', '6C10'],
    ['80CA000010', 'AA 6102'],
    ['00C0000002', 'BBCC 6100'],
    ['00C0000000', '6C01'],
    ['00C0000001', 'DD 9000'],
  )
  const response = await exchange(transport, command({ cla: 0x80, ins: 0xca, le: 256 }))
  assert.deepEqual(response, { data: decodeHex('AABBCCDD'), sw: 0x9000 })
  assert.equal(transport.left(), 0)
})

test('a warning keeps its data, an error loses what came before it', async () => {
  const warned = scripted(['80CA000000', 'AA 6101'], ['00C0000001', 'BB 6310'])
  assert.deepEqual(await exchange(warned, command({ cla: 0x80, ins: 0xca, le: 256 })), {
    data: decodeHex('AABB'),
    sw: 0x6310,
  })
  const failed = scripted(['80CA000000', 'AA 6101'], ['00C0000001', '6F00'])
  assert.deepEqual(await exchange(failed, command({ cla: 0x80, ins: 0xca, le: 256 })), {
    data: new Uint8Array(0),
    sw: 0x6f00,
  })
})

test('a refused segment ends the chain', async () => {
  const data = new Uint8Array(300)
  const transport = scripted([`90D60000FF${'00'.repeat(255)}`, '6A86'])
  assert.equal((await exchange(transport, command({ cla: 0x80, ins: 0xd6, data }))).sw, 0x6a86)
})

test('a card that never comes to an end is a peer that broke the protocol', async () => {
  const answering = (hex: string): Transport => ({
    transmit: async () => decodeHex(hex),
    close: async () => {},
  })
  const ask = command({ cla: 0x80, ins: 0xca, le: 256 })
  for (const hex of ['6100', `${'AA'.repeat(200)}6100`, '6C10']) {
    await assert.rejects(exchange(answering(hex), ask), PeerError, hex)
  }
  const talkative = command({ cla: 0x80, ins: 0xd6, data: new Uint8Array(256) })
  await assert.rejects(exchange(answering('AA9000'), talkative), PeerError)
})

test('host and card agree on data and answers of any length', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 0, max: 2000 }),
      fc.integer({ min: 0, max: 2000 }),
      async (up, down) => {
        const chain = new CommandChain()
        const queue = new ResponseQueue()
        const answer = Uint8Array.from({ length: down }, (_, i) => i % 251)
        const seen: Uint8Array[] = []
        const card: Transport = {
          async transmit(bytes) {
            const received = parseCommand(bytes)
            if (ResponseQueue.isGetResponse(received)) return serializeResponse(queue.next(received))
            const step = chain.accept(received)
            if (step.kind !== 'complete') return decodeHex(step.kind === 'more' ? '9000' : '6985')
            seen.push(step.command.data)
            return serializeResponse(queue.begin(step.command, { data: answer, sw: 0x9000 }))
          },
          async close() {},
        }
        const data = Uint8Array.from({ length: up }, (_, i) => i % 253)
        const response = await exchange(card, command({ cla: 0x80, ins: 0xd6, data, le: 256 }))
        assert.deepEqual(seen, [data])
        assert.deepEqual(response, { data: answer, sw: 0x9000 })
      },
    ),
    { numRuns: 40 },
  )
})
