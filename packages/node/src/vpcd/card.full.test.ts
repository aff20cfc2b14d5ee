import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type Server, type Socket } from 'node:net'
import { afterEach, beforeEach, suite, test } from 'node:test'
import { concat, decodeHex, encodeHex } from '@sealwright/core/bytes'
import {
  insertCard,
  serializeVpcdMessage,
  type VpcdEvent,
  type VpcdMessage,
  type VpcdOptions,
} from './index.ts'

/** vpcd as far as a card sees it: it listens, and writes and reads frames. */
class FakeVpcd {
  readonly port: number
  readonly #server: Server
  #sockets: Socket[] = []
  #wake = (): void => {}

  private constructor(server: Server) {
    this.#server = server
    this.port = (server.address() as { port: number }).port
    server.on('connection', (socket) => {
      socket.on('error', () => {})
      this.#sockets.push(socket)
      this.#wake()
    })
  }

  static async listen(port = 0): Promise<FakeVpcd> {
    const server = createServer()
    server.listen(port, '127.0.0.1')
    await once(server, 'listening')
    return new FakeVpcd(server)
  }

  /** The next card that connects. */
  async card(): Promise<CardLine> {
    while (this.#sockets.length === 0) await new Promise<void>((done) => (this.#wake = done))
    return new CardLine(this.#sockets.shift()!)
  }

  async close(): Promise<void> {
    const closed = once(this.#server, 'close')
    this.#server.close()
    for (const socket of this.#sockets) socket.destroy()
    await closed
  }
}

class CardLine {
  readonly socket: Socket
  #bytes = Buffer.alloc(0)
  #wake = (): void => {}

  constructor(socket: Socket) {
    this.socket = socket
    socket.on('data', (chunk) => {
      this.#bytes = Buffer.concat([this.#bytes, chunk])
      this.#wake()
    })
    socket.on('close', () => this.#wake())
  }

  write(...messages: VpcdMessage[]): void {
    this.socket.write(concat(...messages.map((message) => serializeVpcdMessage(message))))
  }

  /** The next answer as hex, or 'closed'. */
  async answer(): Promise<string> {
    for (;;) {
      const length = this.#bytes.length < 2 ? undefined : 2 + this.#bytes.readUInt16BE()
      if (length !== undefined && this.#bytes.length >= length) {
        const payload = this.#bytes.subarray(2, length)
        this.#bytes = this.#bytes.subarray(length)
        return encodeHex(payload)
      }
      if (this.socket.destroyed) return 'closed'
      await new Promise<void>((done) => (this.#wake = done))
    }
  }

  async get(message: VpcdMessage): Promise<string> {
    this.write(message)
    return this.answer()
  }
}

const getAtr: VpcdMessage = { kind: 'get ATR' }
const send = (hex: string): VpcdMessage => ({ kind: 'command', command: decodeHex(hex) })

suite('card in vpcd', () => {
  let vpcd: FakeVpcd
  let events: VpcdEvent[]
  /** What the card has met, in order. */
  let met: string[]
  let stop: AbortController
  let ended: Promise<void>
  let heard = (_event: VpcdEvent): void => {}

  /** Answers with the command backwards and 9000. */
  const card = {
    transmit(command: Uint8Array): Uint8Array | Promise<Uint8Array> {
      met.push(encodeHex(command))
      return concat(command.slice().reverse(), decodeHex('9000'))
    },
    reset: () => void met.push('reset'),
  }
  const insert = (options: VpcdOptions = {}, inserted: Parameters<typeof insertCard>[0] = card): void => {
    ended = insertCard(inserted, {
      port: vpcd.port,
      signal: stop.signal,
      onEvent(event) {
        events.push(event)
        heard(event)
      },
      ...options,
    })
    ended.catch(() => {})
  }
  const event = (name: VpcdEvent['event']): Promise<VpcdEvent> =>
    new Promise((done) => {
      const known = events.find((one) => one.event === name)
      if (known !== undefined) done(known)
      heard = (one) => {
        if (one.event === name) done(one)
      }
    })
  const names = (): string[] => events.map((one) => one.event)

  beforeEach(async () => {
    vpcd = await FakeVpcd.listen()
    events = []
    met = []
    stop = new AbortController()
    heard = () => {}
  })
  afterEach(async () => {
    stop.abort()
    await ended.catch(() => {})
    await vpcd.close()
  })

  test('[E1a] it gives its ATR and answers one command after the other', async () => {
    insert()
    const line = await vpcd.card()
    assert.equal(await line.get(getAtr), '3B800181')
    line.write({ kind: 'power on' })
    assert.equal(await line.get(send('00A40400')), '0004A4009000')
    assert.equal(await line.get(send('0102')), '02019000')
    assert.deepEqual(names(), ['inserted'])
  })

  test('another ATR may be named', async () => {
    insert({ atr: decodeHex('3B8101') })
    assert.equal(await (await vpcd.card()).get(getAtr), '3B8101')
  })

  test('frames that are cut at every byte, and several in one piece, are the same frames', async () => {
    insert()
    const line = await vpcd.card()
    const stream = concat(
      ...[getAtr, send('0102'), getAtr, send('010203')].map((one) => serializeVpcdMessage(one)),
    )
    for (let cut = 1; cut < stream.length; cut++) {
      line.socket.write(stream.subarray(0, cut))
      await new Promise((done) => setImmediate(done))
      line.socket.write(stream.subarray(cut))
      const answers = [await line.answer(), await line.answer(), await line.answer(), await line.answer()]
      assert.deepEqual(answers, ['3B800181', '02019000', '3B800181', '0302019000'], `cut at ${cut}`)
    }
  })

  test('the longest command that vpcd can send is answered', async () => {
    const answer = decodeHex('9000')
    const counting = {
      transmit(command: Uint8Array): Uint8Array {
        met.push(String(command.length))
        return answer
      },
      reset: () => {},
    }
    insert({}, counting)
    const line = await vpcd.card()
    line.write({ kind: 'command', command: new Uint8Array(0xffff).fill(1) })
    assert.equal(await line.answer(), '9000')
    assert.deepEqual(met, ['65535'])
  })

  test('power on, power off and reset each reset the card, and so does the end of the line; none is answered', async () => {
    insert()
    const line = await vpcd.card()
    line.write({ kind: 'power on' }, { kind: 'reset' }, { kind: 'power off' }, getAtr)
    assert.equal(await line.answer(), '3B800181')
    assert.deepEqual(met, ['reset', 'reset', 'reset'])
    line.socket.destroy()
    await event('removed')
    assert.deepEqual(met, ['reset', 'reset', 'reset', 'reset'])
  })

  test('what vpcd never sends ends the line, reaches no card, and the next line works', async () => {
    for (const hex of ['0000', '000103', '0001FF', '00010400000000']) {
      events = []
      met = []
      insert()
      const line = await vpcd.card()
      line.socket.write(decodeHex(hex))
      let answer = await line.answer()
      if (answer === '3B800181') answer = await line.answer()
      assert.equal(answer, 'closed', hex)
      assert.equal(await (await vpcd.card()).get(getAtr), '3B800181')
      assert.match(JSON.stringify(events), /does not speak as vpcd does/)
      assert.ok(!met.some((one) => one !== 'reset'))
      stop.abort()
      await ended
      stop = new AbortController()
    }
  })

  test('a card that is at work has its answer sent, and is reset only when it is done, also when the line is gone', async () => {
    let finish = (_answer: Uint8Array): void => {}
    const slow = {
      transmit: () => new Promise<Uint8Array>((done) => (finish = done)),
      reset: () => void met.push('reset'),
    }
    insert({}, slow)
    const line = await vpcd.card()
    await line.get(getAtr)
    line.write(send('0102'))
    await new Promise((done) => setTimeout(done, 20))
    line.socket.destroy()
    await new Promise((done) => setTimeout(done, 50))
    assert.deepEqual(met, [])
    finish(decodeHex('9000'))
    await event('removed')
    assert.deepEqual(met, ['reset'])
  })

  test('whoever sends more while a command is under way is no vpcd', async () => {
    let finish = (_answer: Uint8Array): void => {}
    insert({}, { transmit: () => new Promise<Uint8Array>((done) => (finish = done)), reset: () => {} })
    const line = await vpcd.card()
    await line.get(getAtr)
    for (let i = 0; i < 4; i++) line.write({ kind: 'command', command: new Uint8Array(0xffff) })
    assert.equal(await line.answer(), 'closed')
    finish(decodeHex('9000'))
    assert.match(JSON.stringify(await event('removed')), /more than one command at a time/)
  })

  test('it waits for a reader that is not there, says so once, and comes back by itself', async () => {
    const { port } = vpcd
    await vpcd.close()
    insert({ port })
    assert.match(JSON.stringify(await event('waiting')), /nothing listens there/)
    await new Promise((done) => setTimeout(done, 900))
    vpcd = await FakeVpcd.listen(port)
    const line = await vpcd.card()
    assert.equal(await line.get(getAtr), '3B800181')
    line.socket.destroy()
    await vpcd.close()
    await event('removed')
    await new Promise((done) => setTimeout(done, 900))
    vpcd = await FakeVpcd.listen(port)
    assert.equal(await (await vpcd.card()).get(getAtr), '3B800181')
    assert.deepEqual(names(), ['waiting', 'inserted', 'removed', 'waiting', 'inserted'])
  })

  test('a line on which nobody asks for the card is told of', async () => {
    insert({ unheardAfterMs: 30 })
    const line = await vpcd.card()
    await event('unheard')
    assert.equal(await line.get(getAtr), '3B800181')
    assert.deepEqual(names(), ['unheard', 'inserted'])
  })

  test('a card that cannot answer ends it with its error, and vpcd gets no answer', async () => {
    const broken = {
      transmit(): Uint8Array {
        throw new Error('no power')
      },
      reset: () => {},
    }
    insert({}, broken)
    const line = await vpcd.card()
    await line.get(getAtr)
    assert.equal(await line.get(send('0102')), 'closed')
    await assert.rejects(ended, /no power/)
  })

  test('an empty answer of a card is never sent', async () => {
    insert({}, { transmit: () => new Uint8Array(0), reset: () => {} })
    const line = await vpcd.card()
    assert.equal(await line.get(send('0102')), 'closed')
    await assert.rejects(ended, { code: 'usage' })
  })

  test('told to stop it takes the card out and ends, in a line or while it waits', async () => {
    insert()
    const line = await vpcd.card()
    await line.get(getAtr)
    stop.abort()
    await ended
    assert.equal(await line.answer(), 'closed')
    assert.deepEqual(met, ['reset'])
    const { port } = vpcd
    await vpcd.close()
    stop = new AbortController()
    insert({ port })
    await event('waiting')
    const since = performance.now()
    stop.abort()
    await ended
    assert.ok(performance.now() - since < 50)
    vpcd = await FakeVpcd.listen(port)
  })
})
