import assert from 'node:assert/strict'
import { test } from 'node:test'
import { command, ResponseQueue } from './index.ts'

const ask = (le?: number) => command({ cla: 0x80, ins: 0xca, ...(le === undefined ? {} : { le }) })
const fetch = (le = 256, p1 = 0) => command({ cla: 0x00, ins: 0xc0, p1, le })
const long = Uint8Array.from({ length: 600 }, (_, i) => i & 0xff)

test('an answer that fits goes out at once', () => {
  const queue = new ResponseQueue()
  const response = { data: long.subarray(0, 256), sw: 0x9000 }
  assert.deepEqual(queue.begin(ask(256), response), response)
  assert.equal(queue.open, false)
})

test('a long answer waits for GET RESPONSE and keeps its status word for the end', () => {
  const queue = new ResponseQueue()
  assert.deepEqual(queue.begin(ask(256), { data: long, sw: 0x6310 }), {
    data: long.slice(0, 256),
    sw: 0x6100,
  })
  assert.deepEqual(queue.next(fetch()), { data: long.slice(256, 512), sw: 0x6158 })
  assert.equal(queue.open, true)
  assert.deepEqual(queue.next(fetch(0x58)), { data: long.slice(512), sw: 0x6310 })
  assert.deepEqual(queue.next(fetch()), { data: new Uint8Array(0), sw: 0x6985 })
})

test('an extended Le takes the whole, a command without Le still gets its data', () => {
  const queue = new ResponseQueue()
  const wide = command({ cla: 0x80, ins: 0xca, le: 0x1_0000, extended: true })
  assert.deepEqual(queue.begin(wide, { data: long, sw: 0x9000 }), { data: long, sw: 0x9000 })
  assert.deepEqual(queue.begin(ask(), { data: long.subarray(0, 10), sw: 0x9000 }).data, long.slice(0, 10))
  assert.deepEqual(queue.begin(ask(4), { data: long.subarray(0, 10), sw: 0x9000 }), {
    data: long.slice(0, 4),
    sw: 0x6106,
  })
})

test('a wrong GET RESPONSE is refused and the answer is gone', () => {
  const queue = new ResponseQueue()
  queue.begin(ask(), { data: long, sw: 0x9000 })
  assert.equal(queue.next(fetch(256, 1)).sw, 0x6a86)
  assert.equal(queue.next(fetch()).sw, 0x6985)
})

test('a new answer takes the place of one that waits', () => {
  const queue = new ResponseQueue()
  queue.begin(ask(), { data: long, sw: 0x9000 })
  assert.deepEqual(queue.begin(ask(), { data: Uint8Array.of(1), sw: 0x9000 }).sw, 0x9000)
  assert.equal(queue.next(fetch()).sw, 0x6985)
})

test('GET RESPONSE is known by its header', () => {
  assert.equal(ResponseQueue.isGetResponse(fetch()), true)
  assert.equal(ResponseQueue.isGetResponse(command({ cla: 0x84, ins: 0xc0, le: 256 })), false)
  assert.equal(ResponseQueue.isGetResponse(ask()), false)
})
